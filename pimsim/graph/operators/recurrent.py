"""LSTM, GRU and RNN: two matrices each, one fed with all steps at once, the other one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import NamedTuple

from pimsim.graph.nodes import Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.costs import activation_cost
from pimsim.graph.operators.products import dynamic, empty, stationary
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Flow
from pimsim.graph.workload import Edge, Kind


class Gates(NamedTuple):
    """A recurrent cell: gates (blocks of its matrices), default activations, further vector operations a unit."""

    blocks: int
    activations: tuple[str, ...]  # the standard's order, for one direction
    uses: tuple[int, ...]  # how often each is applied to a hidden unit in one step
    vector: int


CELLS: Mapping[str, Gates] = {
    # i, o, f, c: 4 sums of the two projections; c = f*c + i*g (3), h = o*tanh(c) (1)
    "LSTM": Gates(4, ("Sigmoid", "Tanh", "Tanh"), (3, 1, 1), 8),
    # z, r, h: 3 sums; r*h (1); (1-z)*g + z*h (4)
    "GRU": Gates(3, ("Sigmoid", "Tanh"), (2, 1), 8),
    "RNN": Gates(1, ("Tanh",), (1,), 1),
}


def recurrent(site: Site) -> None:
    """Three layers: the input projection (X W^T for all steps and sequences: no recurrence), the recurrent projection
    (serial_steps = T: no pipeline over time) and the gates' arithmetic.

    X is [T, B, I] ([B, T, I] with layout 1), W [directions, gates*H, I], R [directions, gates*H, H]; directions are
    groups. MACs = directions x T x B x gates*H x (I + H). The gates take turns with the recurrent projection, so
    they wait for the whole of it: the two times add up, as they do step by step. A GRU whose reset gate stands before
    the product (linear_before_reset 0) makes the candidate's product after that of the other gates, in each step.
    """
    cell = CELLS[site.node.op.rpartition(".")[2].removeprefix("DynamicQuantize")]
    packed = site.node.op.endswith("DynamicQuantizeLSTM")  # its matrices are stored transposed
    shape, w_shape, r_shape = site.shape(0, 3), site.shape(1, 3), site.shape(2, 3)
    if packed:
        w_shape, r_shape = (w_shape[0], w_shape[2], w_shape[1]), (r_shape[0], r_shape[2], r_shape[1])
    layout = site.attr_int("layout", 0)
    length, batch = (shape[1], shape[0]) if layout else (shape[0], shape[1])
    dirs, hidden, width = w_shape[0], r_shape[2], w_shape[1]
    if width != cell.blocks * hidden or r_shape[:2] != w_shape[:2] or w_shape[2] != shape[2]:
        site.fail(
            f"X has the shape {list(shape)}, W {list(w_shape)}, R {list(r_shape)}: these do not fit "
            f"({cell.blocks} gates: W [directions, {cell.blocks}*H, I], R [directions, {cell.blocks}*H, H])"
        )
    stated = site.attr_int("hidden_size", hidden)
    if stated != hidden:
        site.fail(f"the attribute 'hidden_size' is {stated}, but R has the shape {list(r_shape)}: {hidden} units")
    vectors = length * batch
    if empty(site, dirs, width, hidden, shape[2], vectors):
        return
    if site.input(4) is not None and site.constant(4) is None:
        site.note("sequence lengths depend on the data: every sequence counted in full length")
    n = dirs * vectors * width
    time = 1 if layout else 0
    edges = site.edge(0, (1, 0) if layout else (0, 1))
    bias = site.input(3)
    first = _matrix(site, 1, edges, "/input", dirs, shape[2], width, vectors, 1, 0 if bias is None else bias.elements)
    both = dirs == 2
    steps = 1.0 if both or site.builder.trips != 1 else 1.0 / streaming.steps((length,), (0,))
    trips = site.builder.trips
    edges = (Edge(first, n * trips, steps, steps), *site.edge(5, ()))
    twice = site.node.op == "GRU" and not site.attr_int("linear_before_reset", 0)
    own = width - hidden if twice else width
    second = _matrix(site, 2, edges, "/recurrent", dirs, hidden, own, vectors, length, 0, width)
    edges = (Edge(second, dirs * vectors * own * trips),)
    if twice:  # the candidate's product takes the state as the reset gate leaves it: a second product in each step
        third = _matrix(site, 2, edges, "/candidate", dirs, hidden, hidden, vectors, length, 0, width)
        edges += (Edge(third, dirs * vectors * hidden * trips),)
    _gates(site, cell, (*edges, *site.edge(6, ())), dirs * vectors * hidden, dirs, both, time)
    constant = site.constant(1) is not None or site.constant(2) is not None
    site.mark((Kind.MVM if constant else Kind.DYNAMIC).value)


def _matrix(
    site: Site, i: int, edges: tuple[Edge, ...], suffix: str, dirs: int, rows: int, cols: int, vectors: int,
    serial: int,
    bias: int,
    stored_cols: int = 0,
) -> int:  # fmt: skip
    """One product, of `cols` out of the `stored_cols` columns of the stored matrix; returns its layer."""
    w = site.need(i)
    weight, whole = w.constant, stored_cols or cols
    if weight is not None and cols != whole:
        weight = replace(weight, key=f"{weight.key}|{suffix[1:]}", elements=weight.elements * cols // whole)
    x = site.need(0)
    inputs = vectors * rows * (1 if i == 1 else dirs)
    n = dirs * vectors * cols
    if weight is None:
        site.note(f"its matrix {'WR'[i - 1]} is not constant: a product of two activations")
        dynamic(
            site, edges + site.edge(i, ()), suffix=suffix, outputs=(), groups=dirs, rows=rows, cols=cols,
            vectors=vectors,
            order=(), serial_steps=serial, bias=bias, out_elements=n,
            input_elements=inputs + w.elements * cols // whole,
        )  # fmt: skip
    else:
        stationary(
            site, edges, weight, suffix=suffix, outputs=(), groups=dirs, rows=rows, cols=cols, vectors=vectors,
            order=(), serial_steps=serial, bias=bias, out_elements=n, input_elements=inputs, x=x,
            driven=None if i == 1 else _states(site),
        )  # fmt: skip
    return len(site.builder.layers) - 1


def _states(site: Site) -> str:
    """The value that holds all hidden states but the first, which is what the recurrent matrix is multiplied with."""
    out = site.output()
    return "" if out is None else out.name


def _gates(site: Site, cell: Gates, edges: tuple[Edge, ...], units: int, dirs: int, both: bool, time: int) -> None:
    """The gates' arithmetic over `units` = directions x T x B x H hidden units, and the node's outputs."""
    vector, special = cell.vector, 0
    names = site.node.attributes.get("activations") or cell.activations
    if not isinstance(names, (list, tuple)):
        site.fail("the attribute 'activations' must be a list of names")
    for name, uses in zip(names, cell.uses, strict=False):
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        one_special, one_vector = activation_cost(site, text)
        special += uses * one_special
        vector += uses * one_vector
    if site.input(7) is not None:
        vector += 6  # peepholes: three products, three sums
    if "clip" in site.node.attributes:
        vector += 2 * sum(cell.uses)
    index = site.emit(
        Kind.DIGITAL, edges, suffix="/gates", outputs=(), input_elements=cell.blocks * units, output_elements=units,
        vector_ops=vector * units, special_ops=special * units,
    )  # fmt: skip
    for i, tensor in enumerate(site.node.outputs):
        _produce(site, tensor, index, streams=i == 0 and not both, time=time)


def _produce(site: Site, tensor: Tensor, index: int, *, streams: bool, time: int) -> None:
    """Y comes step by step (all at the end when it also runs backwards); the last states come at the end."""
    reverse = site.attr_str("direction", "forward") == "reverse"
    order = (time,) if streams and not reverse else ()
    site.produce(tensor, Flow(index, None, order), prod(tensor.shape) if tensor.shape else None)


OPERATORS: Mapping[str, Handler] = {
    "LSTM": recurrent,
    "GRU": recurrent,
    "RNN": recurrent,
    "com.microsoft.DynamicQuantizeLSTM": recurrent,
}
