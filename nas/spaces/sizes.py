"""What follows from an architecture and its inputs: widths of every product, parameters, multiply-adds, and which parts
reach the output. No weights.

A product whose width matches already is left out together with its normalisation, as in the authors' code; that is why
sizes are computed here once, for the network, the supernet and the lowering alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from nas.spaces.architecture import MERGED_ROWS, Architecture, Block
from pimsim.errors import InputError

HEADS = 8
"""Of self-attention."""

NORM_FLOPS = 5
"""What fvcore counts for an element of a LayerNorm with scale and shift."""


Shapes = list[tuple[str, tuple[int, ...]]]


class Inputs(NamedTuple):
    """dense columns, sparse fields, width of an embedding."""

    dense: int
    fields: int
    dim: int = 16

    @classmethod
    def of(cls, dense: int, fields: int, dim: int = 16) -> Inputs:
        """Those of data with so many columns and fields; without dense columns there is one, which is always 1."""
        return cls(max(1, dense), fields, dim)


def runs(fields: Iterable[tuple[str, int]]) -> list[tuple[str, slice]]:
    """(pooling, columns) for each step that gives sparse features, from the (pooling, length) of all fields:
    neighbouring fields without pooling are one step."""
    found: list[tuple[str, slice]] = []
    start = 0
    for pooling, length in fields:
        if not pooling and found and not found[-1][0]:
            found[-1] = ("", slice(found[-1][1].start, start + length))
        else:
            found.append((pooling, slice(start, start + length)))
        start += length
    return found


def counted_rows(width: int) -> int:
    """Rows that the balanced dot product projects its features to: as many pairs as outputs, about."""
    return round(math.sqrt(2 * width))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one block: features that it concatenates (dense_in), sparse rows (rows_in), width of left and right input and
    of both after padding, rows of the dot product (features projected to them, without the dense one) and its pairs."""

    dense_in: int
    rows_in: int
    left: int
    right: int
    padded: int
    interacting: int
    pairs: int


class Reach(NamedTuple):
    """Whether what a part of a block computes reaches the output of the network."""

    dense: bool
    sparse: bool
    merge_dense: bool
    merge_fm: bool


class Weight(NamedTuple):
    """A parameter: name, shape, and the part of the network that it belongs to ("head" or a field of Reach)."""

    name: str
    shape: tuple[int, ...]
    block: int
    part: str


def sizes(architecture: Architecture, inputs: Inputs) -> tuple[Sizes, ...]:
    """One entry a block. Raises InputError where heads do not divide the embedding."""
    if any("transformer" in block.operators for block in architecture.blocks) and inputs.dim % HEADS:
        raise InputError(f"self-attention has {HEADS} heads: the embedding width must be a multiple; got {inputs.dim}")
    dense, rows = [inputs.dense], [inputs.fields]
    found = []
    for block in architecture.blocks:
        dense_in, rows_in = sum(dense[i] for i in block.dense), sum(rows[i] for i in block.sparse)
        left, right = (max(dense[i] for i in side) for side in (block.left, block.right))
        interacting = counted_rows(block.dense_width) if architecture.balanced else rows_in
        pairs = interacting * (interacting + 1) // 2
        found.append(Sizes(dense_in, rows_in, left, right, max(left, right), interacting, pairs))
        dense.append(block.dense_width)
        rows.append(block.sparse_rows)
    return tuple(found)


def merges_late(block: Block, dim: int) -> bool:
    """Whether the merger appends the dense output as it is, after the factorisation machine was added to it.

    In the authors' code the rows are a view of the dense output when no projection stands between, and the addition
    works in place. Their published figures hold for that.
    """
    return block.merge_dense and block.merge_fm and block.dense_width == MERGED_ROWS * dim


def reach(architecture: Architecture, dim: int) -> tuple[Reach, ...]:
    """One entry a block."""
    count = len(architecture)
    dense, sparse = [False] * count + [True], [False] * count + [True]
    found: list[Reach] = []
    for at in range(count, 0, -1):
        block = architecture.blocks[at - 1]
        rows = block.merge_dense and sparse[at]
        machine = block.merge_fm and (dense[at] or (rows and merges_late(block, dim)))
        here = Reach(dense[at] or rows, sparse[at] or machine, rows, machine)
        found.insert(0, here)
        reads = set(block.operators)
        if here.dense and reads & {"linear-2d", "dot-product"}:
            for source in block.dense:
                dense[source] = True
        if (here.dense and "dot-product" in reads) or here.sparse:
            for source in block.sparse:
                sparse[source] = True
        if here.dense and reads & {"sigmoid-gating", "sum"}:
            for source in (*block.left, *block.right):
                dense[source] = True
    return tuple(found)


def weights(architecture: Architecture, inputs: Inputs) -> Iterator[Weight]:
    """Every parameter but the embeddings, in the order of the computation. Matrices are outputs x inputs."""
    norm, last = architecture.use_layernorm, architecture.blocks[-1]
    for at, (block, size) in enumerate(zip(architecture.blocks, sizes(architecture, inputs), strict=True)):
        for name in block.operators:
            part = "dense" if name in block.dense_operators else "sparse"
            for key, shape in _operator_weights(name, block, size, inputs.dim, norm):
                yield Weight(f"{at}.{name}.{key}", shape, at, part)
        rows = MERGED_ROWS * inputs.dim
        if block.merge_dense and block.dense_width != rows:
            for key, shape in _product("", rows, block.dense_width, norm):
                yield Weight(f"{at}.merge_dense.{key}", shape, at, "merge_dense")
        if block.merge_fm and block.dense_width != inputs.dim:
            for key, shape in _product("", block.dense_width, inputs.dim, norm):
                yield Weight(f"{at}.merge_fm.{key}", shape, at, "merge_fm")
    yield Weight("head.weight", (1, last.dense_width + last.sparse_rows * inputs.dim), len(architecture), "head")
    yield Weight("head.bias", (1,), len(architecture), "head")


def _product(prefix: str, out: int, into: int, norm: bool, bias: bool | None = None) -> Shapes:
    """A matrix and its normalisation; one that is normalised has no bias, unless said otherwise."""
    found: Shapes = [(f"{prefix}weight", (out, into))]
    if not norm if bias is None else bias:
        found.append((f"{prefix}bias", (out,)))
    return found + (_norm(prefix, out) if norm else [])


def _norm(prefix: str, width: int) -> Shapes:
    return [(f"{prefix}scale", (width,)), (f"{prefix}shift", (width,))]


def _operator_weights(
    name: str, block: Block, size: Sizes, dim: int, norm: bool
) -> Shapes:
    width, found = block.dense_width, []
    if name == "linear-2d":
        return _product("", width, size.dense_in, norm)
    if name == "linear-3d":
        return _product("", block.sparse_width, size.rows_in, norm)
    if name == "transformer":
        found = _product("", block.sparse_width, size.rows_in, norm)
        found += _product("qkv_", 3 * dim, dim, False) + _product("out_", dim, dim, False) + _norm("out_", dim)
        return found + _product("fc1_", dim, dim, False) + _product("fc2_", dim, dim, False) + _norm("fc2_", dim)
    into = size.padded
    if name == "dot-product":
        into = size.pairs
        if size.dense_in != dim:
            found += _product("dense_", dim, size.dense_in, norm)
        if size.interacting != size.rows_in:
            found += _product("count_", size.interacting, size.rows_in, norm)
    elif name == "sigmoid-gating":
        found += _product("gate_", into, into, False)
    if into != width:
        found += _product("", width, into, False, bias=not norm or name == "sigmoid-gating")
    return found + (_norm("", width) if norm else [])


class Parameters(NamedTuple):
    """Without embeddings. built: of all blocks, as the authors' code counts. reaching: of what reaches the output, as
    an exported graph holds them."""

    built: int
    reaching: int


def parameters(architecture: Architecture, inputs: Inputs) -> Parameters:
    """Numbers of parameters without embeddings."""
    live = reach(architecture, inputs.dim)
    built = reaching = 0
    for weight in weights(architecture, inputs):
        count = prod(weight.shape)
        built += count
        if weight.part == "head" or getattr(live[weight.block], weight.part):
            reaching += count
    if architecture.use_layernorm:  # the authors' code keeps the unused norm of a factorisation machine
        built += sum(2 * inputs.dim for b in architecture.blocks if b.merge_fm and b.dense_width == inputs.dim)
    return Parameters(built, reaching)


def fvcore_flops(architecture: Architecture, inputs: Inputs) -> int:
    """Multiply-adds of one sample as fvcore 0.1.5 counts them on the authors' code: a multiply-add once, attention's
    two products of activations not at all, NORM_FLOPS an element of a LayerNorm; only what reaches the output."""
    live, dim = reach(architecture, inputs.dim), inputs.dim
    total = 0
    for weight in weights(architecture, inputs):
        if weight.part != "head" and not getattr(live[weight.block], weight.part):
            continue
        block = None if weight.part == "head" else architecture.blocks[weight.block]
        repeats = 1 if block is None else _vectors(weight, block, dim)
        key = weight.name.rpartition(".")[2]
        if key.endswith("weight"):
            total += prod(weight.shape) * repeats
        elif key.endswith("scale"):
            total += NORM_FLOPS * weight.shape[0] * repeats
    for at, (block, size) in enumerate(zip(architecture.blocks, sizes(architecture, inputs), strict=True)):
        if "dot-product" in block.operators and live[at].dense:
            total += dim * (size.interacting + 1) ** 2
    return total


def _vectors(weight: Weight, block: Block, dim: int) -> int:
    """Vectors of one sample that meet a weight."""
    _, name, key = weight.name.split(".")
    if name == "linear-3d" or (name == "dot-product" and key.startswith("count_")):
        return dim
    if name == "transformer":
        return block.sparse_width if "_" in key else dim
    return 1
