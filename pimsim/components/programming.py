"""Programming. One action: one cell written (all its pulses)."""

from __future__ import annotations

from typing import Any

from pimsim.components.price import Number, Price


def energy_pJ(hw: Any) -> Number:
    """Pulses x energy of a pulse; computed: V^2 / mean resistance x pulse (Ohm's law); SRAM: 1 fF x V^2."""
    cell = hw.crossbar.cell
    write = cell.write
    if write.energy_pJ is not None:
        return write.pulses * write.energy_pJ
    if cell.kind == "sram":
        return write.pulses * 1e-3 * hw.technology.supply_V**2
    r_on = 1e5 if cell.r_on_ohm is None else cell.r_on_ohm
    r_off = 10.0 * r_on if cell.r_off_ohm is None else cell.r_off_ohm
    conductance_S = (1.0 / r_on + 1.0 / r_off) / 2.0
    return write.pulses * write.voltage_V**2 * conductance_S * write.pulse_ns * 1e3


def price(hw: Any) -> Price:
    """Price of writing one cell; its drivers are part of the array."""
    write = hw.crossbar.cell.write
    origin = "given" if write.energy_pJ is not None else "computed"
    return Price(
        energy_pJ(hw),
        0.0,
        0.0,
        write.pulses * write.pulse_ns,
        (origin, "computed", "computed"),
        "pulses x V^2 x mean conductance x pulse (Ohm's law); drivers are part of the array",
    )
