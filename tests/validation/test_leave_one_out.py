"""Is a left-out chip kept out of its own prediction, and do the printed figures follow from the rows?"""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pimsim.components import silicon, spread
from pimsim.report.pictures import png
from pimsim.validation import CASES, Report, run_all


@pytest.fixture(scope="module")
def report() -> Report:
    return run_all(["leave_one_out"])[0]


@pytest.fixture(scope="module")
def loo(report: Report) -> dict[str, ModuleType]:
    """The modules of the case."""
    import importlib

    assert CASES in sys.modules, report.name
    names = ("chips", "factors", "sigmas", "fit", "case", "text")
    return {name: importlib.import_module(f"{CASES}.leave_one_out.{name}") for name in names}


@pytest.fixture(scope="module")
def known(loo: dict[str, ModuleType]) -> list[Any]:
    return loo["chips"].chips()


def scaled(chip: Any, factor: float) -> Any:
    """The chip with all its published figures times `factor`."""

    def each(group: Any) -> Any:
        return tuple(replace(seen, published=seen.published * factor) for seen in group)

    area = None if chip.area is None else replace(chip.area, published=chip.area.published * factor)
    return replace(
        chip, energy=each(chip.energy), area=area, energy_split=each(chip.energy_split),
        area_split=each(chip.area_split),
    )  # fmt: skip


@pytest.mark.parametrize("quantity", ["energy", "area"])
@pytest.mark.parametrize("name", ["jia2020", "wan2022"])
def test_a_chips_own_figures_do_not_enter_its_prediction(
    loo: dict[str, ModuleType], known: list[Any], quantity: str, name: str
) -> None:
    changed = [scaled(chip, 7.0) if chip.name == name else chip for chip in known]

    def results(chips: list[Any]) -> dict[str, Any]:
        return {row.chip.name: row for row in loo["sigmas"].held(loo["factors"].left_out(quantity, chips), quantity)}

    before, after = results(known), results(changed)
    assert after[name].seen.computed == pytest.approx(before[name].seen.computed, rel=1e-12)
    others = [chip for chip in before if chip != name]
    assert any(abs(after[chip].seen.computed / before[chip].seen.computed - 1.0) > 0.01 for chip in others)


def test_nothing_given_is_left_in_a_chip(loo: dict[str, ModuleType]) -> None:
    """A price that a hardware file gives is out: computed figures of the shipped chips move with supply and width."""
    from pimsim.components import REGISTRY, prices
    from pimsim.hardware.load import load_hardware

    for name in loo["case"].FIVE:
        hardware = load_hardware(name, overrides=loo["chips"].overrides({"file": name}))
        cost = dict(zip(REGISTRY, prices(hardware).values(), strict=True))
        for part in ("crossbar", "dac", "sample_hold", "adc", "shift_add"):
            assert "given" not in cost[part].origins, (name, part)


def test_one_factor_is_the_geometric_mean_drawn_to_1(loo: dict[str, ModuleType]) -> None:
    seen = loo["chips"].Seen
    groups = [(seen("a", "", ratio, {"driver": 1.0}),) for ratio in (2.0, 8.0, 4.0)]
    weight = 1.0 / loo["factors"].CHIP_SIGMA**2
    drawn = 3.0 * weight / (3.0 * weight + 1.0 / loo["factors"].PRIOR_SIGMA**2)
    assert loo["factors"].factors(groups)["driver"] == pytest.approx(4.0**drawn)


def test_mean_and_coverage_are_what_the_rows_say(report: Report, loo: dict[str, ModuleType]) -> None:
    values = {row.quantity: row.ours for row in report.rows if row.kind == "goal"}
    main: dict[str, float] = {}  # the first efficiency of a chip is its main point
    for row in report.rows:
        if row.kind == "flagged" and row.unit == "TOPS/W":
            assert row.error is not None
            main.setdefault(row.quantity.split(",")[0], 100.0 * abs(row.error))
    count = len(main)
    assert values[f"efficiency: mean absolute error of {count} chips"] == pytest.approx(statistics.fmean(main.values()))
    assert values["efficiency: median absolute error"] == pytest.approx(statistics.median(main.values()))
    rows = report.text.split("\n\n")[0].split("\n")[2:]
    assert len(rows) == count
    outside = sum(line.split("|")[5].strip() == "no" for line in rows)
    assert values["efficiency: chips outside their 80% interval"] == pytest.approx(100.0 * outside / count)


def test_intervals_cover_about_80_of_100(loo: dict[str, ModuleType], known: list[Any]) -> None:
    for quantity in ("energy", "area"):
        rows = loo["sigmas"].held(loo["factors"].left_out(quantity, known), quantity)
        covered = sum(row.low <= row.seen.published <= row.high for row in rows) / len(rows)
        # three binomial standard deviations of so many chips
        assert abs(covered - 0.8) < 3.0 * math.sqrt(0.8 * 0.2 / len(rows))


def test_the_package_has_what_the_fit_prints(loo: dict[str, ModuleType], known: list[Any]) -> None:
    source = Path(spread.__file__).read_text("utf-8")
    for quantity in ("energy", "area"):
        printed = loo["fit"].silicon(known, quantity)
        assert printed in Path(silicon.__file__).read_text("utf-8"), f"put into silicon.py what fit prints:\n{printed}"
        printed = loo["fit"].constants(loo["factors"].left_out(quantity, known), quantity)
        assert printed in source, f"put into spread.py what python -m validation.leave_one_out.fit prints:\n{printed}"
    assert "# assumed" in source


def test_storage_has_the_spread_of_published_memories() -> None:
    import yaml

    from validation.cacti import case

    figures = yaml.safe_load(case.PUBLISHED.read_text("utf-8"))
    points = [p for name, group in figures.items() if name != "mnsim" for p in case.published_points(group)]
    for table, names in ((spread.ENERGY_SIGMA, ("read_pJ", "write_pJ")), (spread.AREA_SIGMA, ("area_mm2",))):
        logs = [r.log for r in case.residuals(points) if r.quantity in names]
        assert len(logs) >= 20
        assert table["storage"] == pytest.approx(math.sqrt(statistics.fmean(log * log for log in logs)), abs=0.005)
        assert case.spread(*names)[0] == len(logs)


def test_throughput_over_supply_scatters_less_than_latency_sigma(loo: dict[str, ModuleType], known: list[Any]) -> None:
    count, sigma = loo["sigmas"].latency_spread(known)
    assert count == sum(len(chip.speed) for chip in known) >= 6
    assert 0.0 < sigma < spread.LATENCY_SIGMA


def test_a_kind_that_no_chip_separates_is_assumed(loo: dict[str, ModuleType]) -> None:
    seen = loo["chips"].Seen("a", "1 V", 3.0, {"array, charge": 0.9, "driver": 0.1})
    chips = [loo["chips"].Chip(f"c{i}", "", "charge", (seen,), None, (), ()) for i in range(4)]
    assert loo["sigmas"].separated(chips, "energy") == {"array": 4, "driver": 0, "converter": 0, "digital": 0}
    found = loo["sigmas"].spreads(chips, "energy")
    assert found["driver"] == found["digital"] == loo["sigmas"].ASSUMED["energy"]
    assert '"digital": 0.50,  # assumed' in loo["fit"].constants(chips, "energy")


def test_every_far_chip_says_what_is_suspected_and_no_other(loo: dict[str, ModuleType], known: list[Any]) -> None:
    rows = loo["sigmas"].held(loo["factors"].left_out("energy", known), "energy")
    far = {row.chip.name for row in rows if abs(row.residual) > loo["text"].FAR}
    assert far == set(loo["text"].LACKS)


def test_report_passes_and_can_be_drawn(report: Report) -> None:
    assert report.passed
    assert all(png(picture).startswith(b"\x89PNG") for picture in report.pictures)
