"""Fit the converter laws of `pimsim.components.adc_survey` to the ADC survey and print their constants.

    python -m validation.adc_survey.fit [--data adc_list.csv]

The survey is not part of the repository: the table is `adc_list.csv` of Accelergy's ADC plug-in. Plain NumPy, no random
start: the same table gives the same constants.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pimsim.components import adc_survey
from pimsim.errors import InputError
from pimsim.hardware.technology import nominal_supply_V

Array = np.ndarray[Any, np.dtype[np.float64]]
DEFAULT_DATA = Path(__file__).resolve().parents[3] / "shared" / "reference" / "adc_survey" / "adc_list.csv"
COLUMNS = {
    "rate_GSps": ("frequency (Hz)", 1e-9),
    "node_nm": ("tech node (nm)", 1.0),
    "area_um2": ("area (um^2)", 1.0),
    "energy_pJ": ("energy (pJ/op)", 1.0),
    "bits": ("number of bits", 1.0),
}
QUANTILES = {"low": 0.1, "median": 0.5}


class Survey(NamedTuple):
    """One value a converter. `bits` are effective."""

    rate_GSps: Array
    node_nm: Array
    area_um2: Array
    energy_pJ: Array
    bits: Array


class Fit(NamedTuple):
    """The constants of `pimsim.components.adc_survey`, under their names there."""

    energy: dict[str, adc_survey.EnergyLevel]
    corner_MHz: float
    rate_exponent: float
    area_um2: dict[str, float]
    area_exponents: tuple[float, float, float]  # node, rate, energy


def read(path: Path) -> Survey:
    """The survey's table. Raises InputError when it is absent, lacks a column, or holds something not positive."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the survey's adc_list.csv with --data FILE") from error
    missing = [name for name, _ in COLUMNS.values() if not rows or name not in rows[0]]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; needed are {', '.join(n for n, _ in COLUMNS.values())}")
    table: dict[str, Array] = {}
    for field, (name, unit) in COLUMNS.items():
        try:
            table[field] = np.array([float(row[name]) for row in rows]) * unit
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: column {name!r} must hold numbers: {error}") from error
        if not (np.isfinite(table[field]).all() and (table[field] > 0).all()):
            raise InputError(f"{path}: column {name!r} must hold finite numbers above 0")
    return Survey(**table)


def pinball(residual: Array, quantile: float) -> float:
    """Mean loss whose minimum leaves the share `quantile` of the residuals below zero."""
    return float(np.mean(np.where(residual > 0, quantile * residual, (quantile - 1.0) * residual)))


def descend(loss: Callable[[Array], float], start: Array, step: Array) -> tuple[Array, float]:
    """Minimum near `start` by trying steps along the axes and along pairs of them, halved when none helps."""
    size = len(start)
    axes = np.eye(size)
    tries = [sign * axes[i] for i in range(size) for sign in (1.0, -1.0)]
    signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
    tries += [a * axes[i] + b * axes[j] for i in range(size) for j in range(i) for a, b in signs]
    at, best, scale = start, loss(start), 1.0
    while scale > 1e-7:
        losses = [loss(at + scale * step * direction) for direction in tries]
        chosen = int(np.argmin(losses))
        if losses[chosen] < best - 1e-13:
            at, best, scale = at + scale * step * tries[chosen], losses[chosen], scale * 1.2
        else:
            scale *= 0.5
    return at, best


def median_regression(design: Array, values: Array) -> Array:
    """Coefficients with the least mean absolute residual, by iteratively reweighted least squares."""
    weights = np.ones(len(values))
    point = np.zeros(design.shape[1])
    for _ in range(500):
        weighted = design * weights[:, None]
        point = np.linalg.solve(weighted.T @ design, weighted.T @ values)
        weights = 1.0 / np.maximum(np.abs(values - design @ point), 1e-5)
    return point


def log_energy(survey: Survey, point: Array) -> Array:
    """Logarithm of the energy law; point: logs of technology level (pJ), noise level (pJ), corner (GS/s); exponent.
    The survey does not give supplies: each converter is taken at its node's nominal supply."""
    volt = nominal_supply_V(survey.node_nm, "hp")
    technology = point[0] + np.log(2.0) * survey.bits + np.log(survey.node_nm / 65.0 * volt * volt)
    noise = point[1] + np.log(4.0) * survey.bits
    past = np.log(survey.rate_GSps * survey.node_nm / 65.0) - point[2]
    result: Array = np.maximum(technology, noise) + point[3] * np.maximum(past, 0.0)
    return result


def fit_energy(survey: Survey) -> tuple[dict[str, adc_survey.EnergyLevel], float, float]:
    """Levels, corner (MHz at 65 nm) and exponent. Shape and median level by the median; the low level on that shape."""
    logs = np.log(survey.energy_pJ)

    def median_loss(point: Array) -> float:
        return pinball(logs - log_energy(survey, point), QUANTILES["median"])

    starts = [np.log([5e-3, 1e-6, corner, np.exp(slope)]) for corner in (1e-3, 1e-2, 1e-1) for slope in (0.4, 0.8)]
    found = [descend(median_loss, np.array(start), np.array([0.5, 0.5, 1.0, 0.1])) for start in starts]
    shape = min(found, key=lambda pair: pair[1])[0]

    def low_loss(levels: Array) -> float:
        return pinball(logs - log_energy(survey, np.concatenate([levels, shape[2:]])), QUANTILES["low"])

    starts = [shape[:2] - np.array([technology, noise]) for technology in (0.5, 1.5) for noise in (0.5, 1.5, 2.5)]
    low = min((descend(low_loss, start, np.full(2, 0.5)) for start in starts), key=lambda pair: pair[1])[0]
    levels = {
        name: adc_survey.EnergyLevel(float(np.exp(point[0]) * 1e3), float(np.exp(point[1]) * 1e6))
        for name, point in (("low", low), ("median", shape))
    }
    return levels, float(np.exp(shape[2]) * 1e3), float(shape[3])


def fit_area(survey: Survey) -> tuple[dict[str, float], tuple[float, float, float]]:
    """Levels and exponents of node, rate and energy by the median; the low level is the residuals' low quantile."""
    terms = np.log([survey.node_nm / 65.0, survey.rate_GSps / 0.1, survey.energy_pJ])
    logs = np.log(survey.area_um2)
    design = np.vstack([np.ones(len(logs)), terms]).T
    point = median_regression(design, logs)
    low = np.quantile(logs - design @ point, QUANTILES["low"])
    levels = {"low": float(np.exp(point[0] + low)), "median": float(np.exp(point[0]))}
    return levels, (float(point[1]), float(point[2]), float(point[3]))


def fit(survey: Survey) -> Fit:
    """All constants."""
    return Fit(*fit_energy(survey), *fit_area(survey))


def constants(fitted: Fit) -> str:
    """The constants as they stand in the component."""
    lines = ["ENERGY = {"]
    for name, level in fitted.energy.items():
        lines.append(
            f'    "{name}": EnergyLevel(technology_fJ={level.technology_fJ:.5g}, noise_aJ={level.noise_aJ:.5g}),'
        )
    node, rate, energy = fitted.area_exponents
    areas = ", ".join(f'"{name}": {area:.1f}' for name, area in fitted.area_um2.items())
    lines += ["}", f"CORNER_MHZ_AT_65_NM = {fitted.corner_MHz:.5g}", f"RATE_EXPONENT = {fitted.rate_exponent:.5g}"]
    lines += [f"AREA_UM2 = {{{areas}}}", f"AREA_NODE_EXPONENT = {node:.5g}", f"AREA_RATE_EXPONENT = {rate:.5g}"]
    return "\n".join([*lines, f"AREA_ENERGY_EXPONENT = {energy:.5g}"])


def ratios(survey: Survey) -> tuple[Array, Array]:
    """Published over the component's median law, converter by converter: energy, area."""
    volt = nominal_supply_V(survey.node_nm, "hp")
    energy = survey.energy_pJ / adc_survey.energy_pJ(survey.bits, survey.rate_GSps, survey.node_nm, volt)
    area = survey.area_um2 / adc_survey.area_um2(survey.node_nm, survey.rate_GSps, survey.energy_pJ)
    return energy, area


class MacroConverter(NamedTuple):
    """A converter of a compute-in-memory design. Effective bits are taken half a bit below the nominal ones."""

    name: str
    bits: float
    rate_GSps: float
    node_nm: float
    supply_V: float
    energy_pJ: float
    area_um2: float


MACROS = (
    MacroConverter("Jia 2020, SAR, 0.85 V (rate: one conversion a 1350 ns cycle)", 7.5, 0.00074, 65, 0.85, 1.79, 1941),
    MacroConverter("Jia 2020, SAR, 1.2 V (one a 540 ns cycle)", 7.5, 0.00185, 65, 1.2, 3.56, 1941),
    MacroConverter("NeuRRAM 2022, 6-bit neuron with its integrator", 5.5, 0.001, 130, 1.8, 7.45, 1270),
    MacroConverter("ISAAC 2016, SAR (6.3 effective bits as measured by Kull 2013)", 6.3, 1.28, 32, 1.0, 1.56, 1200),
    # 34% of 2048 ops / 16.38 TOPS/W and 13% of 0.124 mm2 over 16 converters; 0.446 TOPS (Fig. 22, 23 as in CiMLoop)
    MacroConverter("Wang 2022, 8 bits, 1 V", 7.5, 0.218, 22, 1.0, 2.66, 1007),
)


def macro_law() -> tuple[float, float]:
    """(exponent of the rate past the corner, share of the median law's floor) about which the converters of MACROS
    scatter least, a chip counting once: least squares of the logarithms."""
    logs, rates = [], []
    for macro in MACROS:
        at_corner = adc_survey.energy_pJ(macro.bits, 0.0, macro.node_nm, macro.supply_V)
        logs.append(np.log(macro.energy_pJ / at_corner))
        rates.append(np.log(max(macro.rate_GSps / adc_survey.corner_GSps(macro.node_nm), 1.0)))
    weights = np.array([0.5, 0.5] + [1.0] * (len(MACROS) - 2))  # the first two are one chip
    design = np.vstack([np.ones(len(MACROS)), rates]).T * np.sqrt(weights)[:, None]
    level, slope = np.linalg.lstsq(design, np.array(logs) * np.sqrt(weights), rcond=None)[0]
    return float(slope), float(np.exp(level))


def position(macro: MacroConverter, survey: Survey) -> str:
    """One line: the macro's converter over the median law, and the share of the survey that lies lower."""
    energies, areas = ratios(survey)
    energy = macro.energy_pJ / adc_survey.energy_pJ(macro.bits, macro.rate_GSps, macro.node_nm, macro.supply_V)
    area = macro.area_um2 / adc_survey.area_um2(macro.node_nm, macro.rate_GSps, macro.energy_pJ)
    return (
        f"{macro.name}: energy {energy:.3g} of the median ({np.mean(energies < energy):.0%} of the survey are lower),"
        f" area {area:.3g} ({np.mean(areas < area):.0%} are lower)"
    )


def main() -> None:
    """Print the constants, the spread of the survey about them, and where converters of macros stand."""
    parser = argparse.ArgumentParser(description="Fit the converter laws to the ADC survey.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="adc_list.csv of Accelergy's ADC plug-in")
    survey = read(parser.parse_args().data)
    print(constants(fit(survey)))
    print(f"\n{len(survey.bits)} converters; published / median law at 10, 50, 90%:")
    for name, ratio in zip(("energy", "area"), ratios(survey), strict=True):
        print(f"  {name}: " + ", ".join(f"{value:.2f}" for value in np.quantile(ratio, (0.1, 0.5, 0.9))))
    exponent, share = macro_law()
    print(f"\nMACRO_RATE_EXPONENT = {exponent:.3f}\nMACRO_ENERGY_SHARE = {share:.2f}\n")
    for macro in MACROS:
        print(position(macro, survey))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
