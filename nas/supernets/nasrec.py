"""NASRec networks in torch: `Network` stands alone, `Supernet` shares weights among all networks of a space."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nas.data.fields import Schema
from nas.spaces.architecture import Architecture
from nas.spaces.sizes import Inputs, Parameters, parameters, weights
from nas.supernets.embeddings import Embeddings
from nas.supernets.forward import Forward

ATTENTION_SCALE = 0.17
"""Initial scale of the two normalisations of self-attention, as the authors set it."""


class Network(nn.Module):
    """The network of an architecture, with weights of its own: (dense, sparse) -> logits (n,).

    cap: most rows of an embedding table. Raises InputError where the embedding width does not suit the architecture.
    """

    def __init__(self, architecture: Architecture, schema: Schema, embedding_dim: int = 16, cap: int | None = None):
        super().__init__()
        self.architecture, self.schema = architecture, schema
        self.inputs = Inputs(len(schema.dense), len(schema.sparse), embedding_dim)
        self.embeddings = Embeddings(schema, embedding_dim, cap)
        self.matrices = nn.ParameterDict()
        for weight in weights(architecture, self.inputs):
            self.matrices[key_of(weight.name)] = nn.Parameter(torch.empty(weight.shape))
        self._names = {weight.name: key_of(weight.name) for weight in weights(architecture, self.inputs)}
        for name, key in self._names.items():
            reset(name, self.matrices[key])
        self._forward = Forward(architecture, self.inputs)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """dense: float (n, D); sparse: int64 (n, schema.width)."""
        return self.from_features(dense, self.embeddings(sparse))

    def from_features(self, dense: Tensor, features: Tensor) -> Tensor:
        """Logits of embedded features (n, dim, fields)."""
        found = {name: (self.matrices[key],) for name, key in self._names.items()}
        return self._forward(found, dense, features)

    @property
    def parameter_counts(self) -> Parameters:
        """Without embeddings: built, and reaching the output."""
        return parameters(self.architecture, self.inputs)


def key_of(name: str) -> str:
    """Name of a parameter without dots, which torch does not take."""
    return name.replace(".", "/")


@torch.no_grad()
def reset(name: str, tensor: Tensor) -> None:
    """Fresh values: matrices evenly within the bounds of Glorot and Bengio (2010), biases 0, normalisations 1 and 0."""
    key = name.rpartition(".")[2]
    if key.endswith("weight"):
        bound = math.sqrt(6.0 / (tensor.shape[-1] + tensor.shape[-2]))
        tensor.uniform_(-bound, bound)
    elif key.endswith("scale"):
        attention = key in ("out_scale", "fc2_scale")
        tensor.fill_(ATTENTION_SCALE if attention else 1.0)
    else:
        tensor.zero_()
