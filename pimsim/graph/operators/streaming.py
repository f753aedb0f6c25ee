"""In which order a tensor comes into being, and how early its consumer can begin: all reasoning on `Edge.first/last`.

A tensor is produced piece by piece, row-major over its *order*: a tuple of axes. An image batch [N, C, H, W] has
the order (0, 2): image after image, and in each image row after row (all channels and columns of a row together).
Tokens [B, T, C] have (0, 1), a matrix [N, F] has (0,), and () means that the tensor comes as a whole. `None` stands
for "all of it is there before anybody asks" (model inputs): the consumer chooses the order.

An order with the dimensions d1, d2, ... has d1*d2*... steps; one step is the share 1/steps of the tensor. Axes of
size 1 add no step and are left out, so that (0, 2) and (2,) are one order when N = 1. A consumer works in an order
of its own. What the two orders share at their front is the unit in which work is handed over: with n common steps
the consumer begins when 1/n of the source exists (`first`) and has 1/n of its own work left when the source ends
(`last`). A consumer that needs an axis whole (softmax, a contraction, a global pool) ends the common order before
that axis: a channel sum over an order that runs over channels waits for the whole sample. No common axis: it waits
for everything, first = last = 1.

Windows (convolution, pooling) along the streaming axis of H rows, in a batch of B: the first output row needs
min(H, extent - pad) input rows, so first = that / (B*H); the last input row takes part in the last r output rows
of Ho, so last = r / (B*Ho). Both are at least one row.

`grain` is the smallest share in which a source really arrives: a Reshape [N, C, H, W] -> [N, C, H*W] refines the
order to single positions, but they still arrive a row at a time.
"""

from __future__ import annotations

from typing import NamedTuple

from pimsim.graph.workload import LARGEST_COUNT, MODEL_INPUT

NOWHERE = -2
"""Source of what no layer produces and no user supplies (constants, shape arithmetic): it gives no edge."""

Order = tuple[int, ...]
Shape = tuple[int, ...]


class Flow(NamedTuple):
    """Where a value comes from: layer index (or MODEL_INPUT, NOWHERE), elements if known, order and grain."""

    source: int
    elements: int | None = None
    order: Order | None = None
    grain: float = 0.0


NO_FLOW = Flow(NOWHERE, 0)


def model_input(elements: int | None) -> Flow:
    """Flow of a value that exists before the inference begins."""
    return Flow(MODEL_INPUT, elements)


def steps(shape: Shape, order: Order) -> int:
    """Number of steps of `order` over `shape`, between 1 and LARGEST_COUNT."""
    n = 1
    for axis in order:
        if axis < len(shape):
            n *= shape[axis]
    return min(n, LARGEST_COUNT) if n > 1 else 1


def natural(rank: int) -> Order:
    """The order in which a step without preferences works: image rows for rank 4 and up, else all but the last axis."""
    if rank >= 4:
        return (0, 2)
    return tuple(range(rank - 1))


def tidy(shape: Shape, order: Order) -> Order:
    """`order` without the axes of size 1 (or beyond the rank: a graph made by hand may contradict itself)."""
    rank = len(shape)
    return tuple([axis for axis in order if axis < rank and shape[axis] != 1])


def before(order: Order, whole: tuple[int, ...]) -> Order:
    """The front of `order` up to the first axis that is needed whole."""
    for i, axis in enumerate(order):
        if axis in whole:
            return order[:i]
    return order


def common(one: Order, other: Order) -> Order:
    """The longest common front of two orders."""
    n = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        n += 1
    return one[:n]


def handover(flow: Flow, shape: Shape, order: Order) -> tuple[float, float]:
    """(first, last) of a consumer that works through this input of `shape` in `order`, one step after the other."""
    agreed = tidy(shape, order)
    if flow.order is not None and flow.order != order:
        agreed = common(tidy(shape, flow.order), agreed)
    share = max(1.0 / steps(shape, agreed), flow.grain)
    return share, share


def window(
    flow: Flow, shape: Shape, out_shape: Shape, *, extent: int, stride: int, pad: int, axis: int = 2
) -> tuple[float, float]:
    """(first, last) of a window of `extent` rows (dilation included) that moves along `axis`; axis 0 is the batch."""
    if flow.order is not None:
        wanted = tidy(shape, (0, axis))
        agreed = common(tidy(shape, flow.order), wanted)
        if agreed != wanted:
            return handover(flow, shape, agreed)
    batch, rows = max(1, shape[0]), max(1, shape[axis])
    out_rows = max(1, out_shape[axis])
    need = min(rows, max(1, extent - pad))
    # output row o reads the input rows o*stride - pad ... + extent - 1; which of them reach the last input row?
    earliest = max(0, -(-(rows - 1 + pad - extent + 1) // stride))
    latest = min(out_rows - 1, (rows - 1 + pad) // stride)
    late = min(out_rows, max(1, latest - earliest + 1))
    first = max(need / (min(batch, LARGEST_COUNT) * rows), flow.grain)
    last = max(late / (min(batch, LARGEST_COUNT) * out_rows), flow.grain)
    return min(1.0, first), min(1.0, last)


def permuted(order: Order | None, perm: tuple[int, ...]) -> Order | None:
    """The order after Transpose: output axis i is input axis perm[i]."""
    if order is None:
        return None
    where = {axis: i for i, axis in enumerate(perm)}
    return tuple([where[axis] for axis in order if axis in where])


def reshaped(order: Order | None, old: Shape, new: Shape) -> Order | None:
    """The order after a Reshape that keeps the row-major sequence of elements.

    Both shapes are cut into the shortest groups of axes with equal products. As long as the order runs over a group
    from its front, it can be followed in the new shape (perhaps in finer steps); the first axis that cannot be ends it.
    """
    if order is None:
        return None
    if 0 in old or 0 in new:
        return ()
    pending = list(tidy(old, order))
    result: list[int] = []
    for old_axes, new_axes in _groups(old, new, pending):
        run = 1
        taken = 0
        for axis in old_axes:  # the run of ordered axes at the group's front
            if taken < len(pending) and pending[taken] == axis:
                run *= old[axis]
                taken += 1
            elif old[axis] != 1:
                break
        if taken == 0:
            break
        covered = 1
        for axis in new_axes:
            if covered >= run:
                break
            covered *= new[axis]
            result.append(axis)
        group_done = all(old[axis] == 1 or axis in pending[:taken] for axis in old_axes)
        pending = pending[taken:]
        if not pending or not group_done or covered > run:
            break
    return tidy(new, tuple(result))


def _groups(old: Shape, new: Shape, pending: list[int]) -> list[tuple[list[int], list[int]]]:
    """Pairs of axis groups with equal products, in the sequence in which `pending` visits them."""
    group_of: dict[int, int] = {}
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        a, b = [], []
        left = right = 1
        if i < len(old):
            a, left, i = [i], old[i], i + 1
        if j < len(new):
            b, right, j = [j], new[j], j + 1
        while left != right:
            if left < right and i < len(old):
                a.append(i)
                left *= old[i]
                i += 1
            elif right < left and j < len(new):
                b.append(j)
                right *= new[j]
                j += 1
            else:
                break
        for axis in a:
            group_of[axis] = len(groups)
        groups.append((a, b))
    visited: dict[int, None] = {}
    for axis in pending:
        visited.setdefault(group_of[axis])
    return [groups[g] for g in visited]
