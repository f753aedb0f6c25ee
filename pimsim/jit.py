"""Numba, only when asked for: kernels are plain Python functions that also compile.

A kernel takes nested lists or arrays (`a[i][j]`) and scalars. Run as it stands it needs no compiler: a single command
on a single model is over before Numba is imported. Compiled, it serves sweeps and search loops. Both run the same lines
on the same IEEE doubles (no fastmath, no contraction), so they agree to the bit; a test holds them to it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

Function = Callable[..., Any]


WORTH_LOADING, WORTH_COMPILING = 50_000, 300_000
"""Turns of a loop, see `suited`."""

_FORMS: dict[Function, str] = {}
_COMPILED: set[Function] = set()
_CALLED: dict[Function, tuple[Function, ...]] = {}


def compiles_to(module: str, *functions: Function) -> None:
    """Compiled kernels call what `module` has under the name of each of the `functions` instead: the same figures by
    instructions that Numba does not find by itself."""
    _FORMS.update((plain, module) for plain in functions)


def calls_compiled(function: Function, *helpers: Function) -> None:
    """Compiled kernels that have `function` among their helpers call it as it is compiled by itself (with its own
    `helpers`, which are theirs too), in place of compiling its lines once more."""
    _CALLED[function] = helpers


@cache
def compiled(function: Function, *helpers: Function) -> Function:
    """`function` compiled by Numba, with the plain functions `helpers` that it calls, in its own file or others; no two
    of different files may have one name. Helpers become part of their callers. Kernels own no memory, so nothing counts
    references, and a division by 0 gives infinity or NaN as in NumPy."""
    import numba

    _COMPILED.add(function)
    namespace: dict[str, Any] = {}
    for plain in (*helpers, function):
        namespace.update(plain.__globals__)
    common = {"error_model": "numpy", "_nrt": False}
    inner = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # no Python calls them
    with _cache_folder(numba, (function, *helpers)):
        for plain in (*helpers, function):
            if plain in _FORMS:
                namespace[plain.__name__] = getattr(import_module(_FORMS[plain]), plain.__name__)
                continue
            if plain in _CALLED and plain is not function:
                namespace[plain.__name__] = compiled(plain, *_CALLED[plain])
                continue
            clone = types.FunctionType(plain.__code__, namespace, plain.__name__, plain.__defaults__, plain.__closure__)
            clone.__module__, clone.__qualname__ = plain.__module__, plain.__qualname__
            options: dict[str, Any] = {**common, "cache": True} if plain is function else {**common, **inner}
            namespace[plain.__name__] = numba.njit(**options)(clone)
    return namespace[function.__name__]  # type: ignore[no-any-return]


def suited(turns: int, function: Function, *helpers: Function) -> Function:
    """`function` in the form that is sooner done with `turns` turns of its loop, of 10 to 20 us each in plain Python:
    compiled where it is so already, or where the turns take longer than to load it from the disk cache (with Numba, a
    second) or to compile it (several)."""
    worth = is_loaded(function) or turns > WORTH_COMPILING
    if worth or (turns > WORTH_LOADING and on_disk(function, *helpers)):
        return compiled(function, *helpers)
    return function


def is_ready(function: Function, *helpers: Function) -> bool:
    """Whether `function` is compiled in this process, or was by an earlier one."""
    return is_loaded(function) or on_disk(function, *helpers)


def is_loaded(function: Function) -> bool:
    """Whether this process has compiled `function`, or loaded it from the disk cache."""
    return function in _COMPILED


def on_disk(function: Function, *helpers: Function) -> bool:
    """Whether an earlier process has left `function` compiled in the disk cache."""
    folder = _folder_of((function, *helpers))
    # Kernels of the same files share a folder; an index is named <module>.<function>-<line>.<interpreter>.nbi.
    return folder.is_dir() and any(folder.rglob(f"*.{function.__name__}-*.nbi"))


@contextmanager
def _cache_folder(numba: Any, functions: tuple[Function, ...]) -> Iterator[None]:
    """Have Numba cache in `_folder_of` the functions, unless the user has chosen a folder."""
    previous = numba.config.CACHE_DIR
    if not previous:
        numba.config.CACHE_DIR = str(_folder_of(functions))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = previous


def _folder_of(functions: tuple[Function, ...]) -> Path:
    """The disk cache of a kernel, named by the text of its files and of the column numbers frozen into it: Numba itself
    notices only a change of the file in which the function stands (numba#1833)."""
    text = hashlib.sha256()
    files = dict.fromkeys(function.__code__.co_filename for function in functions)
    mapping = Path(__file__).parent / "mapping"
    for path in (*map(Path, files), Path(__file__), mapping / "columns.py", mapping / "lane_instructions.py"):
        text.update(path.read_bytes())
    return _writable(Path(__file__).parent / "__pycache__") / f"kernels-{text.hexdigest()[:16]}"


@cache
def _writable(beside: Path) -> Path:
    """`beside`, or the user's cache folder where the package is installed read-only, or a private temporary folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pimsim" / sys.implementation.cache_tag
    for folder in (beside, user):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="pimsim-"))
