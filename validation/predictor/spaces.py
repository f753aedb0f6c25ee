"""Three spaces to learn: CNN blocks, a recommender's blocks, and the knobs of a crossbar chip under one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pimsim.cost.batch import evaluate
from pimsim.cost.lookup import lookup_table
from pimsim.cost.points import Points
from pimsim.cost.shapes import Choices
from pimsim.hardware.load import load_hardware

from ..choice_spaces import cnn, recommender

Array = np.ndarray[Any, np.dtype[np.float64]]
FIGURES = ("energy_pJ", "latency_ns", "area_um2")

KNOBS: dict[str, tuple[int, ...]] = {
    "crossbar.rows": (64, 128, 256, 512),
    "crossbar.columns": (64, 128, 256, 512),
    "crossbar.cell.bits": (1, 2, 4),
    "crossbar.dac.bits": (1, 2, 4),
    "crossbar.adc.bits": (5, 6, 7, 8),
    "crossbar.adc.columns_per_adc": (8, 16, 32, 64),
    "pe.crossbars": (4, 8, 16),
    "tile.pes": (4, 8, 12, 16),
    "tile.buffer.size_KB": (32, 64, 128, 256),
    "tile.bus.width_bits": (128, 256, 384),
    "precision.weight_bits": (4, 6, 8),
    "precision.input_bits": (4, 6, 8),
}


class Samples(NamedTuple):
    """features: n x features. figures: name -> n values."""

    features: Array
    figures: dict[str, Array]


def _blocks(space: Choices) -> Callable[[int, np.random.Generator], Samples]:
    def draw(count: int, generator: np.random.Generator) -> Samples:
        architectures = space.random(count, generator)
        found = lookup_table(space, "reram_128").compose(architectures)
        return Samples(space.one_hot(architectures), {name: getattr(found, name) for name in FIGURES[:2]})

    return draw


def knobs(count: int, generator: np.random.Generator) -> Samples:
    """Random hardware points under one CNN, each knob one-hot; the simulator runs on every one."""
    space = cnn(8)
    chosen = {path: generator.integers(len(values), size=count) for path, values in KNOBS.items()}
    values = {path: np.array(KNOBS[path])[at] for path, at in chosen.items()}
    values["crossbar.cell.write.cells_at_once"] = np.full(count, 64)  # no more than the fewest columns
    network = space.workload([1] + [4] * 4 + [13] * 4 + [0])
    found = evaluate([network], Points(load_hardware("reram_128"), values), columns=FIGURES)
    if any(found["error"]):
        raise RuntimeError(f"a point failed: {next(filter(None, found['error']))}")
    features = np.concatenate([np.eye(len(KNOBS[path]))[at] for path, at in chosen.items()], axis=1)
    return Samples(features, {name: found[name] for name in FIGURES})


SPACES: dict[str, Callable[[int, np.random.Generator], Samples]] = {
    "cnn blocks": _blocks(cnn()),
    "recommender blocks": _blocks(recommender()),
    "hardware knobs": knobs,
}
