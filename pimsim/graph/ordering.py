"""Order of nodes: topological and stable; values that nobody or more than one node produces, and cycles, by name."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from typing import Any

from onnx import AttributeProto, GraphProto, NodeProto

from pimsim.errors import InputError, printable
from pimsim.graph.sizes import nearest, shown


def place_of(position: int, node: NodeProto) -> str:
    """Where a node stands, for messages."""
    return f"node {position} '{shown(node.name)}' ({shown(node.op_type)})"


def subgraphs(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Graphs held by the attributes of `node`."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            for index, graph in enumerate(attribute.graphs):
                yield f"{attribute.name}[{index}]", graph


def sort_graph(graph: GraphProto, where: str) -> dict[str, int]:
    """Order the nodes of `graph` and of its subgraphs, in place; stable, so an ordered graph stays as it is.

    Returns the names that are read and come from outside, with the position of a node that reads them.
    """
    produced = {value.name for value in graph.input}
    stored = [tensor.name for tensor in graph.initializer]
    stored += [sparse.values.name for sparse in graph.sparse_initializer]
    if len(set(stored)) < len(stored):
        name = next(name for name, count in Counter(stored).items() if count > 1)
        raise InputError(f"{where}there are two initializers called '{printable(name)}'")
    produced.update(stored)
    missing = sort_nodes(graph.node, produced, where)
    for value in graph.output:
        if value.name not in produced:
            missing.setdefault(value.name, -1)
    return missing


def sort_nodes(nodes: Any, produced: set[str], where: str) -> dict[str, int]:
    """Sort `nodes`; adds what they produce to `produced`. Returns names from outside -> position of a reader."""
    reads: list[list[str]] = []
    producer: dict[str, int] = {}
    for position, node in enumerate(nodes):
        wanted = list(node.input)  # in order: messages must not vary by process
        if len(node.attribute):
            for _, child in subgraphs(node):
                wanted += sort_graph(child, f"{where}{place_of(position, node)}, ")
        reads.append(wanted)
        for name in node.output:
            if not name:
                continue
            if name in producer or name in produced:
                other = place_of(producer[name], nodes[producer[name]]) if name in producer else "the graph's inputs"
                raise InputError(
                    f"{where}value '{printable(name)}' is produced twice: by {other} and {place_of(position, node)}"
                )
            producer[name] = position
    missing: dict[str, int] = {}
    sorted_already = True
    for position, wanted in enumerate(reads):
        for name in wanted:
            source = producer.get(name)
            if source is None:
                if name and name not in produced:
                    missing.setdefault(name, position)
            elif source >= position:
                sorted_already = False
    if not sorted_already:
        _reorder(nodes, reads, producer, where)
    produced.update(producer)
    return missing


def _reorder(nodes: Any, reads: list[list[str]], producer: dict[str, int], where: str) -> None:
    waiting = [0] * len(reads)
    readers: list[list[int]] = [[] for _ in reads]
    for position, wanted in enumerate(reads):
        sources = {producer[name] for name in wanted if name in producer}
        waiting[position] = len(sources)
        for source in sources:
            readers[source].append(position)
    ready = [position for position, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        position = heapq.heappop(ready)
        order.append(position)
        for reader in readers[position]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(reads):
        raise InputError(f"{where}the nodes form a cycle: {_cycle(nodes, reads, producer, waiting)}")
    copies = [NodeProto.FromString(nodes[position].SerializeToString()) for position in order]
    del nodes[:]
    nodes.extend(copies)


def _cycle(nodes: Any, reads: list[list[str]], producer: dict[str, int], waiting: list[int]) -> str:
    """The nodes of one cycle: follow unfinished producers until one comes back."""
    current = next(position for position, count in enumerate(waiting) if count)
    seen: dict[int, int] = {}
    path: list[int] = []
    while current not in seen:
        seen[current] = len(path)
        path.append(current)
        current = min(producer[name] for name in reads[current] if name in producer and waiting[producer[name]])
    loop = path[seen[current] :][::-1]
    shown = [place_of(position, nodes[position]) for position in loop[:6]]
    return " -> ".join([*shown, *(["..."] if len(loop) > 6 else []), shown[0]])


def nobody_produces(graph: GraphProto, missing: dict[str, int]) -> str:
    """Message for values that are read but that nothing produces; `missing` as `sort_graph` returns it."""
    name, position = min(missing.items(), key=lambda item: item[1])
    known = [value.name for value in graph.input] + [o for node in graph.node for o in node.output]
    hint = nearest(name, known, "values")
    reader = "the model's outputs" if position < 0 else _reader_of(graph, name)
    more = f" (and {len(missing) - 1} more such values)" if len(missing) > 1 else ""
    return f"value '{printable(name)}' is read by {reader} but nothing produces it{more}; {hint}"


def _reader_of(graph: GraphProto, name: str) -> str:
    for position, node in enumerate(graph.node):
        if name in node.input:
            return place_of(position, node)
    return "a subgraph"
