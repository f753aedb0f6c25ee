"""On-chip memories of a hardware file: input and output registers, tile register, activation buffer. One action: one
bit read or written. Which circuit each is made of stands in its `kind`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pimsim.components import edram, register_file, sram
from pimsim.components.memory_array import Number, smaller
from pimsim.components.price import Price, resolve
from pimsim.components.process import Process
from pimsim.hardware.technology import Flavour

CIRCUITS: dict[str, tuple[Any, str]] = {
    "sram": (sram.sram, sram.FORMULA),
    "edram": (edram.edram, edram.FORMULA),
    "register_file": (register_file.register_file, register_file.FORMULA),
}
"""Kind -> (what builds the memory, its formula and source)."""


NOT_NEEDED = (0.0, 0.0, 0.0)
"""Energy, area and leakage of a memory whose file gives them all."""


def _figures(
    kind: str,
    process: Process,
    node_nm: Number,
    flavour: Flavour,
    capacity_bits: Number,
    width_bits: Number,
    ports: Number,
    banks: Number,
) -> tuple[Number, Number, Number]:
    """Energy of a bit (pJ), area (um2), leakage (mW)."""
    memory = CIRCUITS[kind][0](process, node_nm, flavour, capacity_bits, width_bits, ports, banks)
    return memory.energy_pJ, memory.area_um2, memory.leakage_mW


_remembered = lru_cache(maxsize=1024)(_figures)
"""A search mostly changes what is not the memories: the same one is worked out once (arrays are worked out anew)."""


def _price(
    hw: Any, spec: Any, bits_per_ns: Number, capacity_bits: Number, width_bits: Number, banks: Number = 1.0
) -> Price:
    given = spec.area_um2 is not None and not (spec.energy_pJ is spec.power_mW is None)
    figures = NOT_NEEDED
    if not given:
        process, tech, ports = hw.process, hw.technology, 1.0 * spec.ports
        plain = type(process.logic_um2 + process.gate_fJ + capacity_bits + width_bits + ports + banks) is float
        at = _remembered if plain else _figures
        figures = at(spec.kind, process, tech.node_nm, tech.flavour, capacity_bits, width_bits, ports, banks)
    energy, area, leakage = figures
    return resolve(
        hw,
        spec,
        action_ns=1.0 / bits_per_ns,
        energy_pJ=energy,
        area_um2=area,
        leakage_mW=leakage,
        formula=CIRCUITS[spec.kind][1],
    )


def _register(hw: Any, spec: Any, bits_per_ns: Number, word_bits: Number) -> Price:
    """A register whose width the file leaves out takes words of `word_bits`, or its whole content if that is less."""
    capacity = 8.0 * spec.size_bytes
    width = smaller(capacity, 1.0 * word_bits) if spec.width_bits is None else 1.0 * spec.width_bits
    return _price(hw, spec, bits_per_ns, capacity, width)


def input_register(hw: Any) -> Price:
    """A busy PE reads the bits of every row of every crossbar in each cycle, and writes as many. A word: the
    rows of one crossbar."""
    rows = hw.crossbar.rows * hw.crossbar.dac.bits
    return _register(hw, hw.pe.input_register, 2.0 * hw.pe.crossbars * rows / hw.cycle_ns, rows)


def output_register(hw: Any) -> Price:
    """A busy PE writes and reads each finished result once. A word: one result."""
    word = hw.precision.accumulator_bits
    return _register(hw, hw.pe.output_register, 2.0 * hw.outputs_per_cycle * word / hw.cycle_ns, word)


def tile_register(hw: Any) -> Price:
    """A busy tile writes and reads each finished result of its PEs once. A word: what the bus carries."""
    bits = 2.0 * hw.tile.pes * hw.outputs_per_cycle * hw.precision.input_bits
    return _register(hw, hw.tile.output_register, bits / hw.cycle_ns, hw.tile.bus.width_bits)


def buffer(hw: Any) -> Price:
    """Busy: one word of width_bits a clock on each port, from one of the banks."""
    spec = hw.tile.buffer
    bits_per_ns = spec.ports * spec.width_bits * hw.clock_GHz
    return _price(hw, spec, bits_per_ns, 8192.0 * spec.size_KB, 1.0 * spec.width_bits, 1.0 * spec.banks)
