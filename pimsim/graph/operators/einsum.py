"""Einsum: contracted pairwise from the left; each step is a matrix product, an elementwise product, or a movement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from pimsim.graph.nodes import Constant, Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.products import activation_bits, dynamic, empty, weight_bits
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Order
from pimsim.graph.workload import Edge, Kind

Label = str
MOST_OPERANDS = 64


@dataclass(frozen=True, slots=True)
class Operand:
    """One factor: its labels (those along which it is broadcast left out), where it comes from and what it is."""

    labels: tuple[Label, ...]
    edges: tuple[Edge, ...]
    constant: Constant | None
    order: Order  # in axes = positions of `labels`
    bits: int | None = None


def parse(site: Site, shapes: list[tuple[int, ...]]) -> tuple[list[list[Label]], list[Label], dict[Label, int]]:
    """Labels of every operand and of the output, and the size of each label. Axes under an ellipsis are "...k",
    k counted from the right."""
    equation = site.attr_str("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes) or not 1 <= len(shapes) <= MOST_OPERANDS:
        site.fail(f"the equation {equation[:80]!r} names {len(terms)} operands; the node has {len(shapes)}")
    sizes: dict[Label, int] = {}
    operands = []
    ellipsis: list[Label] = []
    for term, shape in zip(terms, shapes, strict=True):
        labels = _labels(site, term, len(shape), equation)
        for label, size in zip(labels, shape, strict=True):
            known = sizes.get(label, 1)
            if known not in (1, size) and size != 1:
                site.fail(f"the equation {equation[:80]!r} gives '{label}' the sizes {known} and {size}")
            sizes[label] = size if known == 1 else known
        dotted = [label for label in labels if label.startswith("...")]
        ellipsis = max(ellipsis, dotted, key=len)
        operands.append(labels)
    if arrow:
        before, dots, after = right.partition("...")
        output = [*before, *(ellipsis if dots else []), *after]
    else:
        letters = [label for labels in operands for label in labels if not label.startswith("...")]
        output = [*ellipsis, *sorted(label for label in set(letters) if letters.count(label) == 1)]
    if len(set(output)) != len(output) or any(label not in sizes for label in output):
        site.fail(f"the equation {equation[:80]!r} has an output that its operands do not give")
    return operands, output, sizes


def _labels(site: Site, term: str, rank: int, equation: str) -> list[Label]:
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after)
    letters = before + after
    if not (letters.isascii() and (letters.isalpha() or not letters)) or hidden < 0 or (hidden and not dots):
        site.fail(
            f"the term {term[:40]!r} of the equation {equation[:80]!r} does not fit an operand of {rank} dimensions"
        )
    return [*before, *(f"...{k}" for k in range(hidden, 0, -1)), *after]


def einsum(site: Site) -> None:
    """Einsum: with one constant factor a step is a stationary product, between activations a dynamic one."""
    tensors = [site.need(i) for i in range(len(site.node.inputs))]
    if not tensors:
        site.fail("it has no operands")
    shapes = [site.shape_of(t) for t in tensors]
    operands, output, sizes = parse(site, shapes)
    factors = [
        _factor(site, i, tensor, labels, sizes)
        for i, (tensor, labels) in enumerate(zip(tensors, operands, strict=True))
    ]
    if len(factors) == 1:
        _single(site, tensors[0], operands[0], output, sizes)
        return
    current = factors[0]
    for step, factor in enumerate(factors[1:], 1):
        later = {label for other in factors[step + 1 :] for label in other.labels} | set(output)
        last = step == len(factors) - 1
        result = _pair(site, current, factor, later, sizes, output if last else None, "" if last else f"/{step}")
        if result is None:
            return
        current = result


def _factor(site: Site, i: int, tensor: Tensor, labels: list[Label], sizes: dict[Label, int]) -> Operand:
    shape = tensor.shape or ()
    kept = [(label, a) for a, label in enumerate(labels) if shape[a] == sizes[label] and label not in labels[:a]]
    place = {a: k for k, (_, a) in enumerate(kept)}
    order = tuple(place[a] for a in site.order_of(i) if a in place)
    return Operand(tuple(label for label, _ in kept), site.edge(i), tensor.constant, order, activation_bits(tensor))


def _single(site: Site, x: Tensor, labels: list[Label], output: list[Label], sizes: dict[Label, int]) -> None:
    n = prod(sizes[label] for label in output)
    if labels == output or n == 0:
        site.alias(site.flow(0))
    elif len(set(labels)) == len(labels) == len(output):
        order = tuple(output.index(labels[a]) for a in site.order_of(0))
        site.emit(Kind.MOVE, site.edge(0), order=order, input_elements=x.elements, output_elements=n)
    elif set(labels) == set(output):
        site.note("a diagonal is taken")
        site.emit(Kind.MOVE, site.edge(0, ()), input_elements=n, output_elements=n)
    else:
        site.emit(Kind.DIGITAL, site.edge(0, ()), input_elements=x.elements, output_elements=n, vector_ops=x.elements)


def _pair(
    site: Site,
    a: Operand,
    b: Operand,
    later: set[Label],
    sizes: dict[Label, int],
    output: list[Label] | None,
    suffix: str,
) -> Operand | None:
    """One contraction; returns its result, or None when it is empty. `output` are the final labels of the last step."""
    both = set(a.labels) & set(b.labels)
    batch = [label for label in a.labels if label in both and label in later]
    contracted = [label for label in a.labels if label in both and label not in later]
    free_a = [label for label in a.labels if label not in both and label in later]
    free_b = [label for label in b.labels if label not in both and label in later]
    labels = tuple(output) if output is not None else (*batch, *free_a, *free_b)
    n = prod(sizes[label] for label in labels)
    sums = sum(
        prod(sizes[label] for label in one.labels)
        for one in (a, b)
        if one.constant is None and any(label not in both and label not in later for label in one.labels)
    )
    if a.constant is not None and b.constant is not None:
        joined = Constant(f"{a.constant.key}*{b.constant.key}", max(a.constant.bits, b.constant.bits), False, n)
        site.note("a product of two constants, known before the inference")
        if output is not None:
            site.alias(streaming.NO_FLOW, "constant")
        return Operand(labels, (), joined, ())
    groups, rows = (prod(sizes[label] for label in part) for part in (batch, contracted))
    cells_a, cells_b = (prod(sizes[label] for label in part) for part in (free_a, free_b))
    if empty(site, n, groups, rows, cells_a, cells_b):
        return None
    outputs = None if output is not None else ()
    index: int | None
    in_a, in_b = (prod(sizes[label] for label in one.labels) for one in (a, b))
    if not contracted:
        reads = sum(size for one, size in ((a, in_a), (b, in_b)) if one.constant is None)
        index = site.emit(
            Kind.DIGITAL, _whole(a.edges) + _whole(b.edges), suffix=suffix, outputs=outputs, input_elements=reads,
            output_elements=n, vector_ops=n + sums,
        )  # fmt: skip
    elif a.constant is None and b.constant is None:
        index = dynamic(
            site, _whole(a.edges) + _whole(b.edges), suffix=suffix, outputs=outputs, groups=groups, rows=rows,
            cols=cells_b,
            vectors=cells_a, order=(0,) if batch and labels[:1] == (batch[0],) else (), input_elements=in_a + in_b,
            out_elements=n, input_bits=a.bits, extra_vector=sums,
        )  # fmt: skip
    else:
        x, w, cols, vectors = (a, b, cells_b, cells_a) if b.constant is not None else (b, a, cells_a, cells_b)
        index = _stationary(site, x, w, labels, contracted, (groups, rows, cols, vectors), n, sums, outputs, suffix)
    if index is None:
        return None
    edge = (Edge(index, n * site.builder.trips),)
    return Operand(labels, edge, None, ())


def _whole(edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
    return tuple(Edge(e.source, e.elements) for e in edges)


def _stationary(
    site: Site,
    x: Operand,
    w: Operand,
    labels: tuple[Label, ...],
    contracted: list[Label],
    sizes: tuple[int, int, int, int],
    n: int,
    sums: int,
    outputs: tuple[int, ...] | None,
    suffix: str,
) -> int:
    """A product with a constant: streams along the axes in front of the first contracted one, as they come."""
    groups, rows, cols, vectors = sizes
    front = []
    for axis in x.order:
        if x.labels[axis] in contracted or x.labels[axis] not in labels:
            break
        front.append(labels.index(x.labels[axis]))
    streams = len(front) == len(x.order)
    if w.constant is None:
        site.fail("it has no constant operand")
    site.weigh(w.constant)
    return site.emit(
        Kind.MVM, x.edges if streams else _whole(x.edges), suffix=suffix, outputs=outputs,
        order=tuple(front) if streams else (), groups=groups, rows=rows, cols=cols, vectors=vectors,
        weight_key=w.constant.key, weight_elements=groups * rows * cols, weight_bits=weight_bits(w.constant),
        input_bits=x.bits, input_elements=groups * rows * vectors, fetched_elements=groups * rows * vectors,
        output_elements=n, vector_ops=sums,
    )  # fmt: skip


OPERATORS: Mapping[str, Handler] = {"Einsum": einsum}
