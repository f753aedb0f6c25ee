"""Embedded DRAM in a logic process: one transistor and a deep-trench capacitor a cell; reads destroy, cells leak."""

from __future__ import annotations

from typing import NamedTuple

from pimsim.components.memory_array import FIT, Array, Number, Style, access_ns, lay_out, periphery_mW, way_fF
from pimsim.components.process import Process
from pimsim.hardware import technology

STYLE = Style(cell=0.22, part=0.25, limit_bits=65536.0, ratio=8.0, column_end=48.5, tree=FIT.tree)
"""cell: IBM's cells over 6T cells of the same node: 0.126, 0.067, 0.039, 0.026 um2 at 65, 45, 32, 22 nm over 0.525,
0.346, 0.171, 0.092 (Barth et al., JSSC 43(1), 2008; JSSC 46(1), 2011; later nodes; remembered): 0.19 to 0.28. Bitlines
are short, since a cell must move them: 128 rows. column_end: fitted to the eDRAM runs in validation/cacti."""

CELL_fF = 20.0
"""Capacitor of a cell at every node (CACTI 7, logic-process DRAM; Barth et al., JSSC 2011: about 20)."""

BOOST = 2.25
"""Energy of a wordline over C V^2: its swing is half as large again as the supply (Barth et al., JSSC 2011: 1.6 V over
1.05 V)."""

RETENTION_NS = 40_000.0
"""Refresh period (Barth et al., JSSC 46(1), 2011: 40 us at 105 C)."""

SHARING_FO4 = 45.9
"""Charge sharing between cell and bitline, and its amplification, in FO4: fitted to the eDRAM runs in
validation/cacti."""

FORMULA = (
    "1T1C array by geometry: rows, columns and wires of one access x C V^2, every column restored; refreshed every "
    "40 us (in the manner of CACTI, HPL-2008-20; Barth et al., JSSC 2011; validation/cacti)"
)


class Edram(NamedTuple):
    """Parameters. capacity_bits: of all banks. width_bits: of a word. Floats or float64 arrays."""

    process: Process
    node_nm: Number
    flavour: technology.Flavour
    capacity_bits: Number
    width_bits: Number
    array: Array

    @property
    def restore_fF(self) -> Number:
        """What a row switches, seen at the full supply: a boosted wordline, and half the supply on each bitline with
        its cell, whether read, written or refreshed (Thoziyoor et al., ISCA 2008: half-V_DD sensing, destructive
        read)."""
        array = self.array
        return array.columns * (BOOST * array.wordline_fF + 0.5 * (array.bitline_fF + CELL_fF))

    @property
    def energy_pJ(self) -> Number:
        """A bit read or written: a row restored and the way of the word. Both take the same."""
        volt = self.process.supply_V
        return (self.restore_fF + way_fF(self.process, self.array, self.width_bits)) * (
            1e-3 * volt * volt / self.width_bits
        )

    @property
    def refresh_mW(self) -> Number:
        """Every row restored once in RETENTION_NS."""
        volt, array = self.process.supply_V, self.array
        rows = self.capacity_bits / array.columns
        return rows * self.restore_fF * (1e-3 * volt * volt / RETENTION_NS)

    @property
    def leakage_mW(self) -> Number:
        """Refresh, and the periphery's leakage; what leaves the cells is in the refresh."""
        return self.refresh_mW + periphery_mW(self.process, self.capacity_bits, self.array)

    @property
    def latency_ns(self) -> Number:
        """From address to word: as in SRAM (`memory_array.access_ns`), and the sharing of charge."""
        fo4_ns = technology.fo4_ps(self.node_nm, self.process.supply_V, self.flavour) * 1e-3
        plain = access_ns(self.process, self.node_nm, self.flavour, self.capacity_bits, self.array)
        return plain + SHARING_FO4 * fo4_ns

    @property
    def area_um2(self) -> Number:
        """Cells, sense amplifiers and wires (`memory_array.lay_out`)."""
        return self.array.side_um * self.array.side_um


def edram(
    process: Process,
    node_nm: Number,
    flavour: technology.Flavour,
    capacity_bits: Number,
    width_bits: Number,
    ports: Number = 1.0,
    banks: Number = 1.0,
) -> Edram:
    """The eDRAM of these parameters in a process."""
    array = lay_out(process, node_nm, capacity_bits, width_bits, ports, banks, STYLE)
    return Edram(process, node_nm, flavour, capacity_bits, width_bits, array)
