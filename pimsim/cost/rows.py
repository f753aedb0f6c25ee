"""Columns of a lookup table's arrays, of what composition works in and gives; and the walk through them.

A network is a walk through the entries (block, state, choice); an entry is a run of layers. Plain Python that Numba
compiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.mapping.columns import MVM

# One row an entry.
N_FIRST, N_END, N_STATE, N_LEAVES = range(4)

# One row a layer of an entry. User: the first layer of the entry with the same weights (its own, mostly).
A_ROW, A_KIND, A_USER, A_EDGE, A_EDGE_END = range(5)

# One row a distinct layer and hardware point. Times at one tile and one copy where they depend on those.
(
    V_PER_COPY,  # crossbars of one copy
    V_TURN_NS,  # one vector of every step
    V_STEP_VECTORS,  # vectors of one step
    V_ALL_VECTORS,  # the same, of all layers that use these cells
    V_SHARED_NS,  # bus, buffer, router, sums, digital units: divided by the tiles
    V_FIXED_NS,  # memory: not divided
    V_FETCH,  # cycles of the first stage of the pipeline, divided by the tiles, rounded up
    V_STORE,  # of the last stage
    V_FILL_NS,  # the rest of its depth
    V_CYCLE_NS,
    V_AGAIN,  # how many more times the depth is paid (steps of a recurrence)
    V_WRITE_NS,
    V_ENERGY_PJ,  # of all actions but traffic between layers
    V_LEAVES_PJ,  # the output over the link, where it leaves the model
    V_WAIT_NS,  # of its depth: what rows of other lookups take; not waited for layer by layer
    V_STANDBY_MW,  # what a lookup's share of the memory draws at all times
    V_HELD_UM2,  # area of that share, where it is on the chips
    V_VECTOR,  # busy units of its tiles at one tile, one column a kind of unit, to the end
) = range(18)

# One row an edge and hardware point; E_* of it that do not depend on the point stand apart.
W_ROUTER_PJ, W_LINK_PJ = range(2)  # a hop; a way between chips

# One row a hardware point.
(
    Z_PER_CHIP,
    Z_PER_TILE,
    Z_TILES_PER_CHIP,
    Z_TILES_PER_ROUTER,
    Z_MESH_WIDTH,
    Z_CHIPS,  # 0: as many as needed
    Z_GRAIN,
    Z_MAX_COPIES,
    Z_SPILL,
    Z_SERIAL,
    Z_PIPELINED,
    Z_LEAK_CROSSBAR_MW,
    Z_LEAK_CHIP_MW,
    Z_AREA_CROSSBAR_UM2,
    Z_AREA_CHIP_UM2,
) = range(15)
POINT_FIGURES = 15

# Scratch, one row a layer of the network.
I_LAYER, I_OWNER, I_USER, I_EDGE, I_USED = range(5)
INT_SCRATCH = 5
F_COPIES, F_CROSSBARS, F_POSITION, F_MIDDLE, F_TILES, F_DURATION, F_FILL, F_FIRST, F_END = range(9)
FLOAT_SCRATCH = 9
Q_VECTORS, Q_TURN_NS, Q_PER_COPY, Q_LAYER, Q_LIVE = range(5)
QUEUE_SCRATCH = 5

# One row a network.
(
    O_DYNAMIC_PJ,
    O_STATIC_PJ,
    O_LATENCY_NS,
    O_INTERVAL_NS,
    O_AREA_UM2,
    O_CROSSBARS,
    O_CHIPS,
    O_NEEDED,
    O_STAGE_NS,
    O_STATUS,
) = range(10)
OUTPUTS = 10
FITS, TOO_LARGE, SPILLS = 0.0, 1.0, 2.0


def up(x: float) -> float:
    """ceil as a float64."""
    return float(np.ceil(x))


def pieces_of(crossbars: float, grain: float) -> float:
    """Crossbars in whole pieces."""
    return crossbars if grain == 1.0 else float(np.ceil(crossbars / grain)) * grain


def walk(choices: Any, starts: Any, widths: Any, entries: Any, layers: Any, edges: Any, ints: Any, froms: Any) -> int:
    """Lay the network's layers and the sources of their edges out in order; returns the number of layers.

    A layer that is not on crossbars runs on the tiles of the nearest product upstream, else of the next one.
    """
    count = edge = state = 0
    blocks = len(widths)
    for b in range(blocks):
        entry = starts[b] + state * widths[b] + choices[b]
        state = entries[entry, N_STATE]
        base = count
        for a in range(entries[entry, N_FIRST], entries[entry, N_END]):
            mine = ints[count]
            mine[I_LAYER], mine[I_OWNER], mine[I_USER], mine[I_EDGE], mine[I_USED] = a, -1, count, edge, 0
            for e in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
                source = edges[e]
                if source >= 0:
                    source += base
                else:
                    before = b + 1 + source
                    source = froms[1, before] if source < -1 and before >= 0 else -1
                if source >= 0:
                    ints[source, I_USED] = 1
                    mine[I_OWNER] = max(mine[I_OWNER], ints[source, I_OWNER])
                froms[0, edge] = source
                edge += 1
            if layers[a, A_KIND] == MVM:
                mine[I_OWNER] = count
                mine[I_USER] = base + layers[a, A_USER]
            count += 1
        leaves = entries[entry, N_LEAVES]
        if leaves >= 0:
            leaves += base
        else:
            before = b + 1 + leaves
            leaves = froms[1, before] if leaves < -1 and before >= 0 else -1
        froms[1, b] = leaves
    ints[count, I_EDGE] = edge
    following = -1
    for i in range(count - 1, -1, -1):
        if layers[ints[i, I_LAYER], A_KIND] == MVM:
            following = i
        elif ints[i, I_OWNER] < 0:
            ints[i, I_OWNER] = following
    return count


HELPERS = (up, pieces_of, walk)
