"""Technology scaling, 130 to 5 nm: one table, its sources, and the laws that move an energy, an area or a clock.

Every function takes scalars or NumPy arrays alike and interpolates the table on logarithms (a power law between two
rows; the law of the outermost two rows beyond them). Flavour "hp" is a low-threshold, high-performance process, "lp" a
high-threshold, low-leakage one (a foundry's LP; ITRS LSTP).

Sources. [SB] Stillmaker and Baas, Integration 58 (2017), table of polynomial coefficients and area table (read through
two public transcriptions). [PTM] the Predictive Technology Model cards as NeuroSim V1.3 tabulates them (Technology.cpp,
Param.cpp). [CACTI] HP CACTI 7 tech_params. [H] Horowitz, ISSCC 2014. "remembered" marks what was not read again.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Number = Any  # float or float64 array
Flavour = Literal["hp", "lp"]
AreaKind = Literal["logic", "sram", "analog"]

THERMAL_V = 0.02585
"""kT/q at 300 K."""

SLOPE_FACTOR = 1.4
"""Subthreshold slope over its ideal: 84 mV a decade (65 to 70 in FinFETs, 90 to 100 in planar processes)."""

DIBL_V_PER_V = 0.1
"""Threshold lost for each volt of supply (assumed; PTM cards spread from 0.05 to 0.15)."""

NODE_NM = (130.0, 90.0, 65.0, 45.0, 32.0, 28.0, 22.0, 16.0, 14.0, 10.0, 7.0, 5.0)

ALPHA = 1.3
"""Velocity-saturation exponent of the alpha-power law (Sakurai and Newton, JSSC 25(2), 1990: 1.3 for short channels;
remembered). One value for all rows: the thresholds below were read with it."""

SUPPLY_V = {
    # [PTM] high-performance cards; 28: foundry HPM 0.9 V; 16 as 14; 5: as 7 (foundries keep 0.7 to 0.75 V; remembered)
    "hp": (1.3, 1.2, 1.1, 1.0, 0.9, 0.9, 0.85, 0.8, 0.8, 0.75, 0.7, 0.7),
    # [CACTI] LSTP for 90 to 32; 130: foundry LP 1.5 V (remembered); 28: as 32; 22 and below: [PTM]
    "lp": (1.5, 1.3, 1.2, 1.1, 1.0, 1.0, 0.85, 0.8, 0.8, 0.75, 0.7, 0.7),
}

THRESHOLD_V = {
    # The threshold that gives, with ALPHA, the delay against supply of [SB] from about half to full supply: 130, 90,
    # 65, 16, 14, 10, 7, within 1 to 4% rms. The cubics of [SB] for HP 45 and 32 turn upwards inside their range and
    # are left out: planar rows keep 0.40; 22 between planar and FinFET; 5 as 7
    "hp": (0.365, 0.38, 0.395, 0.40, 0.40, 0.40, 0.36, 0.245, 0.245, 0.255, 0.255, 0.255),
    # The same reading of [SB]: 45, 32, 16, 14, 10, 7 (3 to 8% rms). 130, 90, 65 and 22: saturation threshold of the
    # LSTP device (0.466 [PTM]; 0.482, 0.524, 0.401 [CACTI]) plus 0.09 V, the difference between the two at 45 nm (0.59
    # and 0.502). 28 between 32 and 22; 5 as 7
    "lp": (0.555, 0.57, 0.61, 0.59, 0.63, 0.58, 0.49, 0.43, 0.44, 0.44, 0.42, 0.42),
}

FO4_PS = {
    # [SB] at the supply above: 130, 90, 65, 16, 14, 10, 7. 45: [SB] 12.5, raised to 14 for its turning cubic; 32, 28,
    # 22 between 45 and 16 by node; 5: 15% faster than 7 (foundry announcement, remembered)
    "hp": (32.0, 23.6, 19.2, 14.0, 11.0, 10.3, 8.7, 6.7, 4.5, 3.8, 3.2, 2.8),
    # [SB] 45, 32 (at 1.1 and 1.0 V), 16, 14, 10, 7; 90 and 65: "hp" times the ratio of V / on-current in [CACTI] (2.3,
    # 2.5); 130: as 90 over 65 (assumed); 28 and 22 between 32 and 16; 5: 15% faster than 7
    "lp": (65.0, 54.5, 48.0, 43.0, 39.0, 30.0, 19.0, 11.7, 7.8, 7.5, 7.2, 6.3),
}

LEAKAGE_NW = {
    # 17 nW for a NAND2 of 1.05 um total width at 45 nm, 1 V (Nangate open cell library, NAND2_X1; remembered), that is
    # 16% of 100 nA/um, the off-current of all high-performance rows of [PTM]; width as GATE_INPUT_FF takes it; 300 K
    "hp": (64.0, 41.0, 27.0, 17.0, 11.0, 9.5, 7.1, 5.3, 4.8, 4.2, 3.5, 3.0),
    # 100 pA/um: the off-current of all LSTP rows of [PTM]; otherwise the same
    "lp": (0.074, 0.044, 0.0295, 0.0187, 0.0122, 0.0106, 0.0071, 0.0053, 0.0048, 0.0042, 0.0035, 0.003),
}

SWITCHED_FF_PER_GATE = (3.12, 1.87, 1.16, 0.72, 0.472, 0.374, 0.270, 0.233, 0.221, 0.201, 0.169, 0.145)
"""Capacitance that a NAND2-equivalent of a datapath switches in one operation, activity included. 45 nm: [H], 0.1 pJ
and 137 um2 for a 32-bit addition, 0.2 pJ and 282 um2 for an 8-bit multiplication at 0.9 V: 0.58 and 0.57 fJ for each
NAND2 of 0.8 um2. 130 to 28: energy / V^2 of [SB] at nominal supply over that of HP 45 (28: between HP 32 and HP 20).
22 and below: as the input of a NAND2 over that at 28 nm (`GATE_INPUT_FF`). Sources disagree there: [SB]'s predictive
FinFETs give half of it (0.157 at 16, 0.081 at 7 nm), published operations at 7 nm (Jouppi et al., ISCA 2021, table 2:
a third of the energies of 45 nm; remembered) 0.25 to 0.36, by the supply, which is not printed."""

GATE_INPUT_FF = (6.3, 4.05, 2.6, 1.6, 1.06, 0.93, 0.67, 0.58, 0.55, 0.50, 0.42, 0.36)
"""Input of a minimum NAND2. 45 nm: 1.6 fF (Nangate NAND2_X1; remembered). Planar rows: width with node, fF/um of [PTM]
(1.34, 1.25, 1.11, 0.99, 0.92, 0.85 from 130 to 22 nm). FinFET rows: two fins for n and two for p, 1.05 to 1.26 fF/um
[PTM], fins of 0.09 um and a share of wire (assumed)."""

ACCESS_GATE_FF = (0.348, 0.225, 0.144, 0.089, 0.059, 0.050, 0.037, 0.120, 0.116, 0.102, 0.100, 0.090)
"""Gate of a minimum access transistor. Planar: width 2F, fF/um of [PTM]. FinFET: one fin of about 0.09 um, 1.26, 1.14
and 1.05 fF/um [PTM]; 16 and 5 assumed. A fin's gate is more than a 2F gate at 22 nm: this column rises on the way.
CIM cells often have wider ones: 1.5 fF at 130 nm in Wan et al., Nature 2022."""

WIRE_FF_PER_MM = (230.0, 220.0, 210.0, 205.0, 200.0, 200.0, 195.0, 190.0, 190.0, 190.0, 190.0, 190.0)
"""Intermediate wire, coupling included: 0.2 fF/um at every node (Ho, Mai and Horowitz, Proc. IEEE 89(4), 2001; ITRS and
IRDS interconnect tables, 180 to 230; remembered)."""

WIRE_OHM_PER_MM = (449.0, 1302.0, 1430.0, 3042.0, 6555.0, 8500.0, 13260.0, 33000.0, 40640.0, 76000.0, 98000.0, 165000.0)
"""Resistivity / (width^2 x aspect ratio) of [PTM]'s wire table (Param.cpp: widths 175, 110, 105, 80, 56, 40, 25, 18 nm;
2.2e-8 to 6.35e-8 ohm m); 10 and 7 share a row there, 10 taken between 14 and 7; 28, 16 between neighbours; 5
assumed."""

LOGIC_UM2_PER_GATE = (5.1, 2.8, 1.44, 0.80, 0.42, 0.38, 0.27, 0.155, 0.135, 0.070, 0.043, 0.031)
"""NAND2. 45: 0.798 um2 (Nangate; remembered). 130: times 6.4 [SB]. 90, 65: foundry libraries (remembered). 28 to 5:
three gate pitches times the cell height of published processes (28: 0.14 x 0.9 um; 16: 0.090 x 0.576; 14: 0.078 x
0.576; 10: 0.064 x 0.36; 7: 0.057 x 0.24 (ASAP7 0.044); 5: 0.050 x 0.21; remembered). 32 and 22 between neighbours.
[SB] gives 0.37 at 32 and 0.047 at 7."""

SRAM_UM2_PER_CELL = (2.43, 1.0, 0.525, 0.346, 0.171, 0.127, 0.092, 0.070, 0.0588, 0.042, 0.027, 0.021)
"""6T bit cell of IEDM and VLSI papers: 130 (TSMC 2.43), 90 (0.999 to 1.15), 65 (0.499 TSMC to 0.57 Intel), 45 (Intel
0.346), 32 (Intel 0.171), 28 (TSMC 0.127), 22 (Intel 0.092), 16 (TSMC 0.07), 14 (Intel 0.0588), 10 (TSMC 0.042), 7
(TSMC 0.027), 5 (TSMC 0.021); remembered."""

_LOG_NODE = tuple(math.log(node) for node in NODE_NM[::-1])


@lru_cache(maxsize=64)
def _logs(column: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(math.log(value) for value in column[::-1])


def _interpolate(node_nm: Number, column: tuple[float, ...]) -> Number:
    """Log-log interpolation of a column; the outermost power law goes on beyond the table. A single node takes the
    plain path: a search loop asks for a dozen columns at every new point."""
    logs = _logs(column)
    if isinstance(node_nm, float | int):
        at = math.log(node_nm)
        low = min(max(bisect_right(_LOG_NODE, at) - 1, 0), len(logs) - 2)
        share = (at - _LOG_NODE[low]) / (_LOG_NODE[low + 1] - _LOG_NODE[low])
        return math.exp(logs[low] + share * (logs[low + 1] - logs[low]))
    nodes, values = np.array(_LOG_NODE), np.array(logs)
    ats = np.log(np.asanyarray(node_nm, dtype=np.float64))
    lows = np.clip(np.searchsorted(nodes, ats, side="right") - 1, 0, len(logs) - 2)
    shares = (ats - nodes[lows]) / (nodes[lows + 1] - nodes[lows])
    return np.exp(values[lows] + shares * (values[lows + 1] - values[lows]))


def _exp(x: Number) -> Number:
    return math.exp(x) if isinstance(x, float) else np.exp(x)


def nominal_supply_V(node_nm: Number, flavour: Flavour = "hp") -> Number:
    """Nominal supply of logic (V)."""
    return _interpolate(node_nm, SUPPLY_V[flavour])


def threshold_V(node_nm: Number, flavour: Flavour = "hp") -> Number:
    """Threshold that governs delay (V); with `ALPHA`."""
    return _interpolate(node_nm, THRESHOLD_V[flavour])


def gate_input_fF(node_nm: Number) -> Number:
    """Input capacitance of a minimum NAND2 (fF)."""
    return _interpolate(node_nm, GATE_INPUT_FF)


def access_gate_fF(node_nm: Number) -> Number:
    """Gate capacitance of a minimum access transistor (fF)."""
    return _interpolate(node_nm, ACCESS_GATE_FF)


def wire_fF_per_mm(node_nm: Number) -> Number:
    """Capacitance of an intermediate wire (fF/mm)."""
    return _interpolate(node_nm, WIRE_FF_PER_MM)


def wire_ohm_per_mm(node_nm: Number) -> Number:
    """Resistance of an intermediate wire (ohm/mm)."""
    return _interpolate(node_nm, WIRE_OHM_PER_MM)


def logic_um2_per_gate(node_nm: Number) -> Number:
    """Area of a NAND2 (um2)."""
    return _interpolate(node_nm, LOGIC_UM2_PER_GATE)


def sram_um2_per_cell(node_nm: Number) -> Number:
    """Area of a dense 6T cell (um2)."""
    return _interpolate(node_nm, SRAM_UM2_PER_CELL)


def gate_energy_fJ(node_nm: Number, supply_V: Number) -> Number:
    """Energy of one NAND2-equivalent of a datapath in one operation, activity included (fJ): C V^2."""
    return _interpolate(node_nm, SWITCHED_FF_PER_GATE) * supply_V * supply_V


def leakage_factor(supply_V: Number, nominal_V: Number) -> Number:
    """Static power at a supply over that at the nominal one: V times the off-current, which the drain raises (DIBL)."""
    return supply_V / nominal_V * _exp(DIBL_V_PER_V * (supply_V - nominal_V) / (SLOPE_FACTOR * THERMAL_V))


def leakage_per_gate_nW(node_nm: Number, supply_V: Number, flavour: Flavour = "lp") -> Number:
    """Static power of a NAND2 at 300 K (nW)."""
    return _interpolate(node_nm, LEAKAGE_NW[flavour]) * leakage_factor(supply_V, nominal_supply_V(node_nm, flavour))


def fo4_ps(node_nm: Number, supply_V: Number, flavour: Flavour = "hp") -> Number:
    """Delay of an inverter that drives four of its kind (ps)."""
    nominal_V = nominal_supply_V(node_nm, flavour)
    return _interpolate(node_nm, FO4_PS[flavour]) / frequency_factor(node_nm, supply_V, nominal_V, flavour)


def energy_factor(node_nm: Number, from_node_nm: Number, supply_V: Number, from_supply_V: Number) -> Number:
    """Factor from a digital energy known at (from_node_nm, from_supply_V): C V^2 with the table's C."""
    ratio = supply_V / from_supply_V
    capacitance = _interpolate(node_nm, SWITCHED_FF_PER_GATE) / _interpolate(from_node_nm, SWITCHED_FF_PER_GATE)
    return capacitance * ratio * ratio


def area_factor(kind: AreaKind, node_nm: Number, from_node_nm: Number) -> Number:
    """Factor from an area known at from_node_nm: NAND2 or 6T cell of the table; "analog": with the node, as converters
    do (Andrulis et al., 2024: exponent 0.993 over the survey's 215 converters)."""
    if kind == "analog":
        return node_nm / from_node_nm
    column = {"logic": LOGIC_UM2_PER_GATE, "sram": SRAM_UM2_PER_CELL}[kind]
    return _interpolate(node_nm, column) / _interpolate(from_node_nm, column)


def relative_current(supply_V: Number, threshold: Number) -> Number:
    """Drive current of a transistor up to a constant: ln(1 + exp((V - Vt) / (alpha n kT/q)))^alpha.

    The alpha-power law above threshold, an exponential with slope n kT/q below it, smooth between: the interpolation of
    the EKV model (Enz, Krummenacher and Vittoz, 1995; there with exponent 2) with Sakurai and Newton's exponent.
    """
    overdrive = (supply_V - threshold) / (ALPHA * SLOPE_FACTOR * THERMAL_V)
    if isinstance(overdrive, float):
        return (max(overdrive, 0.0) + math.log1p(math.exp(-abs(overdrive)))) ** ALPHA
    return np.logaddexp(0.0, overdrive) ** ALPHA


def speed_factor(threshold: Number, supply_V: Number, from_supply_V: Number) -> Number:
    """Factor from a clock known at from_supply_V to supply_V: delay goes with C V / I."""
    current = relative_current(supply_V, threshold) / relative_current(from_supply_V, threshold)
    return current * from_supply_V / supply_V


def frequency_factor(node_nm: Number, supply_V: Number, from_supply_V: Number, flavour: Flavour = "hp") -> Number:
    """Factor from a clock known at from_supply_V, on the same node."""
    return speed_factor(threshold_V(node_nm, flavour), supply_V, from_supply_V)
