"""Switched-capacitor integrator of a column (NeuRRAM's neuron). One action: one sample added to the integral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """feedback: integrating over sampling capacitor (assumed: several samples must fit in the swing). gm_per_A:
    transconductance of the amplifier over its current (1/V; moderate inversion). branches: its current paths (folded
    or two-stage; assumed). amplifier_gates: its area in NAND2 (assumed, as a comparator of 60)."""

    feedback: float = 4.0
    gm_per_A: float = 15.0
    branches: float = 3.0
    amplifier_gates: float = 60.0


DEFAULT = Parameters()
FORMULA = (
    "sampling capacitor C V^2, and a class-A amplifier that settles it to half a step: I = C ln(2) (bits + 1) / "
    "(gm/I t) x 3 branches (textbook)"
)


def energy_pJ(hw: Any, sample_fF: Number) -> Number:
    """Sampling capacitor, and the amplifier's current while it settles sampling and feedback capacitor (pJ). The time
    falls out: a faster step takes as much more current."""
    volt = hw.technology.supply_V
    settling = 0.6931 * (hw.crossbar.adc.bits + 1.0)
    load = sample_fF * (1.0 + DEFAULT.feedback)
    return (sample_fF * volt + DEFAULT.branches * load * settling / DEFAULT.gm_per_A) * volt * 1e-3


def area_um2(hw: Any, sample_um2: Number) -> Number:
    """Both capacitors and the amplifier (um2)."""
    return sample_um2 * (1.0 + DEFAULT.feedback) + DEFAULT.amplifier_gates * hw.process.logic_um2


def latency_ns(hw: Any) -> Number:
    """One step (ns)."""
    return hw.cycle_ns
