"""Architectures of the NASRec space a second, lowered to networks and costed on one core; one by one beside it.

`Lowering.workload` and `simulate()` give the same figures, to the bit. Every architecture of a repetition is new;
making them is not measured, since a search has them already.
"""

from __future__ import annotations

import numpy as np

from nas.data.fields import Schema, SparseField
from nas.lowering.costs import Costs
from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from pimsim.engine import simulate
from pimsim.hardware.load import load_hardware

from .batched import timed
from .measure import Measurement

RATE = 20_000.0
"""Bar: architectures a second."""


def lowering(
    count: int = 5_000, repetitions: int = 3, singles: int = 100, hardware: str = "reram_128"
) -> list[Measurement]:
    """Random networks of NASRec-Full: 7 blocks, Criteo's 13 columns and 26 fields. Processor time."""
    schema = Schema(tuple(f"I{i}" for i in range(13)), tuple(SparseField(f"C{i}", 1000) for i in range(26)))
    space, lowers, machine = Space.full(), Lowering(schema), load_hardware(hardware)
    costs = Costs(lowers, machine)

    def drawn(seed: int, count: int = count) -> list[Architecture]:
        generator = np.random.default_rng(seed)
        return [space.sample(generator) for _ in range(count)]

    wall, used = timed(repetitions, drawn, costs)
    some = drawn(99, singles)
    _, loop = timed(1, lambda _: some, lambda many: [simulate(lowers.workload(one), machine).totals for one in many])
    _, own = timed(1, lambda _: some, lambda many: [lowers.workload(one) for one in many])
    each = 1e6 * used / count
    text = f"{count / used:,.0f}/s of CPU, {count / wall:,.0f}/s; bar {RATE:,.0f}/s; "
    text += f"{1e6 * loop / singles / each:,.0f} x one by one ({1e6 * loop / singles:,.0f} us, of it "
    text += f"{1e6 * own / singles:,.0f} us lowering)"
    return [Measurement(f"NASRec-Full architectures, lowered and costed on {hardware}", each, "us", 1e6 / RATE, text)]
