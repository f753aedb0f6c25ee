"""The order of the explicit products of an architecture: how many input features its longest product multiplies.

Every output of a block has a degree in the input features, the stem's are given. Operators carry degrees on:

| part | degree of its output |
|---|---|
| FC, sum | the highest of its inputs |
| EFC, self-attention | the highest of its rows (attention's own products, softmaxed, do not count) |
| sigmoid gating | highest of the left inputs + highest of the right ones |
| dot-product | the two highest of its vectors added: rows, and the dense input as one more vector |
| FM merger | twice the degree of the rows of the sparse operator, where there are two rows or more |
| dense-to-sparse merger | that of the dense output |

A projection mixes what it reads, so each of its outputs has the highest degree; normalisation, ReLU and sigmoid change
no degree. What the head reads is all that is asked, so parts that do not reach the output do not count.
"""

from __future__ import annotations

from nas.spaces.architecture import MERGED_ROWS, Architecture, Block
from nas.spaces.sizes import Inputs, Sizes, merges_late, sizes

Rows = list[tuple[int, int]]
"""(how many, degree) of rows."""


def product_order(architecture: Architecture, inputs: Inputs, dense_degree: int = 1) -> int:
    """The highest degree in input features that reaches the output; 1 for a network without explicit products.

    dense_degree: of a dense column. With 0 the degree counts sparse fields alone. Raises InputError as `sizes` does.
    """
    dense, sparse = [dense_degree], [[(inputs.fields, 1)]]
    for block, size in zip(architecture.blocks, sizes(architecture, inputs), strict=True):
        rows = [piece for source in block.sparse for piece in sparse[source]]
        flat = max(_dense(name, block, size, dense, rows) for name in block.dense_operators)
        mixed = _highest(rows)
        with_machine = max(flat, 2 * mixed) if block.merge_fm and block.sparse_width > 1 else flat
        merged = with_machine if merges_late(block, inputs.dim) else flat
        dense.append(with_machine)
        sparse.append([(block.sparse_width, mixed)] + [(MERGED_ROWS, merged)] * block.merge_dense)
    return max(dense[-1], _highest(sparse[-1]))


def _dense(name: str, block: Block, size: Sizes, dense: list[int], rows: Rows) -> int:
    """Degree of the output of a dense operator."""
    left, right = (max(dense[source] for source in side) for side in (block.left, block.right))
    if name == "sigmoid-gating":
        return left + right
    if name == "sum":
        return max(left, right)
    flat = max(dense[source] for source in block.dense)
    if name == "linear-2d":
        return flat
    if size.interacting != size.rows_in:  # projected: each row holds the highest degree
        rows = [(size.interacting, _highest(rows))]
    two = sorted([flat, *(degree for count, degree in rows for _ in range(min(count, 2)))])[-2:]
    return sum(two)


def _highest(rows: Rows) -> int:
    return max(degree for _, degree in rows)
