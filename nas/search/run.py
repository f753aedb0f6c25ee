"""One recorded search: a trained supernet, an objective and a strategy; generations until the end or a stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from nas.data.batch import Splits
from nas.data.config import DataConfig, open_data
from nas.objectives.figures import Figures
from nas.objectives.objective import Objective
from nas.search.loop import COST_COLUMNS, HISTORY_COLUMNS, TEXTS, Generation, Searched, plain, search
from nas.search.scoring import BatchQuality, Scorer, Scoring
from nas.search.strategies import SearchSettings
from nas.search.table import METRICS, ScoreTable, write_rows
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from nas.training import checkpoint
from nas.training.run import Hooks, check_hashes, machine, recorded, resumable
from nas.training.store import Record, RunStore
from nas.training.supernet import SupernetRun, supernet_of
from pimsim.errors import InputError
from pimsim.hardware.circuit import Model
from pimsim.hardware.load import load_hardware, load_path, validate_tree
from pimsim.hardware.merge import apply_overrides
from pimsim.hardware.schema import Hardware
from pimsim.hardware.yaml_source import Mapping

SEARCH_FILE, PICTURE_FILE, TOP_FOLDER = "search.parquet", "search.png", "top"
TARGET_SAMPLES = 256


class SearchRun(Model):
    """A whole run of `nas search`."""

    name: str = Field(default="", max_length=200)
    supernet: int = Field(ge=1, lt=2**62, description="the run that trained it")
    data: DataConfig | None = Field(default=None, description="null: the supernet's; else the same splits elsewhere")
    hw: str = Field(default="", max_length=4096, description="hardware file or shipped name; empty: FLOPs alone")
    objective: Objective = Objective()
    search: SearchSettings = SearchSettings()
    scoring: Scoring = Scoring()
    table: str = Field(default="", max_length=4096, description="scores, shared; empty: beside the supernet's weights")
    top: int = Field(default=10, ge=1, le=10_000, description="best candidates that are written")


def load_search_run(path: str | Path | None, overrides: Sequence[str] = ()) -> SearchRun:
    """The run of a YAML file with overrides. Raises InputError with every problem."""
    if path is not None:
        return load_path(Path(path), SearchRun, overrides=overrides)
    from pimsim.errors import Place

    return validate_tree(SearchRun, apply_overrides(Mapping({}, Place(), 1, 1), overrides))[0]


def start_search(
    run: SearchRun, store: RunStore, hooks: Hooks | None = None, told: Callable[[Generation], None] | None = None
) -> Record:
    """Search and record it; returns the record. Raises InputError for a supernet that is not trained or of other data,
    and for an objective without the hardware or groups that it needs; nothing is recorded then."""
    parts = _Parts(run, store)
    run = parts.run
    about = {**machine(parts.supernet_run.training), "hardware": parts.hardware_hash}
    config = run.model_dump(mode="json")
    number = store.begin("search", run.search.algorithm, config, parts.splits.hashes, about, run.name)
    return _go(number, parts, store, hooks or Hooks(), told)


def resume_search(
    number: int, store: RunStore, hooks: Hooks | None = None, told: Callable[[Generation], None] | None = None
) -> Record:
    """Go on with an interrupted search, to the result that it would have had. Raises InputError if it is done, or if
    data or hardware changed."""
    record = resumable(number, store, "search")
    parts = _Parts(SearchRun.model_validate(record.config, strict=False), store)
    check_hashes(record, parts.splits)
    if record.machine.get("hardware") != parts.hardware_hash:
        raise InputError(f"the hardware {parts.run.hw} is not the one that run {number} began with (its values differ)")
    return _go(number, parts, store, hooks or Hooks(), told)


class _Parts:
    """What a search is made of, all checked."""

    def __init__(self, run: SearchRun, store: RunStore):
        record = store.get(run.supernet)
        if record.command != "supernet" or record.state != "done":
            found = f"nas {record.command}, {record.state}"
            raise InputError(f"supernet: run {record.id} is no finished run of nas supernet (it is of {found})")
        self.supernet_run = SupernetRun.model_validate(record.config, strict=False)
        data = run.data or self.supernet_run.data
        self.splits: Splits = open_data(data)[1]
        check_hashes(record, self.splits)
        _check_needs(run, self.splits)
        self.hardware: Hardware | None = load_hardware(run.hw) if run.hw else None
        self.hardware_hash = _hash(self.hardware)
        dim = self.supernet_run.supernet.embedding_dim
        self.figures = Figures(self.splits.schema, dim, self.hardware)
        self.space: Space = self.supernet_run.space.space()
        objective = with_target(run.objective, self.space, self.figures)
        self.run = run.model_copy(update={"objective": objective, "data": data})
        folder = store.files_of(record.id)
        self.table = ScoreTable(run.table or folder / "scored.parquet")
        supernet = supernet_of(record, store, self.splits)
        self.scorer = Scorer(supernet, folder / checkpoint.BEST, self.splits, run.scoring, self.table)


def with_target(objective: Objective, space: Space, figures: Figures) -> Objective:
    """The objective with a target: the median of random architectures where it has none, the same for any seed."""
    if objective.column is None or objective.target is not None:
        return objective
    generator = np.random.default_rng(0)
    values = figures([space.sample(generator) for _ in range(TARGET_SAMPLES)])[objective.column]
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise InputError(f"none of {TARGET_SAMPLES} random architectures fits the hardware")
    return objective.model_copy(update={"target": float(np.median(finite))})


def _check_needs(run: SearchRun, splits: Splits) -> None:
    if run.objective.needs_hardware and not run.hw:
        raise InputError("objective: energy, latency and area need hw: a hardware file, or a shipped one by name")
    if run.objective.metric == "gauc" and splits.validation.groups is None:
        raise InputError("objective.metric gauc needs groups, and the data set's spec names no group column")


def _hash(hardware: Hardware | None) -> str:
    if hardware is None:
        return ""
    return hashlib.sha256(json.dumps(hardware.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def _go(
    number: int, parts: _Parts, store: RunStore, hooks: Hooks, told: Callable[[Generation], None] | None
) -> Record:
    run, folder = parts.run, store.files_of(number)
    found = Searched()

    def generation(at: Generation) -> None:
        if at.figures is not None:
            store.add_history(number, at.number, at.figures)
        if told is not None:
            told(at)

    def work() -> dict[str, Any]:
        climbed: dict[str, Any] = {}
        if run.search.algorithm == "gradient":
            from nas.search.gradient import STATE_FILE

            quality = BatchQuality(parts.scorer, run.objective, run.search.gradient.batch_size, run.search.seed)
            climbed = {"quality": quality, "file": folder / STATE_FILE}
        ended = search(parts.space, run, parts.figures, parts.scorer, found, generation, hooks.stop, **climbed)
        _write(folder, found, run)
        best = found.best(1)
        if ended and not best:
            raise InputError("no network could be scored: the loss of every one was not finite, or validation has "
                             "one class")  # fmt: skip
        scores = {key: plain(value) for key, value in best[0].items() if key != "architecture"} if best else {}
        counts = {"scored": len(found.rows), "reused": parts.scorer.reused}
        return {**scores, **counts, "stopped": "end" if ended else "interrupted"}

    return recorded(number, store, hooks, work)


def _write(folder: Path, found: Searched, run: SearchRun) -> None:
    """The table of the search, its picture, and the best candidates as architecture files."""
    if not found.rows:
        return
    from nas.search.picture import draw
    from pimsim.report.plot import written

    write_rows(folder / SEARCH_FILE, found.rows, HISTORY_COLUMNS, TEXTS)
    written(lambda: draw(found.rows, run.objective), folder / PICTURE_FILE)
    (folder / TOP_FOLDER).mkdir(exist_ok=True)
    for at, row in enumerate(found.best(run.top), start=1):
        Architecture.from_json(row["architecture"]).save(folder / TOP_FOLDER / f"{at}.json")


__all__ = [
    "COST_COLUMNS", "HISTORY_COLUMNS", "METRICS", "TEXTS", "Generation", "SearchRun", "Searched", "load_search_run",
    "resume_search", "search", "start_search", "with_target",
]  # fmt: skip
