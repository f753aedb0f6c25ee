"""What crosses to a worker: a function by its name, tasks with their numbers, and what comes back."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pimsim.errors import InputError, printable
from pimsim.explore.threads import single_threaded

Entropy = int | tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What all tasks of one call have in common. `shared` is None when the function takes none."""

    function: str  # module:qualified name
    shared: Any = None
    seed: Entropy | None = None


@dataclass(frozen=True)
class Chunk:
    """Consecutive tasks, the first of which has the number `first` in the whole call."""

    number: int
    first: int
    tasks: tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """A chunk's results, or the exception that one of its tasks raised (`where`: the worker's traceback)."""

    number: int
    results: list[Any]
    fault: BaseException | None = None
    where: str = ""


def reference(function: Callable[..., Any]) -> str:
    """`module:qualified name` of a function that another process can import.

    Raises InputError for a lambda, a nested function, a bound object, or a function typed into a session.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec is not None else None
    if not module or not name or "<" in name or not _found(module, name):
        shown = printable(name or repr(function), 80)
        raise InputError(
            f"a task must be a function at the top level of an importable module; got '{shown}'; put it into a file "
            "that can be imported, and what it needs beside its task into `shared`"
        )
    return f"{module}:{name}"


def resolve(name: str) -> Callable[..., Any]:
    """The function that `reference` named."""
    module, _, qualified = name.partition(":")
    found: Any = import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def generator(seed: Entropy, index: int) -> Any:
    """The random generator of task `index`: `SeedSequence(seed).spawn(n)[index]`, without spawning the others."""
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def run_chunk(job: Job, chunk: Chunk) -> Outcome:
    """Call the job's function on every task of `chunk`; an exception is the outcome, not raised."""
    try:
        function = resolve(job.function)
        extra = {} if job.shared is None else {"shared": job.shared}
        results = []
        with single_threaded():
            for offset, task in enumerate(chunk.tasks):
                if job.seed is not None:
                    extra["rng"] = generator(job.seed, chunk.first + offset)
                results.append(function(task, **extra))
    except Exception as fault:  # handed over and raised again where the results are wanted
        return Outcome(chunk.number, [], fault, traceback.format_exc())
    return Outcome(chunk.number, results)


def entropy(seed: int | Sequence[int] | None) -> Entropy | None:
    """`seed` as SeedSequence takes it. Raises InputError for anything but whole numbers of 0 or more."""
    if seed is None:
        return None
    parts = [seed] if isinstance(seed, int) else list(seed)
    if not parts or any(isinstance(part, bool) or not isinstance(part, int) or part < 0 for part in parts):
        raise InputError(f"seed must be a whole number of 0 or more, or several; got {printable(repr(seed), 60)}")
    return parts[0] if len(parts) == 1 else tuple(parts)


def _found(module: str, name: str) -> bool:
    try:
        return callable(resolve(f"{module}:{name}"))
    except (ImportError, AttributeError):
        return False
