"""Energy, latency and area of many architectures on one hardware point: what a search asks in its loop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.lowering.nasrec import Lowering, Room
from nas.spaces.architecture import Architecture
from pimsim.cost.batch import evaluate
from pimsim.cost.points import Points
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

Array = np.ndarray[Any, Any]

CHUNK = 512
"""Architectures that are evaluated at a time: enough to forget what a call costs."""

FIGURES = ("energy_pJ", "latency_ns", "area_um2", "macs")


class Costs:
    """costs(architectures) -> arrays by name (energy_pJ, latency_ns, area_um2, macs), one entry an architecture.

    The figures are those of `pimsim.simulate(lowering.workload(architecture), hardware)`, bit for bit. Networks that
    need more chips than the hardware has are infinitely dear. Raises InputError as `Lowering.networks` and for hardware
    that cannot be loaded.
    """

    def __init__(self, lowering: Lowering, hardware: Hardware | str | os.PathLike[str]):
        machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
        self.lowering = lowering.on(machine)
        self._points, self._room = Points(machine, {}), Room()

    def __call__(self, architectures: Sequence[Architecture]) -> dict[str, Array]:
        """See the class."""
        parts = []
        for first in range(0, len(architectures), CHUNK):
            networks = self.lowering.networks(architectures[first : first + CHUNK], self._room)
            table = evaluate(networks, self._points, columns=FIGURES)
            parts.append([np.nan_to_num(table[name], nan=np.inf) for name in FIGURES])
        found = np.concatenate([np.zeros((len(FIGURES), 0)), *parts], axis=1)
        return dict(zip(FIGURES, found, strict=True))
