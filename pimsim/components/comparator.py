"""Clocked comparators: what flash converters, ramps and sense amplifiers are made of, in NAND2 of the process.

Energy in the capacitance that a NAND2 switches (technology table), so it goes with C V^2. NeuroSim V1.3's 31 sense
amplifiers at 22 nm and 0.85 V take 77 fJ a conversion, 13 NAND2 each; published dynamic comparators with trim take 20
to 150 fJ at 65 nm and 1 V (remembered): 30 NAND2 are 35 fJ there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """comparator_gates, sense_gates: switched in one decision, with and without preamplifier and trim.
    comparator_area, sense_area: NAND2 of area (assumed). matched_layout: matched pairs with dummies and common centroid
    take twice the area of as many standard cells (assumed), encoder included; NeuroSim V1.3 has 378 um2 for 31 sense
    amplifiers at 22 nm, this rule 418 um2. counter_gates: a bit of a counter and its latch (a flip-flop is 6 to 8
    NAND2; assumed). watching: share of a decision that each step of a ramp costs (assumed). delay_fo4: a decision in
    fan-out-of-4 delays (assumed: regeneration to full swing)."""

    comparator_gates: float = 30.0
    sense_gates: float = 13.0
    comparator_area: float = 60.0
    sense_area: float = 25.0
    matched_layout: float = 2.0
    counter_gates: float = 12.0
    watching: float = 0.1
    delay_fo4: float = 6.0


DEFAULT = Parameters()
