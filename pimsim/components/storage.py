"""On-chip memories: input and output registers, tile register, activation buffer. One action: one bit read or written.

SRAM energy: M. Horowitz, ISSCC 2014: a 64-bit read of 8 KB takes 10 pJ, of 32 KB 20 pJ, of 1 MB 100 pJ at 45 nm, 0.9 V:
proportional to the square root of the capacity (113 pJ for 1 MB by that rule).
"""

from __future__ import annotations

from typing import Any

from pimsim.components.crossbar import SRAM_CELL_LEAKAGE_MW
from pimsim.components.price import Number, Price, resolve

SRAM_BIT_UM2_AT_45_NM = 0.346 / 0.6
"""6T cell of 0.346 um2 (Mistry et al., IEDM 2007) at an array efficiency of 60% (assumed)."""

EDRAM_AREA_RATIO = 0.55
"""eDRAM bit over SRAM bit: ISAAC's 64 KB at 32 nm take 0.083 mm2, 0.158 um2 a bit."""

EDRAM_RETENTION_NS = 40_000.0
"""Refresh period of embedded DRAM (Barth et al., JSSC 2011: 40 us)."""

RULE = "SRAM bit energy proportional to sqrt(capacity), 10 pJ for 64 bits of 8 KB (Horowitz, ISSCC 2014), C V^2 scaling"
BUFFER_RULE = f"{RULE}; one bank is read; eDRAM: refresh every 40 us (Barth et al., JSSC 2011)"


def bit_pJ(hw: Any, capacity_KB: Number) -> Number:
    """Energy of one bit read or written."""
    return 10.0 / 64.0 * (capacity_KB / 8.0) ** 0.5 * hw.process.energy_45


def sram_um2(hw: Any, capacity_KB: Number) -> Number:
    """Area of an SRAM with its periphery."""
    return capacity_KB * 8192.0 * SRAM_BIT_UM2_AT_45_NM * hw.process.area_45


def sram_leakage_mW(hw: Any, capacity_KB: Number) -> Number:
    """Static power of the cells."""
    return capacity_KB * 8192.0 * SRAM_CELL_LEAKAGE_MW * hw.technology.supply_V / 0.9


def _register(hw: Any, spec: Any, bits_per_ns: Number) -> Price:
    size_KB = spec.size_bytes / 1024.0
    return resolve(
        hw,
        spec,
        action_ns=1.0 / bits_per_ns,
        energy_pJ=bit_pJ(hw, size_KB),
        area_um2=sram_um2(hw, size_KB),
        leakage_mW=sram_leakage_mW(hw, size_KB),
        formula=RULE,
    )


def input_register(hw: Any) -> Price:
    """A busy PE reads the bits of every row of every crossbar in each cycle, and writes as many."""
    bits = 2.0 * hw.pe.crossbars * hw.crossbar.rows * hw.crossbar.dac.bits
    return _register(hw, hw.pe.input_register, bits / hw.cycle_ns)


def output_register(hw: Any) -> Price:
    """A busy PE writes and reads each finished result once."""
    bits = 2.0 * hw.outputs_per_cycle * hw.precision.accumulator_bits
    return _register(hw, hw.pe.output_register, bits / hw.cycle_ns)


def tile_register(hw: Any) -> Price:
    """A busy tile writes and reads each finished result of its PEs once."""
    bits = 2.0 * hw.tile.pes * hw.outputs_per_cycle * hw.precision.input_bits
    return _register(hw, hw.tile.output_register, bits / hw.cycle_ns)


def buffer(hw: Any) -> Price:
    """Busy: one word of width_bits a clock. eDRAM leaks its refresh: every bit once a retention time."""
    spec = hw.tile.buffer
    edram = spec.kind == "edram"
    energy = bit_pJ(hw, spec.size_KB / spec.banks)
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (spec.width_bits * hw.clock_GHz),
        energy_pJ=energy,
        area_um2=sram_um2(hw, spec.size_KB) * (EDRAM_AREA_RATIO if edram else 1.0),
        leakage_mW=spec.size_KB * 8192.0 * energy / EDRAM_RETENTION_NS if edram else sram_leakage_mW(hw, spec.size_KB),
        formula=BUFFER_RULE,
    )


