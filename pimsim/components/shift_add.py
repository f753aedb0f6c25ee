"""Shift-add unit of a PE: bit slices and input cycles put together. One action: one converted value added.

An adder of accumulator_bits; the shift is wiring (Horowitz, ISSCC 2014). Words grow from the converter's bits to those
of the accumulator, so that in an addition the mean of the two moves; without a converter, the whole width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.arithmetic import HOROWITZ, add_pJ, add_um2
from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit."""

    adders: float = 1.0


DEFAULT = Parameters()
SOURCE = f"one addition of the mean of adc.bits and accumulator_bits {HOROWITZ}"


def moving_bits(hw: Any) -> Number:
    """Bits that an addition moves, on the way from a converted value to the sum."""
    full, adc = hw.precision.accumulator_bits, hw.crossbar.adc
    return full if adc.kind == "none" else (adc.bits + full) / 2.0


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One value added (pJ)."""
    return parameters.adders * add_pJ(hw, moving_bits(hw))


def latency_ns(hw: Any) -> Number:
    """Time between two values of a unit in a busy PE (ns): a read cycle's conversions are shared among the units."""
    count, conversions = hw.pe.shift_add.count, hw.pe.crossbars * hw.crossbar.columns
    return hw.cycle_ns * (count + (count == 0)) / conversions  # without units: as with one


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    return parameters.adders * add_um2(hw, hw.precision.accumulator_bits)


def price(hw: Any) -> Price:
    """Price of one unit."""
    return resolve(
        hw,
        hw.pe.shift_add,
        action_ns=latency_ns(hw),
        energy_pJ=energy_pJ(DEFAULT, hw),
        area_um2=area_um2(DEFAULT, hw),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=SOURCE,
    )
