"""Several models on one chip: the figures of each, and of one inference of every model, one after the other.

Ends of intervals add like the figures that they are of: the same prices are wrong in the same direction.
Each model has the chip (or as many chips as it needs) to itself while it runs. So energies, times and operations add
up, areas and counts of hardware are the largest, and ratios are those of the sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = Any

_RATIOS = ("throughput_inferences_per_s", "power_W", "tops", "tops_per_W", "tops_per_mm2")
_LARGEST = ("chips", "crossbars", "crossbars_on_chips", "tiles", "contexts")


def combine(models: Sequence[Mapping[str, Array]], names: Sequence[str], columns: Sequence[str]) -> dict[str, Array]:
    """Figure -> combined value at each point; `MODEL.figure` for each of several models; `error` of the first that
    failed. A point at which one model fails has no combined figures."""
    if len(models) == 1:
        return {**{name: models[0][name] for name in columns}, "error": models[0]["error"]}
    whole = {name: _joined(models, name) for name in columns if name not in _RATIOS}
    for name in ("energy_pJ", "interval_ns", "area_um2", "ops"):
        whole.setdefault(name, _joined(models, name))
    whole.update((name, _ratio(name, whole)) for name in columns if name in _RATIOS)
    found = {name: whole[name] for name in columns}
    for model, figures in zip(names, models, strict=True):
        found.update((f"{model}.{name}", figures[name]) for name in columns)
    found["error"] = _errors(models, names)
    return found


def _joined(models: Sequence[Mapping[str, Array]], name: str) -> Array:
    parts = [figures[name] for figures in models]
    if name == "utilization":
        return np.mean(parts, axis=0)
    largest = name in _LARGEST or "area_um2" in name
    whole = parts[0]
    for part in parts[1:]:  # one after the other: the order of the models is the order of the sum
        whole = np.maximum(whole, part) if largest else whole + part
    return whole


def _ratio(name: str, whole: Mapping[str, Array]) -> Array:
    energy_pJ, interval_ns, area_um2, ops = (whole[key] for key in ("energy_pJ", "interval_ns", "area_um2", "ops"))
    per_s = _over(1e9, interval_ns)
    if name == "throughput_inferences_per_s":
        return per_s
    if name == "power_W":
        return energy_pJ * 1e-12 * per_s
    if name == "tops":
        return ops * per_s * 1e-12
    if name == "tops_per_W":
        return _over(ops, energy_pJ)
    return _over(ops * per_s * 1e-12, area_um2 * 1e-6)


def _over(value: Array, base: Array) -> Array:
    """value / base, and 0 where there is nothing to divide by; NaN stays NaN."""
    with np.errstate(all="ignore"):
        return np.where(base == 0, 0.0, value / np.where(base == 0, 1.0, base))


def _errors(models: Sequence[Mapping[str, Array]], names: Sequence[str]) -> Array:
    errors = np.array([""] * len(models[0]["error"]), dtype=object)
    for model, figures in zip(names, models, strict=True):
        for at in np.flatnonzero((figures["error"] != "") & (errors == "")):
            errors[at] = f"{model}: {figures['error'][at]}"
    return errors
