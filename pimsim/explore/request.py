"""What a sweep is asked for, checked before anything is computed, and written down so that a kill loses none of it."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

import pimsim.cost as cost_package
from pimsim.cost.table import TOTALS
from pimsim.errors import InputError, printable
from pimsim.explore.evaluation import KNOWN, Setup, check_layers, figure_columns
from pimsim.explore.optimisers import OPTIMISERS
from pimsim.explore.sampling import METHODS
from pimsim.explore.space import Space
from pimsim.explore.space_file import load_space
from pimsim.functional.operands import with_operands
from pimsim.graph import load_model
from pimsim.graph.workload import Workload
from pimsim.hardware.suggest import nearest

Model = Workload | str | PathLike[str]

MAX_POINTS = 10**10
MAX_BUDGET = {"nsga2": 1_000_000, "bayes": 10_000}
DEFAULT_OBJECTIVES = ("energy_pJ", "latency_ns")
MAXIMISE = "max:"
_PIECES = 64
_LARGEST_CHUNK = 50_000
_SMALLEST_CHUNK = 64
_CODE = ("components", "cost", "functional", "graph", "hardware", "mapping", "timing")
_PLAN = ("combined", "evaluation", "expressions", "optimisers", "sampling", "search", "space")  # of this folder
_PLANNERS = {"sobol": "scipy", "random": "numpy", "nsga2": "pymoo", "bayes": "optuna"}


@dataclass(frozen=True)
class Request:
    """A sweep. sample and n: part of the space, by that method; optimise and budget: a search of it for what is best in
    the objectives; neither: all of it."""

    space: Space
    workloads: tuple[Workload, ...]
    columns: tuple[str, ...]
    operands: str = "model"
    sample: str | None = None
    n: int = 0
    seed: int = 0
    optimise: str | None = None
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    budget: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One name a model: its own, with a number where two are called the same."""
        found: list[str] = []
        for workload in self.workloads:
            name = printable(workload.name, 60) or "model"
            taken = sum(other == name or other.startswith(f"{name}#") for other in found)
            found.append(f"{name}#{taken + 1}" if taken else name)
        return tuple(found)

    @property
    def setup(self) -> Setup:
        """What workers need."""
        return Setup(self.space, self.workloads, self.names, self.columns, self.operands)

    @property
    def result_columns(self) -> list[str]:
        """Names of the columns of the result."""
        several = self.names if len(self.names) > 1 else ()
        own = [f"{model}.{figure}" for model in several for figure in self.columns]
        return ["point", *self.space.paths, *self.columns, *own, "error"]

    def manifest(self) -> dict[str, Any]:
        """What the rows depend on, as plain data."""
        found: dict[str, Any] = {
            "space": self.space.digest(),
            "hardware": _sha256(json.dumps(self.space.base.model_dump(mode="json"), sort_keys=True)),
            "models": [_model_digest(workload) for workload in self.workloads],
            "columns": list(self.columns),
            "operands": self.operands,
            "sample": [self.sample, self.n, self.seed] if self.sample else None,
            "search": [self.optimise, list(self.objectives), self.budget, self.seed] if self.optimise else None,
            "versions": {"code": _code_digest(), "python": platform.python_version(), "numpy": version("numpy")},
        }
        if planner := _PLANNERS.get(self.sample or self.optimise or ""):
            found["versions"][planner] = version(planner)
        return found

    def about(self, manifest: Mapping[str, Any], complete: bool) -> dict[str, Any]:
        """What stands in the result file beside its rows."""
        return {
            "format": 1,
            "written_by": f"pimsim {_version()}",
            "complete": complete,
            "space": {"name": self.space.name, "size": self.space.size_text, **self.space.identity()},
            "knobs": self.space.paths,
            "figures": list(self.columns),
            "objectives": list(self.objectives),
            "models": [{"name": n, "source": w.source} for n, w in zip(self.names, self.workloads, strict=True)],
            "base": self.space.base.model_dump(mode="json", exclude_unset=True),
            "manifest": dict(manifest),
        }


def request(
    model: Model | Sequence[Model] | None,
    space: Space | str | PathLike[str] | Mapping[str, Any],
    *,
    sample: str | None = None,
    n: int | None = None,
    seed: int = 0,
    optimise: str | None = None,
    objectives: Sequence[str] | str | None = None,
    budget: int | None = None,
    columns: Sequence[str] | str | None = None,
    operands: str = "model",
) -> Request:
    """A sweep out of what a caller gives. Raises InputError for what does not go together or is out of range."""
    loaded = space if isinstance(space, Space) else load_space(space)
    workloads = _workloads(model, loaded)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to {2**32 - 1}; got {printable(seed, 40)}")
    if operands not in ("model", "default"):
        raise InputError(f"operands must be one of default, model; got {printable(repr(operands), 40)}")
    if sample is not None and optimise is not None:
        raise InputError("sample draws points and optimise searches; give one of them")
    wanted = figure_columns(columns)
    aims = _aims(objectives)
    if optimise is not None:
        _check_budget(optimise, budget)
    elif budget is not None:
        raise InputError("budget is for a search; add optimise='nsga2' or 'bayes', or say n and sample")
    if sample is None and n is not None:
        raise InputError("n is for a sample; add sample='sobol' or 'random'")
    if sample is not None and (sample not in METHODS or n is None):
        given = f"got '{printable(sample, 40)}'" if sample not in METHODS else "n, how many points to draw, is missing"
        raise InputError(f"sample must be one of {', '.join(METHODS)}, with n; {given}")
    if objectives is None and optimise is None:
        aims = tuple(aim for aim in aims if aim in wanted)
    named = {objective_of(aim)[0] for aim in aims}
    wanted = tuple(name for name in KNOWN if name in wanted or name in named)
    if sample is None and optimise is None and loaded.size > MAX_POINTS:
        raise InputError(f"the space has {loaded.size_text} points, too many to go through; sample or search it")
    check_layers(loaded, workloads)
    if operands == "model":
        for workload in workloads:  # the weights are read here, not by workers, which may be where the file is not
            with_operands(workload, loaded.base)
    return Request(loaded, workloads, wanted, operands, sample, n or 0, seed, optimise, aims, budget or 0)


def objective_of(aim: str) -> tuple[str, float]:
    """`energy_pJ` -> (energy_pJ, 1.0); `max:tops_per_W` -> (tops_per_W, -1.0): what to multiply with to minimise."""
    return (aim.removeprefix(MAXIMISE), -1.0) if aim.startswith(MAXIMISE) else (aim, 1.0)


def chunk_size(total: int, asked: int | None) -> int:
    """Points of a piece: the same for any number of workers, so that pieces match after a restart with more."""
    if asked is None:
        return max(_SMALLEST_CHUNK, min(_LARGEST_CHUNK, -(-total // _PIECES)))
    if isinstance(asked, bool) or not 1 <= asked <= 10**7:
        raise InputError(f"chunk must be a whole number from 1 to 10,000,000; got {printable(asked, 40)}")
    return asked


def _check_budget(optimise: str, budget: int | None) -> None:
    if optimise not in OPTIMISERS:
        raise InputError(f"optimise must be one of {', '.join(OPTIMISERS)}; got '{printable(optimise, 40)}'")
    most = MAX_BUDGET[optimise]
    if budget is None or isinstance(budget, bool) or not 1 <= budget <= most:
        got = "it is missing" if budget is None else f"got {printable(budget, 40)}"
        raise InputError(f"{optimise} needs budget, the points that it may evaluate (1 to {most:,}); {got}")


def _aims(objectives: Sequence[str] | str | None) -> tuple[str, ...]:
    if objectives is None:
        return DEFAULT_OBJECTIVES
    aims = (objectives,) if isinstance(objectives, str) else tuple(objectives)
    if not aims or len({objective_of(aim)[0] for aim in aims}) != len(aims):
        raise InputError("objectives must name one figure or several different ones, e.g. energy_pJ,latency_ns")
    for aim in aims:
        name = objective_of(aim)[0]
        if name not in TOTALS:
            near = nearest(name, TOTALS)
            meant = f"did you mean '{near}'?" if near else f"figures are {', '.join(TOTALS)}"
            raise InputError(f"no objective '{printable(aim, 60)}'; {meant} (put {MAXIMISE} before one to maximise)")
    return aims


def _workloads(model: Model | Sequence[Model] | None, space: Space) -> tuple[Workload, ...]:
    if model is None:
        given: Sequence[Model] = space.models
        if not given:
            raise InputError("no model: give one, or list models in the space file")
    elif isinstance(model, Workload | str | PathLike):
        given = [model]
    else:
        given = list(model)
        if not given:
            raise InputError("no model: the list is empty")
    return tuple(one if isinstance(one, Workload) else load_model(one) for one in given)


def _model_digest(workload: Workload) -> str:
    """Of the layers, and of the file whose weights decide what reads cost."""
    digest = hashlib.sha256(re.sub(r"\bKind\.", "", repr(workload.layers)).encode())
    source = Path(workload.source) if workload.source else None
    if source is not None and source.is_file():
        with source.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _code_digest() -> str:
    """Of the source that figures come from: half a sweep by one version and half by another is neither's."""
    root = Path(cost_package.__file__).parent.parent
    digest = hashlib.sha256()
    files = [path for part in _CODE for path in sorted((root / part).rglob("*.py"))]
    for path in (*files, *(root / "explore" / f"{name}.py" for name in _PLAN)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _version() -> str:
    try:
        return version("pimsim")
    except PackageNotFoundError:
        return "(source tree)"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
