"""One hardware point, or many at once, as the numbers that kernels read: geometry and rates, and prices."""

from __future__ import annotations

from typing import Any

from pimsim.components import REGISTRY, Price
from pimsim.components.price import Number

LEVELS = ("crossbar", "pe", "tile", "none", "chip")
OF_CHIP = tuple(entry.level == "chip" for entry in REGISTRY.values())
_PLAN = tuple((entry.count, LEVELS.index(entry.level)) for entry in REGISTRY.values())


def price_row(hw: Any, price: dict[str, Price]) -> list[Number]:
    """Energy (pJ) of an action of each component, then area (um2), then leakage (mW): of what belongs to one crossbar,
    its share of PE and tile, or to one chip. Numbers, or arrays where settings of `hw` are arrays."""
    pe = 1.0 / hw.pe.crossbars
    share = (1.0, pe, pe / hw.tile.pes, 0.0, 1.0)
    energies, areas, leakages = [], [], []
    for (count, level), cost in zip(_PLAN, price.values(), strict=True):
        instances = count(hw) * share[level]
        energies.append(cost[0])
        areas.append(instances * cost[1])
        leakages.append(instances * cost[2])
    return energies + areas + leakages
