"""Rank correlations of the study of ranking and their differences with intervals, out of the figures of subnets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.training.ranks import resampled_tau
from validation.nasrec.ranking_work import SPACES, STRATEGIES

DRAWS = 10_000
"""Bootstrap samples of subnets, the same for all recipes."""

LEVEL = 0.95
FULL = "balanced/single-operator/tuned"
WEAK = "balanced/single-path/shared"
MEANINGFUL_CEILING = 0.3
"""Between two seeds of the truth: below it, scores have nothing to agree with."""

Draws = NDArray[np.float64]


def statistics(figures: dict[str, Any]) -> dict[str, Any]:
    """ceilings: tau between the two stand-alone seeds of each space. taus: of each recipe, the mean over supernets, and
    of each supernet. differences: of the full recipe and each other. verdicts: of the bar."""
    counts = _counts(len(figures["balanced"]["alone"]))
    ceilings, draws, taus = {}, {}, {}
    for space in SPACES:
        alone = np.array(figures[space]["alone"])
        ceilings[space] = _told(resampled_tau(alone[:, 0], alone[:, 1], counts))
        for strategy in STRATEGIES:
            for kind, scores in figures[space]["scores"][strategy].items():
                name = f"{space}/{strategy}/{kind}"
                every = np.array([resampled_tau(one, alone.mean(1), counts) for one in scores])
                draws[name] = every.mean(0)
                taus[name] = {**_told(draws[name]), "seeds": every[:, 0].tolist()}
    differences = {name: _told(draws[FULL] - other) for name, other in draws.items() if name != FULL}
    return {
        "ceilings": ceilings, "taus": taus, "differences": differences, "verdicts": verdicts(ceilings, differences)
    }  # fmt: skip


def ceiling_and_taus(figures: dict[str, Any]) -> dict[str, Any]:
    """Of a pilot: ceiling, and the tau of each kind of score."""
    alone = np.array(figures["alone"])
    counts = _counts(len(alone))
    taus = {}
    for kind, scores in figures["scores"].items():
        taus[kind] = _told(np.mean([resampled_tau(one, alone.mean(1), counts) for one in scores], 0))
    return {"ceiling": _told(resampled_tau(alone[:, 0], alone[:, 1], counts)), "taus": taus}


def _counts(subnets: int) -> Draws:
    """How often each subnet occurs in each draw; in draw 0 once each."""
    generator = np.random.default_rng(6)
    counts = generator.multinomial(subnets, np.full(subnets, 1.0 / subnets), DRAWS).astype(np.float64)
    return np.vstack([np.ones(subnets), counts])


def _told(draws: Draws) -> dict[str, float]:
    """The value of draw 0 and the interval of the others; draws in which all subnets are the same do not count."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.nanquantile(draws[1:], [tail, 1.0 - tail])
    return {"value": float(draws[0]), "low": float(low), "high": float(high)}


def verdicts(ceilings: dict[str, Any], differences: dict[str, Any]) -> dict[str, Any]:
    """What of the bar holds: the interval of no difference lies wholly below 0, and that to WEAK lies above it."""
    above = sorted(name for name, found in differences.items() if found["high"] < 0.0)
    return {
        "ceiling_allows": min(found["value"] for found in ceilings.values()) >= MEANINGFUL_CEILING,
        "recipes_above_full": above,
        "below_none": not above,
        "above_weak": differences[WEAK]["low"] > 0.0,
    }
