"""AutoInt+: W. Song et al., "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks",
CIKM 2019. AutoInt+ is AutoInt beside a perceptron over the same vectors."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import FieldModel, Perceptron, require_fields
from nas.baselines.settings import DeepSettings, Depth, Width, Widths
from nas.data.fields import Schema


class Settings(DeepSettings):
    """Section 5.1 of the paper: 3 layers of 2 heads of width 32; empty hidden_units give AutoInt without the plus."""

    hidden_units: Widths = Field(default=(400, 400), description="widths of the hidden layers")
    attention_layers: Depth = Field(default=3, description="self-attention layers")
    heads: Depth = Field(default=2, description="attention heads")
    attention_dim: Width = Field(default=32, description="width of one head")


class Net(FieldModel):
    """Linear of the fields after attention (eq. 9), plus the perceptron."""

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__(schema, settings.embedding_dim)
        fields, dim = require_fields(schema, 1, "autoint"), settings.embedding_dim
        width = settings.heads * settings.attention_dim
        self.attention = nn.Sequential(
            *(Attention(width if depth else dim, settings.heads, width) for depth in range(settings.attention_layers))
        )
        self.out = nn.Linear(fields * width, 1)
        plus = bool(settings.hidden_units)
        self.deep = (
            Perceptron(fields * dim, settings.hidden_units, settings.dropout, settings.batch_norm, head=True)
            if plus
            else None
        )

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        fields = self.fields(dense, sparse)
        logits: Tensor = self.out(self.attention(fields).flatten(1)).squeeze(1)
        if self.deep is not None:
            logits = logits + self.deep(fields.flatten(1)).squeeze(1)
        return logits


class Attention(nn.Module):
    """Multi-head attention among fields, with a projected residual and ReLU (eq. 5 to 8); inner products not scaled, as
    in the paper. (n, fields, inputs) -> (n, fields, width)."""

    def __init__(self, inputs: int, heads: int, width: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.residual = (nn.Linear(inputs, width, bias=False) for _ in range(4))

    def forward(self, vectors: Tensor) -> Tensor:
        queries, keys, values = (self._split(layer(vectors)) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        residual: Tensor = self.residual(vectors)
        return torch.relu(mixed.transpose(1, 2).flatten(2) + residual)

    def _split(self, vectors: Tensor) -> Tensor:
        return vectors.reshape(*vectors.shape[:2], self.heads, -1).transpose(1, 2)
