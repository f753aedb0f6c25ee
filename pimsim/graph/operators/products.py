"""The two kinds of matrix product, as layers: what all families of product operators share."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from pimsim.graph.nodes import Constant, Tensor
from pimsim.graph.operators.site import BITS_OF_TYPE, Site
from pimsim.graph.operators.streaming import NO_FLOW, Order
from pimsim.graph.workload import Edge, Kind


def activation_bits(tensor: Tensor | None) -> int | None:
    """Bits of an activation as the model fixes them: a Q/DQ pair, or a narrow type; None: the run's choice."""
    if tensor is None:
        return None
    if tensor.activation_bits is not None:
        return tensor.activation_bits
    return BITS_OF_TYPE.get(tensor.dtype)


def weight_bits(constant: Constant) -> int | None:
    """Bits of a weight as the model fixes them; None: the run's choice."""
    return constant.bits if constant.quantized else None


def empty(site: Site, *numbers: int) -> bool:
    """Whether a product has a dimension 0; the node is then marked as costing nothing."""
    if all(n > 0 for n in numbers):
        return False
    site.note("a dimension of this product is 0: nothing is computed")
    site.alias(NO_FLOW)
    return True


def stationary(
    site: Site,
    edges: Iterable[Edge],
    weight: Constant,
    *,
    groups: int,
    rows: int,
    cols: int,
    vectors: int,
    order: Order,
    x: Tensor,
    out_elements: int,
    fetched: int | None = None,
    bias: int = 0,
    bits: int | None = None,
    input_bits: int | None = None,
    extra_vector: int = 0,
    extra_special: int = 0,
    input_elements: int | None = None,
    suffix: str = "",
    outputs: Iterable[int] | None = None,
    serial_steps: int = 1,
    driven: str | None = None,
) -> None:
    """Emits an MVM layer. `bias`: elements of the bias, added once to every output; `bits`: weight bits if not the
    constant's own; `fetched`: default rows * vectors * groups, every input vector fetched once; `driven`: name of the
    value that drives the rows if it is not `x`."""
    if empty(site, groups, rows, cols, vectors):
        return
    site.weigh(weight)
    site.emit(
        Kind.MVM,
        edges,
        order=order,
        suffix=suffix,
        outputs=outputs,
        serial_steps=serial_steps,
        groups=groups,
        rows=rows,
        cols=cols,
        vectors=vectors,
        weight_key=weight.key,
        weight_elements=groups * rows * cols,
        weight_bits=weight_bits(weight) if bits is None else bits,
        input_bits=activation_bits(x) if input_bits is None else input_bits,
        input_elements=x.elements if input_elements is None else input_elements,
        fetched_elements=groups * rows * vectors if fetched is None else fetched,
        output_elements=out_elements,
        bias_elements=bias,
        vector_ops=(out_elements if bias else 0) + extra_vector,
        special_ops=extra_special,
        driven=_outermost(site, x.name if driven is None else driven),
    )


def dynamic(
    site: Site,
    edges: Iterable[Edge],
    *,
    groups: int,
    rows: int,
    cols: int,
    vectors: int,
    order: Order,
    input_elements: int,
    out_elements: int,
    suffix: str = "",
    outputs: Iterable[int] | None = None,
    input_bits: int | None = None,
    extra_vector: int = 0,
    bias: int = 0,
    extra_special: int = 0,
    serial_steps: int = 1,
) -> int | None:
    """Emits a product of two activations; returns its index, or None when it is empty."""
    if empty(site, groups, rows, cols, vectors):
        return None
    single = not suffix and site.node.op.rpartition(".")[2] in _TWO_FACTORS
    factors = [tensor.name if single and tensor is not None else "" for tensor in (site.input(0), site.input(1))]
    return site.emit(
        Kind.DYNAMIC,
        edges,
        order=order,
        driven=_outermost(site, factors[0]),
        stored=_outermost(site, factors[1]),
        suffix=suffix,
        outputs=outputs,
        serial_steps=serial_steps,
        groups=groups,
        rows=rows,
        cols=cols,
        vectors=vectors,
        input_bits=input_bits,
        input_elements=input_elements,
        fetched_elements=groups * rows * vectors,
        output_elements=out_elements,
        bias_elements=bias,
        vector_ops=extra_vector + (out_elements if bias else 0),
        special_ops=extra_special,
    )


_TWO_FACTORS = frozenset(["MatMul", "Gemm", "FusedMatMul", "MatMulInteger", "Conv", "ConvInteger", "ConvTranspose"])
"""Operators whose first input meets the rows and whose second is held in the cells, as they stand."""


def _outermost(site: Site, name: str) -> str:
    """`name` where the node stands in the main graph; names inside subgraphs mean nothing outside of them."""
    return name if site.scope.outer is None else ""


def size(tensor: Tensor | None, fallback: int) -> int:
    """Elements of an output tensor, or `fallback` when its shape is not known."""
    return fallback if tensor is None or tensor.shape is None else prod(tensor.shape)
