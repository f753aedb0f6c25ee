"""A distribution over the networks of a space that gradients can move: probabilities for every gene, on their own.

A gene with values 0..K-1 has K logits. The connections of a block have one logit each: a set of them weighs the product
of its members' weights, among the sets that the space allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import GENES, Space, with_genes
from nas.spaces.sizes import reach
from pimsim.cost.penalty import choice_probabilities
from pimsim.errors import InputError

Choice = np.ndarray[Any, np.dtype[np.int64]]
"""(genes,) or (n, genes): the place of each gene's value among its values."""

MOST_VALUES = 4096
"""Of a gene: all of them are listed, and costed."""

READERS = {"dense": ("linear-2d", "dot-product"), "left": ("sum", "sigmoid-gating"), "right": ("sum", "sigmoid-gating")}
"""Dense operators that read what a gene connects."""


@dataclass(frozen=True)
class Gene:
    """A gene of block `at` that has a choice. members: (values, sources) 0 or 1, for sets of connections."""

    at: int
    name: str
    values: tuple[Any, ...]
    members: Tensor | None


class Policy:
    """Logits for the genes of `space`, 0 at first: all values of a gene are equally likely.

    Raises InputError for a space whose blocks have more than MOST_VALUES sets of connections.
    """

    def __init__(self, space: Space):
        self.space = space
        listed = [(at, name, _values(space, name, at)) for at in range(space.blocks) for name in GENES]
        self.genes = [
            Gene(at, name, values, _members(values, at) if name in ("dense", "sparse") else None)
            for at, name, values in listed if len(values) > 1
        ]  # fmt: skip
        self._first = space.sample(np.random.default_rng(0))
        for at, name, values in listed:
            self._first = _with(self._first, at, {name: values[0]})
        sizes = [len(gene.values) if gene.members is None else gene.members.shape[1] for gene in self.genes]
        self.logits = [torch.zeros(size, dtype=torch.float64, requires_grad=True) for size in sizes]

    def probabilities(self, temperature: float = 1.0) -> list[Tensor]:
        """(values,) of each gene: softmax of its logits over the temperature."""
        found = []
        for gene, logits in zip(self.genes, self.logits, strict=True):
            of_values = logits if gene.members is None else gene.members @ logits
            found.append(choice_probabilities(of_values, temperature=temperature))
        return found

    def draw(self, probabilities: Sequence[Tensor], count: int, generator: np.random.Generator) -> Choice:
        """(count, genes) drawn with these probabilities."""
        columns = []
        for p in probabilities:
            ends = np.cumsum(p.detach().numpy())
            columns.append(np.searchsorted(ends[:-1], generator.random(count) * ends[-1], side="right"))
        return np.stack(columns, axis=1) if columns else np.zeros((count, 0), dtype=np.int64)

    def architecture(self, choice: Choice) -> Architecture:
        """The network of a choice (genes,)."""
        genes: list[dict[str, Any]] = [{} for _ in range(self.space.blocks)]
        for gene, value in zip(self.genes, choice.tolist(), strict=True):
            genes[gene.at][gene.name] = gene.values[value]
        found = self._first
        for at, own in enumerate(genes):
            found = _with(found, at, own)
        return found

    def alternatives(self, architecture: Architecture, gene: Gene) -> list[Architecture]:
        """The networks with each of the gene's values in turn, all else as it is."""
        return [_with(architecture, gene.at, {gene.name: value}) for value in gene.values]

    def acting(self, architecture: Architecture) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(genes,) False where the output is the same whatever value the gene has, with all else as it is."""
        live = reach(architecture, 1)  # what is asked below does not depend on the embedding width
        found = []
        for gene in self.genes:
            block, here = architecture.blocks[gene.at], live[gene.at]
            operator = block.dense_operators[0]
            if gene.name in READERS:
                found.append(here.dense and operator in READERS[gene.name])
            elif gene.name == "sparse":
                found.append(here.sparse or (here.dense and operator == "dot-product"))
            elif gene.name in ("dense_operator", "dense_width"):
                found.append(here.dense)
            elif gene.name in ("sparse_operator", "sparse_width"):
                found.append(here.sparse)
            else:
                found.append(here.dense or here.sparse)
        return np.array(found, dtype=bool)

    def canonical(self, choice: Choice) -> Choice:
        """The choice with the first value wherever a gene does not act: the same for networks that compute the same."""
        return np.where(self.acting(self.architecture(choice)), choice, 0)

    def likeliest(self, probabilities: Sequence[Tensor]) -> list[Architecture]:
        """The most probable network, then those that differ from it in one acting choice, the least decided first."""
        best = np.array([int(p.argmax()) for p in probabilities], dtype=np.int64)
        near = []
        for at in np.flatnonzero(self.acting(self.architecture(best))).tolist():
            p = probabilities[at].detach().numpy()
            for value in range(len(p)):
                if value != best[at]:
                    other = best.copy()
                    other[at] = value
                    near.append((float(p[value] / p[best[at]]), other))
        near.sort(key=lambda pair: -pair[0])
        return list(dict.fromkeys(self.architecture(self.canonical(one)) for one in (best, *(c for _, c in near))))


def _values(space: Space, name: str, at: int) -> tuple[Any, ...]:
    found = tuple(islice(space.values(name, at), MOST_VALUES + 1))
    if len(found) > MOST_VALUES:
        raise InputError(
            f"search.algorithm gradient lists the sets of connections of a block, at most {MOST_VALUES:,}; block {at} "
            "has more: lower space.most_connections"
        )
    return found


def _members(values: tuple[tuple[int, ...], ...], at: int) -> Tensor:
    return torch.tensor([[float(source in value) for source in range(at + 1)] for value in values], dtype=torch.float64)


def _with(architecture: Architecture, at: int, genes: dict[str, Any]) -> Architecture:
    own = architecture
    blocks = (*own.blocks[:at], with_genes(own.blocks[at], genes), *own.blocks[at + 1 :])
    return Architecture(blocks, own.config, own.operators, own.use_layernorm, own.balanced)
