"""NASRec networks in torch: `Network` stands alone, `Supernet` shares weights among all networks of a space."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.fields import Schema
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from nas.spaces.sizes import Inputs, Parameters, Weight, parameters, sizes, weights
from nas.supernets.embeddings import Embeddings
from nas.supernets.forward import Forward
from nas.supernets.sharing import Index, Layout
from pimsim.errors import InputError

ATTENTION_SCALE = 0.17
"""Initial scale of the two normalisations of self-attention, as the authors set it."""


class Network(nn.Module):
    """The network of an architecture, with weights of its own: (dense, sparse) -> logits (n,).

    cap: most rows of an embedding table; embeddings: used in place of fresh ones; std: of fresh ones (`Embeddings`).
    Raises InputError where the embedding width does not suit the architecture.
    """

    def __init__(
        self,
        architecture: Architecture,
        schema: Schema,
        embedding_dim: int = 16,
        cap: int | None = None,
        embeddings: Embeddings | None = None,
        std: float | None = None,
    ):
        super().__init__()
        if not architecture.single:
            raise InputError("a block with several operators of a kind is a path of a supernet, not a network")
        self.architecture, self.schema = architecture, schema
        self.inputs = inputs_of(schema, embedding_dim)
        self.embeddings = Embeddings(schema, embedding_dim, cap, std) if embeddings is None else embeddings
        self.matrices = nn.ParameterDict()
        for weight in weights(architecture, self.inputs):
            self.matrices[key_of(weight.name)] = nn.Parameter(torch.empty(weight.shape))
        self._names = {weight.name: key_of(weight.name) for weight in weights(architecture, self.inputs)}
        for name, key in self._names.items():
            reset(name, self.matrices[key])
        self._forward = Forward(architecture, self.inputs)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """dense: float (n, D), or (n, 0) for one column of ones; sparse: int64 (n, schema.width)."""
        return self.from_features(dense, self.embeddings(sparse))

    def from_features(self, dense: Tensor, features: Tensor) -> Tensor:
        """Logits of embedded features (n, dim, fields)."""
        found = {name: (self.matrices[key],) for name, key in self._names.items()}
        return self._forward(found, filled(dense), features)

    @property
    def parameter_counts(self) -> Parameters:
        """Without embeddings: built, and reaching the output."""
        return parameters(self.architecture, self.inputs)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A slice of a shared parameter that took part in a step: `tensor` is a view of `supernet.matrices[name][index]`
    and a leaf of the graph, so that its gradient is as small as itself."""

    name: str
    index: Index
    tensor: Tensor


class Supernet(nn.Module):
    """All networks of a space in one set of weights: (dense, sparse, architecture) -> logits (n,).

    After a forward pass with gradients `leaves` holds the slices that took part. Step them, and the embeddings, with
    optimiser state of the parameters' full size sliced by `Leaf.index`; everything else stays as it is.
    cap: most rows of an embedding table; std: of its fresh values. architecture: of the space, or a path of several
    operators (`Space.sample`).
    """

    def __init__(
        self,
        space: Space,
        schema: Schema,
        embedding_dim: int = 16,
        cap: int | None = 500_000,
        std: float | None = None,
    ):
        super().__init__()
        self.space, self.schema, self.cap = space, schema, cap
        self.inputs = inputs_of(schema, embedding_dim)
        self.embeddings = Embeddings(schema, embedding_dim, cap, std)
        self.layout = Layout(space, self.inputs)
        self.matrices = nn.ParameterDict()
        for name, shape in self.layout.shapes():
            self.matrices[key_of(name)] = nn.Parameter(torch.empty(shape))
            reset(name, self.matrices[key_of(name)])
        self.leaves: list[Leaf] = []

    def forward(self, dense: Tensor, sparse: Tensor, architecture: Architecture) -> Tensor:
        """See the class."""
        forward = Forward(architecture, self.inputs)
        self.leaves = []
        found: dict[str, list[Tensor]] = {}
        for weight in weights(architecture, self.inputs):
            if weight.part != "head" and not getattr(forward.live[weight.block], weight.part):
                continue
            slices = self.layout.slices(weight, architecture, forward.sizes)
            tensors = [self._leaf(weight.name, index) for index in slices]
            found[weight.name] = self._picked(weight, tensors, architecture)
        logits: Tensor = forward(found, filled(dense), self.embeddings(sparse))
        return logits

    def _leaf(self, name: str, index: Index) -> Tensor:
        view: Tensor = self.matrices[key_of(name)].detach()[index]
        if torch.is_grad_enabled():
            view.requires_grad_()
            self.leaves.append(Leaf(name, index, view))
        return view

    def _picked(self, weight: Weight, tensors: list[Tensor], architecture: Architecture) -> list[Tensor]:
        if architecture.balanced or not weight.name.endswith(".dot-product.weight"):
            return tensors
        columns = self.layout.pair_columns(architecture.blocks[weight.block], architecture)
        return [tensors[0].index_select(1, torch.tensor(columns, device=tensors[0].device))]

    @torch.no_grad()
    def network(self, architecture: Architecture, copy_embeddings: bool = True) -> Network:
        """The network of `architecture` with a copy of its weights, to fine-tune or export. The embeddings are shared
        with the supernet where they are not copied."""
        embeddings = copy.deepcopy(self.embeddings) if copy_embeddings else self.embeddings
        found = Network(architecture, self.schema, self.inputs.dim, self.cap, embeddings)
        sizes_of = sizes(architecture, self.inputs)
        for weight in weights(architecture, self.inputs):
            shared = self.matrices[key_of(weight.name)]
            parts = [shared[index] for index in self.layout.slices(weight, architecture, sizes_of)]
            found.matrices[key_of(weight.name)].copy_(torch.cat(self._picked(weight, parts, architecture), -1))
        return found


def warmup_probability(step: int, steps: int) -> float:
    """Chance of training the full supernet at `step`: falls linearly from 1 to 0 over the first `steps`."""
    return max(0.0, 1.0 - step / steps) if steps > 0 else 0.0


def sample_path(
    space: Space, generator: np.random.Generator, step: int, warmup_steps: int = 0, strategy: str = "single-operator"
) -> Architecture:
    """What to train at `step`: the full supernet with `warmup_probability`, else a path of `strategy`."""
    full = float(generator.random()) < warmup_probability(step, warmup_steps)
    return space.sample(generator, "full" if full else strategy)


def inputs_of(schema: Schema, embedding_dim: int) -> Inputs:
    """Sizes of a schema. Raises InputError where sparse fields are missing."""
    if not schema.sparse:
        raise InputError(f"NASRec networks need at least one sparse field; got {len(schema.dense)} dense columns alone")
    if embedding_dim < 1:
        raise InputError(f"embedding_dim must be at least 1; got {embedding_dim}")
    return Inputs.of(len(schema.dense), len(schema.sparse), embedding_dim)


def filled(dense: Tensor) -> Tensor:
    """The dense columns (n, D); where there are none, one that is always 1."""
    return dense if dense.shape[1] else dense.new_ones(len(dense), 1)


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
