"""Shapes of the operators of com.microsoft that quantised and fused models carry; onnx has no schema for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pimsim.graph.nodes import Tensor

Output = Callable[[str], Tensor]


def contrib_shapes(
    op: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any], count: int
) -> list[Output]:
    """Makers of the outputs of a com.microsoft operator, given their names; fewer than `count` where nothing is known."""
    return []
