"""The record of the study: read, written, checked, and told as a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from pimsim.report.atomic import write_atomic
from validation.near_memory.crossbars import Step
from validation.near_memory.papers import CLAIMS, DEVIATIONS
from validation.near_memory.study import POOLINGS, RANKS, Point

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Record:
    """Points and steps as they were run."""

    points: tuple[Point, ...]
    steps: tuple[Step, ...]

    def of(self, study: str) -> list[Point]:
        return [point for point in self.points if point.study == study]

    def speed_up(self, study: str, near: str, **values: int | str) -> float:
        """Of the one point with these values."""
        found = [
            p for p in self.of(study) if p.near == near and all(getattr(p, key) == v for key, v in values.items())
        ]  # fmt: skip
        assert len(found) == 1, (study, near, values)
        return found[0].speed_up


def read(folder: Path = FOLDER) -> Record:
    """The record in the repository."""
    kept = json.loads((folder / "record.json").read_text("utf-8"))
    return Record(tuple(Point(**p) for p in kept["points"]), tuple(Step(**s) for s in kept["steps"]))


def save(record: Record, folder: Path) -> None:
    """record.json and REPORT.md."""
    kept = {"points": [asdict(p) for p in record.points], "steps": [asdict(s) for s in record.steps]}
    write_atomic(folder / "record.json", json.dumps(kept, indent=0) + "\n")
    write_atomic(folder / "REPORT.md", report(record))


def checks(record: Record) -> list[tuple[str, bool]]:
    """What the papers claim in kind, and whether it holds of the record."""
    by_ranks = [record.speed_up("ranks", "recnmp", ranks=ranks, pooling=80) for ranks in RANKS]
    by_pooling = [record.speed_up("ranks", "recnmp", ranks=8, pooling=pooling) for pooling in POOLINGS]
    cached = [
        record.speed_up("cache", "recnmp_cached", rows=rows, ranks=ranks)
        > record.speed_up("cache", "recnmp", rows=rows, ranks=ranks)
        for rows in ("reuse", "zipf")
        for ranks in (2, 4, 8)
    ]
    levels = {(p.near, p.ranks, p.row_bytes): p.speed_up for p in record.of("levels")}
    groups = [value > levels["trim_r", n, size] for (name, n, size), value in levels.items() if name == "trim_g"]
    slices = [value > levels["tensordimm", n, size] for (name, n, size), value in levels.items() if name == "trim_g"]
    naive, multi = (next(s.time_ns for s in record.steps if word in s.name) for word in ("naive", "128, several"))
    copies = [record.speed_up("alone", name, rows="zipf") for name in ("trim_g", "trim_g_hot")]
    nondecreasing = all(a <= b * 1.01 for a, b in pairwise(by_pooling))
    return [
        ("RecNMP: more ranks, more speed-up (pooling 80)", by_ranks == sorted(by_ranks)),
        ("RecNMP: eight ranks read more than four times as fast", by_ranks[-1] > 4),
        ("RecNMP: more rows a bag, no less speed-up (eight ranks, to 1%)", nondecreasing),
        ("RecNMP: its cache gains where rows come again", all(cached)),
        ("TRiM: adders in bank groups beat adders in ranks", all(groups)),
        ("TRiM: ... and slices over ranks (TensorDIMM)", all(slices)),
        ("TRiM: copies of hot rows make a bag alone faster (zipf)", copies[0] < copies[1]),
        ("ReREC: wordlines driven together beat one at a time", multi < naive),
    ]


def ours(record: Record) -> dict[str, str]:
    """Our figure beside each claim, by what it is of: spans over the rows asked for, or over row lengths."""
    found: dict[str, str] = {}
    cache = record.of("cache")
    for number, word in ((2, "two"), (4, "four"), (8, "eight")):
        own = [p.speed_up for p in cache if (p.near, p.ranks) == ("recnmp", number)]
        found[f"speed-up, {word} ranks, no cache"] = span(own)
    own = [p for p in cache if (p.near, p.ranks) == ("recnmp_cached", 8) and p.rows != "uniform"]
    found["speed-up, eight ranks, all optimisations"] = f"{span([p.speed_up for p in own])} (cache only)"
    found["energy of the memory saved"] = f"{span([100 * (1 - p.energy_ratio) for p in own], 0)}%"
    levels = {(p.near, p.ranks, p.row_bytes): p for p in record.of("levels")}
    groups = {key[1:]: p for key, p in levels.items() if key[0] == "trim_g"}
    spans = [f"{span([p.speed_up for (n, _), p in groups.items() if n == ranks])} ({ranks} ranks)" for ranks in (2, 4)]
    found["TRiM-G over the plain memory"] = ", ".join(spans)
    over = [p.speed_up / levels["tensordimm", *key].speed_up for key, p in groups.items() if key[0] in (2, 4)]
    found["TRiM-G over adders in ranks"] = f"{span(over)} (TensorDIMM, 2 and 4 ranks)"
    found["energy saved by TRiM-G"] = f"{span([100 * (1 - p.energy_ratio) for p in groups.values()], 0)}%"
    naive, multi = (next(s.time_ns for s in record.steps if word in s.name) for word in ("naive", "128, several"))
    found["over a ReRAM baseline"] = f"{naive / multi:.2f}"
    found["over a CPU; over an accelerator"] = "not modelled"
    cores = [p.speed_up for p in record.of("products") if p.near.startswith("upmem")]
    found["UPMEM over a CPU, a whole model"] = f"{span(cores)} (lookups alone, over one plain channel)"
    return found


def span(values: Sequence[float], digits: int = 2) -> str:
    """Least to most."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a markdown table."""
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def report(record: Record) -> str:
    """REPORT.md."""
    lines = [
        "# Reduction near the banks beside the papers",
        "",
        "Written by `python -m validation.near_memory --save` out of record.json. What is run stands in study.py and",
        "crossbars.py, what is modelled in docs/near_memory.md. Speed-up: the plain memory's time over the near one's.",
        "",
        "![Speed-up over rows a bag, by ranks, and over row length, by level](speed_up.svg)",
        "",
        "## RecNMP: rows a bag and ranks",
        "",
        f"{record.of('ranks')[0].lookups:,} uniform rows of 64 bytes, DDR4-2400, adders at every rank, no cache.",
        "",
        *table(
            ["ranks", *(f"pooling {pooling}" for pooling in POOLINGS)],
            [
                [str(n), *(f"{record.speed_up('ranks', 'recnmp', ranks=n, pooling=p):.2f}" for p in POOLINGS)]
                for n in RANKS
            ],
        ),
        "",
        "Pooling 80, with rows that come again (reuse: as production counts have them; zipf: exponent 1.05):",
        "",
        *table(
            ["rows", "ranks", "cache of 128 KB a rank", "hit rate", "speed-up", "energy, near over plain"],
            [
                [p.rows, str(p.ranks), "yes" if p.near.endswith("cached") else "no", f"{p.hits:.1%}",
                 f"{p.speed_up:.2f}", f"{p.energy_ratio:.2f}"]
                for p in record.of("cache")
            ],
        ),
        "",
        "## TRiM: where the adders are",
        "",
        "Uniform rows, pooling 80, DDR5-4800. trim_r: the same in the buffer of every rank.",
        "",
        *_levels(record),
        "",
        "Four ranks, rows of 512 bytes that come again, with copies of the 500 hottest in every bank group; all bags",
        "at once, and each alone (the mean time of a bag):",
        "",
        *table(
            ["rows", "copies", "speed-up, all at once", "speed-up, a bag alone"],
            [
                [p.rows, "yes" if p.near.endswith("hot") else "no", f"{p.speed_up:.2f}",
                 f"{record.speed_up('alone', p.near, rows=p.rows):.2f}"]
                for p in record.of("copies")
            ],
        ),
        "",
        "## Products",
        "",
        "Uniform rows, pooling 80: HBM2, GDDR6, and UPMEM's module of two ranks against its DDR4-2400.",
        "",
        *table(
            ["near memory", "bytes a row", "speed-up", "energy, near over plain"],
            [[p.near, str(p.row_bytes), f"{p.speed_up:.2f}", f"{p.energy_ratio:.2f}"] for p in record.of("products")],
        ),
        "",
        "## ReREC: lookups in crossbars",
        "",
        "Eight tables of 100,000 rows of 64 bytes, Zipf 1.05, pooling 80 (crossbars.py).",
        "",
        *_crossbars(record),
        "",
        "## The papers",
        "",
        *table(
            ["paper", "what", "paper's figure", "ours", "paper's figure read in"],
            [[claim.paper, claim.what, claim.figure, ours(record)[claim.what], claim.read] for claim in CLAIMS],
        ),
        "",
        "In kind:",
        "",
        *(f"- {'holds' if good else 'FAILS'}: {text}" for text, good in checks(record)),
        "",
        "## Deviations",
        "",
        DEVIATIONS.rstrip(),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _levels(record: Record) -> list[str]:
    names = ("tensordimm", "trim_r", "trim_g", "trim_b")
    found = {(p.ranks, p.row_bytes, p.near): p for p in record.of("levels")}
    rows = []
    for ranks, size in sorted({key[:2] for key in found}):
        own = [found[ranks, size, name] for name in names]
        gain = own[2].speed_up / own[0].speed_up
        figures = (*(f"{p.speed_up:.2f}" for p in own), f"{gain:.2f}", f"{own[2].energy_ratio:.2f}")
        rows.append([str(ranks), str(size), *figures])
    return table(["ranks", "bytes a row", *names, "trim_g over tensordimm", "trim_g energy, near over plain"], rows)


def _crossbars(record: Record) -> list[str]:
    naive = next(step for step in record.steps if "naive" in step.name)
    rows = [
        [step.name, f"{step.time_ns / 1e3:.1f}", f"{naive.time_ns / step.time_ns:.2f}", f"{step.energy_pJ / 1e6:.2f}",
         f"{step.reads:,}"]
        for step in record.steps
    ]  # fmt: skip
    return table(["layout", "time us", "speed-up over naive", "energy uJ", "reads"], rows)
