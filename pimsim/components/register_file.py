"""Register file of 8T cells: one read port beside the write port, single-ended, full swing, no column multiplexer."""

from __future__ import annotations

from typing import NamedTuple

from pimsim.components.memory_array import FIT, Array, Number, Style, access_ns, lay_out, periphery_mW, way_fF
from pimsim.components.process import Process
from pimsim.components.sram import CELL_GATES, PORT_GATES
from pimsim.hardware.technology import Flavour

STYLE = Style(cell=1.3, part=0.5, limit_bits=32768.0, ratio=1.0, column_end=0.5 * FIT.column_end, tree=0.0)
"""cell: 8T over 6T (Chang et al., VLSI 2005: 30% more). As many columns as rows. column_end: a full swing needs a gate
where a small one needs an amplifier, taken as half its height (assumed). Words leave straight from their columns,
without a tree."""

READ_GATES = 0.3
"""Off-current of the two transistors of a read port over that of a NAND2, as `sram.CELL_GATES` counts (two of 1.31 F in
series leak a quarter of what they would alone; assumed)."""

FORMULA = (
    "8T array by geometry: full-swing bitlines, half of them toggling, and wires x C V^2, mean of read and write "
    "(in the manner of CACTI, HPL-2008-20; cell of Chang et al., VLSI 2005; validation/cacti)"
)


class RegisterFile(NamedTuple):
    """Parameters. width_bits: of a word. ports: pairs of a read and a write port. Floats or float64 arrays."""

    process: Process
    node_nm: Number
    flavour: Flavour
    capacity_bits: Number
    width_bits: Number
    ports: Number
    array: Array

    @property
    def read_pJ(self) -> Number:
        """A bit read: its wordline, and its bitline, which falls by the supply if the cell holds a zero (half of
        them), then the way out (Rabaey, Chandrakasan and Nikolic, Digital Integrated Circuits, 2003, section 12.3).
        Words that share a row have wordlines of their own."""
        return self._pJ(self.array.wordline_fF + 0.5 * self.array.bitline_fF)

    @property
    def write_pJ(self) -> Number:
        """A bit written: the way in, its wordline, and two bitlines, of which one moves half of the times."""
        return self._pJ(self.array.wordline_fF + self.array.bitline_fF)

    @property
    def energy_pJ(self) -> Number:
        """A bit, half of them read and half written."""
        return self._pJ(self.array.wordline_fF + 0.75 * self.array.bitline_fF)

    def _pJ(self, cell_fF: Number) -> Number:
        volt, width = self.process.supply_V, self.width_bits
        return (cell_fF + way_fF(self.process, self.array, width) / width) * (1e-3 * volt * volt)

    @property
    def latency_ns(self) -> Number:
        """From address to word (`memory_array.access_ns`)."""
        return access_ns(self.process, self.node_nm, self.flavour, self.capacity_bits, self.array)

    @property
    def area_um2(self) -> Number:
        """Cells, their columns' ends and wires (`memory_array.lay_out`)."""
        return self.array.side_um * self.array.side_um

    @property
    def leakage_mW(self) -> Number:
        """Every cell leaks like a 6T cell and a read port, a further pair adds two ports; and the periphery."""
        process = self.process
        gates = CELL_GATES + READ_GATES + (PORT_GATES + READ_GATES) * (self.ports - 1.0)
        cell_mW = process.leakage_mW_per_um2 * process.logic_um2 * gates
        return self.capacity_bits * cell_mW + periphery_mW(process, self.capacity_bits, self.array)


def register_file(
    process: Process,
    node_nm: Number,
    flavour: Flavour,
    capacity_bits: Number,
    width_bits: Number,
    ports: Number = 1.0,
    banks: Number = 1.0,
) -> RegisterFile:
    """The register file of these parameters in a process."""
    array = lay_out(process, node_nm, capacity_bits, width_bits, ports, banks, STYLE)
    return RegisterFile(process, node_nm, flavour, capacity_bits, width_bits, ports, array)
