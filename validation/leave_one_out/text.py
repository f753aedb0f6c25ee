"""Tables and pictures of the left-out chips for REPORT.md."""

from __future__ import annotations

from pimsim.validation import Curve, Picture

from .chips import Chip
from .factors import KINDS, Quantity, factors, observations
from .sigmas import Held, separated, spreads

FAR = 1.0
"""|ln(published / predicted)| past which the table says what the prediction lacks."""

UNITS: dict[Quantity, tuple[str, float]] = {"energy": ("fJ/op", 1e3), "area": ("mm2", 1.0)}

LACKS = {
    "chih2021": "clocks, pipeline registers and glitches of the trees are not counted; toggle rate remembered",
    "deaville2022": "resistances not found: the default draws four times the whole chip",
    "hermes2022": "256 converters count at up to 3 GHz; local digital units are in the figure, not in the file",
    "kim2019": "precharge, references and timing of a 40 ns read; computed is a sense amplifier and a bitline a column",
    "papistas2021": "7-bit pulse widths are taken as one pulse on a wire: what times them is not counted",
    "sinangil2021": "rows alone are near; the factor of drivers, clocks and control of other chips, is not",
    "su2020": "converters far below the survey's median at their rate",
    "su2021": "5-bit converters as SARs of the survey's median take three times the whole chip",
    "wan2022": "read pulse assumed: settled columns draw less; a neuron decides bit by bit, not as a ramp",
    "wang2022": "units of the ladders not known; their load on the rows is not counted",
}
"""Of the chips whose predicted energy is further off than FAR; suspected from the papers, not measured."""


def text(rows: dict[Quantity, list[Held]], out: dict[Quantity, list[Chip]], known: list[Chip]) -> str:
    """All tables: chips with their intervals, factors, spreads."""
    parts = []
    for quantity in UNITS:
        parts.append(chip_table(rows[quantity], quantity))
        inside, count = sum(row.covered for row in rows[quantity]), len(rows[quantity])
        parts.append(f"Inside their 80% interval: {inside} of {count} ({inside / count:.0%}).")
    parts.append("Factors on bare circuits, from all chips: the constants of `pimsim/components/silicon.py`:")
    parts.append(factor_table(known))
    parts.append(
        "Spread of ln(published / predicted) of left-out chips: the constants of `pimsim/components/spread.py`. In "
        "brackets the chips with a published figure that is mostly of this kind:"
    )
    parts.append(spread_table(out))
    return "\n\n".join(parts)


def chip_table(rows: list[Held], quantity: Quantity) -> str:
    """One line a chip."""
    unit, times = UNITS[quantity]
    lines = [
        f"| {quantity}, {unit} | published | predicted | 80% interval | inside | suspected |",
        "| :--- | ---: | ---: | ---: | :--- | :--- |",
    ]
    for row in rows:
        far = quantity == "energy" and abs(row.residual) > FAR
        cells = (
            f"{row.chip.name}, {row.seen.label}" if quantity == "energy" else row.chip.name,
            f"{times * row.seen.published:.3g}", f"{times * row.seen.computed:.3g}",
            f"{times * row.low:.3g} to {times * row.high:.3g}", "yes" if row.covered else "no",
            LACKS.get(row.chip.name, "") if far else "",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def factor_table(known: list[Chip]) -> str:
    """Factor of each circuit kind from all chips."""
    energy, area = (factors(observations(chip, quantity) for chip in known) for quantity in UNITS)
    lines = ["| circuit kind | energy | area |", "| :--- | ---: | ---: |"]
    lines += [f"| {kind} | {energy.get(kind, 1.0):.2f} | {area.get(kind, 1.0):.2f} |" for kind in KINDS]
    return "\n".join(lines)


def spread_table(out: dict[Quantity, list[Chip]]) -> str:
    """Standard deviation of each circuit kind, over left-out chips."""
    lines = ["| circuit kind | energy | area |", "| :--- | ---: | ---: |"]
    columns = [(spreads(out[quantity], quantity), separated(out[quantity], quantity)) for quantity in UNITS]
    for kind in columns[0][0]:
        cells = [f"{sigma[kind]:.2f} ({count[kind] or 'assumed'})" for sigma, count in columns]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pictures(rows: dict[Quantity, list[Held]]) -> tuple[Picture, ...]:
    """Predicted against published, a colour for each way of computing."""
    made = []
    for quantity, (unit, times) in UNITS.items():
        curves = []
        for style in sorted({row.chip.style for row in rows[quantity]}):
            chosen = [row for row in rows[quantity] if row.chip.style == style]
            curves.append(
                Curve(
                    style, tuple(times * row.seen.published for row in chosen),
                    tuple(times * row.seen.computed for row in chosen), tuple(times * row.low for row in chosen),
                    tuple(times * row.high for row in chosen), tuple(row.chip.name for row in chosen),
                )
            )  # fmt: skip
        label = "fJ an operation" if unit == "fJ/op" else unit
        title = f"Chips left out: {quantity}, factors from the others (80% whiskers)"
        made.append(
            Picture(
                f"leave_one_out_{quantity}", title, f"published ({label})", f"predicted ({label})", tuple(curves),
                logarithmic=True, diagonal=True,
            )
        )  # fmt: skip
    return tuple(made)
