"""The NASRec space: what a choice block may be, how many networks that makes, and the moves of a search in it.

    space = Space.full(blocks=5, dense_widths=(16, 32, 64, 128), sparse_widths=(4, 8, 16))
    parent = space.sample(generator)
    child = space.mutate(parent, generator, count=2)

Zhang et al., "NASRec: Weight Sharing Neural Architecture Search for Recommender Systems", WWW 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from nas.spaces.architecture import (
    CONFIGS,
    DENSE_OPERATORS,
    LARGEST_WIDTH,
    MOST_BLOCKS,
    OPERATORS,
    SPARSE_OPERATORS,
    Architecture,
    Block,
)
from pimsim.errors import InputError, printable

DENSE_WIDTHS = (16, 32, 64, 128, 256, 512, 768, 1024)
SPARSE_WIDTHS = (16, 32, 48, 64)
STRATEGIES = ("single-operator", "single-path", "any-path", "full")
GENES = (
    "dense_operator", "sparse_operator", "dense_width", "sparse_width", "merge_dense", "merge_fm", "dense", "sparse",
    "left", "right",
)  # fmt: skip
"""What a block chooses, one by one. Mutation resamples a gene, crossover takes each from either parent."""


@dataclass(frozen=True)
class Space:
    """Blocks, operators, widths and connections that a search may choose from.

    most_connections: earlier outputs that a block concatenates at most; None: any number. The authors' sampler stops
    at 4. balanced, use_layernorm: of all networks of the space, see `Architecture`.
    Raises InputError for empty or unsorted lists and unknown operators.
    """

    blocks: int = 7
    operators: tuple[str, ...] = OPERATORS
    dense_widths: tuple[int, ...] = DENSE_WIDTHS
    sparse_widths: tuple[int, ...] = SPARSE_WIDTHS
    most_connections: int | None = 4
    balanced: bool = True
    use_layernorm: bool = True
    config: str = "xlarge"

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= MOST_BLOCKS:
            raise InputError(f"blocks must be 1 to {MOST_BLOCKS}; got {self.blocks}")
        unknown = [name for name in self.operators if name not in OPERATORS]
        if unknown or len(set(self.operators)) != len(self.operators):
            raise InputError(f"operators are different ones of {', '.join(OPERATORS)}; got {printable(self.operators)}")
        if not (self.dense_operators and self.sparse_operators):
            raise InputError(f"operators need a dense and a sparse one; got {', '.join(self.operators) or 'none'}")
        for name in ("dense_widths", "sparse_widths"):
            given = getattr(self, name)
            if not given or list(given) != sorted(set(given)) or not 1 <= given[0] <= given[-1] <= LARGEST_WIDTH:
                raise InputError(f"{name} must be rising whole numbers from 1 to {LARGEST_WIDTH:,}; got {list(given)}")
        if self.most_connections is not None and self.most_connections < 1:
            raise InputError(f"most_connections must be at least 1; got {self.most_connections}")

    @staticmethod
    def full(**parameters: Any) -> Space:
        """NASRec-Full: all operators. `parameters`: fields of the space, e.g. blocks or dense_widths."""
        return Space(**parameters)

    @staticmethod
    def small(**parameters: Any) -> Space:
        """NASRec-Small: FC, dot product and EFC."""
        return Space(**{"operators": CONFIGS["autoctr"], "config": "autoctr", **parameters})

    @property
    def dense_operators(self) -> tuple[str, ...]:
        """Operators with a dense output."""
        return tuple(name for name in self.operators if name in DENSE_OPERATORS)

    @property
    def sparse_operators(self) -> tuple[str, ...]:
        """Operators with a sparse output."""
        return tuple(name for name in self.operators if name in SPARSE_OPERATORS)

    @property
    def cardinality(self) -> int:
        """Different architectures that `sample` can give."""
        return math.prod(self._options(gene, at) for at in range(self.blocks) for gene in GENES)

    def _options(self, gene: str, at: int) -> int:
        """Values that a gene of block `at` can take."""
        if gene in ("dense", "sparse"):
            return sum(math.comb(at + 1, count) for count in range(1, self._most(at) + 1))
        if gene in ("left", "right"):
            return at + 1
        return len(self._listed(gene))

    def values(self, gene: str, at: int) -> Iterator[Any]:
        """Every value that a gene of block `at` can take."""
        if gene in ("dense", "sparse"):
            for count in range(1, self._most(at) + 1):
                yield from combinations(range(at + 1), count)
        elif gene in ("left", "right"):
            yield from ((source,) for source in range(at + 1))
        else:
            yield from self._listed(gene)

    def _listed(self, gene: str) -> tuple[Any, ...]:
        if gene in ("merge_dense", "merge_fm"):
            return (False, True)
        return tuple(getattr(self, f"{gene}s"))

    def _most(self, at: int) -> int:
        return at + 1 if self.most_connections is None else min(at + 1, self.most_connections)

    def check(self, architecture: Architecture) -> None:
        """Raises InputError, naming the block, for an architecture that is not in the space."""
        if len(architecture) != self.blocks:
            raise InputError(f"the space has {self.blocks} blocks; got an architecture of {len(architecture)}")
        for name in ("balanced", "use_layernorm"):
            if getattr(architecture, name) != getattr(self, name):
                raise InputError(f"{name} is {getattr(self, name)} in the space and not in the architecture")
        for at, block in enumerate(architecture.blocks):
            found: Sequence[tuple[str, Any, tuple[Any, ...]]] = (
                *(("operator", name, self.operators) for name in block.operators),
                ("dense_width", block.dense_width, self.dense_widths),
                ("sparse_width", block.sparse_width, self.sparse_widths),
            )
            for name, value, allowed in found:
                if value not in allowed:
                    raise InputError(f"block {at}: {name} must be one of {', '.join(map(str, allowed))}; got {value}")
            for name in ("dense", "sparse"):
                if len(getattr(block, name)) > self._most(at):
                    raise InputError(f"block {at}: {name} has at most {self._most(at)} connections")

    def sample(self, generator: np.random.Generator, strategy: str = "single-operator") -> Architecture:
        """A random architecture, or with another strategy than the first a path for training a supernet.

        single-operator: one operator of each kind, any connections (1 + Binomial(n - 1, 0.5) of them, as the authors
        draw). single-path: one connection of each kind too. any-path: any operators and connections. full: everything
        at full width. Raises InputError for another name.
        """
        if strategy not in STRATEGIES:
            raise InputError(f"strategy must be one of {', '.join(STRATEGIES)}; got {printable(strategy, 40)!r}")
        if strategy == "full":
            return self._architecture([self._full(at) for at in range(self.blocks)])
        blocks = []
        for at in range(self.blocks):
            genes = {gene: self._draw(gene, at, generator) for gene in GENES}
            if strategy == "single-path":
                genes["dense"], genes["sparse"] = ((int(generator.integers(at + 1)),) for _ in range(2))
            operators: tuple[str, ...] = (genes.pop("dense_operator"), genes.pop("sparse_operator"))
            if strategy == "any-path":
                kinds = self.dense_operators, self.sparse_operators
                operators = tuple(kind[i] for kind in kinds for i in _some(len(kind), len(kind), generator))
            blocks.append(Block(operators=operators, **genes))
        return self._architecture(blocks)

    def _draw(self, gene: str, at: int, generator: np.random.Generator) -> Any:
        if gene in ("dense", "sparse"):
            return _some(at + 1, self._most(at), generator)
        if gene in ("left", "right"):
            return (int(generator.integers(at + 1)),)
        listed = self._listed(gene)
        return listed[int(generator.integers(len(listed)))]

    def _full(self, at: int) -> Block:
        every = tuple(range(at + 1))
        return Block(
            self.operators, self.dense_widths[-1], self.sparse_widths[-1], True, True, every, every, every, every
        )

    def _architecture(self, blocks: Sequence[Block]) -> Architecture:
        return Architecture(tuple(blocks), self.config, self.operators, self.use_layernorm, self.balanced)

    def mutate(self, parent: Architecture, generator: np.random.Generator, count: int = 1) -> Architecture:
        """`parent` with `count` genes resampled, one after the other, each to another value than it had. Raises
        InputError when the space holds nothing else."""
        blocks = list(parent.blocks)
        open_genes = [(at, gene) for at in range(self.blocks) for gene in GENES if self._options(gene, at) > 1]
        if not open_genes:
            raise InputError("the space holds one architecture; nothing can be mutated")
        for _ in range(count):
            at, gene = open_genes[int(generator.integers(len(open_genes)))]
            before = value = gene_of(blocks[at], gene)
            while value == before:
                value = self._draw(gene, at, generator)
            blocks[at] = with_genes(blocks[at], {gene: value})
        return self._architecture(blocks)

    def crossover(self, one: Architecture, other: Architecture, generator: np.random.Generator) -> Architecture:
        """Each gene from either parent, evenly."""
        blocks = []
        for a, b in zip(one.blocks, other.blocks, strict=True):
            picks = generator.integers(2, size=len(GENES))
            taken = {gene: gene_of(b, gene) for gene, pick in zip(GENES, picks.tolist(), strict=True) if pick}
            blocks.append(with_genes(a, taken))
        return self._architecture(blocks)

    def encode(self, architecture: Architecture) -> np.ndarray[Any, np.dtype[np.float32]]:
        """0 and 1 for every value that a gene may take (connections: one place an earlier output): what predictors
        read. The same length for all architectures of the space."""
        parts: list[bool] = []
        for at, block in enumerate(architecture.blocks):
            for gene in GENES:
                value = gene_of(block, gene)
                if isinstance(value, tuple):
                    parts += [source in value for source in range(at + 1)]
                else:
                    parts += [value == option for option in self._listed(gene)]
        return np.array(parts, dtype=np.float32)


def gene_of(block: Block, gene: str) -> Any:
    """The value of one of GENES."""
    if gene == "dense_operator":
        return block.dense_operators[0]
    if gene == "sparse_operator":
        return block.sparse_operators[0]
    return getattr(block, gene)


def with_genes(block: Block, genes: dict[str, Any]) -> Block:
    """`block` with other values of some of GENES."""
    if not genes:
        return block
    dense = genes.get("dense_operator", gene_of(block, "dense_operator"))
    sparse = genes.get("sparse_operator", gene_of(block, "sparse_operator"))
    rest = {gene: value for gene, value in genes.items() if gene not in ("dense_operator", "sparse_operator")}
    return replace(block, operators=(dense, sparse), **rest)


def distance(one: Architecture, other: Architecture) -> int:
    """How many choices differ: one for each operator, width and merger, one for each connection that only one of the
    two has. A metric on architectures of equal length; raises InputError for others."""
    if len(one) != len(other):
        raise InputError(f"architectures of {len(one)} and {len(other)} blocks have no distance")
    total = 0
    for a, b in zip(one.blocks, other.blocks, strict=True):
        total += (a.dense_width != b.dense_width) + (a.sparse_width != b.sparse_width)
        total += (a.merge_dense != b.merge_dense) + (a.merge_fm != b.merge_fm)
        total += len({*a.operators} ^ {*b.operators})
        for name in ("dense", "sparse", "left", "right"):
            total += len({*getattr(a, name)} ^ {*getattr(b, name)})
    return total


def _some(count: int, most: int, generator: np.random.Generator) -> tuple[int, ...]:
    """1 + Binomial(most - 1, 0.5) different numbers below `count`."""
    wanted = 1 + int(generator.binomial(most - 1, 0.5))
    return tuple(sorted(generator.choice(count, size=wanted, replace=False).tolist()))


__all__ = ["Architecture", "Block", "Space", "distance", "gene_of", "with_genes"]
