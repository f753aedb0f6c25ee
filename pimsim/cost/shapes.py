"""A choice space as data: blocks, each a list of candidate layer lists; an architecture is one index a block.

Nothing of a search is here. Whoever has a space of its own fills a `Choices` from it, and gets tables, penalties and
predictors for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Workload

Indices = np.ndarray[Any, np.dtype[np.int64]]

LARGEST_SPACE = 1_000_000
"""Candidates of a whole space (blocks x states x choices) that are taken; a larger one needs a predictor."""


def back(blocks: int) -> int:
    """`Edge.source` of what leaves the block that stands `blocks` before this one (1: the block before); the model's
    input where there is no such block."""
    if blocks < 1:
        raise InputError(f"back({blocks}): blocks are counted from 1, the block before")
    return MODEL_INPUT - blocks


PREVIOUS = MODEL_INPUT - 1
"""`Edge.source` of what leaves the block before: `back(1)`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a block becomes when one choice is made in one state.

    layers: as in a `Workload`, with sources counted inside the candidate, MODEL_INPUT, PREVIOUS or `back(n)`.
    state: what the blocks after it find: the row of their candidates (a width, say, that their first layer must take).
    output: the layer that gives what leaves the block; None: the last one. A candidate without layers (a skipped block)
        hands on what leaves the block before, or what `output` names.
    """

    layers: tuple[Layer, ...] = ()
    state: int = 0
    output: int | None = None

    @property
    def leaves(self) -> int:
        """`output` as a number: a layer of the candidate, or a source before it."""
        if self.output is not None:
            return self.output
        return len(self.layers) - 1 if self.layers else PREVIOUS


@dataclass(frozen=True, slots=True)
class Block:
    """candidates[state][choice]: one row for each state that the block before may leave, one column a choice."""

    name: str
    candidates: tuple[tuple[Candidate, ...], ...]

    @property
    def choices(self) -> int:
        """Number of choices."""
        return len(self.candidates[0])


@dataclass(frozen=True)
class Choices:
    """A space of architectures. The first block is entered in state 0.

    Raises InputError where a block is empty or ragged, a state or source does not exist, or two blocks share a
    `weight_key`.
    """

    name: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        problems: list[str] = []
        if not self.blocks:
            problems.append("a choice space needs at least one block")
        for at, block in enumerate(self.blocks):
            following = self.blocks[at + 1] if at + 1 < len(self.blocks) else None
            problems.extend(_problems(block, following))
        problems.extend(_shared_keys(self.blocks))
        entries = sum(len(block.candidates) * block.choices for block in self.blocks if block.candidates)
        if entries > LARGEST_SPACE:
            problems.append(f"{entries:,} candidates in all; at most {LARGEST_SPACE:,} are tabulated: use a predictor")
        if problems:
            raise InputError(problems[0], more=tuple(problems[1:10]))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Choices of each block."""
        return tuple(block.choices for block in self.blocks)

    @property
    def architectures(self) -> int:
        """How many architectures the space holds."""
        return math.prod(self.widths)

    def check(self, architectures: Any) -> Indices:
        """`architectures` as an int64 array (n, blocks), one index a block. Raises InputError for another shape, for
        numbers that are not whole, and for indices out of range."""
        given = np.asarray(architectures)
        if given.ndim == 1:
            given = given[None, :]
        if given.ndim != 2 or given.shape[1] != len(self.blocks):
            raise InputError(f"an architecture of {self.name} is {len(self.blocks)} indices; got shape {given.shape}")
        if given.dtype.kind not in "iu":
            raise InputError(f"architectures must be whole numbers; got an array of {given.dtype}")
        found = np.ascontiguousarray(given, dtype=np.int64)
        wrong = (found < 0) | (found >= np.array(self.widths))
        if wrong.any():
            row, block = (int(x) for x in np.argwhere(wrong)[0])
            raise InputError(
                f"architecture {row}: block {printable(self.blocks[block].name, 60)} has choices 0 to "
                f"{self.widths[block] - 1}; got {found[row, block]}"
            )
        return found

    def path(self, architecture: Sequence[int]) -> list[Candidate]:
        """The candidates that an architecture passes through."""
        indices = self.check(architecture)[0].tolist()
        state, path = 0, []
        for block, choice in zip(self.blocks, indices, strict=True):
            path.append(block.candidates[state][choice])
            state = path[-1].state
        return path

    def workload(self, architecture: Sequence[int]) -> Workload:
        """The architecture as a model for the simulator; layers are named block/layer."""
        layers: list[Layer] = []
        leaves: list[int] = []  # the layer that gives what leaves each block so far
        for block, candidate in zip(self.blocks, self.path(architecture), strict=True):
            base = len(layers)

            def source(code: int, base: int = base) -> int:
                if code >= 0:
                    return base + code
                before = len(leaves) + 1 + code
                return leaves[before] if code < MODEL_INPUT and before >= 0 else MODEL_INPUT

            for layer in candidate.layers:
                inputs = tuple(Edge(source(e.source), e.elements, e.first, e.last) for e in layer.inputs)
                layers.append(replace(layer, name=f"{block.name}/{layer.name}", inputs=inputs))
            leaves.append(source(candidate.leaves))
        label = "-".join(str(int(x)) for x in architecture)
        return Workload(f"{self.name}:{label}", tuple(layers))

    def random(self, count: int, generator: np.random.Generator, probabilities: Any = None) -> Indices:
        """`count` architectures: each choice drawn on its own, evenly or by `probabilities` (one array a block)."""
        columns = []
        for block, width in enumerate(self.widths):
            p = None if probabilities is None else np.asarray(probabilities[block], dtype=np.float64)
            columns.append(generator.choice(width, size=count, p=p))
        return np.stack(columns, axis=1).astype(np.int64)

    def one_hot(self, architectures: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(n, sum of widths): 1 at each choice that is made; the encoding that predictors read."""
        found = self.check(architectures)
        starts = np.cumsum((0, *self.widths[:-1]))
        encoded = np.zeros((len(found), sum(self.widths)))
        np.put_along_axis(encoded, found + starts, 1.0, axis=1)
        return encoded


def chain(
    name: str,
    counts: Sequence[int],
    candidate: Callable[[int, Any, int], tuple[Sequence[Layer], Any]],
    start: Hashable = None,
    names: Sequence[str] | None = None,
) -> Choices:
    """A space whose blocks stand in a chain: `candidate(block, found, choice)` gives the layers and what the next block
    finds (any hashable value: channels and image size, say), `start` is what the first block finds. States are numbered
    here; only those that can be reached are made."""
    blocks: list[Block] = []
    found: list[Any] = [start]
    for block, count in enumerate(counts):
        numbered: dict[Any, int] = {}
        rows = []
        for value in found:
            row = []
            for choice in range(count):
                layers, leaves = candidate(block, value, choice)
                row.append(Candidate(tuple(layers), numbered.setdefault(leaves, len(numbered))))
            rows.append(tuple(row))
        blocks.append(Block(names[block] if names else f"block{block}", tuple(rows)))
        found = list(numbered)
    return Choices(name, tuple(blocks))


def _problems(block: Block, following: Block | None) -> list[str]:
    name = printable(block.name, 60)
    widths = {len(row) for row in block.candidates}
    if len(widths) != 1 or 0 in widths:
        return [f"block {name}: every state needs the same number of choices, at least one; got {sorted(widths)}"]
    problems = []
    states = len(following.candidates) if following else None
    for row in block.candidates:
        for choice, candidate in enumerate(row):
            where = f"block {name}, choice {choice}"
            if candidate.state < 0 or (states is not None and candidate.state >= states):
                problems.append(f"{where}: leaves state {candidate.state}; the next block has 0 to {(states or 1) - 1}")
            if candidate.leaves >= len(candidate.layers):
                problems.append(f"{where}: output {candidate.leaves} of {len(candidate.layers)} layers")
            for at, layer in enumerate(candidate.layers):
                if any(edge.source >= at for edge in layer.inputs):
                    problems.append(f"{where}: layer {printable(layer.name, 60)} reads a layer that comes after it")
    return problems


def _shared_keys(blocks: Sequence[Block]) -> list[str]:
    """Tables hold blocks separately, so cells cannot be shared between them."""
    seen: dict[str, str] = {}
    problems = []
    for block in blocks:
        keys = {
            layer.weight_key
            for row in block.candidates
            for candidate in row
            for layer in candidate.layers
            if layer.kind is Kind.MVM and layer.weight_key
        }
        for key in sorted(keys):
            other = seen.setdefault(key, block.name)
            if other != block.name:
                problems.append(
                    f"weight_key {printable(key, 60)!r} is shared by blocks {printable(other, 60)} and "
                    f"{printable(block.name, 60)}: blocks that share weights belong into one block"
                )
    return problems
