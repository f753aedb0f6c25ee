"""The section on speed in the report of the studies."""

from __future__ import annotations

from typing import Any

import numpy as np


def report(record: dict[str, Any]) -> str:
    """Markdown: times and memory with the bars' verdicts, time by operator, differences of the numbers."""
    other = _other(record)
    named = "the authors' code" if other == "official" else "a plain twin in torch (full widths, masked)"
    parts = [
        f"## Speed beside {named}",
        f"`{record['command']}`, one thread, {record['machine']['processor']}, torch {record['machine']['torch']}. "
        "Times are milliseconds of processor time, median (least) over pairs that take turns; ratios are medians over "
        "pairs. Memory is the peak of a process of its own in MB, and what it is beyond the libraries that are loaded "
        "(ours loads Numba, torch's optimisers load torch's compiler).",
        _main(record, other), _failures(record), "Time of a step by operator: networks whose blocks all hold the two.",
        _operators(record, other),
    ]  # fmt: skip
    if "differences" in record:
        parts.append(_differences(record["differences"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _other(record: dict[str, Any]) -> str:
    case = next(iter(record["cases"].values()))
    return next(name for name in case["step"] if name != "ours")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _times(found: dict[str, dict[str, list[float]]], name: str) -> str:
    values = found[name]["processor"]
    return f"{np.median(values):.1f} ({min(values):.1f})"


def _main(record: dict[str, Any], other: str) -> str:
    head = ["case", "", "ours", other, f"{other} / ours", "wall clock", "bar", "kept"]
    rows = []
    for name, case in record["cases"].items():
        verdict = record["verdicts"][name]
        for what in ("step", "evaluation"):
            wall = np.median(np.divide(case[what][other]["wall"], case[what]["ours"]["wall"]))
            rows.append([
                name, what, _times(case[what], "ours"), _times(case[what], other), f"{verdict['ratios'][what]:.2f}",
                f"{wall:.2f}", f"at least {record['bars'][what]:g}", _yes(verdict["passed"][what]),
            ])  # fmt: skip
        memory = case["memory"]
        for what in ("memory", "memory beyond libraries"):
            less = what != "memory"
            own, theirs = (
                value["peak_MB"] - (value["libraries_MB"] if less else 0) for value in (memory["ours"], memory[other])
            )
            rows.append([
                name, what, f"{own:.0f}", f"{theirs:.0f}", f"{theirs / own:.2f}", "", "at least 1",
                _yes(verdict["passed"][what]),
            ])  # fmt: skip
    return _table(head, rows)


def _yes(passed: bool) -> str:
    return "yes" if passed else "**no**"


def _failures(record: dict[str, Any]) -> str:
    found = [
        f"{name}: {what}" for name, verdict in record["verdicts"].items()
        for what, passed in verdict["passed"].items() if not passed
    ]  # fmt: skip
    return f"Not kept: {'; '.join(found)}." if found else "All bars are kept."


def _operators(record: dict[str, Any], other: str) -> str:
    rows = []
    for name, case in record["cases"].items():
        for operators, found in case["operators"].items():
            own, theirs = (np.median(found[rival]["processor"]) for rival in ("ours", other))
            rows.append([name, operators, _times(found, "ours"), _times(found, other), f"{theirs / own:.2f}"])
    return _table(["case", "operators", "ours", other, f"{other} / ours"], rows)


def _differences(found: dict[str, dict[str, float]]) -> str:
    worst = {kind: max(row[kind] for row in found.values()) for kind in ("float32", "float64")}
    published = max(row["float32"] for name, row in found.items() if "best_1shot" in name)
    return (
        f"Numbers: with the weights copied over, {len(found)} networks (each operator alone, both mergers, the "
        f"published files, random ones) give logits that differ by at most {worst['float32']:.1e} in float32 and "
        f"{worst['float64']:.1e} in float64; the published files by at most {published:.1e}. The bar is 1e-5."
    )
