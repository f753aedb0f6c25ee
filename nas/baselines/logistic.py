"""Logistic regression over one-hot fields: the linear model that head-room is measured against.

Numeric columns enter as they are and, with `bins`, also as one-hot bins between quantiles of the training rows (what a
linear model needs to bend). `nas.training.convex` fits it to convergence; an unconverged one fakes head-room.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import Tables
from nas.data.fields import Schema
from pimsim.hardware.circuit import Model


class Settings(Model):
    """The convex problem and when it counts as solved."""

    bins: int = Field(default=32, ge=0, le=4096, description="quantile bins of each numeric column, 0: none")
    l2: float = Field(default=1e-5, ge=0, le=1e6, description="half of it times the squared weights joins the loss")
    gradient_tolerance: float = Field(default=1e-5, gt=0, le=1, description="largest gradient entry at which to stop")
    max_iterations: int = Field(default=5000, ge=1, le=1_000_000, description="L-BFGS iterations at most")


class Net(nn.Module):
    """bias + weights of the ids + slopes of the numeric columns + weights of their bins."""

    edges: Tensor

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__()
        columns = len(schema.dense)
        self.embeddings = nn.ModuleDict({"weights": Tables(schema, 1, std=0.0)})
        self.slopes = nn.Parameter(torch.zeros(columns))
        self.bias = nn.Parameter(torch.zeros(1))
        self.bins = nn.Parameter(torch.zeros(columns, settings.bins))
        # Until edges are fitted all values fall into the first bin.
        self.register_buffer("edges", torch.full((columns, max(0, settings.bins - 1)), torch.inf))

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        total: Tensor = self.bias + self.embeddings["weights"](sparse).sum((1, 2))
        total = total + (dense * self.slopes).sum(1)
        if self.bins.numel():
            starts = torch.arange(0, self.bins.numel(), self.bins.shape[1], device=dense.device)
            total = total + self.bins.reshape(-1)[self.bin_of(dense) + starts].sum(1)
        return total

    def bin_of(self, dense: Tensor) -> Tensor:
        """(n, D) -> int64 (n, D): how many edges of its column lie below each value."""
        return (dense.unsqueeze(2) > self.edges).sum(2)
