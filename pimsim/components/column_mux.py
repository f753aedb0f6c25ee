"""Column multiplexer: columns take turns on a converter. One action: one column connected. One instance a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import adc, silicon
from pimsim.components.lines import log
from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """widths: each transistor of a column's transmission gate in minimum widths, and two of them (assumed). gates: area
    of transmission gate and select buffer in NAND2 (assumed). decoder_gates: of a select line, switched when it moves
    on, in NAND2 (assumed)."""

    widths: float = 4.0
    gates: float = 2.0
    decoder_gates: float = 4.0


DEFAULT = Parameters()
FORMULA = "two gates of 4 widths and a select line's decoder C V^2; none where every column has a converter"


def shared(hw: Any) -> Number:
    """1 where columns take turns on a converter beyond those that are combined, else 0."""
    adc = hw.crossbar.adc
    return 0.0 if adc.kind == "none" else 1.0 * (adc.columns_per_adc > adc.columns_combined)


def energy_pJ(hw: Any) -> Number:
    """Gates of the transmission gate, and the decoder (pJ): C V^2."""
    volt, here = hw.process.supply_V, hw.process
    switch = 2.0 * DEFAULT.widths * here.access_fF * volt * volt
    return shared(hw) * (switch + DEFAULT.decoder_gates * here.gate_fJ) * 1e-3


def latency_ns(hw: Any) -> Number:
    """Select decoder and switch (ns): a fan-out-of-4 delay for each factor of 4 in columns, and one."""
    return shared(hw) * (1.0 + log(1.0 * hw.crossbar.adc.columns_per_adc) / log(4.0)) * hw.fo4_ns


def area_um2(hw: Any) -> Number:
    """A column's share (um2)."""
    return shared(hw) * DEFAULT.gates * hw.process.logic_um2


def price(hw: Any) -> Price:
    """Price of one column's switch."""
    return resolve(
        hw,
        hw.crossbar.column_mux,
        action_ns=hw.cycle_ns,
        energy_pJ=energy_pJ(hw) * silicon.energy(adc.silicon_kind(hw.crossbar.adc.kind)),
        area_um2=area_um2(hw) * silicon.area(adc.silicon_kind(hw.crossbar.adc.kind)),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=FORMULA,
    )
