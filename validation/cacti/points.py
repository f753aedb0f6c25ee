"""One memory of a publication, or one run of CACTI, and what our circuits say of it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pimsim.components.memory_array import FIT, Fit
from pimsim.components.process import process
from pimsim.components.sram import sram
from pimsim.components.storage import CIRCUITS

RUNS = Path(__file__).with_name("runs.csv")
QUANTITIES = {"read_pJ": "pJ", "write_pJ": "pJ", "access_ns": "ns", "area_mm2": "mm2", "leakage_mW": "mW"}
"""Figure of an access or of the whole memory -> unit."""

TABLE_OFF_NA_PER_UM = {"hp": 100.0, "lp": 0.1}
"""Off-current that `technology.LEAKAGE_NW` takes (300 K)."""


@dataclass(frozen=True)
class Point:
    """A memory and its published figures; None: not published. off_nA_per_um: off-current of the source's transistors
    at its temperature, where known: leakage is then compared at it, geometry against geometry."""

    name: str
    kind: str
    node_nm: float
    supply_V: float
    flavour: Any
    capacity_bits: float
    width_bits: float
    ports: float = 1.0
    banks: float = 1.0
    off_nA_per_um: float | None = None
    read_pJ: float | None = None
    write_pJ: float | None = None
    access_ns: float | None = None
    area_mm2: float | None = None
    leakage_mW: float | None = None
    use: str = "predicted"

    def memory(self, fit: Fit = FIT) -> Any:
        """Our circuit with these parameters; `fit` goes into an SRAM only."""
        tech = SimpleNamespace(node_nm=self.node_nm, supply_V=self.supply_V, flavour=self.flavour, price_supply_V=None)
        here = process(SimpleNamespace(technology=tech))
        given = (here, self.node_nm, self.flavour, self.capacity_bits, self.width_bits, self.ports, self.banks)
        return sram(*given, fit) if self.kind == "sram" else CIRCUITS[self.kind][0](*given)

    def ours(self, fit: Fit = FIT) -> dict[str, float]:
        """Our figures, under the names of `QUANTITIES`."""
        memory = self.memory(fit)
        read = memory.energy_pJ if self.kind == "edram" else memory.read_pJ
        write = memory.energy_pJ if self.kind == "edram" else memory.write_pJ
        off = TABLE_OFF_NA_PER_UM[self.flavour]
        return {
            "read_pJ": read * self.width_bits,
            "write_pJ": write * self.width_bits,
            "access_ns": float(memory.latency_ns),
            "area_mm2": memory.area_um2 * 1e-6,
            "leakage_mW": memory.leakage_mW * (self.off_nA_per_um or off) / off,
        }


def runs() -> list[Point]:
    """The runs of CACTI 7.0 in runs.csv."""
    with RUNS.open(newline="", encoding="utf-8") as file:
        return [_run(row) for row in csv.DictReader(file)]


def _run(row: dict[str, str]) -> Point:
    given = {name: float(row[name]) if row[name] else None for name in (*QUANTITIES, "off_nA_per_um")}
    banks = f", {row['banks']} banks" if row["banks"] != "1" else ""
    ports = f", {row['ports']} ports" if row["ports"] != "1" else ""
    name = f"{row['kind']} {row['flavour']} {row['node_nm']} nm, {row['capacity_KB']} KB x {row['width_bits']}"
    return Point(
        name + ports + banks, row["kind"], float(row["node_nm"]), float(row["supply_V"]), row["flavour"],
        8192.0 * float(row["capacity_KB"]), float(row["width_bits"]), float(row["ports"]), float(row["banks"]),
        use=row["use"], **given,
    )  # fmt: skip
