"""Untidy but sound files made regular before the checker sees them; impossible ones refused by name."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, MutableSequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TypeProto

from pimsim.errors import InputError, printable
from pimsim.graph.sizes import LARGEST_DEPTH, LARGEST_RANK, LARGEST_TYPE_DEPTH, nearest, shown

OLDEST_OPSET = 7
UNREGISTERED = "pimsim.unregistered"
"""Domain given to operators of ai.onnx that its opset does not have (any more): the checker lets them pass."""

_POSITIVE = frozenset(
    ["strides", "dilations", "kernel_shape", "blocksize", "num_outputs", "group", "num_groups", "block_size"]
)
_AXES = frozenset(["axis", "axes", "perm", "batch_dims", "scan_input_axes", "scan_output_axes"])
_BOUNDED = _POSITIVE | _AXES
_OFFICIAL = frozenset(
    ["", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "ai.onnx.preview"]
)
_NEWEST = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}


@dataclass
class Opsets:
    """Version of every imported domain; `used` gathers the domains that nodes name."""

    versions: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    known: dict[tuple[str, str], bool] = field(default_factory=dict)
    local: set[tuple[str, str]] = field(default_factory=set)


def place_of(position: int, node: NodeProto) -> str:
    """Where a node stands, for messages."""
    return f"node {position} '{shown(node.name)}' ({shown(node.op_type)})"


def tidy(model: ModelProto) -> Opsets:
    """Make `model` regular, in place: domains, missing names and types, order of nodes.

    Returns the versions of the main graph's domains. Raises InputError for opsets and IR versions that are not known,
    nesting that is too deep, values produced twice, values nobody produces, and cycles.
    """
    if model.ir_version > onnx.IR_VERSION:
        raise InputError(
            f"has IR version {model.ir_version}; the installed onnx package knows versions up to {onnx.IR_VERSION}: "
            "update onnx or export the model for an older version"
        )
    model.ir_version = max(model.ir_version, 4)  # from 4 on initialisers need not be inputs; nothing else differs
    opsets = Opsets()
    opsets.local = {(_domain(f.domain), f.name) for f in model.functions}
    _merge_imports(model.opset_import, opsets)
    _check_opset(opsets)
    if not model.graph.name:
        model.graph.name = "graph"
    for value in (*model.graph.input, *model.graph.output):
        _check_type_depth(value.type)
    del model.training_info[:]
    del model.graph.quantization_annotation[:]
    del model.metadata_props[:]
    _regular_nodes(model.graph.node, opsets, "", 0)
    missing = sort_graph(model.graph, "")
    if missing:
        raise InputError(_nobody_produces(model.graph, missing))
    for function in model.functions:
        _tidy_function(function, opsets)
    _complete_imports(model.opset_import, opsets)
    return opsets


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _merge_imports(imports: MutableSequence[Any], opsets: Opsets) -> None:
    """One import a domain; `ai.onnx` is the empty domain."""
    before = [(_domain(entry.domain), entry.version) for entry in imports]
    for domain, version in before:
        known = opsets.versions.get(domain)
        if known is not None and known != version:
            shown = domain or "ai.onnx"
            opsets.notes.append(
                f"domain '{printable(shown)}' is imported with versions {known} and {version}: the higher is used"
            )
        opsets.versions[domain] = max(version, known or version)
    _write_imports(imports, opsets.versions)


def _write_imports(imports: Any, versions: dict[str, int]) -> None:
    del imports[:]
    for domain, version in versions.items():
        imports.add(domain=domain, version=version)


def _check_opset(opsets: Opsets) -> None:
    newest = onnx.defs.onnx_opset_version()
    opset = opsets.versions.get("")
    if opset is None:
        if not opsets.versions:
            raise InputError(f"imports no opset; versions {OLDEST_OPSET} to {newest} of ai.onnx are understood")
        opsets.versions[""] = newest  # only operators of other domains: any version serves
        return
    if not OLDEST_OPSET <= opset <= newest:
        way = "onnx.version_converter.convert_version can raise it" if opset < OLDEST_OPSET else "update onnx"
        raise InputError(f"uses opset {opset} of ai.onnx; versions {OLDEST_OPSET} to {newest} are understood ({way})")


def _complete_imports(imports: MutableSequence[Any], opsets: Opsets) -> None:
    for domain in opsets.used:
        if domain not in opsets.versions:
            opsets.versions[domain] = _newest(domain)
    for domain, version in list(opsets.versions.items()):
        if domain in _OFFICIAL and version > _newest(domain):
            raise InputError(
                f"imports version {version} of {domain or 'ai.onnx'}; up to {_newest(domain)} is known: update onnx"
            )
        if version < 1:
            raise InputError(f"imports version {version} of {printable(domain) or 'ai.onnx'}; versions start at 1")
    _write_imports(imports, opsets.versions)


def _newest(domain: str) -> int:
    if domain in _OFFICIAL:
        return _NEWEST.get(domain, 1)
    return 1


def _check_type_depth(proto: TypeProto) -> None:
    depth = 0
    while True:
        kind = proto.WhichOneof("value")
        if kind == "sequence_type":
            proto = proto.sequence_type.elem_type
        elif kind == "optional_type":
            proto = proto.optional_type.elem_type
        elif kind == "map_type":
            proto = proto.map_type.value_type
        else:
            return
        depth += 1
        if depth > LARGEST_TYPE_DEPTH:
            raise InputError(f"has a type nested more than {LARGEST_TYPE_DEPTH} levels deep")


def subgraphs(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Graphs held by the attributes of `node`."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            for index, graph in enumerate(attribute.graphs):
                yield f"{attribute.name}[{index}]", graph


def _regular_nodes(nodes: Iterable[NodeProto], opsets: Opsets, where: str, depth: int) -> None:
    if depth > LARGEST_DEPTH:
        raise InputError(f"{where}subgraphs are nested more than {LARGEST_DEPTH} levels deep")
    for position, node in enumerate(nodes):
        if node.domain == "ai.onnx":
            node.domain = ""
        if node.domain == "" and not _registered(node, opsets):
            node.domain = UNREGISTERED
        opsets.used.add(node.domain)
        if not node.attribute:
            continue
        seen: set[str] = set()
        for attribute in node.attribute:
            fault = "stands there twice" if attribute.name in seen else _attribute_fault(attribute)
            if fault:
                name = printable(attribute.name)
                raise InputError(f"{where}{place_of(position, node)}: attribute '{name}' {fault}")
            seen.add(attribute.name)
        for _, graph in subgraphs(node):
            if not graph.name:
                graph.name = "body"
            _regular_nodes(graph.node, opsets, f"{where}{place_of(position, node)}, ", depth + 1)


def _registered(node: NodeProto, opsets: Opsets) -> bool:
    """Whether ai.onnx has this operator in the imported opset, and it is not deprecated there."""
    key = ("", node.op_type)
    found = opsets.known.get(key)
    if found is None:
        if key in opsets.local:
            found = True
        else:
            try:
                found = not onnx.defs.get_schema(node.op_type, opsets.versions[""], "").deprecated
            except onnx.defs.SchemaError:
                found = False
        opsets.known[key] = found
    return found


_FIELDS = (
    ("g", AttributeProto.GRAPH),
    ("t", AttributeProto.TENSOR),
    ("sparse_tensor", AttributeProto.SPARSE_TENSOR),
    ("tp", AttributeProto.TYPE_PROTO),
)
_REPEATED = (
    ("floats", AttributeProto.FLOATS),
    ("ints", AttributeProto.INTS),
    ("strings", AttributeProto.STRINGS),
    ("tensors", AttributeProto.TENSORS),
    ("graphs", AttributeProto.GRAPHS),
)
_SCALARS = (("f", AttributeProto.FLOAT), ("i", AttributeProto.INT), ("s", AttributeProto.STRING))


def _attribute_fault(attribute: AttributeProto) -> str:
    """What is wrong with an attribute ("" if nothing is); a missing type is filled in."""
    kind = attribute.type
    if kind == AttributeProto.UNDEFINED and not attribute.ref_attr_name:
        found = [number for name, number in (*_FIELDS, *_SCALARS) if attribute.HasField(name)]
        found += [number for name, number in _REPEATED if getattr(attribute, name)]
        if len(found) != 1:
            return "has no type"
        kind = attribute.type = found[0]
    if attribute.name not in _BOUNDED or kind not in (AttributeProto.INT, AttributeProto.INTS):
        return ""
    given = list(attribute.ints) if kind == AttributeProto.INTS else [attribute.i]
    shown_value = given if kind == AttributeProto.INTS else given[0]
    if attribute.name in _AXES and max(map(abs, given), default=0) > LARGEST_RANK:
        return f"is {shown_value}; an axis is between -{LARGEST_RANK} and {LARGEST_RANK}"
    if attribute.name in _POSITIVE and not attribute.ref_attr_name:
        blocked = attribute.name == "block_size" and given == [0]  # 0 means "not blocked" to DequantizeLinear
        if min(given, default=1) < 1 and not blocked:
            return f"is {shown_value}; it must be at least 1"
    return ""


def _tidy_function(function: Any, main: Opsets) -> None:
    where = f"function {printable(function.name)}, "
    function.domain = _domain(function.domain)
    opsets = Opsets(local=main.local)
    _merge_imports(function.opset_import, opsets)
    opsets.versions.setdefault("", main.versions[""])
    _check_opset(opsets)
    _regular_nodes(function.node, opsets, where, 0)
    for attribute in function.attribute_proto:
        fault = _attribute_fault(attribute)
        if fault:
            raise InputError(f"{where}attribute '{printable(attribute.name)}' {fault}")
    produced = set(function.input)
    missing = _sort_nodes(function.node, produced, where)
    if missing:
        name = next(iter(missing))
        raise InputError(f"{where}value '{printable(name)}' is read but nothing produces it")
    for domain in opsets.used:
        version = opsets.versions.setdefault(domain, main.versions.get(domain, _newest(domain)))
        main.versions.setdefault(domain, version)
    main.used |= opsets.used
    _write_imports(function.opset_import, opsets.versions)


def sort_graph(graph: GraphProto, where: str) -> dict[str, int]:
    """Order the nodes of `graph` and of its subgraphs, in place; stable, so an ordered graph stays as it is.

    Returns the names that are read and come from outside, with the position of a node that reads them.
    """
    produced = {value.name for value in graph.input}
    produced.update(tensor.name for tensor in graph.initializer)
    produced.update(sparse.values.name for sparse in graph.sparse_initializer)
    missing = _sort_nodes(graph.node, produced, where)
    for value in graph.output:
        if value.name not in produced:
            missing.setdefault(value.name, -1)
    return missing


def _sort_nodes(nodes: Any, produced: set[str], where: str) -> dict[str, int]:
    """Sort `nodes`; adds what they produce to `produced`. Returns names from outside -> position of a reader."""
    reads: list[set[str]] = []
    producer: dict[str, int] = {}
    for position, node in enumerate(nodes):
        wanted = {name for name in node.input if name}
        if node.attribute:
            for _, child in subgraphs(node):
                wanted |= sort_graph(child, f"{where}{place_of(position, node)}, ").keys()
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
                if name not in produced:
                    missing.setdefault(name, position)
            elif source >= position:
                sorted_already = False
    if not sorted_already:
        _reorder(nodes, reads, producer, where)
    produced.update(producer)
    return missing


def _reorder(nodes: Any, reads: list[set[str]], producer: dict[str, int], where: str) -> None:
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


def _cycle(nodes: Any, reads: list[set[str]], producer: dict[str, int], waiting: list[int]) -> str:
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


def _nobody_produces(graph: GraphProto, missing: dict[str, int]) -> str:
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
