"""Are the constants of the converter laws those that the survey gives, and does the fit refuse a table that is none?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pimsim.components import adc_survey
from pimsim.errors import InputError
from validation.adc_survey import fit as fitting

needs_survey = pytest.mark.skipif(not fitting.DEFAULT_DATA.exists(), reason="the survey is not part of the repository")
HEADER = ",frequency (Hz),tech node (nm),area (um^2),energy (pJ/op),SNDR_plot [dB],number of bits,FOMS_hf [dB]\n"


@pytest.fixture(scope="module")
def survey() -> fitting.Survey:
    return fitting.read(fitting.DEFAULT_DATA)


@needs_survey
def test_a_refit_gives_the_constants_of_the_component(survey: fitting.Survey) -> None:
    fitted = fitting.fit(survey)
    for name, level in adc_survey.ENERGY.items():
        assert fitted.energy[name] == pytest.approx(level, rel=0.01)
    assert fitted.corner_MHz == pytest.approx(adc_survey.CORNER_MHZ_AT_65_NM, rel=0.01)
    assert fitted.rate_exponent == pytest.approx(adc_survey.RATE_EXPONENT, rel=0.01)
    assert fitted.area_um2 == pytest.approx(adc_survey.AREA_UM2, rel=0.01)
    exponents = (adc_survey.AREA_NODE_EXPONENT, adc_survey.AREA_RATE_EXPONENT, adc_survey.AREA_ENERGY_EXPONENT)
    assert fitted.area_exponents == pytest.approx(exponents, rel=0.01)
    source = Path(adc_survey.__file__).read_text(encoding="utf-8")
    assert all(line in source for line in fitting.constants(fitted).splitlines()), "printed as they stand in the file"


@needs_survey
def test_the_laws_part_the_survey_at_their_quantiles(survey: fitting.Survey) -> None:
    energy, area = fitting.ratios(survey)
    assert np.mean(energy < 1) == pytest.approx(0.5, abs=0.02)
    assert np.mean(area < 1) == pytest.approx(0.5, abs=0.02)
    volt = fitting.nominal_supply_V(survey.node_nm, "hp")
    low = adc_survey.energy_pJ(survey.bits, survey.rate_GSps, survey.node_nm, volt, "low")
    assert np.mean(survey.energy_pJ < low) == pytest.approx(0.1, abs=0.02)
    assert np.quantile(energy, (0.1, 0.5, 0.9)) == pytest.approx(adc_survey.ENERGY_SPREAD, rel=0.02)
    assert np.quantile(area, (0.1, 0.5, 0.9)) == pytest.approx(adc_survey.AREA_SPREAD, rel=0.02)


@needs_survey
def test_converters_of_macros_are_small_and_not_frugal(survey: fitting.Survey) -> None:
    for macro in fitting.MACROS:
        median_pJ = adc_survey.energy_pJ(macro.bits, macro.rate_GSps, macro.node_nm, macro.supply_V)
        assert 0.3 < macro.energy_pJ / median_pJ < 6
        median_um2 = adc_survey.area_um2(macro.node_nm, macro.rate_GSps, macro.energy_pJ)
        assert 0.01 < macro.area_um2 / median_um2 < 0.1
        assert macro.name in fitting.position(macro, survey)


def test_the_laws_of_macros_are_fits_over_the_chips() -> None:
    exponent, share = fitting.macro_law()
    assert pytest.approx(exponent, abs=6e-4) == adc_survey.MACRO_RATE_EXPONENT
    assert pytest.approx(share, rel=2e-3) == adc_survey.MACRO_ENERGY_SHARE
    areas = []
    for macro in fitting.MACROS:
        median_um2 = adc_survey.area_um2(macro.node_nm, macro.rate_GSps, macro.energy_pJ)
        areas.append(np.log(macro.area_um2 / median_um2))
    chips = [(areas[0] + areas[1]) / 2, *areas[2:]]  # Jia's two supplies count as one
    assert np.exp(np.mean(chips)) == pytest.approx(adc_survey.MACRO_AREA_SHARE, rel=0.02)


def test_the_search_finds_a_known_minimum() -> None:
    def bowl(point: np.ndarray) -> float:
        return float(abs(point[0] - 3.0) + abs(point[0] + point[1]))

    at, least = fitting.descend(bowl, np.zeros(2), np.ones(2))
    assert at == pytest.approx([3.0, -3.0], abs=1e-5)
    assert least == pytest.approx(0.0, abs=1e-5)


def test_median_regression_ignores_an_outlier() -> None:
    design = np.vstack([np.ones(9), np.arange(9.0)]).T
    values = 2.0 + 0.5 * np.arange(9.0)
    values[4] += 1000.0
    assert fitting.median_regression(design, values) == pytest.approx([2.0, 0.5], abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'frequency (Hz)'; needed are frequency (Hz), tech node (nm)"),
        (HEADER.replace("tech node", "node"), "no column"),
        (HEADER + "0,1e6,65,1000,many,50,8,160\n", "column 'energy (pJ/op)' must hold numbers"),
        (HEADER + "0,1e6,65,1000,-2,50,8,160\n", "column 'energy (pJ/op)' must hold finite numbers above 0"),
    ],
)
def test_a_table_that_is_no_survey_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "survey.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        fitting.read(path)
    assert message in str(caught.value)


def test_an_absent_table_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv: No such file or directory; give the survey's adc_list\.csv"):
        fitting.read(tmp_path / "nothing.csv")
