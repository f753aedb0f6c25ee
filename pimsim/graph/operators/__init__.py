"""One file a family of operators; each operator is one line in its family's OPERATORS table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pimsim.graph.operators import (
    classic_ml,
    contrib,
    control,
    conv,
    dynamic,
    einsum,
    elementwise,
    lookup,
    matmul,
    movement,
    pool_norm,
    recurrent,
    special,
)
from pimsim.graph.operators.site import Handler

FAMILIES = (
    conv,
    matmul,
    einsum,
    recurrent,
    dynamic,
    contrib,
    lookup,
    elementwise,
    pool_norm,
    special,
    movement,
    control,
    classic_ml,
)

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {op: handler for family in FAMILIES for op, handler in family.OPERATORS.items()}
)
"""Operator type (with its domain unless it is ai.onnx) -> handler."""
