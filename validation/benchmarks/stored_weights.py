"""Writes an ONNX model of about as many MB as asked, random weights inside: `python -m ... PATH MEGABYTES`."""

from __future__ import annotations

import sys
from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper

CHANNELS, SIDE, CONVOLUTIONS = 256, 4, 8
WIDTH = CHANNELS * SIDE * SIDE


def shapes(megabytes: int) -> list[tuple[int, ...]]:
    """Shapes of the weights: up to eight convolutions, then products as wide as their input, the last one narrower."""
    found: list[tuple[int, ...]] = []
    left = megabytes * 10**6 // 4
    while left > 0:
        if len(found) < CONVOLUTIONS:
            found.append((CHANNELS, CHANNELS, 3, 3))
        else:
            found.append((WIDTH, max(1, min(WIDTH, left // WIDTH))))
            left = 0 if found[-1][1] < WIDTH else left
        left -= prod(found[-1])
    return found


def build(megabytes: int) -> onnx.ModelProto:
    """The model; its input is one image of 256 channels."""
    random = np.random.default_rng(0)
    nodes, weights, at, outputs = [], [], "image", (1, CHANNELS, SIDE, SIDE)
    for number, shape in enumerate(shapes(megabytes)):
        conv = len(shape) == 4
        if not conv and len(outputs) == 4:
            nodes.append(helper.make_node("Flatten", [at], ["flat"]))
            at = "flat"
        name, output = f"weight_{number}", f"result_{number}"
        values = random.random(prod(shape), dtype=np.float32)
        weights.append(helper.make_tensor(name, TensorProto.FLOAT, shape, values.tobytes(), raw=True))
        attributes = {"pads": [1, 1, 1, 1]} if conv else {}
        nodes.append(helper.make_node("Conv" if conv else "MatMul", [at, name], [output], **attributes))
        at, outputs = output, outputs if conv else (1, shape[1])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, CHANNELS, SIDE, SIDE])
    result = helper.make_tensor_value_info(at, TensorProto.FLOAT, outputs)
    graph = helper.make_graph(nodes, "stored_weights", [image], [result], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    onnx.save(build(int(sys.argv[2])), sys.argv[1])
