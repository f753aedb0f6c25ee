"""Chips with nothing fitted: each predicted with factors of circuit kinds that come from the other chips only."""

from __future__ import annotations

import statistics

from pimsim.validation import Report, Row

from .chips import Chip, Seen, chips
from .factors import LeftOut, Quantity, factors, left_out, observations, predict
from .sigmas import Held, held

GOAL = 20.0
"""Percent, mean absolute error of left-out chips."""

FAR = 1.0
"""|ln(published / computed)| past which a chip's row says what its computed price lacks."""

SOURCE = (
    "The five chips of this folder and further macros as their papers or public tables describe them (chips.yaml names "
    "each source; UIUC-IMC/UIUC-IMC-Benchmarking, mit-emze/cimloop, KULeuven-MICAS/zigzag-imc)"
)

LACKS = {
    "colonnade2021": "drivers and control clock every cell (29% and 8% of the energy); computed drivers are bare wires",
    "fujiwara2022": "12T cells and pipeline registers at 5 nm, which the digital array does not count",
    "hermes2022": "3 GHz counters in 256 converters and local digital units stand in the figure, not in the hardware entry",
    "hung2022": "resistances are not published; the schema's 100 kohm draws more than the chip's sensing takes in all",
    "jedhe2023": "weight multiplexers and registers of 16 sets; computed are adders and multipliers",
    "jia2020": "9.7 pJ a column hold switches, clocking and drivers of 2304 cells; computed are capacitors and bitlines",
    "jiang2018": "pull-up and pull-down currents through the XNOR cells; computed is one discharge of the bitline",
    "khwa2022": "resistances are not published; 15 sense amplifiers of 25 gates a conversion are too many at 4 bits",
    "kim2019": "precharge, references and timing of a 40 ns read; computed is one sense amplifier and bitline a column",
    "papistas2021": "7-bit pulse-width inputs of 1024 rows; computed drivers are bare wires",
    "rasul2021": "5-bit input converters at near-threshold supply; computed drivers are bare wires",
    "si2019": "5-bit converters share one reference; computed is a converter of the survey's median each",
    "su2020": "the converters are cheaper than the survey's median at their rate",
    "su2021": "tabulated as 8-bit converters; what is described in the later journal paper has 5 bits",
    "wan2022": "cells conduct a settled pulse of assumed length; computed converters compare at each of 2^bits steps",
    "xue2021": "resistances are not published; the schema's 100 kohm draws more than the chip's sensing takes in all",
    "yin2020": "resistances are assumed; clamped sensing takes less than the supply across every cell",
}


def run() -> Report:
    """Rows of every chip's points, splits and area, the goal and the coverage of the intervals."""
    known = chips()
    rows: list[Row] = []
    for quantity in ("energy", "area"):
        bare = {row.chip.name: row for row in held(known, quantity)}
        for row in left_out(quantity, known):
            rows += chip_rows(row, bare[row.chip.name], known, quantity)
    for quantity in ("energy", "area"):
        rows += summary(left_out(quantity, known), held(known, quantity), quantity)
    return Report("leave_one_out", SOURCE, tuple(rows), notes(known))


def shown(seen: Seen, value: float, quantity: Quantity) -> float:
    """Total energies in TOPS/W; parts of an energy in fJ an op; areas in mm2."""
    if quantity == "area":
        return value
    return 1e3 * value if "," in seen.label else 1.0 / value


def chip_rows(row: LeftOut, bare: Held, known: list[Chip], quantity: Quantity) -> list[Row]:
    """A left-out chip's points (or area) and split, with factors from the others."""
    chip = row.chip
    others = factors(observations(other, quantity) for other in known if other.name != chip.name)
    seen = (*chip.energy, *chip.energy_split) if quantity == "energy" else (row.seen, *chip.area_split)
    made = []
    for one in seen:
        unit = "mm2" if quantity == "area" else "fJ/op" if "," in one.label else "TOPS/W"
        ours = shown(one, sum(predict(one, others).values()), quantity)
        why = told(row, bare, quantity) if one is row.seen else "follows from the factors of the row above"
        made.append(Row(f"{chip.name}, {one.label}", unit, shown(one, one.published, quantity), ours, None, "flagged", why))
    return made


def told(row: LeftOut, bare: Held, quantity: Quantity) -> str:
    """The interval about the prediction, what a result says with no factor, and what the computed price lacks."""
    ends = sorted(shown(row.seen, value, quantity) for value in (row.low, row.high))
    plain = shown(row.seen, row.seen.computed, quantity)
    spans = sorted(shown(row.seen, value, quantity) for value in (bare.low, bare.high))
    text = (
        f"judged by the mean; 80% interval {ends[0]:.3g} to {ends[1]:.3g} ({'holds' if row.covered else 'misses'}); "
        f"no factor: {plain:.3g}, {spans[0]:.3g} to {spans[1]:.3g} ({'holds' if bare.covered else 'misses'})"
    )
    far = abs(bare.residual) > FAR and quantity == "energy"
    return f"{text}; {LACKS[row.chip.name]}" if far and row.chip.name in LACKS else text


def chip_error(row: LeftOut, quantity: Quantity) -> float:
    """Absolute error in percent of what the row of the chip's main point shows."""
    ours, published = (shown(row.seen, value, quantity) for value in (row.predicted, row.seen.published))
    return 100.0 * abs(ours / published - 1.0)


def summary(rows: list[LeftOut], bare: list[Held], quantity: Quantity) -> list[Row]:
    """Goal, median, error with no factor, and the coverage of both kinds of 80% interval."""
    name = f"{len(rows)} chips left out, {'efficiency' if quantity == 'energy' else 'area'}"
    errors = [chip_error(row, quantity) for row in rows]
    plain = [100.0 * abs(shown(b.seen, b.seen.computed, quantity) / shown(b.seen, b.seen.published, quantity) - 1.0)
             for b in bare]  # fmt: skip
    return [
        Row(f"{name}: mean absolute error", "%", None, sum(errors) / len(errors), GOAL, "goal"),
        stands(f"{name}: median absolute error", statistics.median(errors)),
        stands(f"{name}: median absolute error with no factor", statistics.median(plain)),
        stands(f"{name}: covered by 80% intervals", 100.0 * sum(row.covered for row in rows) / len(rows)),
        stands(f"{name}: covered by a result's 80% interval", 100.0 * sum(b.covered for b in bare) / len(bare)),
    ]


def stands(quantity: str, value: float) -> Row:
    """A figure in percent with nothing to compare it with."""
    return Row(quantity, "%", None, value, None, "prediction")


def notes(known: list[Chip]) -> tuple[str, ...]:
    """What the reader must know to judge the rows."""
    split = [chip.name for chip in known if chip.energy_split]
    areas = sum(chip.area is not None for chip in known)
    return (
        f"{len(known)} chips, {areas} with an area. Nothing is fitted to a chip: given prices of its file are taken out, "
        "every price is computed, and each circuit kind has one factor from the other chips (geometric means where a "
        "paper splits its figure; a total says what it can; factors are drawn towards 1 as far as chips are few). The "
        "factors are not in results: there prices stand as computed, and the spreads hold bias and scatter together.",
        f"Small is above all the number of chips that split their energy ({', '.join(split)}): the factor of drivers "
        "hangs on two of them and takes in what stands beside the circuits (clocks, references, control). Resistances, "
        "read pulses and operand statistics are mostly unpublished; defaults stand for them.",
        "Intervals of predictions: root mean square of the other chips' logarithmic errors times Student's t. Intervals "
        "of results (no factor): spreads of circuit kinds from the other chips (sigmas.py). Times are given by the "
        "papers' cycles and are not predicted here.",
    )
