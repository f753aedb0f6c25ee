"""Lookups of a choice space on the banks of a memory, where tables contend: what each takes depends on which others its
network looks up. A table of layers knows that where all lookups of a network stand in one block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pimsim.cost.shapes import Choices
from pimsim.errors import InputError, printable
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Workload
from pimsim.mapping.columns import L_BANKS, LAYER_COLUMNS, layer_row


class Lookups(NamedTuple):
    """Which lookups of a space contend. sets: lookups that a network looks up together, each a model of its own (with
    what reads them) whose first layers they are. of_row: of a distinct layer that looks up rows in a set: the set, and
    its place there. blocks: names of those with lookups. own: whether all of these bring what they take (`fetch`)."""

    sets: tuple[Workload, ...]
    of_row: dict[int, tuple[int, int]]
    blocks: tuple[str, ...]
    own: bool
    choices: Choices


class Sets:
    """Numbers the sets of lookups of a space, candidate by candidate."""

    def __init__(self) -> None:
        self.found: dict[tuple[Layer, ...], int] = {}
        self.of_row: dict[int, tuple[int, int]] = {}
        self.blocks: dict[int, str] = {}
        self.own = True

    def number(self, at: int, block: str, layers: Sequence[Layer]) -> int:
        """The set of a candidate's lookups in block `at`; -1 where there are none, or they bring what they take."""
        lookups = [x for x in layers if x.kind is Kind.LOOKUP]
        if not lookups:
            return -1
        self.blocks[at] = block
        if any(x.fetch is not None for x in lookups):
            return -1
        self.own = False
        return self.found.setdefault(_apart(block, layers), len(self.found))

    def lookups(self, choices: Choices) -> Lookups:
        """What was found in the whole space."""
        sets = tuple(Workload(choices.name, layers) for layers in self.found)
        return Lookups(sets, self.of_row, tuple(self.blocks.values()), self.own, choices)


def _apart(block: str, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The lookups of a candidate, named as in a network, and what of their readers says whether rows are pooled."""
    at = {i: n for n, i in enumerate(i for i, x in enumerate(layers) if x.kind is Kind.LOOKUP)}
    apart = [replace(layers[i], name=f"{block}/{layers[i].name}", inputs=()) for i in at]
    for layer in layers:
        reads = tuple(Edge(at[e.source], 0) for e in layer.inputs if e.source in at)
        if reads and layer.kind is Kind.DIGITAL:
            name, elements = f"{block}/{layer.name}", layer.output_elements
            apart.append(Layer(name, layer.op, layer.kind, reads, output_elements=elements))
        elif reads:
            apart.append(Layer("", "", Kind.MVM, reads))
    return tuple(apart)


def on_banks(lookups: Lookups, rows: Sequence[Sequence[float]], hw: Any) -> list[list[float]]:
    """The packed layers of a space (L_*), its lookups run on the `memory.banks` of `hw` (a Hardware).

    Raises InputError where lookups of two blocks would contend, where a memory that adds rows cannot know which of them
    the model adds, and for what `with_lookups` refuses.
    """
    found = [list(row) for row in rows]
    if lookups.own:
        return found
    if len(lookups.blocks) > 1:
        one, other = (printable(name, 60) for name in lookups.blocks[:2])
        raise InputError(
            f"{printable(hw.name, 60)}: blocks {one} and {other} both look rows up and contend for the banks, but a "
            "table of layers holds blocks one by one; --set memory.lookups=bandwidth, or use pimsim.evaluate"
        )
    from pimsim.memory.lookups import with_lookups

    if hw.memory.banks.near is not None:
        _check_pooled(lookups.choices, hw)
    ran = [with_lookups(one, hw) for one in lookups.sets]
    for row, (number, place) in lookups.of_row.items():
        found[row][L_BANKS:LAYER_COLUMNS] = layer_row(ran[number].layers[place])[L_BANKS:]
    return found


def _check_pooled(choices: Choices, hw: Any) -> None:
    """Raise InputError where another block decides whether the rows of a lookup are added: it pools what leaves the
    block, or reads what the block itself pools."""
    from pimsim.memory.lookups import sums_of

    leaves: list[list[tuple[str, Layer, bool]]] = []  # of each block: lookups that may leave it, and whether it pools
    for block in choices.blocks:
        leaving: dict[tuple[str, Layer, bool], None] = {}
        for candidate in (one for row in block.candidates for one in row):
            for layer in candidate.layers:
                for edge in layer.inputs:
                    for name, lookup, pooled in _from(leaves, edge.source):
                        reader = replace(layer, name=f"{block.name}/{layer.name}", inputs=(replace(edge, source=0),))
                        alone = Workload("", (replace(lookup, inputs=()), reader))
                        if pooled or sums_of(alone, 0) < lookup.lookups:
                            raise InputError(
                                f"{printable(hw.name, 60)}: block {printable(block.name, 60)} reads rows that block "
                                f"{printable(name, 60)} looks up, so that no table of layers knows which of them are "
                                "added near the banks; put pooling into one block with its lookup, --set "
                                "memory.lookups=bandwidth, or use pimsim.evaluate"
                            )
            output = candidate.leaves
            if output < 0:
                leaving.update(dict.fromkeys(_from(leaves, output)))
            elif candidate.layers[output].kind is Kind.LOOKUP:
                inner = Workload("", tuple(_named(block.name, candidate.layers)))
                reads = sums_of(inner, output) < candidate.layers[output].lookups
                users = any(e.source == output for x in candidate.layers for e in x.inputs)
                if reads or not users:
                    leaving[block.name, candidate.layers[output], reads] = None
        leaves.append(list(leaving))


def _from(leaves: list[list[tuple[str, Layer, bool]]], source: int) -> list[tuple[str, Layer, bool]]:
    """Lookups that an edge of the block after `leaves` may read."""
    before = len(leaves) + 1 + source
    return leaves[before] if source < MODEL_INPUT and before >= 0 else []


def _named(block: str, layers: Sequence[Layer]) -> list[Layer]:
    return [replace(x, name=f"{block}/{x.name}") for x in layers]
