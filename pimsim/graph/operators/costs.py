"""Digital operations of elementwise and reducing operators, as data: vector, special and pool operations an element.

A vector operation is an addition, multiplication, comparison or bit operation; a special one is exp, log, sigmoid,
tanh, erf, a trigonometric function, a root, a reciprocal or a division (functions built on those are counted by what
they are built of: Gelu is one erf, two products and one sum). These are counts of the textbook formula of each
operator as the ONNX operator page states it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pimsim.graph.operators.site import Site


class Cost(NamedTuple):
    """Operations an element. `basis`: "out" counts elements of the output, "in" those of the first input."""

    vector: int = 0
    special: int = 0
    pool: int = 0
    basis: str = "out"


ELEMENTWISE: Mapping[str, Cost] = {
    "Abs": Cost(1), "Acos": Cost(0, 1), "Acosh": Cost(0, 1), "Add": Cost(1), "And": Cost(1), "Asin": Cost(0, 1),
    "Asinh": Cost(0, 1), "Atan": Cost(0, 1), "Atanh": Cost(0, 1), "BitShift": Cost(1), "BitwiseAnd": Cost(1),
    "BitwiseNot": Cost(1), "BitwiseOr": Cost(1), "BitwiseXor": Cost(1), "Ceil": Cost(1), "Celu": Cost(4, 1),
    "Clip": Cost(2), "Cos": Cost(0, 1), "Cosh": Cost(0, 1), "Div": Cost(0, 1), "Elu": Cost(3, 1), "Equal": Cost(1),
    "Erf": Cost(0, 1), "Exp": Cost(0, 1), "Floor": Cost(1), "Gelu": Cost(3, 1), "Greater": Cost(1),
    "GreaterOrEqual": Cost(1), "HardSigmoid": Cost(4), "HardSwish": Cost(5), "IsInf": Cost(1), "IsNaN": Cost(1),
    "LeakyRelu": Cost(2), "Less": Cost(1), "LessOrEqual": Cost(1), "Log": Cost(0, 1), "Mish": Cost(2, 3),
    "Mod": Cost(2, 1), "Mul": Cost(1), "Neg": Cost(1), "Not": Cost(1), "Or": Cost(1), "PRelu": Cost(2),
    "Pow": Cost(1, 2), "Reciprocal": Cost(0, 1), "Relu": Cost(1), "Round": Cost(1), "Selu": Cost(4, 1),
    "Shrink": Cost(3), "Sigmoid": Cost(0, 1), "Sign": Cost(1), "Sin": Cost(0, 1), "Sinh": Cost(0, 1),
    "Softplus": Cost(1, 2), "Softsign": Cost(2, 1), "Sqrt": Cost(0, 1), "Sub": Cost(1), "SwiGLU": Cost(2, 1),
    "Swish": Cost(1, 1), "Tan": Cost(0, 1), "Tanh": Cost(0, 1), "ThresholdedRelu": Cost(1), "Where": Cost(1),
    "Xor": Cost(1), "Bernoulli": Cost(2), "QuantizeLinear": Cost(3), "DequantizeLinear": Cost(2),
    "com.microsoft.QuantizeLinear": Cost(3), "com.microsoft.DequantizeLinear": Cost(2),
    "com.microsoft.QuickGelu": Cost(2, 1), "com.microsoft.FastGelu": Cost(6, 1), "com.microsoft.Gelu": Cost(3, 1),
    "com.microsoft.BiasGelu": Cost(4, 1), "com.microsoft.QLinearAdd": Cost(8), "com.microsoft.QLinearMul": Cost(7),
    "com.microsoft.QLinearLeakyRelu": Cost(6), "com.microsoft.QLinearSigmoid": Cost(5, 1),
    "com.microsoft.QLinearSoftmax": Cost(8, 2), "com.microsoft.QLinearWhere": Cost(6), "com.microsoft.BiasAdd": Cost(2),
    "com.microsoft.BiasDropout": Cost(2), "com.microsoft.BiasSplitGelu": Cost(5, 1), "com.microsoft.Inverse": Cost(2,
    1),
    "ai.onnx.ml.Binarizer": Cost(1), "ai.onnx.ml.Imputer": Cost(1), "ai.onnx.ml.Scaler": Cost(2),
    "ThresholdRelu": Cost(1), "Affine": Cost(2), "ImageScaler": Cost(2), "ParametricSoftplus": Cost(3, 2),
    "ScaledTanh": Cost(2, 1), "Scale": Cost(1),
}  # fmt: skip
"""Operators whose output elements are computed one by one from the elements of their (broadcast) inputs."""

REDUCTIONS: Mapping[str, Cost] = {
    "ReduceL1": Cost(2, basis="in"), "ReduceL2": Cost(2, basis="in"), "ReduceLogSum": Cost(1, basis="in"),
    "ReduceLogSumExp": Cost(3, 1, basis="in"), "ReduceMax": Cost(1, basis="in"), "ReduceMean": Cost(1, basis="in"),
    "ReduceMin": Cost(1, basis="in"), "ReduceProd": Cost(1, basis="in"), "ReduceSum": Cost(1, basis="in"),
    "ReduceSumSquare": Cost(2, basis="in"), "ArgMax": Cost(1, basis="in"), "ArgMin": Cost(1, basis="in"),
    "com.microsoft.QLinearReduceMean": Cost(1, basis="in"), "com.microsoft.ReduceSumInteger": Cost(1, basis="in"),
}  # fmt: skip
"""Operations an input element; `REDUCED_SPECIAL` are added for each output element."""

REDUCED_SPECIAL: Mapping[str, int] = {"ReduceL2": 1, "ReduceLogSum": 1, "ReduceLogSumExp": 1, "ReduceMean": 1}
"""Root, logarithm or division at the end of a reduction, once for each output element."""

ACTIVATIONS: Mapping[str, tuple[int, int]] = {
    "Relu": (0, 1), "LeakyRelu": (0, 2), "Clip": (0, 2), "HardSigmoid": (0, 4), "HardSwish": (0, 5), "Sigmoid": (1, 0),
    "Tanh": (1, 0), "Elu": (1, 3), "Gelu": (1, 3), "Swish": (1, 1), "SiLU": (1, 1), "ThresholdedRelu": (0, 1),
    "Softplus": (2, 1), "Softsign": (1, 2), "Affine": (0, 2), "ScaledTanh": (1, 2), "QuickGelu": (1, 2),
    "FastGelu": (1, 6),
}  # fmt: skip
"""Activations by name, as attributes of fused and recurrent operators spell them: (special, vector) an element."""


def activation_cost(site: Site, name: str) -> tuple[int, int]:
    """(special, vector) operations an element of the activation `name` (case is ignored, as the standard says)."""
    wanted = name.lower()
    for known, cost in ACTIVATIONS.items():
        if known.lower() == wanted:
            return cost
    site.fail(f"its activation {name[:40]!r} is not known; known: {', '.join(sorted(ACTIVATIONS))}")


def fused_activation(site: Site, elements: int) -> tuple[int, int]:
    """(special, vector) operations of the activation fused into a node, over `elements` outputs."""
    name = site.attr_str("activation", "")
    if not name:
        return 0, 0
    special, vector = activation_cost(site, name)
    return special * elements, vector * elements
