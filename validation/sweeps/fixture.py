"""A space of any number of points, and two networks to go through it with."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pimsim.errors import InputError
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.schema import Hardware

COLUMNS = ("energy_pJ", "latency_ns", "area_um2")
BLOCK = 20_000
"""Points for each value of the last knob."""


def space(points: int, base: str | Hardware = "reram_128") -> dict[str, Any]:
    """A space of `points` points, all of which are valid. Raises InputError unless they are a multiple of BLOCK."""
    if points % BLOCK or points < BLOCK:
        raise InputError(f"points must be a multiple of {BLOCK:,}; got {points:,}")
    return {
        "name": f"points_{points}",
        "base": base,
        "knobs": {
            "crossbar.rows": {"log2": [32, 256]},
            "crossbar.columns": {"log2": [64, 512]},
            "crossbar.adc.bits": {"from": 5, "to": 9},
            "crossbar.adc.columns_per_adc": {"log2": [4, 64]},
            "tile.pes": {"from": 1, "to": 50},
            "crossbar.cell.r_on_ohm": {"from": 10_000, "to": 9_999 + points // BLOCK},
        },
        "derived": {
            "pe.input_register.size_bytes": "16 * crossbar.rows",
            "crossbar.cell.write.cells_at_once": "min(crossbar.columns, 128)",
        },
    }


def write_mlp(path: Path) -> None:
    """Three fully connected layers with stored weights, as ONNX."""
    widths = (784, 256, 64, 10)
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for i, (rows, columns) in enumerate(pairwise(widths)):
        weights.append(numpy_helper.from_array(rng.standard_normal((rows, columns), dtype=np.float32), f"w{i}"))
        nodes.append(helper.make_node("MatMul", [f"t{i}", f"w{i}"], [f"t{i + 1}"], name=f"fc{i}"))
    ends = [helper.make_tensor_value_info(f"t{at}", TensorProto.FLOAT, [1, widths[at]]) for at in (0, len(widths) - 1)]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def deep() -> Workload:
    """Sixty convolutions, so that a point is worth some microseconds."""
    layers = [
        Layer(
            f"conv{i}", "Conv", Kind.MVM, groups=1, rows=9 * width, cols=width, vectors=side * side,
            output_elements=side * side * width,
        )
        for i, (width, side) in enumerate(20 * [(64, 32)] + 20 * [(128, 16)] + 20 * [(256, 8)])
    ]  # fmt: skip
    return Workload("deep", tuple(layers))
