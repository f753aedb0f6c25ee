"""MACs and weights of an ONNX model, counted without pimsim: onnx's shape inference and a little arithmetic.

Straight-line graphs only (bodies of Loop and If are searched for weights, not for products).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import onnx

PASSES_DATA_ON = {"Reshape", "Transpose", "Cast", "Identity", "Squeeze", "Unsqueeze", "Flatten", "DequantizeLinear"}
WEIGHT_INPUTS = {
    "Conv": (1,), "ConvTranspose": (1,), "MatMul": (0, 1), "Gemm": (0, 1), "LSTM": (1, 2), "GRU": (1, 2), "RNN": (1, 2),
    "Gather": (0,),
}  # fmt: skip
Shapes = dict[str, tuple[int, ...]]


def known_shapes(model: onnx.ModelProto) -> Shapes:
    """Shapes of all values of the main graph that onnx can infer; symbolic dimensions leave a value out."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes: Shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.HasField("tensor_type") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(d.dim_value for d in dims)
    return shapes


def node_macs(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Multiply-adds of one node."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type in ("Conv", "MatMul", "Gemm"):
        out = shapes[node.output[0]]
    if node.op_type == "Conv":
        return math.prod(out) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "MatMul":
        return math.prod(out) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        return math.prod(out) * shapes[node.input[0]][0 if attributes.get("transA") else 1]
    if node.op_type in ("LSTM", "GRU", "RNN"):
        steps = math.prod(shapes[node.input[0]][:2])  # sequence x batch
        return steps * (math.prod(shapes[node.input[1]]) + math.prod(shapes[node.input[2]]))
    if node.op_type == "Attention":  # (batch, heads, length, head width)
        (b, h, q, d), (_, _, k, _), (_, _, _, v) = (shapes[name] for name in node.input[:3])
        return b * h * q * k * (d + v)
    return 0


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g)


def count(model: onnx.ModelProto) -> tuple[int, int]:
    """(multiply-adds, weight elements) of the model; a shared tensor is counted once, biases are not."""
    shapes = known_shapes(model)
    stored = {t.name: t.data_type for t in model.graph.initializer}
    origin = {name: name for name in stored}
    weights: dict[str, int] = {}
    for node in _nodes(model.graph):
        first = node.input[0] if node.input else ""
        if node.op_type in ("Constant", "ConstantOfShape"):
            origin[node.output[0]] = node.output[0]
            stored[node.output[0]] = onnx.TensorProto.FLOAT
            if node.op_type == "Constant" and node.attribute[0].type == onnx.AttributeProto.TENSOR:
                stored[node.output[0]] = node.attribute[0].t.data_type
                shapes[node.output[0]] = tuple(node.attribute[0].t.dims)
        elif node.op_type in PASSES_DATA_ON and first in origin:
            origin[node.output[0]] = origin[first]
        for position in WEIGHT_INPUTS.get(node.op_type, ()):
            name = origin.get(node.input[position])
            if name and stored[name] != onnx.TensorProto.INT64:
                weights[name] = math.prod(shapes[name])
    return sum(node_macs(node, shapes) for node in model.graph.node), sum(weights.values())
