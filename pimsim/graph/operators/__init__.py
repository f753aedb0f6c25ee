"""One file a family of operators; each operator is one line in its family's OPERATORS table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pimsim.graph.operators import conv, elementwise, matmul, movement, pool_norm
from pimsim.graph.operators.site import Handler

FAMILIES = (movement, elementwise, pool_norm, matmul, conv)

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {op: handler for family in FAMILIES for op, handler in family.OPERATORS.items()}
)
"""Operator type (with its domain unless it is ai.onnx) -> handler."""
