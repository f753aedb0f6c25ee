"""The computation of a NASRec network on given weights: what stand-alone networks and paths of a supernet share.

Dense tensors are (n, width), sparse ones (n, dim, rows): rows last, because most operators mix rows. A stand-alone
network has one matrix for what a block concatenates, a supernet a slice for each piece. Dense pieces meet their slices
one by one, and the products are added, since the slices are large; sparse pieces are joined, and so are their slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nas.spaces.architecture import MERGED_ROWS, Architecture, Block
from nas.spaces.sizes import Inputs, Sizes, merges_late, reach, sizes
from nas.supernets.attention import attention, attention_of_columns
from nas.supernets.norm import layer_norm
from nas.supernets.threads import traced

Weights = Mapping[str, Sequence[Tensor]]
"""Name of a parameter -> its slices, one for each piece of the input (one for a whole matrix)."""


class Forward:
    """logits = Forward(architecture, inputs)(weights, dense, features); parts that do not reach the output are left
    out. dense: (n, columns), features: (n, dim, fields), logits: (n,)."""

    def __init__(self, architecture: Architecture, inputs: Inputs):
        self.architecture, self.inputs = architecture, inputs
        self.sizes = sizes(architecture, inputs)
        self.live = reach(architecture, inputs.dim)

    def __call__(self, weights: Weights, dense: Tensor, features: Tensor) -> Tensor:
        """See the class."""
        denses: list[Tensor | None] = [dense]
        sparses: list[list[Tensor]] = [[features]]
        for at, block in enumerate(self.architecture.blocks):
            flat, rows = self._block(at, block, Part(weights, at), denses, sparses)
            denses.append(flat)
            sparses.append(rows)
        last, pieces = denses[-1], sparses[-1]
        assert last is not None
        flattened = [last, *(piece.transpose(1, 2).flatten(1) for piece in pieces)]
        return mix(flattened, weights["head.weight"], weights["head.bias"][0]).squeeze(-1)

    def _block(
        self, at: int, block: Block, part: Part, denses: list[Tensor | None], sparses: list[list[Tensor]]
    ) -> tuple[Tensor | None, list[Tensor]]:
        live, size, dim = self.live[at], self.sizes[at], self.inputs.dim
        features: list[Tensor] = []
        if live.sparse or (live.dense and "dot-product" in block.operators):
            features = [joined([piece for i in block.sparse for piece in sparses[i]])]
        flat = rows = None
        if live.dense:
            for name in block.dense_operators:
                found = self._dense(name, block, size, part.of(name), denses, features)
                flat = found if flat is None else flat + found
        if live.sparse:
            for name in block.sparse_operators:
                attends = name == "transformer"
                found = part.of(name).product(features, relu=not attends)
                if attends:
                    found = attend(part.of(name), found, block.sparse_width)
                rows = found if rows is None else rows + found
        merged = None
        if live.merge_dense:
            assert flat is not None
            merged = flat
            if block.dense_width != MERGED_ROWS * dim:
                merged = part.of("merge_dense").product([flat])
        if live.merge_fm:
            assert flat is not None
            assert rows is not None
            flat = flat + machine(rows, None if block.dense_width == dim else part.of("merge_fm"))
            if live.merge_dense and merges_late(block, dim):
                merged = flat
        pieces = [] if rows is None else [rows]
        if merged is not None:
            pieces.append(merged.reshape(-1, MERGED_ROWS, dim).transpose(1, 2))
        return flat, pieces

    def _dense(
        self, name: str, block: Block, size: Sizes, part: Part, denses: list[Tensor | None], features: list[Tensor]
    ) -> Tensor:
        if name in ("linear-2d", "dot-product"):
            flats = [flat for flat in (denses[i] for i in block.dense) if flat is not None]
            if name == "linear-2d":
                return part.product(flats, relu=True)
            return part.norm(self._interaction(block, size, part, flats, features))
        left, right = ([padded(denses[i], size.padded) for i in side] for side in (block.left, block.right))
        if name == "sum":
            found = sum_of([*left, *right])
        else:
            gate = mix(left, part.weights("gate_weight"), part.weights("gate_bias")[0])
            found = torch.sigmoid(gate) * sum_of(right)
        if size.padded != block.dense_width:
            found = part.product([found], normed=False)
        return part.norm(found)

    def _interaction(
        self, block: Block, size: Sizes, part: Part, flats: list[Tensor], features: list[Tensor]
    ) -> Tensor:
        one = part.product(flats, "dense_") if size.dense_in != self.inputs.dim else joined(flats)
        if self.architecture.balanced and size.interacting != size.rows_in:
            features = [part.product(features, "count_")]
        vectors = torch.cat([one.unsqueeze(-1), *features], -1)
        products = torch.matmul(vectors.transpose(1, 2), vectors)
        pairs = products.flatten(1).index_select(1, lower_triangle(size.interacting + 1, vectors.device))
        return pairs if size.pairs == block.dense_width else part.product([pairs], normed=False)


class Part:
    """The weights of one block, or of one operator in it."""

    def __init__(self, weights: Weights, at: int, prefix: str = ""):
        self._weights, self._at, self._prefix = weights, at, prefix

    def of(self, name: str) -> Part:
        """Those of an operator or merger of the block."""
        return Part(self._weights, self._at, f"{self._at}.{name}.")

    def weights(self, key: str) -> Sequence[Tensor]:
        """The slices of a parameter; none where it does not exist."""
        return self._weights.get(self._prefix + key, ())

    def product(self, pieces: Sequence[Tensor], key: str = "", normed: bool = True, relu: bool = False) -> Tensor:
        """A matrix on the concatenation of `pieces` along the last axis, its bias, its normalisation, and ReLU."""
        bias = self.weights(f"{key}bias")
        found = mix(pieces, self.weights(f"{key}weight"), bias[0] if bias else None)
        if normed:
            return self.norm(found, key, relu)
        return F.relu(found) if relu else found

    def norm(self, x: Tensor, key: str = "", relu: bool = False) -> Tensor:
        """Layer normalisation over the last axis, where the network has one there, then ReLU."""
        scale = self.weights(f"{key}scale")
        if scale:
            return layer_norm(x, scale[0], self.weights(f"{key}shift")[0], relu)
        return F.relu(x) if relu else x


@cache
def lower_triangle(count: int, device: torch.device) -> Tensor:
    """Places of the strict lower triangle in a flattened square matrix of `count` rows, row by row."""
    with torch.inference_mode(False):  # it is kept, and what inference mode makes takes no part in training later on
        row, column = torch.tril_indices(count, count, -1, device=device).unbind()
        return row * count + column


def joined(pieces: Sequence[Tensor]) -> Tensor:
    """The pieces concatenated along the last axis."""
    return pieces[0] if len(pieces) == 1 else torch.cat(list(pieces), -1)


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """Their sum; the tensor itself where there is one."""
    total = tensors[0]
    for other in tensors[1:]:
        total = total + other
    return total


def mix(pieces: Sequence[Tensor], slices: Sequence[Tensor], bias: Tensor | None) -> Tensor:
    """x W' + bias for the concatenation x of `pieces` and the matrix W, whole or in slices of its columns."""
    if len(slices) == 1 or len(pieces) == 1:
        return F.linear(joined(pieces), joined(slices), bias)
    total = F.linear(pieces[0], slices[0], bias)
    for piece, matrix in zip(pieces[1:], slices[1:], strict=True):
        total = total + F.linear(piece, matrix)
    return total


def padded(flat: Tensor | None, width: int) -> Tensor:
    """Zeros behind it up to `width`."""
    assert flat is not None
    zeros = width - int(flat.shape[-1])
    return F.pad(flat, (0, zeros)) if zeros else flat


def machine(rows: Tensor, part: Part | None) -> Tensor:
    """Second-order factorisation machine over the rows, one value a dimension: (sum)^2 - sum of squares (twice that of
    Rendle, 2010), projected by `part`."""
    total = rows.sum(-1)
    found = total * total - (rows * rows).sum(-1)
    return found if part is None else part.product([found])


def attend(part: Part, x: Tensor, rows: int) -> Tensor:
    """Self-attention over the rows of (n, dim, rows), then two layers, both with residual and normalisation after."""
    if traced():  # rows stay last as long as they can: a graph has one transposition less
        weights = part.weights
        mixed = torch.matmul(weights("qkv_weight")[0], x) + weights("qkv_bias")[0].unsqueeze(-1)
        mixed = torch.matmul(weights("out_weight")[0], attention_of_columns(mixed, rows))
        tokens = (mixed + weights("out_bias")[0].unsqueeze(-1) + x).transpose(1, 2)
    else:
        tokens = x.transpose(1, 2).contiguous()
        mixed = attention(part.product([tokens], "qkv_"), rows)
        tokens = tokens + part.product([mixed], "out_", normed=False)
    tokens = part.norm(tokens, "out_")
    hidden = part.product([tokens], "fc1_", relu=True)
    return part.norm(tokens + part.product([hidden], "fc2_", normed=False), "fc2_").transpose(1, 2).contiguous()
