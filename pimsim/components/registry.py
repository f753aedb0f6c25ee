"""Every circuit under the name that reports use, with how many there are and where its section stands in the file.

Adding a kind of circuit: one file with a `price` function and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pimsim.components import (
    accumulator,
    activation,
    adc,
    bus,
    column_mux,
    crossbar,
    dac,
    dram,
    link,
    mac_unit,
    normalisation,
    pooling,
    programming,
    router,
    sample_hold,
    shift_add,
    softmax,
    storage,
    vector_unit,
)
from pimsim.components.price import Number, Price
from pimsim.components.process import View

ABSENT = Price(0.0, 0.0, 0.0, 1.0, ("given", "given", "given"), "the hardware file has none")


class Entry(NamedTuple):
    """section: dotted path in the hardware file. level: what it is counted per. count: instances per level."""

    section: str
    level: str  # "crossbar", "pe", "tile", "chip" or "none"
    count: Callable[[Any], Number]
    price: Callable[[Any], Price]


def _one(hw: Any) -> Number:
    return 1.0


def _tile_register(hw: Any) -> Price:
    return ABSENT if hw.tile.output_register is None else storage.tile_register(hw)


REGISTRY: dict[str, Entry] = {
    "crossbar": Entry("crossbar", "crossbar", _one, crossbar.price),
    "dac": Entry("crossbar.dac", "crossbar", lambda hw: hw.crossbar.rows, dac.price),
    "sample_hold": Entry("crossbar.sample_hold", "crossbar", lambda hw: hw.crossbar.columns, sample_hold.price),
    "column_mux": Entry("crossbar.column_mux", "crossbar", lambda hw: hw.crossbar.columns, column_mux.price),
    "adc": Entry(
        "crossbar.adc",
        "crossbar",
        lambda hw: -(-hw.crossbar.columns // hw.crossbar.adc.columns_per_adc),
        adc.price,
    ),
    "shift_add": Entry("pe.shift_add", "pe", lambda hw: hw.pe.shift_add.count, shift_add.price),
    "input_register": Entry("pe.input_register", "pe", _one, storage.input_register),
    "output_register": Entry("pe.output_register", "pe", _one, storage.output_register),
    "buffer": Entry("tile.buffer", "tile", _one, storage.buffer),
    "bus": Entry("tile.bus", "tile", _one, bus.price),
    "router": Entry("network.router", "tile", lambda hw: 1.0 / hw.network.router.tiles_per_router, router.price),
    "accumulator": Entry("tile.accumulator", "tile", lambda hw: hw.tile.accumulator.count, accumulator.price),
    "activation": Entry("tile.activation", "tile", lambda hw: hw.tile.activation.count, activation.price),
    "pool": Entry("tile.pool", "tile", lambda hw: hw.tile.pool.count, pooling.price),
    "vector": Entry("tile.vector", "tile", lambda hw: hw.tile.vector.count, vector_unit.price),
    "tile_register": Entry("tile.output_register", "tile", _one, _tile_register),
    "mac": Entry("tile.mac", "tile", lambda hw: hw.tile.mac.count, mac_unit.price),
    "softmax": Entry("tile.softmax", "tile", lambda hw: hw.tile.softmax.count, softmax.price),
    "normalisation": Entry("tile.normalisation", "tile", lambda hw: hw.tile.normalisation.count, normalisation.price),
    "link": Entry("chip.link", "chip", lambda hw: hw.chip.link.count, link.price),
    "memory": Entry("memory", "chip", _one, dram.price),
    "programming": Entry("crossbar.cell.write", "none", lambda hw: 0.0, programming.price),
}


def prices(hw: Any) -> dict[str, Price]:
    """The price of every circuit of `hw` (a Hardware, or an object of the same shape whose leaves are arrays)."""
    view = hw if type(hw) is View else View(hw)
    return {name: entry.price(view) for name, entry in REGISTRY.items()}
