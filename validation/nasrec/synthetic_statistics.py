"""Statistics of the searches on generated data: exact binomial tests of the share with products, and the bar."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

GAP = 0.002
"""Largest distance in AUC from the true logits on the same rows."""

ENOUGH = 0.8
"""Share of the searches with planted products whose network must have them: 4 of 5."""

LEVEL = 0.05

Result = dict[str, Any]


def share(count: int, of: int, expected: float | None = None) -> Result:
    """count of `of` with its exact 95% interval (Clopper and Pearson, 1934), and beside an expected share the
    probability of as many or more, the p of "prefers"."""
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(0.95, "exact")
    found: Result = {"count": count, "of": of, "share": count / of, "interval": [interval.low, interval.high]}
    if expected is not None:
        found["p_more"] = float(binomtest(count, of, expected, alternative="greater").pvalue)
    return found


def statistics(record: Mapping[str, Any]) -> Result:
    """{"statistics", "verdicts"} out of the searches of a record."""
    order, orders = record["planted_order"], record["random_orders"]
    total = sum(orders.values())
    random = share(sum(count for key, count in orders.items() if int(key) >= order), total)
    found: Result = {"random": random, "gaps": {}, "chosen": {}, "top": {}, "first": {}}
    for name, planted in (("planted", True), ("plain", False)):
        searches = [one for one in record["searches"] if one["planted"] == planted]
        found["gaps"][name] = _gaps([one["bayes"]["test_auc"] - one["test"]["auc"] for one in searches])
        chosen = [one["chosen"]["order"] >= order for one in searches]
        found["chosen"][name] = share(sum(chosen), len(chosen), random["share"])
        top = [row["order"] >= order for one in searches for row in one["top"]]
        found["top"][name] = share(sum(top), len(top), random["share"])
        found["first"][name] = _advantage(searches, order)
    return {"statistics": found, "verdicts": _verdicts(found)}


def _gaps(gaps: Sequence[float]) -> Result:
    return {"each": list(gaps), "mean": sum(gaps) / len(gaps), "largest": max(gaps)}


def _advantage(searches: Sequence[Mapping[str, Any]], order: int) -> Result:
    """Of random networks, the first generation: the mean AUC of those with products less that of the others, by search;
    None where a search has not both."""
    each: list[float | None] = []
    for one in searches:
        rows = [row for row in one["random"] if row["auc"] is not None]
        high = [row["auc"] for row in rows if row["order"] >= order]
        low = [row["auc"] for row in rows if row["order"] < order]
        each.append(sum(high) / len(high) - sum(low) / len(low) if high and low else None)
    known = [value for value in each if value is not None]
    return {"each": each, "mean": sum(known) / len(known) if known else None}


def _verdicts(found: Mapping[str, Any]) -> dict[str, bool]:
    planted, plain = found["chosen"]["planted"], found["chosen"]["plain"]
    return {
        "within the gap of the bound, mean of each generator": max(g["mean"] for g in found["gaps"].values()) <= GAP,
        "within the gap of the bound, every network": max(g["largest"] for g in found["gaps"].values()) <= GAP,
        "products in enough searches where planted": planted["count"] >= math.ceil(ENOUGH * planted["of"]),
        "products in fewer than half of random networks": found["random"]["share"] < 0.5,
        "products not preferred where none is planted": plain["p_more"] >= LEVEL,
        "products chosen more often where planted than where none is": planted["share"] > plain["share"],
    }
