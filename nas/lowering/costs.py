"""Energy, latency and area of many architectures on one hardware point: what a search asks in its loop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture
from pimsim.cost import fused
from pimsim.cost.batch import machine_rows, run_rows
from pimsim.cost.points import Points
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

Array = np.ndarray[Any, Any]

CHUNK = 32
"""Architectures that are lowered at a time: their rows stay in the cache of a core."""

FIGURES = {"energy_pJ": fused.F_ENERGY, "latency_ns": fused.F_LATENCY, "area_um2": fused.F_AREA, "macs": fused.F_MACS}


class Costs:
    """costs(architectures) -> arrays by name (energy_pJ, latency_ns, area_um2, macs), one entry an architecture.

    The figures are those of `pimsim.simulate(lowering.workload(architecture), hardware)`, bit for bit. Networks that
    need more chips than the hardware has are infinitely dear. Raises InputError as `Lowering.networks` and for hardware
    that cannot be loaded.
    """

    def __init__(self, lowering: Lowering, hardware: Hardware | str | os.PathLike[str]):
        self.lowering = lowering
        machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
        self._point = machine_rows(machine, {}, 1, Points(machine, {}), np.arange(1))

    def __call__(self, architectures: Sequence[Architecture]) -> dict[str, Array]:
        """See the class."""
        rows, price = self._point
        out = np.empty((len(architectures), len(FIGURES)))
        for first in range(0, len(architectures), CHUNK):
            networks = self.lowering.networks(architectures[first : first + CHUNK])
            nets = np.arange(len(networks))
            figures, needed = run_rows(networks, rows, price, nets, np.zeros(len(nets), dtype=np.int64))
            figures[needed > 0.0] = np.inf
            out[first : first + len(nets)] = figures[:, list(FIGURES.values())]
        return dict(zip(FIGURES, out.T, strict=True))
