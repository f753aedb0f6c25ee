"""SRAM of 6T cells, with ports, banks and a column multiplexer."""

from __future__ import annotations

from typing import NamedTuple

from pimsim.components.memory_array import FIT, Array, Fit, Number, Style, access_ns, lay_out, periphery_mW, way_fF
from pimsim.components.process import Process
from pimsim.hardware.technology import Flavour

STYLE = Style(cell=1.0, part=0.25, limit_bits=131072.0, ratio=4.0, column_end=FIT.column_end, tree=FIT.tree)
"""A bank of four subarrays, or of subarrays of 256 rows x 512 columns: what CACTI 7 settles on from 64 KB on."""

CELL_GATES = 1.2
"""Off-current of a 6T cell over that of a NAND2: 4.4 F of transistors that are off (CACTI 7: access 1.31 F, pull-down
1.23 F, pull-up 2.08 F), against the 3.7 F that `technology.LEAKAGE_NW` takes of a NAND2."""

PORT_GATES = 0.15
"""The same of a further port's two access transistors (CACTI 7: 15% of a cell's leakage a port)."""

FORMULA = (
    "6T array by geometry: rows, columns and wires of one access x C V^2, mean of read and write (in the manner of "
    "CACTI, HPL-2008-20; constants fitted to CACTI 7, validation/cacti)"
)


class Sram(NamedTuple):
    """Parameters. capacity_bits: of all banks. width_bits: of a word. ports: of reads and writes, each. Floats or
    float64 arrays."""

    process: Process
    node_nm: Number
    flavour: Flavour
    capacity_bits: Number
    width_bits: Number
    ports: Number
    array: Array
    fit: Fit = FIT

    @property
    def read_pJ(self) -> Number:
        """A bit read: wordline and a small swing on every column of the row, then the way out (CACTI, HPL-2008-20,
        section 5: bitline energy is C V dV)."""
        array = self.array
        cells = array.columns * (array.wordline_fF + self.fit.swing * array.bitline_fF)
        return self._pJ(cells)

    @property
    def write_pJ(self) -> Number:
        """A bit written: the way in, the wordline, and a full swing on both bitlines of the columns written (CACTI,
        HPL-2008-20, section 5)."""
        array = self.array
        cells = array.columns * array.wordline_fF + 2.0 * self.width_bits * array.bitline_fF
        return self._pJ(cells)

    def _pJ(self, cells_fF: Number) -> Number:
        volt = self.process.supply_V
        return (cells_fF + way_fF(self.process, self.array, self.width_bits, self.fit)) * (
            1e-3 * volt * volt / self.width_bits
        )

    @property
    def energy_pJ(self) -> Number:
        """A bit, half of them read and half written."""
        array, volt, width = self.array, self.process.supply_V, self.width_bits
        cells = array.columns * (array.wordline_fF + (0.5 * self.fit.swing) * array.bitline_fF)
        switched = cells + width * array.bitline_fF + way_fF(self.process, array, width, self.fit)
        return switched * (1e-3 * volt * volt / width)

    @property
    def latency_ns(self) -> Number:
        """From address to word (`memory_array.access_ns`)."""
        return access_ns(self.process, self.node_nm, self.flavour, self.capacity_bits, self.array, self.fit)

    @property
    def area_um2(self) -> Number:
        """Cells, sense amplifiers and wires (`memory_array.lay_out`)."""
        return self.array.side_um * self.array.side_um

    @property
    def leakage_mW(self) -> Number:
        """Every cell leaks like CELL_GATES of the process's NAND2, a further port adds PORT_GATES; then the
        periphery."""
        process = self.process
        cell_mW = process.leakage_mW_per_um2 * process.logic_um2 * (CELL_GATES + PORT_GATES * (self.ports - 1.0))
        return self.capacity_bits * cell_mW + periphery_mW(process, self.capacity_bits, self.array)


def sram(
    process: Process,
    node_nm: Number,
    flavour: Flavour,
    capacity_bits: Number,
    width_bits: Number,
    ports: Number = 1.0,
    banks: Number = 1.0,
    fit: Fit = FIT,
) -> Sram:
    """The SRAM of these parameters in a process."""
    style = STYLE if fit is FIT else STYLE._replace(column_end=fit.column_end, tree=fit.tree)
    array = lay_out(process, node_nm, capacity_bits, width_bits, ports, banks, style, fit)
    return Sram(process, node_nm, flavour, capacity_bits, width_bits, ports, array, fit)
