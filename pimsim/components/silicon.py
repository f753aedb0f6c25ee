"""What measured macros take over the bare circuit: factors on computed energies and areas, by circuit kind.

A formula counts what does the work: capacitors, lines, gates, comparators. A chip also has clocks, references,
precharge, timing, switches, dummies and wires between the parts. The factors are the geometric means of published over
bare figures of the macros in validation/leave_one_out, drawn towards 1 as far as chips are few;
`python -m validation.leave_one_out.fit` prints them as they stand here (a test holds them together), and the case
`leave_one_out` predicts each chip with factors from the other chips alone. A kind without a factor has 1.
"""

from __future__ import annotations

ENERGY: dict[str, float] = {
    "array, charge": 1.82,
    "array, current": 1.12,
    "array, digital": 1.94,
    "array, resistive": 0.56,
    "driver": 3.48,
    "driver, voltage": 2.16,
    "converter, compared": 0.80,
    "converter, sar": 0.68,
}
AREA: dict[str, float] = {
    "array, charge": 3.28,
    "array, current": 3.62,
    "array, digital": 2.16,
    "array, resistive": 2.91,
    "driver": 1.41,
    "driver, voltage": 2.50,
    "converter, compared": 1.10,
    "converter, sar": 1.98,
}


def energy(kind: str) -> float:
    """Factor on the energy of a circuit kind."""
    return ENERGY.get(kind, 1.0)


def area(kind: str) -> float:
    """Factor on the area of a circuit kind."""
    return AREA.get(kind, 1.0)
