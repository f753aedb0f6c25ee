"""Untidy but sound files made regular before the checker sees them; impossible ones refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableSequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto

from pimsim.errors import InputError, printable
from pimsim.graph.ordering import nobody_produces, place_of, sort_graph, sort_nodes, subgraphs
from pimsim.graph.sizes import LARGEST_DEPTH, LARGEST_RANK, LARGEST_TYPE_DEPTH

OLDEST_OPSET = 7
UNREGISTERED = "pimsim.unregistered"
"""Domain given to operators of ai.onnx that its opset does not have (any more): the checker lets them pass."""

_POSITIVE = frozenset(
    ["strides", "dilations", "kernel_shape", "blocksize", "num_outputs", "group", "num_groups", "block_size"]
)
_TERM = r"[A-Za-z]*(\.\.\.)?[A-Za-z]*"
_EQUATION = re.compile(rf"{_TERM}(,{_TERM})*(->{_TERM})?")
"""What an Einsum equation looks like without blanks; onnx's inference does not return from others."""
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
    known: dict[str, bool] = field(default_factory=dict)
    local: set[tuple[str, str]] = field(default_factory=set)


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
    _check_texts(model)
    opsets = Opsets()
    opsets.local = {(_domain(f.domain), f.name) for f in model.functions}
    _merge_imports(model.opset_import, opsets)
    _check_opset(opsets)
    if not model.graph.name:
        model.graph.name = "graph"
    for value in (*model.graph.input, *model.graph.output):
        _check_type_depth(value.type)
    _regular_values(model.graph)
    del model.training_info[:]
    del model.graph.quantization_annotation[:]
    del model.metadata_props[:]
    _regular_nodes(model.graph.node, opsets, "", 0)
    missing = sort_graph(model.graph, "")
    if missing:
        raise InputError(nobody_produces(model.graph, missing))
    for function in model.functions:
        _tidy_function(function, opsets)
    _complete_imports(model.opset_import, opsets)
    return opsets


def require_text(names: Iterable[str], where: str) -> None:
    """Raise InputError for a name that is not UTF-8 (protobuf hands such a name out as bytes)."""
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"{where} has a name that is not UTF-8 text: {printable(name)}")


def _check_texts(model: ModelProto) -> None:
    require_text((entry.domain for entry in model.opset_import), "an opset import")
    _check_graph_texts(model.graph, "the graph")
    for function in model.functions:
        require_text((function.name, function.domain, function.overload), "a local function")
        where = f"function '{printable(function.name)}'"
        require_text((*function.input, *function.output, *function.attribute), where)
        require_text((attribute.name for attribute in function.attribute_proto), where)
        require_text((entry.domain for entry in function.opset_import), where)


def _check_graph_texts(graph: GraphProto, where: str) -> None:
    """Names in a graph, but for those in its nodes."""
    require_text((graph.name,), where)
    for value in (*graph.input, *graph.output, *graph.value_info):
        require_text((value.name,), where)
        if value.type.HasField("tensor_type"):
            require_text((dimension.dim_param for dimension in value.type.tensor_type.shape.dim), where)
    require_text((tensor.name for tensor in graph.initializer), where)
    require_text((sparse.values.name for sparse in graph.sparse_initializer), where)


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


def _regular_values(graph: GraphProto) -> None:
    """Take out what says nothing: intermediate values without a type, and the negative sizes that some exporters
    write for dimensions they do not know."""
    if any(value.type.WhichOneof("value") is None for value in graph.value_info):
        typed = [value for value in graph.value_info if value.type.WhichOneof("value") is not None]
        copies = [ValueInfoProto.FromString(value.SerializeToString()) for value in typed]
        del graph.value_info[:]
        graph.value_info.extend(copies)
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_value < 0:
                dimension.ClearField("dim_value")


def _regular_nodes(nodes: Iterable[NodeProto], opsets: Opsets, where: str, depth: int) -> None:
    if depth > LARGEST_DEPTH:
        raise InputError(f"{where}subgraphs are nested more than {LARGEST_DEPTH} levels deep")
    for position, node in enumerate(nodes):
        op_type, domain, attributes = node.op_type, node.domain, node.attribute
        names = (*node.input, *node.output, node.name, op_type, domain)
        try:
            "".join(names)  # far quicker than asking each name
        except TypeError:
            require_text(names, f"{where}node {position}")
        if domain == "ai.onnx":
            node.domain = domain = ""
        if domain == "":
            known = opsets.known.get(op_type)
            if not (_registered(op_type, opsets) if known is None else known):
                node.domain = domain = UNREGISTERED
        opsets.used.add(domain)
        if not len(attributes):
            continue
        seen: set[str] = set()
        for attribute in attributes:
            if not isinstance(attribute.name, str) or not isinstance(attribute.ref_attr_name, str):
                require_text((attribute.name, attribute.ref_attr_name), f"{where}{place_of(position, node)}")
            fault = "stands there twice" if attribute.name in seen else _attribute_fault(attribute)
            if fault:
                name = printable(attribute.name)
                raise InputError(f"{where}{place_of(position, node)}: attribute '{name}' {fault}")
            seen.add(attribute.name)
            if attribute.name == "num_outputs" and node.op_type == "Split" and attribute.i != len(node.output):
                where += place_of(position, node)
                raise InputError(f"{where}: num_outputs is {attribute.i}, but there are {len(node.output)} outputs")
        for _, graph in subgraphs(node):
            _check_graph_texts(graph, f"{where}{place_of(position, node)}")
            _regular_values(graph)
            if not graph.name:
                graph.name = "body"
            _regular_nodes(graph.node, opsets, f"{where}{place_of(position, node)}, ", depth + 1)


def _registered(op_type: str, opsets: Opsets) -> bool:
    """Whether ai.onnx has this operator in the imported opset, and it is not deprecated there."""
    if ("", op_type) in opsets.local:
        found = True
    else:
        try:
            found = not onnx.defs.get_schema(op_type, opsets.versions[""], "").deprecated
        except onnx.defs.SchemaError:
            found = False
    opsets.known[op_type] = found
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
    if attribute.name == "equation" and kind == AttributeProto.STRING:
        text = attribute.s.decode("utf-8", "replace")
        return "" if _EQUATION.fullmatch(text.replace(" ", "")) else f"is no Einstein sum: '{printable(text)}'"
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
    missing = sort_nodes(function.node, produced, where)
    if missing:
        name = next(iter(missing))
        raise InputError(f"{where}value '{printable(name)}' is read but nothing produces it")
    for domain in opsets.used:
        version = opsets.versions.setdefault(domain, main.versions.get(domain, _newest(domain)))
        main.versions.setdefault(domain, version)
    main.used |= opsets.used
    _write_imports(function.opset_import, opsets.versions)
