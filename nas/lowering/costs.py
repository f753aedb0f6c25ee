"""Energy, latency and area of many architectures on one hardware point: what a search asks in its loop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture
from pimsim.cost.batch import machine_rows, run_rows
from pimsim.cost.points import Points
from pimsim.cost.table import FIGURES as TABLE
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

Array = np.ndarray[Any, Any]

CHUNK = 32
"""Architectures that are lowered at a time: their rows stay in the cache of a core."""

FIGURES = ("energy_pJ", "latency_ns", "area_um2", "macs")


class Costs:
    """costs(architectures) -> arrays by name (energy_pJ, latency_ns, area_um2, macs), one entry an architecture.

    The figures are those of `pimsim.simulate(lowering.workload(architecture), hardware)`, bit for bit. Networks that
    need more chips than the hardware has are infinitely dear. Raises InputError as `Lowering.networks` and for hardware
    that cannot be loaded.
    """

    def __init__(self, lowering: Lowering, hardware: Hardware | str | os.PathLike[str]):
        self.lowering = lowering
        machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
        self._rows, self._price, _ = machine_rows(machine, {}, 1, Points(machine, {}), np.arange(1))
        self._kept = np.array([TABLE.index(name) for name in FIGURES], dtype=np.int64)

    def __call__(self, architectures: Sequence[Architecture]) -> dict[str, Array]:
        """See the class."""
        out = np.empty((len(FIGURES), len(architectures)))
        for first in range(0, len(architectures), CHUNK):
            networks = self.lowering.networks(architectures[first : first + CHUNK])
            nets = np.arange(len(networks))
            figures, needed = run_rows(
                networks, self._rows, self._price, nets, np.zeros_like(nets), self._kept, one_network=False
            )
            figures[:, needed > 0.0] = np.inf
            out[:, first : first + len(nets)] = figures
        return dict(zip(FIGURES, out, strict=True))
