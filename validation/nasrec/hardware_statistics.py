"""Hypervolumes of the hardware study side by side: paired tests over seeds, and how well FLOPs rank a cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PAIRS = (("penalty", "flops"), ("penalty", "none"), ("flops", "none"))
"""What is compared on each cost; "penalty" is the search that pays for that cost."""


def comparisons(volumes: Mapping[str, Mapping[str, Sequence[float]]]) -> list[dict[str, Any]]:
    """A row a pair of PAIRS and cost. volumes: cost -> penalty, flops and none -> hypervolume of each seed.

    p: of the exact two-sided Wilcoxon signed-rank test over seeds. p_holm: adjusted for all rows (Holm 1979).
    """
    rows: list[dict[str, Any]] = []
    for cost, by_way in volumes.items():
        for a, b in PAIRS:
            gains = np.array(by_way[a]) - np.array(by_way[b])
            rows.append({
                "cost": cost, "a": a, "b": b, "gain": float(gains.mean() / np.mean(by_way[b])),
                "better": int((gains > 0).sum()), "seeds": len(gains), "p": signed_rank(gains),
            })  # fmt: skip
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    return rows


def signed_rank(differences: Any) -> float:
    """p of the exact two-sided Wilcoxon signed-rank test; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    differences = np.asarray(differences, dtype=float)
    if not np.any(differences):
        return 1.0
    return float(wilcoxon(differences, method="auto").pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted by Holm's step-down procedure, in the same order."""
    found, largest = [0.0] * len(values), 0.0
    for rank, at in enumerate(np.argsort(values, kind="stable").tolist()):
        largest = max(largest, min(1.0, (len(values) - rank) * values[at]))
        found[at] = largest
    return found


def ranks(figures: Mapping[str, Any], against: str) -> dict[str, float]:
    """Kendall's tau-b of each figure with one of them; figures that are equal for all are left out."""
    from scipy.stats import kendalltau

    others = [name for name in figures if name != against and len(set(map(float, figures[name]))) > 1]
    return {name: float(kendalltau(figures[against], figures[name]).statistic) for name in others}
