"""Prints what the measured chips say of computed prices.

    python -m validation.leave_one_out.fit

The factors of circuit kinds (pimsim/components/silicon.py) and the spreads that are left (pimsim/components/spread.py),
as they stand there.
"""

from __future__ import annotations

from ..cacti.case import spread
from .chips import Chip, chips
from .factors import KINDS, Quantity, factors, left_out, observations
from .sigmas import held, latency_spread, separated, spreads

TABLES: dict[Quantity, str] = {"energy": "ENERGY_SIGMA", "area": "AREA_SIGMA"}

MEMORIES: dict[Quantity, tuple[str, ...]] = {"energy": ("read_pJ", "write_pJ"), "area": ("area_mm2",)}
"""Figures of published memories (validation/cacti) that the spread of storage comes from."""

UNSEEN: dict[Quantity, dict[str, float]] = {
    "energy": {"wire": 0.5, "off_chip": 0.4, "programming": 0.8},
    "area": {"wire": 0.5, "off_chip": 0.4, "programming": 0.0},
}
"""Of other kinds that stand outside a macro: assumed."""


def constants(known: list[Chip], quantity: Quantity) -> str:
    """The table of `quantity` in pimsim/components/spread.py, as Python."""
    count = separated(known, quantity)
    lines = [f"{TABLES[quantity]} = {{"]
    for kind, sigma in spreads(known, quantity).items():
        origin = f"{count[kind]} chip{'s' if count[kind] > 1 else ''}" if count[kind] else "assumed"
        lines.append(f'    "{kind}": {sigma:.2f},  # {origin}')
    figures, storage = spread(*MEMORIES[quantity])
    lines.append(f'    "storage": {storage:.2f},  # {figures} figures of published memories')
    lines += [f'    "{kind}": {sigma:.2f},  # assumed' for kind, sigma in UNSEEN[quantity].items()]
    return "\n".join([*lines, "}"])


def silicon(known: list[Chip], quantity: Quantity) -> str:
    """The table of `quantity` in pimsim/components/silicon.py, as Python."""
    found = factors(observations(chip, quantity) for chip in known)
    lines = [f'    "{kind}": {found[kind]:.2f},' for kind in KINDS if kind in found]
    return "\n".join([f"{quantity.upper()}: dict[str, float] = {{", *lines, "}"])


def main() -> None:
    """Print how far left-out chips lie, and the constants."""
    known = chips()
    out = {quantity: left_out(quantity, known) for quantity in TABLES}
    for quantity, predicted in out.items():
        rows = held(predicted, quantity)
        mean = sum(abs(row.error) for row in rows) / len(rows)
        print(f"{quantity}: {len(rows)} chips left out, factors from the others: mean absolute error {mean:.0%}; 80% "
              f"intervals hold {sum(row.covered for row in rows)}")  # fmt: skip
    print("throughput over that of a given supply: {} points, root mean square {:.3f}".format(*latency_spread(known)))
    print("\npimsim/components/silicon.py:")
    for quantity in TABLES:
        print(silicon(known, quantity))
    print("\npimsim/components/spread.py:")
    for quantity, predicted in out.items():
        print(constants(predicted, quantity))


if __name__ == "__main__":
    main()
