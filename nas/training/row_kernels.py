"""Row-sparse updates of embedding tables, in place: only the rows of a batch are read and written.

The functions are plain Python over arrays; `pimsim.jit.compiled` makes them fast. Sums run in the order of the batch,
so the result does not depend on threads.
"""

import math
from typing import Any

# An array here; typed as Any because NumPy's stubs make every element access an error in compiled code.
Array = Any


def sum_rows(ids: Array, values: Array, slot: Array, rows: Array, sums: Array) -> int:
    """Add up the gradients `values` (k, dim) of each of `ids` (k,): row rows[i] has gradient sums[i]; returns how many.

    slot: int32 scratch of one entry a table row, -1 everywhere, and left so. rows and sums have room for k.
    """
    count = 0
    dim = values.shape[1]
    for k in range(len(ids)):
        row = ids[k]
        place = slot[row]
        if place < 0:
            place = count
            slot[row] = place
            rows[place] = row
            for d in range(dim):
                sums[place, d] = values[k, d]
            count += 1
        else:
            for d in range(dim):
                sums[place, d] += values[k, d]
    for place in range(count):
        slot[rows[place]] = -1
    return count


def adagrad_rows(
    weight: Array, square: Array, rows: Array, sums: Array, count: int, rate: float, l2: float, eps: float
) -> None:
    """Adagrad (Duchi et al. 2011) on `count` rows: square += g^2, weight -= rate g / (sqrt(square) + eps),
    g = sums + l2 weight."""
    for place in range(count):
        row = rows[place]
        for d in range(weight.shape[1]):
            gradient = sums[place, d] + l2 * weight[row, d]
            total = square[row, d] + gradient * gradient
            square[row, d] = total
            weight[row, d] -= rate * gradient / (math.sqrt(total) + eps)


def adam_rows(
    weight: Array, first: Array, second: Array, rows: Array, sums: Array, count: int,
    rate: float, l2: float, eps: float, beta1: float, beta2: float, correction1: float, correction2: float,
) -> None:  # fmt: skip
    """Lazy Adam: as Adam (Kingma and Ba 2015) on `count` rows, whose moments move only when they have a gradient.

    correction1 and correction2: 1 - beta^t of the whole run's step t.
    """
    for place in range(count):
        row = rows[place]
        for d in range(weight.shape[1]):
            gradient = sums[place, d] + l2 * weight[row, d]
            m = beta1 * first[row, d] + (1.0 - beta1) * gradient
            v = beta2 * second[row, d] + (1.0 - beta2) * gradient * gradient
            first[row, d] = m
            second[row, d] = v
            weight[row, d] -= rate * (m / correction1) / (math.sqrt(v / correction2) + eps)
