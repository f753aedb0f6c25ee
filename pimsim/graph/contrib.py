"""Shapes of the operators of com.microsoft that quantised and fused models carry; onnx has no schema for them.

Source: the operator descriptions in onnxruntime's docs/ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pimsim.errors import printable
from pimsim.graph.nodes import Tensor
from pimsim.graph.sizes import checked_shape

Shape = tuple[int, ...]
Output = tuple[Shape | None, str]
Rule = Callable[["Inputs"], list[Output]]


class Inputs:
    """Inputs and attributes of one node, with short ways to their shapes."""

    def __init__(self, tensors: Sequence[Tensor | None], attributes: Mapping[str, Any]):
        self.tensors, self.attributes = tensors, attributes

    def has(self, index: int) -> bool:
        """Whether input `index` is given."""
        return index < len(self.tensors) and self.tensors[index] is not None

    def shape(self, index: int) -> Shape:
        """Shape of input `index`; raises LookupError if it is not known."""
        tensor = self.tensors[index]
        if tensor is None or tensor.shape is None:
            raise LookupError(index)
        return tensor.shape

    def dtype(self, index: int) -> str:
        """Element type of input `index`, "" if there is none."""
        tensor = self.tensors[index] if index < len(self.tensors) else None
        return tensor.dtype if tensor is not None else ""

    def integer(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        return int(self.attributes.get(name, default))


def contrib_shapes(op: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any]) -> list[Output]:
    """Shape (None: unknown) and element type of the outputs of an operator; an empty list where nothing is known.

    Operators of com.microsoft, and those that onnxruntime keeps in ai.onnx beside the standard.
    """
    rule = RULES.get(op.removeprefix("com.microsoft."))
    if rule is None:
        return []
    try:
        found = rule(Inputs(inputs, attributes))
        shapes = [None if shape is None else [int(d) for d in shape] for shape, _ in found]
    except (LookupError, ValueError, TypeError, ZeroDivisionError, OverflowError):
        return []  # an input without a shape, or attributes that do not fit: the output stays unknown
    sizes = [None if shape is None else checked_shape(shape, f"output of {printable(op)}") for shape in shapes]
    return [(shape, dtype) for shape, (_, dtype) in zip(sizes, found, strict=True)]


def _same(inputs: Inputs) -> list[Output]:
    return [(inputs.shape(0), inputs.dtype(0))]


def _skip_norm(inputs: Inputs) -> list[Output]:
    shape, dtype = inputs.shape(0), inputs.dtype(0)
    moments = (*shape[:-1], 1)
    return [(shape, dtype), (moments, "float32"), (moments, "float32"), (shape, dtype)]


def _norm(inputs: Inputs) -> list[Output]:
    shape = inputs.shape(0)
    axis = inputs.integer("axis", -1) % max(len(shape), 1)
    moments = tuple(1 if i >= axis else d for i, d in enumerate(shape))
    return [(shape, inputs.dtype(0)), (moments, "float32"), (moments, "float32")]


def _halved(inputs: Inputs) -> list[Output]:
    shape = inputs.shape(0)
    return [((*shape[:-1], shape[-1] // 2), inputs.dtype(0))]


def _matmul_nbits(inputs: Inputs) -> list[Output]:
    return [((*inputs.shape(0)[:-1], inputs.integer("N")), inputs.dtype(0))]


def _product(left: Shape, right: Shape) -> Shape:
    a = (1, *left) if len(left) == 1 else left
    b = (*right, 1) if len(right) == 1 else right
    if a[-1] != b[-2]:
        raise ValueError("inner dimensions differ")
    result = (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])
    result = (*result[:-2], result[-1]) if len(left) == 1 else result
    return result[:-1] if len(right) == 1 else result


def _turned(shape: Shape, inner: int, batch: int) -> Shape:
    if batch and len(shape) > 2:
        shape = (*shape[1:-1], shape[0], shape[-1])
    return (*shape[:-2], shape[-1], shape[-2]) if inner and len(shape) > 1 else shape


def _fused_matmul(inputs: Inputs) -> list[Output]:
    left = _turned(inputs.shape(0), inputs.integer("transA"), inputs.integer("transBatchA"))
    right = _turned(inputs.shape(1), inputs.integer("transB"), inputs.integer("transBatchB"))
    return [(_product(left, right), inputs.dtype(0))]


def _float_matmul(inputs: Inputs) -> list[Output]:
    return [(_product(inputs.shape(0), inputs.shape(1)), "float32")]


def _gemm(weight: int) -> Rule:
    def rule(inputs: Inputs) -> list[Output]:
        left, right = inputs.shape(0), inputs.shape(weight)
        rows = left[1] if inputs.integer("transA") else left[0]
        cols = right[0] if inputs.integer("transB") else right[1]
        quantized = weight == 3
        dtype = inputs.dtype(0) if not quantized else inputs.dtype(8) or "float32"
        return [((rows, cols), dtype)]

    return rule


def _broadcast(*positions: int) -> Rule:
    def rule(inputs: Inputs) -> list[Output]:
        shapes = [inputs.shape(index) for index in positions]
        return [(np.broadcast_shapes(*shapes), inputs.dtype(positions[-1]))]

    return rule


def _concat(inputs: Inputs) -> list[Output]:
    shapes = [inputs.shape(index) for index in range(2, len(inputs.tensors), 3)]
    axis = int(inputs.attributes["axis"]) % len(shapes[0])
    total = sum(shape[axis] for shape in shapes)
    return [((*shapes[0][:axis], total, *shapes[0][axis + 1 :]), inputs.dtype(2))]


def _spatial(inputs: Inputs, last: bool) -> tuple[Shape, int, Shape]:
    """Batch, channels and spatial dimensions of input 0."""
    shape = inputs.shape(0)
    if len(shape) < 3:
        raise ValueError("no spatial dimension")
    return (shape[:1], shape[-1], shape[1:-1]) if last else (shape[:1], shape[1], shape[2:])


def _image(batch: Shape, channels: int, space: Shape, last: bool) -> Shape:
    return (*batch, *space, channels) if last else (*batch, channels, *space)


def _global_pool(inputs: Inputs) -> list[Output]:
    last = bool(inputs.integer("channels_last"))
    batch, channels, space = _spatial(inputs, last)
    return [(_image(batch, channels, (1,) * len(space), last), inputs.dtype(0))]


def _windows(inputs: Inputs, space: Shape, kernel: Sequence[int]) -> Shape:
    """Positions of a sliding window along each spatial dimension."""
    rank = len(space)
    strides = inputs.attributes.get("strides") or [1] * rank
    dilations = inputs.attributes.get("dilations") or [1] * rank
    pads = inputs.attributes.get("pads") or [0] * (2 * rank)
    auto = inputs.attributes.get("auto_pad", "NOTSET")
    up = bool(inputs.integer("ceil_mode"))
    if not len(kernel) == len(strides) == len(dilations) == len(pads) // 2 == rank:
        raise ValueError("attributes do not fit the rank")
    result = []
    for i, size in enumerate(space):
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            result.append(-(-size // strides[i]))
            continue
        padding = 0 if auto == "VALID" else pads[i] + pads[i + rank]
        free = size + padding - (dilations[i] * (kernel[i] - 1) + 1)
        if free < 0:
            raise ValueError("window larger than the image")
        result.append((-(-free // strides[i]) if up else free // strides[i]) + 1)
    return tuple(result)


def _pool(always_last: bool) -> Rule:
    def rule(inputs: Inputs) -> list[Output]:
        last = always_last or bool(inputs.integer("channels_last"))
        batch, channels, space = _spatial(inputs, last)
        positions = _windows(inputs, space, inputs.attributes["kernel_shape"])
        return [(_image(batch, channels, positions, last), inputs.dtype(0))]

    return rule


def _conv(weight: int, always_last: bool = False) -> Rule:
    def rule(inputs: Inputs) -> list[Output]:
        last = always_last or bool(inputs.integer("channels_last"))
        batch, _, space = _spatial(inputs, last)
        kernel = inputs.shape(weight)
        extent = kernel[1:-1] if always_last and kernel[1:-1] == tuple(_kernel(inputs, kernel)) else kernel[2:]
        positions = _windows(inputs, space, _kernel(inputs, (0, 0, *extent)))
        return [(_image(batch, kernel[0], positions, last), inputs.dtype(0))]

    return rule


def _kernel(inputs: Inputs, weight: Shape) -> Sequence[int]:
    given: Sequence[int] = inputs.attributes.get("kernel_shape") or list(weight[2:])
    return given


def _attention(inputs: Inputs) -> list[Output]:
    batch, steps = inputs.shape(0)[:2]
    sizes = inputs.attributes.get("qkv_hidden_sizes")
    hidden = int(sizes[2]) if sizes else inputs.shape(1)[1] // 3
    heads = inputs.integer("num_heads", 1)
    past = inputs.shape(4)[3] if inputs.has(4) else 0
    return [
        ((batch, steps, hidden), inputs.dtype(0)),
        ((2, batch, heads, past + steps, hidden // heads), inputs.dtype(0)),
    ]


def _quantized_attention(inputs: Inputs) -> list[Output]:
    batch, steps = inputs.shape(0)[:2]
    hidden, heads = inputs.shape(1)[1] // 3, inputs.integer("num_heads", 1)
    past = inputs.shape(8)[3] if inputs.has(8) else 0
    dtype = inputs.dtype(3) or "float32"
    return [((batch, steps, hidden), dtype), ((2, batch, heads, past + steps, hidden // heads), dtype)]


def _multi_head(inputs: Inputs) -> list[Output]:
    query, heads, dtype = inputs.shape(0), inputs.integer("num_heads", 1), inputs.dtype(0)
    if len(query) == 5:  # packed: batch, steps, heads, 3, head size
        return [((query[0], query[1], query[2] * query[4]), dtype)]
    value = inputs.shape(2) if inputs.has(2) else None
    key = inputs.shape(1) if inputs.has(1) else query
    hidden = query[2] if value is None else value[2] if len(value) == 3 else value[1] * value[3]
    steps = key[1] if len(key) in (3, 5) else key[2]
    past = inputs.shape(6)[2] if inputs.has(6) else 0
    return [
        ((query[0], query[1], hidden), dtype),
        ((query[0], heads, past + steps, query[2] // heads), dtype),
        ((query[0], heads, past + steps, hidden // heads), dtype),
    ]


def _group_query(inputs: Inputs) -> list[Output]:
    batch, steps, width = inputs.shape(0)
    heads, shared = inputs.integer("num_heads"), inputs.integer("kv_num_heads")
    size = width // heads if inputs.has(1) else width // (heads + 2 * shared)
    past = inputs.shape(3)[2] if inputs.has(3) else 0
    cache = ((batch, shared, past + steps, size), inputs.dtype(0))
    return [((batch, steps, heads * size), inputs.dtype(0)), cache, cache]


def _embed(inputs: Inputs) -> list[Output]:
    batch, steps = inputs.shape(0)
    full = (batch, steps, inputs.shape(2)[-1])
    return [(full, inputs.dtype(2)), ((batch,), "int32"), (full, inputs.dtype(2))]


def _quantize(inputs: Inputs) -> list[Output]:
    return [(inputs.shape(0), inputs.dtype(2) or "uint8")]


def _dequantize(inputs: Inputs) -> list[Output]:
    return [(inputs.shape(0), inputs.dtype(1) or "float32")]


def _gather_blocks(inputs: Inputs) -> list[Output]:
    data, axis = inputs.shape(0), inputs.integer("gather_axis")
    packed = 8 // inputs.integer("bits", 4) if inputs.dtype(0) == "uint8" else 1
    full = (*data[:-1], data[-1] * packed)
    return [((*full[:axis], *inputs.shape(1), *full[axis + 1 :]), inputs.dtype(2))]


def _lstm(inputs: Inputs) -> list[Output]:
    steps, batch, _ = inputs.shape(0)
    hidden = inputs.integer("hidden_size")
    both = 2 if inputs.attributes.get("direction") == "bidirectional" else 1
    state = ((both, batch, hidden), "float32")
    return [((steps, both, batch, hidden), "float32"), state, state]


def _reduce_mean(inputs: Inputs) -> list[Output]:
    shape, keep = inputs.shape(0), inputs.integer("keepdims", 1)
    axes = {int(a) % len(shape) for a in inputs.attributes.get("axes") or range(len(shape))}
    kept = tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)
    return [(kept, inputs.dtype(0))]


def _crop(inputs: Inputs) -> list[Output]:
    batch, channels, height, width = inputs.shape(0)
    left, top, right, bottom = inputs.attributes["border"]
    scale = inputs.attributes.get("scale")
    size = tuple(scale) if scale else (height - top - bottom, width - left - right)
    return [((batch, channels, *size), inputs.dtype(0))]


RULES: dict[str, Rule] = {
    **dict.fromkeys(["ImageScaler", "Affine", "ParametricSoftplus", "ScaledTanh", "Scale"], _same),  # old ai.onnx
    "Crop": _crop,
    **dict.fromkeys(["Gelu", "FastGelu", "BiasGelu", "QuickGelu", "BiasAdd", "BiasSoftmax", "BiasDropout"], _same),
    **dict.fromkeys(["QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax"], _same),
    **dict.fromkeys(["RotaryEmbedding", "GroupNorm", "SkipGroupNorm", "Trilu", "MoE", "QMoE"], _same),
    **dict.fromkeys(["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"], _skip_norm),
    **dict.fromkeys(["LayerNormalization", "SimplifiedLayerNormalization"], _norm),
    "BiasSplitGelu": _halved,
    **dict.fromkeys(["MatMulNBits", "MatMulBnb4", "MatMulFpQ4"], _matmul_nbits),
    **dict.fromkeys(["FusedMatMul", "TransposeMatMul", "FusedMatMulActivation"], _fused_matmul),
    **dict.fromkeys(["DynamicQuantizeMatMul", "MatMulIntegerToFloat"], _float_matmul),
    "FusedGemm": _gemm(1),
    "QGemm": _gemm(3),
    **dict.fromkeys(["QLinearAdd", "QLinearMul"], _broadcast(0, 3)),
    "QLinearWhere": _broadcast(0, 1, 4),
    "QLinearConcat": _concat,
    "QLinearReduceMean": _reduce_mean,
    "QLinearGlobalAveragePool": _global_pool,
    "QLinearAveragePool": _pool(False),
    "NhwcMaxPool": _pool(True),
    "FusedConv": _conv(1),
    "NhwcFusedConv": _conv(1, True),
    "NhwcConv": _conv(1, True),
    "QLinearConv": _conv(3),
    "Attention": _attention,
    "QAttention": _quantized_attention,
    "MultiHeadAttention": _multi_head,
    "GroupQueryAttention": _group_query,
    "EmbedLayerNormalization": _embed,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "GatherBlockQuantized": _gather_blocks,
    "DynamicQuantizeLSTM": _lstm,
}
