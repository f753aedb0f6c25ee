"""Fronts of AUC against a cost, the volumes that they dominate, and the record of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pimsim.explore.pareto import hypervolume, non_dominated, reference_point
from validation.nasrec.hardware_search import Row
from validation.nasrec.hardware_statistics import comparisons

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


def results(found: Mapping[str, Sequence[Sequence[Row]]], table: Sequence[Row]) -> dict[str, Any]:
    """Fronts as digests, reference points, hypervolumes and their comparisons; the same with the AUC of the fronts on
    rows that no search saw."""
    fronts = fronts_of(found)
    held = {row["digest"]: row["held_out_auc"] for row in table}
    outside: Fronts = {
        cost: {way: [[{**row, "auc": held[row["digest"]]} for row in one] for one in some]
               for way, some in ways.items()}
        for cost, ways in fronts.items()
    }  # fmt: skip
    digests = {
        cost: {way: [[row["digest"] for row in one] for one in some] for way, some in ways.items()}
        for cost, ways in fronts.items()
    }
    return {"fronts": digests, **_volumes(fronts), "held_out": _volumes(outside)}


def _volumes(fronts: Fronts) -> dict[str, Any]:
    behind = {cost: reference([one for some in ways.values() for one in some], cost) for cost, ways in fronts.items()}
    volumes = {
        cost: {way: [volume(one, cost, behind[cost]) for one in some] for way, some in ways.items()}
        for cost, ways in fronts.items()
    }
    return {"reference": behind, "hypervolume": volumes, "comparisons": comparisons(volumes)}
