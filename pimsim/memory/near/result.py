"""What a reduction near the banks took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NearResult:
    """cycles: when the last sum is at the host, in cycles of `clock_MHz`. sums: results that the host receives (it adds
    those of one bag that come from several places). counts: of commands, conversions, transfers, by name. done: cycle
    at which the last sum of every bag is at the host."""

    name: str
    memory: str
    clock_MHz: float
    cycles: int
    lookups: int
    bags: int
    sums: int
    counts: dict[str, int]
    energy_pJ: dict[str, float]
    done: NDArray[np.int64]

    @property
    def time_ns(self) -> float:
        return self.cycles * 1000.0 / self.clock_MHz

    @property
    def total_energy_pJ(self) -> float:
        return sum(self.energy_pJ.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON, in the shape of `Result.to_dict`; requests are rows looked up."""
        totals = {
            "cycles": self.cycles, "time_ns": self.time_ns, "energy_pJ": self.total_energy_pJ,
            "requests": self.lookups, "bags": self.bags, "sums": self.sums,
        }  # fmt: skip
        return {
            "memory": self.memory, "near": self.name, "totals": totals, "counts": self.counts,
            "energy_pJ": self.energy_pJ,
        }  # fmt: skip
