"""Fit the ratios of `pimsim.components.memory_array` and `edram` to runs of CACTI 7.0 and print them.

    python -m validation.cacti.fit

Only the runs marked `fitted` in runs.csv take part: high-performance SRAM at 65, 45 and 32 nm with one port
and one bank, and eDRAM. Least squares of
ln(CACTI / ours) by Gauss and Newton from the constants as they are; no random start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from pimsim.components import edram
from pimsim.components.memory_array import FIT, Fit, access_ns, lay_out
from pimsim.hardware.technology import fo4_ps

from .points import Point, runs

FITTED = ("read_pJ", "write_pJ", "access_ns", "area_mm2")


def solve(residuals: Callable[[Sequence[float]], list[float]], start: Sequence[float]) -> list[float]:
    """The positive parameters that make the sum of squares least: Levenberg's steps on their logarithms."""
    at, damping = np.log(np.asarray(start)), 1e-3
    now = np.asarray(residuals(list(np.exp(at))))
    for _ in range(200):
        columns = [(np.asarray(residuals(list(np.exp(at + 1e-5 * unit)))) - now) / 1e-5 for unit in np.eye(len(at))]
        slope = np.stack(columns, axis=1)
        step = np.linalg.solve(slope.T @ slope + damping * np.eye(len(at)), -slope.T @ now)
        tried = np.asarray(residuals(list(np.exp(at + step))))
        if tried @ tried < now @ now:
            at, now, damping = at + step, tried, damping / 3
        else:
            damping *= 4
        if np.abs(step).max() < 1e-7:
            break
    return [float(value) for value in np.exp(at)]


def fit_sram(points: Sequence[Point]) -> Fit:
    """The constants of `Fit`."""

    def residuals(values: Sequence[float]) -> list[float]:
        fit = Fit(*values)
        found = []
        for point in points:
            ours = point.ours(fit)
            found += [math.log(getattr(point, name) / ours[name]) for name in FITTED]
        return found

    return Fit(*solve(residuals, FIT))


def fit_edram(points: Sequence[Point]) -> tuple[float, float]:
    """column_end of `edram.STYLE`, and `edram.SHARING_FO4`."""

    def residuals(values: Sequence[float]) -> list[float]:
        style, found = edram.STYLE._replace(column_end=values[0]), []
        for p in points:
            here = p.memory().process
            array = lay_out(here, p.node_nm, p.capacity_bits, p.width_bits, p.ports, p.banks, style)
            plain = access_ns(here, p.node_nm, p.flavour, p.capacity_bits, array)
            time = plain + values[1] * 1e-3 * fo4_ps(p.node_nm, p.supply_V, p.flavour)
            found += [math.log(p.area_mm2 / (array.side_um**2 * 1e-6)), math.log(p.access_ns / float(time))]
        return found

    column_end, sharing = solve(residuals, (edram.STYLE.column_end, edram.SHARING_FO4))
    return column_end, sharing


def main() -> None:
    """Print the constants."""
    fitted = [point for point in runs() if point.use == "fitted"]
    print("memory_array.Fit:")
    for name, value in fit_sram([p for p in fitted if p.kind == "sram"])._asdict().items():
        print(f"  {name}: float = {value:.3g}")
    column_end, sharing = fit_edram([p for p in fitted if p.kind == "edram"])
    print(f"edram: column_end={column_end:.3g}, SHARING_FO4 = {sharing:.3g}")


if __name__ == "__main__":
    main()
