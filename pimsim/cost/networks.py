"""Many networks as one set of arrays.

Networks lie one after the other: network w has the rows offsets[w] to offsets[w + 1] of `layers`, one row a layer with
the columns `pimsim.mapping.columns.L_*`; the edges of layer i are the rows starts[i] to starts[i + 1] of `edges`, with
the columns E_*. Numbers of layers inside a row (E_SOURCE, L_OWNER, L_FIRST_USER) count from the network's own first
layer. `work` has a row a network: its multiply-adds and operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.graph.collector import collector_paused
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.jit import compiled
from pimsim.mapping import columns as c
from pimsim.mapping.columns import Packed, pack

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Networks:
    """See the head of this file. workloads: what the arrays were made from, where that is known."""

    layers: Array
    edges: Array
    starts: Array
    offsets: Array
    work: Array
    workloads: tuple[Workload, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def deepest(self) -> int:
        """Layers of the longest network."""
        return int(np.max(np.diff(self.offsets), initial=0))


def networks_of(given: Any) -> Networks:
    """`given` (Networks; a Workload, a sequence of Layer, or Packed; or a list of those) as Networks. Raises InputError
    for anything else."""
    if isinstance(given, Networks):
        return given
    if isinstance(given, Workload | Packed) or (given and isinstance(given, Sequence) and isinstance(given[0], Layer)):
        given = [given]
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f"expected workloads, lists of layers or Networks; got a {type(given).__name__}")
    if len(given) >= WORTH_POOLING and all(_is_layers(one) for one in given):
        with collector_paused():
            return _of_layers(given)
    workloads = [_workload(one) for one in given]
    packs = [one if isinstance(one, Packed) else pack(one) for one in workloads]
    known = tuple(one for one in workloads if isinstance(one, Workload))
    return join(packs, known if len(known) == len(packs) else ())


WORTH_POOLING = 50
"""Lists of layers from which on equal objects among them are looked for: a search loop puts its networks together from
the layers of its choices."""


def _is_layers(one: Any) -> bool:
    return isinstance(one, list | tuple) and bool(one) and type(one[0]) is Layer and type(one[-1]) is Layer


def _of_layers(given: Sequence[Sequence[Layer]]) -> Networks:
    """Networks from lists of layers: each layer object is read once, however many networks it stands in."""
    flat = list(chain.from_iterable(given))
    ids = list(map(id, flat))
    distinct = dict(zip(ids, flat, strict=True))
    place = dict(zip(distinct, range(len(distinct)), strict=True))
    at = np.fromiter(map(place.__getitem__, ids), dtype=np.int64, count=len(ids))
    pool = list(distinct.values())
    wrong = next((one for one in pool if type(one) is not Layer), None)
    if wrong is not None:
        raise InputError(f"expected workloads, or lists of layers; got a list with a {type(wrong).__name__}")
    cells: dict[str, int] = {}
    keys = [cells.setdefault(c.cells_of(x), len(cells)) if x.kind is Kind.MVM and x.weight_key else -1 for x in pool]
    work = np.array([(x.macs, x.ops) for x in pool], dtype=np.float64)
    links = np.array([len(x.inputs) for x in pool], dtype=np.int64)
    first = np.cumsum(links) - links
    edges = np.array([(e.source, e.elements, e.first, e.last) for x in pool for e in x.inputs], dtype=np.float64)
    count = links[at]
    starts = np.concatenate(([0], np.cumsum(count)))
    places = np.repeat(first[at] - starts[:-1], count) + np.arange(starts[-1])
    edges = np.take(edges.reshape(-1, c.EDGE_COLUMNS), places, axis=0)
    offsets = np.concatenate(([0], np.cumsum(np.fromiter(map(len, given), dtype=np.int64, count=len(given)))))
    layers = np.take(np.array([c.layer_row(x) for x in pool]), at, axis=0)
    works = np.zeros((len(given), 2))
    latest = np.full(len(cells) + 1, -1, dtype=np.int64)
    compiled(link)(layers, edges, starts, offsets, np.array(keys, dtype=np.int64)[at], work[at], works, latest)
    return Networks(layers, edges, starts, offsets, works, tuple(Workload("", tuple(one)) for one in given))


def link(layers: Any, edges: Any, starts: Any, offsets: Any, keys: Any, work: Any, works: Any, latest: Any) -> None:
    """Set the columns that a layer's place decides (as `pimsim.mapping.columns.pack` does), and the sums of `work`.
    keys: number of the shared cells of each layer, -1: none. latest: scratch, one -1 a number."""
    for w in range(len(offsets) - 1):
        base, end = offsets[w], offsets[w + 1]
        for i in range(base, end):
            layers[i, c.L_IS_OUTPUT] = 1.0
            owner = -1.0
            for e in range(starts[i], starts[i + 1]):
                if edges[e, c.E_SOURCE] >= 0.0:
                    source = base + int(edges[e, c.E_SOURCE])
                    layers[source, c.L_IS_OUTPUT] = 0.0
                    owner = max(owner, layers[source, c.L_OWNER])
            layers[i, c.L_OWNER] = i - base if layers[i, c.L_KIND] == c.MVM else owner
            user = i
            if keys[i] >= 0:
                if latest[keys[i]] >= base:
                    user = latest[keys[i]]
                    layers[user, c.L_ALL_VECTORS] += layers[i, c.L_VECTORS]
                else:
                    latest[keys[i]] = i
            layers[i, c.L_FIRST_USER] = user - base
            works[w, 0] += work[i, 0]
            works[w, 1] += work[i, 1]
        following = -1.0
        for i in range(end - 1, base - 1, -1):
            if layers[i, c.L_KIND] == c.MVM:
                following = i - base
            elif layers[i, c.L_OWNER] < 0.0:
                layers[i, c.L_OWNER] = following


def join(packs: Sequence[Packed], workloads: tuple[Workload, ...] = ()) -> Networks:
    """Networks one after the other."""
    sizes = np.array([len(one.lists[0]) for one in packs], dtype=np.int64)
    links = np.array([len(one.lists[1]) for one in packs], dtype=np.int64)
    before = np.concatenate(([0], np.cumsum(links)))
    starts = [one.arrays[2][:-1] + shift for one, shift in zip(packs, before.tolist(), strict=False)]
    return Networks(
        np.concatenate([np.zeros(0), *(one.arrays[0] for one in packs)]).reshape(-1, c.LAYER_COLUMNS),
        np.concatenate([np.zeros(0), *(one.arrays[1] for one in packs)]).reshape(-1, c.EDGE_COLUMNS),
        np.concatenate([*starts, before[-1:]]).astype(np.int64),
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.array([(one.macs, one.ops) for one in packs], dtype=np.float64).reshape(len(packs), 2),
        workloads,
    )


def _workload(one: Any) -> Workload | Packed:
    if isinstance(one, Workload | Packed):
        return one
    if isinstance(one, Sequence) and all(isinstance(layer, Layer) for layer in one):
        return Workload("", tuple(one))
    raise InputError(f"expected workloads, or lists of layers; got a {type(one).__name__}")


def with_bits(workloads: Sequence[Workload], bits: dict[str, tuple[str, int]]) -> list[Workload]:
    """The workloads with the bits of layers as `bits` says: path -> (shell pattern of names, and the width, or below 0
    the column of the points that has it). Raises InputError for a pattern that no layer of any network matches."""
    found = [list(one.layers) for one in workloads]
    for path, (pattern, width) in bits.items():
        key = path.rpartition(".")[2]
        hits = 0
        for layers in found:
            for i, layer in enumerate(layers):
                if fnmatchcase(layer.name, pattern):
                    layers[i] = replace(layer, **{key: width})  # type: ignore[arg-type]
                    hits += 1
        if not hits:
            names = [layer.name for layers in found for layer in layers]
            listed = ", ".join([printable(name, 40) for name in names[:8]] + ["..."] * (len(names) > 8))
            raise InputError(f"no layer matches {printable(pattern)!r}; layers are {listed}")
    return [
        one if layers == list(one.layers) else replace(one, layers=tuple(layers), cache={})
        for one, layers in zip(workloads, found, strict=True)
    ]


def shares_weights(workloads: Sequence[Workload]) -> bool:
    """Whether layers of a network may share programmed cells."""
    for one in workloads:
        keys = [layer.weight_key for layer in one.layers if layer.weight_key]
        if len(set(keys)) < len(keys):
            return True
    return False
