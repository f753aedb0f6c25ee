"""xDeepFM: J. Lian et al., "xDeepFM: Combining Explicit and Implicit Feature Interactions for Recommender Systems",
KDD 2018."""

from typing import cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import FieldModel, Perceptron, require_fields
from nas.baselines.settings import DeepSettings, Widths
from nas.data.fields import Schema


class Settings(DeepSettings):
    """Section 4.1 of the paper: 400 units a layer, 100 feature maps for its two smaller data sets (200 for Criteo)."""

    hidden_units: Widths = Field(default=(400, 400), description="widths of the hidden layers")
    cin_maps: Widths = Field(default=(100, 100), description="feature maps of each interaction layer")


class Net(FieldModel):
    """First-order sum, compressed interaction network and perceptron, added (eq. 9)."""

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__(schema, settings.embedding_dim, first_order=True)
        fields = require_fields(schema, 1, "xdeepfm")
        self.cin = InteractionLayers(fields, settings.cin_maps)
        self.pooled = nn.Linear(sum(settings.cin_maps), 1, bias=False)
        inputs = fields * settings.embedding_dim
        self.deep = Perceptron(inputs, settings.hidden_units, settings.dropout, settings.batch_norm, head=True)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        fields = self.fields(dense, sparse)
        explicit = self.pooled(self.cin(fields)).squeeze(1)
        logits: Tensor = self.first_order(dense, sparse) + explicit + self.deep(fields.flatten(1)).squeeze(1)
        return logits


class InteractionLayers(nn.Module):
    """Compressed interaction network (eq. 6 to 8), without an activation (the paper found the identity best).

    Layer k: map h is the sum over i, j of W[h, i, j] (X_{k-1}[i] * X_0[j]), elementwise along the embedding; each map
    is then summed along the embedding. (n, fields, dim) -> (n, sum of maps).
    """

    def __init__(self, fields: int, maps: tuple[int, ...]):
        super().__init__()
        inputs = [fields, *maps[:-1]]
        self.layers = nn.ModuleList(
            nn.Linear(count * fields, width, bias=False) for count, width in zip(inputs, maps, strict=True)
        )

    def forward(self, vectors: Tensor) -> Tensor:
        start = vectors.transpose(1, 2).contiguous()  # (n, dim, fields): what a map adds up lies side by side
        current, pooled = start, []
        for layer in self.layers:
            weight = cast(Tensor, layer.weight)
            mix = mixed_first if len(weight) < start.shape[2] else products_first
            current = mix(current, start, weight)
            pooled.append(current.sum(1))
        return torch.cat(pooled, 1)


def products_first(current: Tensor, start: Tensor, weight: Tensor) -> Tensor:
    """(n, dim, inputs), (n, dim, fields) -> (n, dim, maps), through inputs x fields products."""
    return F.linear((current.unsqueeze(3) * start.unsqueeze(2)).flatten(2), weight)


def mixed_first(current: Tensor, start: Tensor, weight: Tensor) -> Tensor:
    """The same through maps x inputs sums over the fields, which are fewer where maps are fewer than fields."""
    maps, inputs, fields = len(weight), current.shape[2], start.shape[2]
    mixed = F.linear(start, weight.reshape(maps * inputs, fields))
    return (mixed.reshape(*start.shape[:2], maps, inputs) * current.unsqueeze(2)).sum(3)
