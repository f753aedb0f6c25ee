"""How the learning rate moves: a factor for every step, starting with a linear warm-up if asked for."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine", "exponential"]


def factor(schedule: Schedule, step: int, total: int, warmup: int = 0, final: float = 0.0) -> float:
    """The factor on the learning rate of `step` (from 0) out of `total`.

    The first `warmup` steps rise linearly to 1 (Goyal et al. 2017); then it stays, or falls to `final` at the last
    step: along a line, half a cosine (Loshchilov and Hutter 2017), or geometrically (final must be above 0).
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup - 1))
    if schedule == "linear":
        return 1.0 + (final - 1.0) * done
    if schedule == "cosine":
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * done))
    if schedule == "exponential":
        return float(final**done)
    return 1.0
