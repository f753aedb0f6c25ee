"""Fronts of AUC against a cost, the volumes that they dominate, and the record of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pimsim.explore.pareto import hypervolume, non_dominated, reference_point
from validation.nasrec.hardware_search import Row
from validation.nasrec.hardware_statistics import comparisons, ranks

COSTS = {"energy": "energy_uJ", "latency": "latency_us"}
"""What a front has beside AUC, and its column."""

WAYS = ("penalty", "flops", "none")
"""What is compared on each cost; "penalty" is the search that pays for that cost."""

Fronts = dict[str, dict[str, list[list[Row]]]]
"""cost -> way -> the front of each seed."""


def points(rows: Sequence[Row], cost: str) -> Any:
    """(n, 2) cost and -AUC, both to be small."""
    return np.array([(row[COSTS[cost]], -row["auc"]) for row in rows], dtype=float).reshape(-1, 2)


def front(rows: Sequence[Row], cost: str) -> list[Row]:
    """The rows that no other is better than, the cheapest first."""
    return [rows[at] for at in non_dominated(points(rows, cost))[0]]


def reference(fronts: Sequence[Sequence[Row]], cost: str) -> list[float]:
    """One reference point behind all fronts: their worst cost and AUC, and a tenth of the span further."""
    found: list[float] = reference_point(*(points(one, cost) for one in fronts)).tolist()
    return found


def volume(rows: Sequence[Row], cost: str, behind: Sequence[float]) -> float:
    """Hypervolume of the rows up to the reference point, in AUC x unit of the cost."""
    return hypervolume(points(rows, cost), np.array(behind))


def fronts_of(found: Mapping[str, Sequence[Sequence[Row]]]) -> Fronts:
    """cost -> penalty, flops and none -> the front of each seed. found: the networks of each way and seed."""
    return {
        cost: {way: [front(rows, cost) for rows in found[cost if way == "penalty" else way]] for way in WAYS}
        for cost in COSTS
    }


def on_fronts(fronts: Fronts) -> list[str]:
    """Digests of all networks on a front, each once."""
    return sorted({row["digest"] for ways in fronts.values() for some in ways.values() for one in some for row in one})


def results(
    found: Mapping[str, Sequence[Sequence[Row]]], table: Sequence[Row], random: Mapping[str, float], first: int
) -> dict[str, Any]:
    """Fronts as digests, hypervolumes and their comparisons: up to a point behind all fronts; up to the median random
    network; and with the AUC of the fronts on rows that no search saw. Then what the searches proposed after the
    `first` networks, which are random, and how AUC goes with cost among those.

    random: the median of random networks in each figure.
    """
    fronts = fronts_of(found)
    held = {row["digest"]: row["held_out_auc"] for row in table}
    outside: Fronts = {
        cost: {
            way: [[{**row, "auc": held[row["digest"]]} for row in one] for one in some] for way, some in ways.items()
        }
        for cost, ways in fronts.items()
    }
    digests = {
        cost: {way: [[row["digest"] for row in one] for one in some] for way, some in ways.items()}
        for cost, ways in fronts.items()
    }
    drawn = [row for rows in found["none"] for row in rows[:first]]
    auc = float(np.median([row["auc"] for row in drawn]))
    medians = {cost: [random[column], -auc] for cost, column in COSTS.items()}
    return {
        "fronts": digests, **volumes(fronts, behind(fronts)), "up_to_median": volumes(fronts, medians),
        "held_out": volumes(outside, behind(outside)),
        "proposed": {way: proposed([rows[first:] for rows in some]) for way, some in found.items()},
        "auc_tau": ranks({name: [row[name] for row in drawn] for name in ("auc", "Mflops", *COSTS.values())}, "auc"),
    }  # fmt: skip


def behind(fronts: Fronts) -> dict[str, list[float]]:
    """A reference point of each cost behind the fronts of all ways and seeds."""
    return {cost: reference([one for some in ways.values() for one in some], cost) for cost, ways in fronts.items()}


def volumes(fronts: Fronts, references: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Hypervolumes of each seed up to a reference point of each cost, and their comparisons."""
    found = {
        cost: {way: [volume(one, cost, references[cost]) for one in some] for way, some in ways.items()}
        for cost, ways in fronts.items()
    }
    return {"reference": references, "hypervolume": found, "comparisons": comparisons(found)}


def proposed(searches: Sequence[Sequence[Row]]) -> dict[str, float]:
    """The median of each figure over all that the searches proposed, and their mean best AUC."""
    rows = [row for some in searches for row in some]
    medians = {name: float(np.median([row[name] for row in rows])) for name in ("Mflops", *COSTS.values())}
    return {**medians, "best_auc": float(np.mean([max(row["auc"] for row in some) for some in searches]))}
