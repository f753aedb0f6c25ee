"""The number that a search maximises: a metric of validation, less or times a penalty on one figure of cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from nas.objectives.figures import COLUMNS, Array
from pimsim.hardware.circuit import Model

Positive = Annotated[float, Field(gt=0, le=1e18, allow_inf_nan=False)]

LIMITS = {"max_energy_uJ": "energy_uJ", "max_latency_us": "latency_us", "max_area_mm2": "area_mm2",
          "max_Mflops": "Mflops"}  # fmt: skip
"""Column that each limit is on."""


class Objective(Model):
    """Quality and cost of one sample. Targets and limits are in uJ, us, mm2 and million multiply-adds."""

    metric: Literal["auc", "gauc", "logloss"] = Field(default="auc", description="of validation; logloss counts down")
    penalty: Literal["none", "energy", "latency", "area", "flops"] = "none"
    form: Literal["soft", "power", "absolute"] = Field(
        default="soft", description="soft: the excess over the target; power: MnasNet; absolute: TuNAS"
    )
    target: Positive | None = Field(default=None, description="null: the median of random architectures")
    weight: float = Field(default=0.01, ge=0, le=1e6, description="of the soft and absolute forms")
    beta: float = Field(default=-0.07, ge=-10, le=0, description="exponent of the power form")
    max_energy_uJ: Positive | None = None
    max_latency_us: Positive | None = None
    max_area_mm2: Positive | None = None
    max_Mflops: Positive | None = None

    @model_validator(mode="after")
    def _sign(self) -> Objective:
        if self.metric == "logloss" and self.penalty != "none" and self.form == "power":
            raise ValueError("form power multiplies a metric that counts up: use auc or gauc, or another form")
        return self

    @property
    def column(self) -> str | None:
        """The figure that is penalised."""
        return COLUMNS.get(self.penalty)

    @property
    def needs_hardware(self) -> bool:
        """Whether a figure of pimsim is penalised or limited."""
        limited = any(getattr(self, name) is not None for name in LIMITS if name != "max_Mflops")
        return limited or self.penalty not in ("none", "flops")

    def limits(self) -> dict[str, float]:
        """Largest value by column, of the columns that have one."""
        found = {column: getattr(self, name) for name, column in LIMITS.items()}
        return {column: value for column, value in found.items() if value is not None}

    def quality(self, metrics: Mapping[str, Any]) -> float:
        """The metric so that more is better; -inf where it is not defined."""
        value = metrics.get(self.metric)
        if value is None or not math.isfinite(value):
            return -math.inf
        return -float(value) if self.metric == "logloss" else float(value)

    def score(self, quality: Array, figures: Mapping[str, Array]) -> Array:
        """quality (n,) with the penalty of `figures` (n,). The target must be set; InputError if it is not above 0."""
        if self.column is None:
            return quality
        return np.where(np.isneginf(quality), -np.inf, quality * self.factor(figures) - self.toll(figures))

    def factor(self, figures: Mapping[str, Array]) -> Array:
        """(n,) What quality is multiplied by: 1, but for the power form."""
        if self.column is None or self.form != "power":
            return np.ones(_count(figures))
        from pimsim.cost.penalty import power_factor

        return self._applied(power_factor, figures, self.beta)

    def toll(self, figures: Mapping[str, Array]) -> Array:
        """(n,) What is taken off quality: the penalty of the soft and the absolute form."""
        if self.column is None or self.form == "power" or not self.weight:
            return np.zeros(_count(figures))
        from pimsim.cost.penalty import absolute_penalty, soft_constraint

        return self._applied(soft_constraint if self.form == "soft" else absolute_penalty, figures, self.weight)

    def _applied(self, function: Callable[..., Any], figures: Mapping[str, Array], strength: float) -> Array:
        assert self.column is not None
        assert self.target is not None
        return applied(function, figures[self.column], self.target, strength)

    def allowed(self, figures: Mapping[str, Array]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n,) Within every limit. Networks that the hardware cannot hold (infinitely dear) never are."""
        found = np.ones(_count(figures), dtype=bool)
        for values in figures.values():
            found &= ~np.isposinf(values)
        for column, most in self.limits().items():
            found &= figures[column] <= most
        return found


def applied(function: Callable[..., Any], cost: Array, target: float, strength: float) -> Array:
    """(n,) A penalty of `pimsim.cost.penalty` on costs (n,)."""
    import torch

    found: Array = function(torch.from_numpy(np.array(cost, dtype=float)), target, strength).numpy()
    return found


def _count(figures: Mapping[str, Array]) -> int:
    return len(next(iter(figures.values())))
