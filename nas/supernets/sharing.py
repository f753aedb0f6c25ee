"""Where the weights of a network lie in those of a supernet.

Every parameter of the supernet has the size of the widest choice. A matrix has columns for all earlier outputs, each at
its full width; a network takes the columns of those that it reads, as far as they are wide, so that it needs one slice
for each piece of its input. All slices are views: nothing is computed at full width and masked.
"""

from __future__ import annotations

from collections.abc import Iterator

from nas.spaces.architecture import MERGED_ROWS, Architecture, Block
from nas.spaces.nasrec import Space
from nas.spaces.sizes import Inputs, Sizes, Weight, counted_rows

Index = tuple[slice | int, ...]


class Layout:
    """Shapes of a supernet's parameters, and the slices of them that an architecture uses."""

    def __init__(self, space: Space, inputs: Inputs):
        self.space, self.inputs = space, inputs
        self.width, self.rows = space.dense_widths[-1], space.sparse_widths[-1]

    def dense_start(self, source: int) -> int:
        """First column of the dense output `source` in a concatenation of all."""
        return 0 if source == 0 else self.inputs.dense + (source - 1) * self.width

    def rows_start(self, source: int) -> int:
        """The same for the sparse output."""
        return 0 if source == 0 else self.inputs.fields + (source - 1) * (self.rows + MERGED_ROWS)

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape of every parameter."""
        norm, dim = self.space.use_layernorm, self.inputs.dim
        for at in range(self.space.blocks):
            for name in self.space.operators:
                for key, shape, normed in self._operator(name, at):
                    yield from _product(f"{at}.{name}.{key}", shape, normed)
            yield from _product(f"{at}.merge_dense.", (MERGED_ROWS * dim, self.width), norm)
            yield from _product(f"{at}.merge_fm.", (self.width, dim), norm)
        yield "head.weight", (1, self.width + (self.rows + MERGED_ROWS) * dim)
        yield "head.bias", (1,)

    def _operator(self, name: str, at: int) -> list[tuple[str, tuple[int, ...], bool | None]]:
        """(prefix, shape of the matrix, normalised: True, with a bias: False, with both: None)."""
        norm, dim = self.space.use_layernorm, self.inputs.dim
        dense_in, rows_in = self.dense_start(at + 1), self.rows_start(at + 1)
        wide = max(self.width, self.inputs.dense)
        if name == "linear-2d":
            return [("", (self.width, dense_in), norm)]
        if name == "linear-3d":
            return [("", (self.rows, rows_in), norm)]
        if name == "sum":
            return [("", (self.width, wide), norm)]
        if name == "sigmoid-gating":
            return [("gate_", (at + 1, wide, wide), False), ("", (self.width, wide), None if norm else False)]
        if name == "dot-product":
            kept = counted_rows(self.width) if self.space.balanced else rows_in
            found: list[tuple[str, tuple[int, ...], bool | None]] = [("dense_", (dim, dense_in), norm)]
            if self.space.balanced:
                found.append(("count_", (kept, rows_in), norm))
            return [*found, ("", (self.width, kept * (kept + 1) // 2), norm)]
        square = (dim, dim)
        return [
            ("", (self.rows, rows_in), norm), ("qkv_", (3 * dim, dim), False), ("out_", square, None),
            ("fc1_", square, False), ("fc2_", square, None),
        ]  # fmt: skip

    def slices(self, weight: Weight, architecture: Architecture, sizes: tuple[Sizes, ...]) -> list[Index]:
        """Where `weight` of `architecture` lies: a slice for each piece of its input, in the order of the pieces."""
        if weight.part == "head":
            return self._head(weight, architecture.blocks[-1])
        block = architecture.blocks[weight.block]
        _, name, key = weight.name.split(".")
        out = slice(0, weight.shape[0])
        if not key.endswith("weight"):
            return [(out,)]
        if key == "gate_weight":
            return [(source, out, out) for source in block.left]
        if (name, key) in (("linear-2d", "weight"), ("dot-product", "dense_weight")):
            return [(out, piece) for piece in self._dense_pieces(block, architecture)]
        if key == "count_weight" or (name in ("linear-3d", "transformer") and key == "weight"):
            return [(out, piece) for piece in self.row_pieces(block, architecture)]
        if name == "dot-product" and not architecture.balanced:
            return [(out, slice(None))]  # of all pairs; `pair_columns` are picked out of it
        return [(out, slice(0, weight.shape[1]))]

    def _head(self, weight: Weight, last: Block) -> list[Index]:
        if weight.name == "head.bias":
            return [(slice(None),)]
        dim, rows = self.inputs.dim, self.width
        pieces = [(0, last.dense_width), (rows, last.sparse_width * dim)]
        if last.merge_dense:
            pieces.append((rows + self.rows * dim, MERGED_ROWS * dim))
        return [(slice(None), slice(start, start + count)) for start, count in pieces]

    def _dense_pieces(self, block: Block, architecture: Architecture) -> list[slice]:
        found = []
        for source in block.dense:
            width = architecture.blocks[source - 1].dense_width if source else self.inputs.dense
            found.append(slice(self.dense_start(source), self.dense_start(source) + width))
        return found

    def row_pieces(self, block: Block, architecture: Architecture) -> list[slice]:
        """Rows of the sparse outputs that `block` reads: its own, and behind the widest the merged ones."""
        found = []
        for source in block.sparse:
            start = self.rows_start(source)
            if not source:
                found.append(slice(0, self.inputs.fields))
                continue
            before = architecture.blocks[source - 1]
            found.append(slice(start, start + before.sparse_width))
            if before.merge_dense:
                found.append(slice(start + self.rows, start + self.rows + MERGED_ROWS))
        return found

    def pair_columns(self, block: Block, architecture: Architecture) -> list[int]:
        """Without balancing: columns of the pairs of the rows that `block` reads, among the pairs of all rows."""
        pieces = self.row_pieces(block, architecture)
        places = [0, *(1 + row for piece in pieces for row in range(piece.start, piece.stop))]
        return [i * (i - 1) // 2 + j for at, i in enumerate(places) for j in places[:at]]


def _product(prefix: str, shape: tuple[int, ...], normed: bool | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}weight", shape
    width = (shape[-2],)
    if not normed:
        yield f"{prefix}bias", width
    if normed is not False:
        yield f"{prefix}scale", width
        yield f"{prefix}shift", width
