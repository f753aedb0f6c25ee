"""Speed and memory of the supernet beside the authors' code, and whether both compute the same numbers.

    python -m validation.nasrec.speed --official FOLDER       # a copy of facebookresearch/NasRec; --space, --mini
    python -m validation.nasrec.speed                         # beside a plain twin in torch: full widths, masked

Both supernets live in one process and take turns, with the same batch and the same sampled paths, on one thread. A pair
is one step (or evaluation) of each; ratios are medians over pairs. Processor time is what the bars look at: on one
thread of an idle machine it is the time that passes, and on a busy one it is what the code itself takes.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.spaces.architecture import Architecture, Block
from validation.nasrec import records
from validation.nasrec.speed_memory import peak_of
from validation.nasrec.speed_report import report

if TYPE_CHECKING:
    from validation.nasrec.speed_rivals import Case, Rival

__all__ = ["main", "measure", "report", "verdicts"]

NAME = "speed"
BARS = {"step": 3.0, "evaluation": 3.0, "memory": 1.0}
"""Least ratio (theirs / ours) of the times; most (ours / theirs) of the peak memory."""
PAPER = (16, 32, 64, 128, 256, 512, 768, 1024), (16, 32, 48, 64)
SMALL = (16, 32, 64, 128), (4, 8, 16)
OPERATORS = {
    "fully connected and EFC": ("linear-2d", "linear-3d"),
    "sigmoid gating and EFC": ("sigmoid-gating", "linear-3d"),
    "sum and EFC": ("sum", "linear-3d"),
    "dot product and EFC": ("dot-product", "linear-3d"),
    "fully connected and attention": ("linear-2d", "transformer"),
}
"""All blocks of a network with these two: by their differences the time of an operator."""


def cases() -> dict[str, Case]:
    """Inputs as Criteo has them, and as KuaiRand has them for the small space."""
    from validation.nasrec.speed_rivals import Case

    return {
        "small, 13 + 26": Case(4, *SMALL, 13, 26, 1000, 512, 24),
        "small, 6 + 39": Case(4, *SMALL, 6, 39, 1000, 512, 24),
        "paper, 13 + 26": Case(7, *PAPER, 13, 26, 10_000, 512, 8),
    }


def measure(case: Case, other: str, folder: Path | None, operator_pairs: int, memory_steps: int) -> dict[str, Any]:
    """All figures of one case, ours beside `other`."""
    return {
        **timed_pairs(case, other, folder, operator_pairs),
        "memory": {name: peak_of(name, asdict(case), folder, memory_steps) for name in ("ours", other)},
    }


def timed_pairs(case: Case, other: str, folder: Path | None, operator_pairs: int = 0) -> dict[str, Any]:
    """Times of steps and evaluations over the same paths, and of steps by operator."""
    import torch

    from validation.nasrec.speed_rivals import rival_of

    batch = case.rows_of_a_batch(0)
    with torch.random.fork_rng(devices=[]):
        rivals = [rival_of(name, case, folder) for name in ("ours", other)]
        for path in case.paths(2, seed=1):  # compiled, allocated, read into the caches
            for rival in rivals:
                rival.step(rival.prepare(path), batch)
        paths = case.paths(case.pairs)
        return {
            "step": pairs(rivals, paths, lambda rival, path: rival.step(path, batch)),
            "evaluation": pairs(rivals, paths, lambda rival, path: rival.score(path, batch)),
            "operators": {
                name: pairs(rivals, [only(case, *own)] * operator_pairs, lambda rival, path: rival.step(path, batch))
                for name, own in OPERATORS.items()
            },
        }


def only(case: Case, dense: str, sparse: str) -> Architecture:
    """Blocks in a row, the widest, with one operator of a kind, each reading the stem and the block before."""
    width, rows = case.dense_widths[-1], case.sparse_widths[-1]
    blocks = []
    for at in range(case.blocks):
        reads = (0,) if at == 0 else (0, at)
        blocks.append(Block((dense, sparse), width, rows, False, False, reads, reads, (0,), (at,)))
    return Architecture(tuple(blocks))


def pairs(
    rivals: Sequence[Rival], paths: Sequence[Architecture], act: Callable[[Rival, Any], None]
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each rival by path, processor and wall; the one that begins alternates."""
    found: dict[str, dict[str, list[float]]] = {rival.name: {"processor": [], "wall": []} for rival in rivals}
    for at, path in enumerate(paths):
        for rival in rivals if at % 2 else reversed(rivals):
            given = rival.prepare(path)
            wall, processor = time.perf_counter(), time.process_time()
            act(rival, given)
            found[rival.name]["processor"].append(round((time.process_time() - processor) * 1e3, 3))
            found[rival.name]["wall"].append(round((time.perf_counter() - wall) * 1e3, 3))
    return found


def ratio(found: dict[str, dict[str, list[float]]], clock: str = "processor") -> float:
    """Median over pairs of the other's time to ours."""
    other = next(name for name in found if name != "ours")
    return float(np.median(np.divide(found[other][clock], found["ours"][clock])))


def verdicts(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Ratios of a record, and whether they keep the bars; memory of the whole process, and beyond its libraries."""
    found: dict[str, dict[str, Any]] = {}
    for name, case in record["cases"].items():
        memory = case["memory"]
        other = next(rival for rival in memory if rival != "ours")
        own = {rival: value["peak_MB"] - value["libraries_MB"] for rival, value in memory.items()}
        figures = {
            "step": ratio(case["step"]),
            "evaluation": ratio(case["evaluation"]),
            "memory": memory["ours"]["peak_MB"] / memory[other]["peak_MB"],
            "memory beyond libraries": own["ours"] / own[other],
        }
        passed = {
            "step": figures["step"] >= BARS["step"],
            "evaluation": figures["evaluation"] >= BARS["evaluation"],
            "memory": figures["memory"] <= BARS["memory"],
            "memory beyond libraries": figures["memory beyond libraries"] <= BARS["memory"],
        }
        found[name] = {"ratios": figures, "passed": passed}
    return found


def study(chosen: dict[str, Case], folder: Path | None, command: str, random: int, mini: bool) -> dict[str, Any]:
    """The record."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        other = "official" if folder else "twin"
        often = (1, 2) if mini else (3, 12)
        found = {name: measure(case, other, folder, *often) for name, case in chosen.items()}
        record: dict[str, Any] = {
            "command": command, "bars": BARS, "cases": found,
            "settings": {name: asdict(case) for name, case in chosen.items()},
            "machine": {"processor": platform.processor() or platform.machine(), "threads": 1,
                        "torch": torch.__version__, "python": platform.python_version()},
        }  # fmt: skip
        if folder:
            from validation.nasrec.speed_check import checked

            record["differences"] = checked(folder, random)
    finally:
        torch.set_num_threads(threads)
    return {**record, "verdicts": verdicts(record)}


def miniature(chosen: dict[str, Case]) -> dict[str, Case]:
    """The first case in seconds."""
    name, case = next(iter(chosen.items()))
    return {f"{name}, miniature": replace(case, blocks=2, batch=32, rows=20, pairs=2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record unless it is a miniature, print the report."""
    parser = argparse.ArgumentParser(prog="python -m validation.nasrec.speed", description=__doc__)
    parser.add_argument("--official", type=Path, metavar="FOLDER", help="a copy of facebookresearch/NasRec")
    parser.add_argument("--space", choices=("small", "paper"), help="both when left out")
    parser.add_argument("--mini", action="store_true", help="a toy in seconds; nothing is written")
    parser.add_argument("--records", type=Path, default=records.FOLDER, metavar="FOLDER", help="where the record goes")
    options = parser.parse_args(arguments)
    chosen = {name: case for name, case in cases().items() if options.space is None or name.startswith(options.space)}
    if options.mini:
        chosen = miniature(chosen)
    told = "python -m validation.nasrec.speed" + (" --official FOLDER" if options.official else "")
    told += f" --space {options.space}" if options.space else ""
    record = study(chosen, options.official, told, 0 if options.mini else 12, options.mini)
    if options.official and not options.mini:
        records.write(NAME, record, options.records)
    print(report(record))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
