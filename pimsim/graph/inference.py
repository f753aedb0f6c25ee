"""Types of the outputs of one node, by the onnx package: nodes alike are asked about once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import NodeProto, OperatorSetIdProto, TypeProto, numpy_helper, shape_inference

from pimsim.graph.ordering import subgraphs
from pimsim.graph.tidy import UNREGISTERED
from pimsim.graph.types import type_of

if TYPE_CHECKING:
    from pimsim.graph.building import Site


class Inference:
    """onnx's inference for single nodes under given opset versions."""

    def __init__(self, versions: Mapping[str, int]):
        self.versions = versions
        self.imports = [OperatorSetIdProto(domain=d, version=v) for d, v in versions.items()]
        self.schemas: dict[tuple[str, str], onnx.defs.OpSchema | None] = {}
        self.results: dict[tuple[object, ...] | None, list[TypeProto]] = {}  # signature -> outputs

    def types(self, site: Site) -> dict[str, TypeProto]:
        """Output name -> type; empty where onnx has no schema, or an input has no type.

        Raises what the onnx package raises on types and attributes that do not fit.
        """
        schema = self._schema(site.proto)
        if schema is None or any(True for _ in subgraphs(site.proto)):
            return {}
        key = self._signature(site)
        if key in self.results:
            return dict(zip(site.proto.output, self.results[key], strict=False))
        found = self._infer_once(site, schema)
        if key is not None and all(name in found for name in site.proto.output):
            self.results[key] = [found[name] for name in site.proto.output]
        return found

    def _signature(self, site: Site) -> tuple[object, ...] | None:
        """What decides the outputs of a node that has no attributes and whose inputs have no known values."""
        if len(site.proto.attribute) or "" in site.proto.output:
            return None
        key: list[object] = [site.op, len(site.proto.output)]
        for tensor in site.inputs:
            if tensor is None or (tensor.constant is not None and tensor.constant.values is not None):
                return None
            key.append((tensor.shape, tensor.dtype))
        return tuple(key)

    def _infer_once(self, site: Site, schema: onnx.defs.OpSchema) -> dict[str, TypeProto]:
        types: dict[str, TypeProto] = {}
        data = {}
        for name, tensor in zip(site.proto.input, site.inputs, strict=False):
            if tensor is None:
                continue
            proto = type_of(tensor)
            if proto is None:
                return {}
            types[name] = proto
            if tensor.constant is not None and tensor.constant.values is not None:
                data[name] = numpy_helper.from_array(np.asarray(tensor.constant.values, order="C"))
        node = site.proto
        if len(site.inputs) != len(node.input) or node.domain == UNREGISTERED:
            node = NodeProto()
            node.CopyFrom(site.proto)
            del node.input[len(site.inputs) :]
            node.domain = "" if node.domain == UNREGISTERED else node.domain
        return shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=self.imports)

    def _schema(self, node: NodeProto) -> onnx.defs.OpSchema | None:
        key = (node.domain, node.op_type)
        if key not in self.schemas:
            self.schemas[key] = self._find_schema(node)
        return self.schemas[key]

    def _find_schema(self, node: NodeProto) -> onnx.defs.OpSchema | None:
        unregistered = node.domain == UNREGISTERED
        domain = "" if unregistered else node.domain
        version = self.versions.get(domain, 1)
        try:
            schema = onnx.defs.get_schema(node.op_type, version, domain)
            if schema.deprecated and schema.since_version > 1:
                schema = onnx.defs.get_schema(node.op_type, schema.since_version - 1, domain)
        except onnx.defs.SchemaError:
            return None
        return None if schema.deprecated else schema
