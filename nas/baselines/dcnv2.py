"""DCN-V2: R. Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank
Systems", WWW 2021."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import Perceptron, Tables, require_fields
from nas.baselines.settings import DeepSettings, Depth, Widths
from nas.data.fields import Schema


class Settings(DeepSettings):
    """Both structures of figure 1; `rank` factors each cross matrix (section 4.2, without the mixture of experts)."""

    hidden_units: Widths = Field(default=(400, 400), description="widths of the hidden layers")
    cross_layers: Depth = Field(default=3, description="cross layers")
    rank: int = Field(default=0, ge=0, le=65536, description="rank of the cross matrices, 0: full")
    structure: Literal["parallel", "stacked"] = Field(default="parallel", description="perceptron beside or behind")


class Net(nn.Module):
    """Numeric columns enter as they are, beside the embeddings (section 3)."""

    def __init__(self, schema: Schema, settings: Settings):
        require_fields(schema, 1, "dcnv2")
        super().__init__()
        self.embeddings = nn.ModuleDict({"vectors": Tables(schema, settings.embedding_dim)})
        width = len(schema.dense) + len(schema.sparse) * settings.embedding_dim
        self.cross = nn.ModuleList(CrossLayer(width, settings.rank) for _ in range(settings.cross_layers))
        self.deep = Perceptron(width, settings.hidden_units, settings.dropout, settings.batch_norm)
        self.stacked = settings.structure == "stacked"
        self.out = nn.Linear(self.deep.width + (0 if self.stacked else width), 1)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        start = torch.cat([dense, self.embeddings["vectors"](sparse).flatten(1)], 1)
        crossed = start
        for layer in self.cross:
            crossed = layer(start, crossed)
        last = self.deep(crossed) if self.stacked else torch.cat([crossed, self.deep(start)], 1)
        logits: Tensor = self.out(last)
        return logits.squeeze(1)


class CrossLayer(nn.Module):
    """x0 * (W x + b) + x (eq. 1); W = U V^T of the given rank (eq. 2), or full."""

    def __init__(self, width: int, rank: int):
        super().__init__()
        self.mix: nn.Module = nn.Linear(width, width)
        if rank:
            self.mix = nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width))

    def forward(self, start: Tensor, current: Tensor) -> Tensor:
        crossed: Tensor = start * self.mix(current) + current
        return crossed
