"""Repeated on-chip wire: what a bit pays a millimetre. The bus, the H-tree and the links of routers rest on it.

Capacitance and resistance of an intermediate wire and the delay of a fan-out-of-four inverter are the technology
table's. Repeaters at a spacing l and of a width w cost (Elmore; R0, C0 of a minimum inverter, p of its own load, r and
c of the wire a length; Bakoglu 1990; Ho, Mai and Horowitz, "The future of wires", Proc. IEEE 89(4), 2001)

    delay / length = 0.69 (1 + p) R0 C0 / l + 0.69 R0 c / w + 0.69 r C0 w + 0.38 r c l

which is least at l^2 = 0.69 (1 + p) R0 C0 / (0.38 r c) and w^2 = R0 c / (r C0): 1.52 sqrt(FO4 r c), where the repeaters
load the wire with 1.05 times its own capacitance. FO4 = 0.69 (4 + p) R0 C0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pimsim.components.price import Number
from pimsim.hardware import technology as table

GATE = 0.69
"""ln 2: a step through a lumped RC."""

LINE = 0.38
"""A step through a distributed RC."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """rises: share of bits on which a wire is charged, a quarter of random ones. repeater_load: capacitance of the
    repeaters over that of the wire: 1.05 at the delay optimum (1.1 in published designs), 1 taken. spacing: over the
    delay optimum. own_load: drain of an inverter over its gate (assumed equal)."""

    rises: float = 0.25
    repeater_load: float = 1.0
    spacing: float = 1.0
    own_load: float = 1.0


DEFAULT = Parameters()
SOURCE = "length x wire capacitance (technology table), doubled by repeaters, x V^2 / 4 (random bits; Ho et al., 2001)"


def energy_pJ_per_mm(parameters: Parameters, hw: Any) -> Number:
    """One bit over a millimetre (pJ): C V^2 of wire and repeaters, on the bits that rise."""
    process = hw.process
    activity = parameters.rises * (1.0 + parameters.repeater_load)
    return process.wire_fF_per_mm * 1e-3 * process.supply_V * process.supply_V * activity


def latency_ns_per_mm(parameters: Parameters, hw: Any) -> Number:
    """A millimetre (ns)."""
    tech, own = hw.technology, parameters.own_load
    fo4_ps = table.fo4_ps(tech.node_nm, tech.supply_V, tech.flavour)
    rc_ps = _ohm_per_mm(tech.node_nm) * hw.process.wire_fF_per_mm * 1e-3  # ohm fF = 1e-3 ps, a square millimetre
    along = (GATE * LINE * (1.0 + own)) ** 0.5 * (parameters.spacing + 1.0 / parameters.spacing)
    width = parameters.repeater_load * parameters.spacing / optimal_load(own)
    across = GATE * (width + 1.0 / width)
    return (along + across) * (fo4_ps / (GATE * (4.0 + own)) * rc_ps) ** 0.5 * 1e-3


def optimal_load(own_load: float) -> float:
    """Capacitance of the repeaters over that of the wire where the delay is least."""
    return math.sqrt((1.0 + own_load) * LINE / GATE)


def _ohm_per_mm(node_nm: Number) -> Number:
    return _remembered(node_nm) if isinstance(node_nm, float) else table.wire_ohm_per_mm(node_nm)


_remembered = lru_cache(maxsize=256)(table.wire_ohm_per_mm)
