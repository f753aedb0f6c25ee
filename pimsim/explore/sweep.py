"""Going through a design space: all of it, a sample, or a search; in memory, or on disk where a kill loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.evaluation import Piece, evaluate_piece, no_rows, warm_up
from pimsim.explore.executor import Executor
from pimsim.explore.parquet_file import decoded
from pimsim.explore.parts import Parts, Range, finished
from pimsim.explore.progress import COMPILING, Done, Progress, bar, slow
from pimsim.explore.request import Model, Request, chunk_size, request
from pimsim.explore.sampling import nothing_allowed, sample
from pimsim.explore.space import Space
from pimsim.explore.store import check_columns, check_out, merge_parts, read_about, read_table

if TYPE_CHECKING:
    from pimsim.explore.results import Results

Array = Any


def sweep(
    model: Model | Sequence[Model] | None,
    space: Space | str | PathLike[str] | Mapping[str, Any],
    *,
    out: str | PathLike[str] | None = None,
    sample: str | None = None,
    n: int | None = None,
    seed: int = 0,
    optimise: str | None = None,
    objectives: Sequence[str] | str | None = None,
    budget: int | None = None,
    columns: Sequence[str] | str | None = None,
    operands: str = "model",
    workers: int | None = 0,
    ray: str | None = None,
    timeout_s: float | None = None,
    chunk: int | None = None,
    fresh: bool = False,
    progress: bool | None = None,
) -> Results:
    """Figures of `model` (one, or several on one chip; None: those that the space names) over the points of `space`.

    All points when neither `sample` ("sobol" or "random", with `n` and `seed`) nor `optimise` ("nsga2" or "bayes", with
    `budget` points) is given.
    objectives: what is sought, "max:" before what is to be large; energy_pJ and latency_ns when left out.
    out: .parquet, .sqlite or .db file; finished chunks are kept beside it, so that the same call goes on after a kill.
    fresh: throw away what an earlier sweep has left there.
    columns: figures to keep; the totals when left out, "all" with every component. operands: as in `simulate`.
    workers, ray: as in `Executor`; the rows are the same. chunk: points of a piece.
    timeout_s: seconds after which what is there is returned (`results.about["complete"]` is False then).
    progress: a bar on stderr; only on a terminal when None.
    Raises InputError for wrong input; points that fail are rows with an `error`.
    """
    from pimsim.explore.results import Results

    asked = request(
        model, space, sample=sample, n=n, seed=seed, optimise=optimise, objectives=objectives, budget=budget,
        columns=columns, operands=operands,
    )  # fmt: skip
    target = None if out is None else check_out(out, "out")
    with Executor(workers, ray) as executor, bar(progress) as show:
        done = run(asked, executor, target, timeout_s=timeout_s, chunk=chunk, fresh=fresh, progress=show)
    if target is not None:
        return Results(read_table(target), read_about(target))
    assert done.table is not None
    return Results(done.table, asked.about(asked.manifest(), done.complete))


def run(
    asked: Request,
    executor: Executor,
    target: Path | None,
    *,
    timeout_s: float | None = None,
    chunk: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Done:
    """Do what is asked, into the file `target` or in memory (None). Raises InputError as `sweep` does."""
    if timeout_s is not None and not timeout_s > 0:
        raise InputError(f"timeout must be a number of seconds above 0; got {printable(timeout_s, 40)}")
    if target is not None:
        check_columns(target, asked.result_columns)
    if asked.optimise is not None:
        from pimsim.explore.search import search

        return search(asked, executor, target, timeout_s=timeout_s, fresh=fresh, progress=progress)
    until = None if timeout_s is None else time.monotonic() + timeout_s
    codes = sample(asked.space, asked.sample, asked.n, asked.seed) if asked.sample else None
    total = asked.space.size if codes is None else len(codes)
    plan = _Plan(asked, executor, codes, total, until, progress)
    if target is None:
        return plan.in_memory(chunk_size(total, chunk))
    return plan.to_file(target, chunk_size(total, chunk), fresh)


@dataclass(frozen=True)
class _Plan:
    """One run over the points of an enumeration or of a sample."""

    asked: Request
    executor: Executor
    codes: Array | None
    total: int
    until: float | None
    progress: Progress | None

    def in_memory(self, chunk: int) -> Done:
        tables: dict[int, Table] = {}
        done = 0
        self.prepare()
        self.tell(done)
        ranges = [(start, min(start + chunk, self.total)) for start in range(0, self.total, chunk)]
        for (start, stop), content in self.compute(iter(ranges), None):
            tables[start] = decoded(content)
            done += stop - start
            self.tell(done)
        table = Table.concat([tables[start] for start in sorted(tables)])
        if done >= self.total and not len(table):
            raise nothing_allowed(self.asked.space)
        return Done(done, self.total, done, table)

    def to_file(self, target: Path, chunk: int, fresh: bool) -> Done:
        manifest = self.asked.manifest()
        parts = Parts.of(target)
        if not fresh and finished(target, manifest):
            parts.sweep_up()
            return Done(self.total, self.total, 0)
        with parts:
            chunk = int(parts.begin({**manifest, "chunk": chunk, "total": self.total}, fresh)["chunk"])
            there = set(parts.done())
            before = done = sum(stop - start for start, stop in there)
            self.prepare()
            self.tell(done)
            todo = (piece for piece in self.ranges(chunk) if piece not in there)
            for (start, stop), content in self.compute(todo, parts):
                parts.write(start, stop, content)
                done += stop - start
                self.tell(done)
            about = self.asked.about(manifest, done >= self.total)
            rows = merge_parts(parts.files(), target, about, parts.folder, lambda: no_rows(self.asked.setup))
            if done >= self.total:
                parts.remove()
        if done >= self.total and not rows:
            raise nothing_allowed(self.asked.space)
        return Done(done, self.total, done - before)

    def ranges(self, chunk: int) -> Iterator[Range]:
        return ((start, min(start + chunk, self.total)) for start in range(0, self.total, chunk))

    def compute(self, ranges: Iterator[Range], parts: Parts | None) -> Iterator[tuple[Range, bytes]]:
        """(range, rows as parquet) as pieces finish; ends early when time is up."""
        flying: dict[int, Range] = {}

        def pieces() -> Iterator[Piece]:
            for number, (start, stop) in enumerate(ranges):
                flying[number] = (start, stop)
                if parts is not None:
                    parts.note(start, stop)
                yield Piece(start, stop, None if self.codes is None else self.codes[start:stop])

        left = None if self.until is None else self.until - time.monotonic()
        results = self.executor.completed(evaluate_piece, pieces(), shared=self.asked.setup, timeout_s=left)
        try:
            for number, content in results:
                yield flying.pop(number), content
        except TimeoutError:
            return

    def prepare(self) -> None:
        with slow(COMPILING) if self.progress is not None else nullcontext():
            warm_up(self.asked.setup)

    def tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, self.total)

