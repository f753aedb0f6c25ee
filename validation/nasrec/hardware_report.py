"""The hardware study as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WAYS = {"penalty": "penalty of pimsim", "flops": "FLOPs as proxy", "none": "no cost"}
UNITS = {"energy": "uJ", "latency": "us"}


def section(record: dict[str, Any]) -> str:
    """What was found, with the reasons where the penalty gains nothing."""
    plan, trained = record["plan"], record["supernet"]
    parts = [
        "## Hardware in the loop\n",
        f"`{record['command']}`\n",
        f"{record['data']['set']}, {record['hardware']}, {plan['seeds']} seeds; every search scores "
        f"{_per_search(plan)} networks with one supernet ({trained['steps']:,} steps, validation AUC "
        f"{trained['auc']:.4f} over random paths), {record['networks']:,} different ones in all. A search has "
        f"{len(plan['prices'])} stages, in which the median of random networks pays "
        f"{', '.join(f'{price:g}' for price in plan['prices'])} of AUC more than the cheapest (soft penalty; all "
        f"figures priced alike). AUC is of shared weights on {_rows(record)} of "
        f"validation, after {record['scoring']['steps']} steps of the head.\n",
        _volumes(record),
        "Up to a point behind all fronts:\n",
        _comparisons(record["comparisons"]),
        "Up to the median random network in cost and AUC, which is what a search should better:\n",
        _comparisons(record["up_to_median"]["comparisons"]),
        "On the rows of validation that no search saw, the same fronts, up to a point behind them:\n",
        _comparisons(record["held_out"]["comparisons"]),
        _verdict(record),
        _proposed(record["proposed"]),
        _export(record["export"]),
        _alone(record["alone"]),
    ]
    return "\n".join(parts)


def _per_search(plan: dict[str, Any]) -> int:
    found: int = plan["population"] + len(plan["prices"]) * plan["generations"] * plan["children"]
    return found


def _rows(record: dict[str, Any]) -> str:
    rows = record["scoring"]["rows"]
    return f"the first {rows:,} rows" if rows else "all rows"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _volumes(record: dict[str, Any]) -> str:
    rows = []
    for cost, ways in record["hypervolume"].items():
        behind = record["reference"][cost]
        for way, values in ways.items():
            sizes = [len(front) for front in record["fronts"][cost][way]]
            mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
            point = f"{behind[0]:.4g} {UNITS[cost]}, {-behind[1]:.4f}"
            rows.append((cost, WAYS[way], f"{mean:.5g}", f"{deviation:.2g}", f"{np.mean(sizes):.1f}", point))
    head = ("cost", "search", "hypervolume (AUC x uJ or us)", "deviation", "points of a front", "up to cost, AUC")
    return _table(head, rows)


def _comparisons(rows: Sequence[dict[str, Any]]) -> str:
    shown = [
        (row["cost"], f"{WAYS[row['a']]} - {WAYS[row['b']]}", f"{row['gain']:+.1%}", f"{row['better']}/{row['seeds']}",
         f"{row['p']:.4f}", f"{row['p_holm']:.4f}")
        for row in rows
    ]  # fmt: skip
    head = ("cost", "difference", "of the hypervolume", "seeds better", "p (Wilcoxon)", f"p (Holm, {len(rows)})")
    return _table(head, shown)


def _verdict(record: dict[str, Any]) -> str:
    lines = []
    for name, found in (("behind all fronts", record), ("of the median network", record["up_to_median"])):
        for row in found["comparisons"]:
            if row["a"] == "penalty":
                word, other = _word(row), WAYS[row["b"]]
                lines.append(f"- {row['cost']}, up to the point {name}: the penalty is {word} {other}.")
    flops, auc = record["flops_tau"], record["auc_tau"]
    lines.append(
        f"- Why FLOPs come near: over random networks they rank energy with Kendall tau {flops['energy_uJ']:.2f} and "
        f"latency with {flops['latency_us']:.2f}; and AUC hardly goes with cost (tau {auc['energy_uJ']:.2f} with "
        f"energy, {auc['latency_us']:.2f} with latency), so that fronts are short, and the best AUC that a search "
        "meets makes most of a volume up to a far point. Energy has two levels: static power of the chip for as long "
        "as the slowest layer takes, a crossbar product or the softmax of an attention over 16 rows."
    )
    return "\n".join(lines) + "\n"


def _word(row: dict[str, Any]) -> str:
    if row["p_holm"] >= 0.05:
        return f"not significantly different (p {row['p_holm']:.3f}) from"
    return f"{'better' if row['gain'] > 0 else 'worse'} (p {row['p_holm']:.3f}) than"


def _proposed(found: dict[str, dict[str, float]]) -> str:
    shown = [
        (way, f"{row['energy_uJ']:.2f}", f"{row['latency_us']:.2f}", f"{row['Mflops']:.4f}", f"{row['best_auc']:.4f}")
        for way, row in found.items()
    ]
    head = ("search pays for", "energy uJ", "latency us", "Mflops", "best AUC")
    return "Medians of what the searches proposed after the random networks, and the mean of their best AUC:\n\n" + (
        _table(head, shown)
    )


def _export(export: dict[str, Any]) -> str:
    worst = ", ".join(
        f"{name} {value:.2g} (allowed {export['tolerance'][name]:g})"
        for name, value in export["largest_difference"].items()
    )
    verdict = "equal" if export["equal"] else "NOT equal"
    return (
        f"The figures of all {export['networks']} networks on a front are {verdict} to those of `pimsim run` on the "
        f"file of `nas export`; largest relative differences: {worst}.\n"
    )


def _alone(rows: Sequence[dict[str, Any]]) -> str:
    shown = [
        (row["digest"], f"{row['latency_us']:.2f}", f"{row['energy_uJ']:.2f}", f"{row['auc']:.4f}",
         f"{row['alone_auc']:.4f}")
        for row in rows
    ]  # fmt: skip
    text = "Networks along the latency front of all searches, trained alone (one seed, all of validation):\n\n"
    head = ("network", "latency us", "energy uJ", "AUC, shared weights", "AUC, alone")
    shared, alone = ([row[name] for row in rows] for name in ("auc", "alone_auc"))
    agree = sum(
        (shared[i] - shared[j]) * (alone[i] - alone[j]) > 0 for i in range(len(rows)) for j in range(i)
    )  # fmt: skip
    pairs = len(rows) * (len(rows) - 1) // 2
    return text + _table(head, shown) + f"\n{agree} of {pairs} pairs are in the same order both ways.\n"
