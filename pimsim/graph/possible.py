"""Shapes that cannot be, which the onnx package lets pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pimsim.errors import InputError, printable
from pimsim.graph.nodes import Tensor


def check_possible(op: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any], place: str) -> None:
    """Raise InputError if the channels of a convolution do not fit its weight."""
    plan = CONVOLUTIONS.get(op)
    if plan is None or len(inputs) <= plan[1]:
        return
    data, weight = inputs[0], inputs[plan[1]]
    if data is None or weight is None or data.shape is None or weight.shape is None:
        return
    group = attributes.get("group", 1)
    if not isinstance(group, int) or group < 1:
        raise InputError(f"{place}: attribute 'group' is {printable(group)}; it must be an integer of at least 1")
    if len(data.shape) < 2 or len(weight.shape) != len(data.shape):
        raise InputError(
            f"{place}: input of shape {list(data.shape)} and weight of shape {list(weight.shape)} differ in rank"
        )
    channels, transposed = data.shape[1], plan[0]
    wanted = weight.shape[0] if transposed else weight.shape[1] * group
    if channels != wanted or weight.shape[0] % group:
        raise InputError(
            f"{place}: input of shape {list(data.shape)} has {channels} channels, the weight of shape "
            f"{list(weight.shape)} with group {group} needs {wanted}"
            + ("" if channels != wanted else f"; {weight.shape[0]} is not a multiple of the group")
        )


CONVOLUTIONS: dict[str, tuple[bool, int]] = {
    "Conv": (False, 1),
    "ConvTranspose": (True, 1),
    "ConvInteger": (False, 1),
    "QLinearConv": (False, 3),
    "com.microsoft.FusedConv": (False, 1),
}
"""Operator -> transposed, position of the weight."""
