"""Programming. One action: one cell written (all its pulses).

A pulse takes V I t, with I by Ohm's law at the mean of both states where the file gives no current; a written cell is
as often set as reset. Write-verify: pulses follow until the cell reads as it should. With a chance `success` that a
pulse does it, their number is geometric: 1 / success on average, and H(n) / ln(1 / (1 - success)) + 1/2 until the
slowest of n cells written at once is done (H(n) the harmonic number; Eisenberg, Statistics & Probability Letters 78,
2008).
SRAM: one bitline of the pair swings by the supply (C V^2 of lines.py). Drivers are part of the array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.arithmetic import ln
from pimsim.components.lines import bitline_fF
from pimsim.components.price import Number, Price
from pimsim.components.resistive_cell import resistances


@dataclass(frozen=True, slots=True)
class Parameters:
    """swing: of an SRAM's bitline, over the supply."""

    swing: float = 1.0


DEFAULT = Parameters()
SOURCE = "pulses x V^2 x mean conductance x pulse (Ohm's law); drivers are part of the array"
EULER = 0.5772156649015329


def mean_pulses(write: Any) -> Number:
    """Pulses that a cell takes on average."""
    if write.success is not None:
        return 1.0 / write.success
    return 1.0 if write.pulses is None else write.pulses


def row_pulses(write: Any) -> Number:
    """Pulses until the slowest of the cells that are written at once verifies; never fewer than one cell takes."""
    if write.success is None:
        return mean_pulses(write)
    cells, one = write.cells_at_once, 1.0 / write.success
    harmonic = ln(cells) + EULER + 0.5 / cells - 1.0 / (12.0 * cells * cells)
    slowest = harmonic / -ln(1.0 - write.success) + 0.5
    return (slowest + one + abs(slowest - one)) / 2.0  # the larger of the two, for scalars and arrays alike


def row_ns(write: Any) -> Number:
    """Writing the cells that one pulse reaches (ns): those to be set, then those to be reset, where these differ."""
    if write.set is write.reset is None:
        return row_pulses(write) * write.pulse_ns
    return row_pulses(write) * (_pulse_ns(write, write.set) + _pulse_ns(write, write.reset))


def _pulse_ns(write: Any, pulse: Any) -> Number:
    return write.pulse_ns if pulse is None else pulse.pulse_ns


def mean_conductance_S(hw: Any) -> Number:
    """Of both states (S)."""
    r_on, r_off = resistances(hw)
    return (1.0 / r_on + 1.0 / r_off) / 2.0


def pulse_pJ(write: Any, pulse: Any, conductance_S: Number) -> Number:
    """One pulse (pJ): V x I x t; V^2 x S x ns is nJ, V x uA x ns is fJ."""
    if pulse is None:
        return write.voltage_V**2 * conductance_S * write.pulse_ns * 1e3
    if pulse.current_uA is None:
        return pulse.voltage_V**2 * conductance_S * pulse.pulse_ns * 1e3
    return pulse.voltage_V * pulse.current_uA * pulse.pulse_ns * 1e-3


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One cell written (pJ)."""
    cell = hw.crossbar.cell
    write = cell.write
    if write.energy_pJ is not None:
        one = write.energy_pJ
    elif cell.kind == "sram":
        one = parameters.swing * bitline_fF(hw) * 1e-3 * hw.technology.supply_V**2
    else:
        mean_S = mean_conductance_S(hw)
        one = (pulse_pJ(write, write.set, mean_S) + pulse_pJ(write, write.reset, mean_S)) / 2.0
    return mean_pulses(write) * (one + write.verify_pJ)


def latency_ns(write: Any) -> Number:
    """One cell by itself (ns)."""
    return mean_pulses(write) * ((_pulse_ns(write, write.set) + _pulse_ns(write, write.reset)) / 2.0)


def area_um2() -> float:
    """None of its own (um2)."""
    return 0.0


def price(hw: Any) -> Price:
    """Price of writing one cell."""
    write = hw.crossbar.cell.write
    origin = "given" if write.energy_pJ is not None else "computed"
    return Price(
        energy_pJ(DEFAULT, hw), area_um2(), 0.0, latency_ns(write), (origin, "computed", "computed"), SOURCE
    )  # fmt: skip
