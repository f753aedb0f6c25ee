"""Searching a space with an optimiser, which proposes; what it proposes is evaluated here, in batches, and kept.

After a kill the optimiser begins again from its seed and finds the points of the earlier run ready, so that it comes to
the same end as one that was left alone.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.explore.evaluation import Piece, evaluate_piece, no_rows, warm_up
from pimsim.explore.executor import Executor
from pimsim.explore.optimisers import OPTIMISERS
from pimsim.explore.parquet_file import decoded, encoded
from pimsim.explore.parts import Parts, finished
from pimsim.explore.progress import COMPILING, Done, Progress, slow
from pimsim.explore.request import Request, objective_of
from pimsim.explore.sampling import nothing_allowed
from pimsim.explore.space import Space, plain
from pimsim.explore.store import merge_parts, read_table

_PIECES = 16  # of a batch
_STALE = 30  # batches without a new point after which a search has seen what it can reach

Array = Any
Key = tuple[int, ...]


def search(
    asked: Request,
    executor: Executor,
    target: Path | None,
    *,
    timeout_s: float | None,
    fresh: bool,
    progress: Progress | None,
) -> Done:
    """Evaluate up to `asked.budget` points that the optimiser proposes. Raises InputError as `sweep` does."""
    manifest = asked.manifest()
    if target is not None and not fresh and finished(target, manifest):
        Parts.of(target).sweep_up()
        return Done(asked.budget, asked.budget, 0)
    parts = None if target is None else Parts.of(target)
    with parts or nullcontext():
        if parts is not None:
            parts.begin(manifest, fresh)
        state = _State(asked, executor, parts, timeout_s, progress)
        with slow(COMPILING) if progress is not None else nullcontext():
            warm_up(asked.setup)
        state.tell()
        ended = state.propose()
        points = len(state.seen)
        if ended and not points:
            raise nothing_allowed(asked.space)
        total = points if ended else asked.budget
        if parts is None:
            return Done(points, total, state.computed, Table.concat(state.tables))
        about = asked.about(manifest, ended)
        merge_parts(parts.files(), parts.target, about, parts.folder, lambda: no_rows(asked.setup))
        if ended:
            parts.remove()
    return Done(points, total, state.computed)


class _State:
    """seen: codes of the points that this run has come to -> their objectives, None where the point failed. kept: the
    same of an earlier run, for batches that this one comes to again."""

    def __init__(
        self,
        asked: Request,
        executor: Executor,
        parts: Parts | None,
        timeout_s: float | None,
        progress: Progress | None,
    ):
        self.asked, self.executor, self.parts, self.progress = asked, executor, parts, progress
        self.until = None if timeout_s is None else time.monotonic() + timeout_s
        self.aims = [objective_of(aim) for aim in asked.objectives]
        self.seen: dict[Key, Array | None] = {}
        self.tables: list[Table] = []
        self.computed = 0
        self.kept: dict[Key, Array | None] = {}
        for file in parts.files() if parts is not None else ():
            table = read_table(file)
            self.kept.update(self.objectives(codes_of(asked.space, table), table))

    def propose(self) -> bool:
        """Run the optimiser; whether it came to its end (False: time is up)."""
        asked = self.asked
        assert asked.optimise is not None
        proposals = OPTIMISERS[asked.optimise](asked.space, len(self.aims), asked.budget, asked.seed)
        stale = 0
        codes = next(proposals, None)
        while codes is not None and stale < _STALE:
            before = len(self.seen)
            if not self.evaluate(codes):
                return False
            if len(self.seen) >= asked.budget:
                break
            stale = stale + 1 if len(self.seen) == before else 0
            try:
                codes = proposals.send(self.answer(codes))
            except StopIteration:
                break
        proposals.close()
        return True

    def evaluate(self, codes: Array) -> bool:
        """See the points of `codes` that are allowed, up to the budget; False when time is up."""
        allowed = codes[self.asked.space.allowed(codes)]
        fresh = list(dict.fromkeys(key for key in map(tuple, allowed.tolist()) if key not in self.seen))
        fresh = fresh[: self.asked.budget - len(self.seen)]
        if any(key not in self.kept for key in fresh):
            return self.compute(np.array(fresh, dtype=np.int32))
        self.seen.update((key, self.kept[key]) for key in fresh)
        self.tell()
        return True

    def answer(self, codes: Array) -> tuple[Array, Array]:
        """(objectives to minimise, whether the point is good) of each row of `codes`."""
        found = [self.seen.get(key) for key in map(tuple, codes.tolist())]
        good = np.array([values is not None for values in found])
        nothing = np.full(len(self.aims), np.nan)
        return np.array([nothing if values is None else values for values in found]), good

    def compute(self, codes: Array) -> bool:
        """Evaluate `codes` as one batch, which is kept as a whole."""
        start = len(self.seen)
        left = None if self.until is None else self.until - time.monotonic()
        size = -(-len(codes) // _PIECES)
        pieces = (
            Piece(start + at, start + min(at + size, len(codes)), codes[at : at + size])
            for at in range(0, len(codes), size)
        )
        try:
            contents = list(self.executor.map(evaluate_piece, pieces, shared=self.asked.setup, timeout_s=left))
        except TimeoutError:
            return False
        table = Table.concat([decoded(content) for content in contents])
        if self.parts is not None:
            self.parts.write(start, start + len(codes), encoded(table))
        else:
            self.tables.append(table)
        self.seen.update(self.objectives(codes, table))
        self.computed += len(codes)
        self.tell()
        return True

    def objectives(self, codes: Array, table: Table) -> dict[Key, Array | None]:
        """Codes -> objectives of the rows of `table`."""
        values = np.stack([sign * table[name].astype(np.float64) for name, sign in self.aims], axis=1)
        good = (table["error"] == "") & np.isfinite(values).all(axis=1)
        keys = map(tuple, codes.tolist())
        return {key: row if fine else None for key, row, fine in zip(keys, values, good, strict=True)}

    def tell(self) -> None:
        """Move the bar."""
        if self.progress is not None:
            self.progress(len(self.seen), self.asked.budget)


def codes_of(space: Space, table: Table) -> Array:
    """The codes of a table's rows, from its knob columns."""
    codes = np.empty((len(table), len(space.knobs)), dtype=np.int32)
    for at, knob in enumerate(space.knobs):
        known = {str(plain(value)): code for code, value in enumerate(knob.array)}
        codes[:, at] = [known[str(plain(value))] for value in table[knob.path]]
    return codes
