"""Energy of a lookup table's entries, as an expectation takes it: sums, and what does not stand in an entry alone."""

from __future__ import annotations

import numpy as np

from pimsim.cost import rows as k
from pimsim.cost.entries import Array, Whole
from pimsim.cost.lookup import LookupTable


def sums(values: Array, first: Whole, end: Whole) -> Array:
    """Sums of the runs [first, end) along the first axis."""
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    found: Array = total[end] - total[first]
    return found


def traffic(table: LookupTable, at: int, sampled: Whole) -> Array:
    """Mean energy in pJ of what each entry fetches from other layers, over random networks that pass through it;
    over those of its block where none does. Where layers stand depends on the whole network, weakly."""
    walk = table.walk
    edges = np.append(walk.layers[:, k.A_EDGE], len(walk.edges))
    layer_at = np.append(walk.entries[:, k.N_FIRST], len(walk.layers))
    quiet = table.with_ways(np.zeros_like(table.ways)).compose(sampled, at, compiled=True).energy_dynamic_pJ
    found = np.zeros(len(walk.entries))
    state = np.zeros(len(sampled), dtype=np.int64)
    for block, start in enumerate(walk.starts):
        end = walk.starts[block + 1] if block + 1 < len(walk.starts) else len(walk.entries)
        ways = np.zeros_like(table.ways)
        mine = slice(edges[layer_at[start]], edges[layer_at[end]])
        ways[:, mine] = table.ways[:, mine]
        entry = start + state * walk.widths[block] + sampled[:, block]
        state = walk.entries[entry, k.N_STATE]
        moved = table.with_ways(ways).compose(sampled, at, compiled=True).energy_dynamic_pJ - quiet
        good = np.isfinite(quiet)
        if good.any():
            total = np.bincount(entry[good] - start, moved[good], end - start)
            seen = np.bincount(entry[good] - start, minlength=end - start)
            found[start:end] = np.where(seen > 0, total / np.maximum(seen, 1), moved[good].mean())
    return found


def leaves_of(table: LookupTable, rows: Array, entry: int) -> float:
    """Energy in pJ of the entry's output over the link, were it the model's."""
    walk = table.walk
    leaves, first = int(walk.entries[entry, k.N_LEAVES]), int(walk.entries[entry, k.N_FIRST])
    return float(rows[first + leaves, k.V_LEAVES_PJ]) if leaves >= 0 else 0.0


def asides(table: LookupTable, rows: Array) -> Array:
    """Energy in pJ of results inside each entry that nothing reads: they leave the model."""
    walk = table.walk
    found = np.zeros(len(walk.entries))
    for entry, (first, end, _, leaves) in enumerate(walk.entries):
        read = {first + leaves}
        for layer in walk.layers[first:end]:
            read.update(first + walk.edges[layer[k.A_EDGE] : layer[k.A_EDGE_END]])
        found[entry] = sum(rows[i, k.V_LEAVES_PJ] for i in range(first, end) if i not in read)
    return found
