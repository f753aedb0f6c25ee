"""Every circuit under the name that reports use, with how many there are and where its section stands in the file.

Adding a kind of circuit: one file with a `price` function and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pimsim.components import (
    adc,
    crossbar,
    dac,
    digital,
    interconnect,
    normalisation,
    sample_hold,
    softmax,
    storage,
    write,
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
    "adc": Entry(
        "crossbar.adc",
        "crossbar",
        lambda hw: -(-hw.crossbar.columns // hw.crossbar.adc.columns_per_adc),
        adc.price,
    ),
    "shift_add": Entry("pe.shift_add", "pe", lambda hw: hw.pe.shift_add.count, digital.shift_add),
    "input_register": Entry("pe.input_register", "pe", _one, storage.input_register),
    "output_register": Entry("pe.output_register", "pe", _one, storage.output_register),
    "buffer": Entry("tile.buffer", "tile", _one, storage.buffer),
    "bus": Entry("tile.bus", "tile", _one, interconnect.bus),
    "router": Entry("network.router", "tile", lambda hw: 1.0 / hw.network.router.tiles_per_router, interconnect.router),
    "accumulator": Entry("tile.accumulator", "tile", lambda hw: hw.tile.accumulator.count, digital.accumulator),
    "activation": Entry("tile.activation", "tile", lambda hw: hw.tile.activation.count, digital.activation),
    "pool": Entry("tile.pool", "tile", lambda hw: hw.tile.pool.count, digital.pool),
    "vector": Entry("tile.vector", "tile", lambda hw: hw.tile.vector.count, digital.vector),
    "tile_register": Entry("tile.output_register", "tile", _one, _tile_register),
    "mac": Entry("tile.mac", "tile", lambda hw: hw.tile.mac.count, digital.mac),
    "softmax": Entry("tile.softmax", "tile", lambda hw: hw.tile.softmax.count, softmax.price),
    "normalisation": Entry(
        "tile.normalisation", "tile", lambda hw: hw.tile.normalisation.count, normalisation.price
    ),
    "link": Entry("chip.link", "chip", lambda hw: hw.chip.link.count, interconnect.link),
    "memory": Entry("memory", "chip", _one, interconnect.memory),
    "programming": Entry("crossbar.cell.write", "none", lambda hw: 0.0, write.price),
}


def prices(hw: Any) -> dict[str, Price]:
    """The price of every circuit of `hw` (a Hardware, or an object of the same shape whose leaves are arrays)."""
    view = hw if type(hw) is View else View(hw)
    return {name: entry.price(view) for name, entry in REGISTRY.items()}
