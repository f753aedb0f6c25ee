"""Are penalties the formulas they are named after, and limits kept?"""

import numpy as np
import pytest
from pydantic import ValidationError

from nas.data.fields import Schema, SparseField
from nas.lowering.nasrec import Lowering
from nas.objectives.figures import Figures
from nas.objectives.objective import Objective
from nas.spaces.nasrec import Space
from nas.spaces.sizes import fvcore_flops
from pimsim import simulate

QUALITY = np.array([0.8, 0.8, 0.6])
FIGURES = {
    "energy_uJ": np.array([1.0, 4.0, 2.0]), "latency_us": np.array([1.0, 2.0, np.nan]),
    "area_mm2": np.array([9.0, 9.0, 9.0]), "Mflops": np.array([1.0, 2.0, 3.0]),
}  # fmt: skip


def test_penalties_by_hand():
    def score(**given):
        return Objective(penalty="energy", target=2.0, **given).score(QUALITY, FIGURES).tolist()

    assert score(weight=0.1) == pytest.approx([0.8, 0.7, 0.6])
    assert score(form="absolute", weight=0.1) == pytest.approx([0.75, 0.7, 0.6])
    assert score(form="power", beta=-0.5) == pytest.approx([0.8 * 2**0.5, 0.8 / 2**0.5, 0.6])
    assert Objective(penalty="flops", target=1.0, weight=0.1).score(QUALITY, FIGURES) == pytest.approx([0.8, 0.7, 0.4])
    assert Objective().score(QUALITY, FIGURES).tolist() == QUALITY.tolist()


def test_a_metric_is_turned_so_that_more_is_better():
    metrics = {"auc": 0.7, "logloss": 0.4, "gauc": None}
    found = [Objective(metric=name).quality(metrics) for name in ("auc", "logloss", "gauc")]
    assert found == [0.7, -0.4, -np.inf]
    scored = Objective(penalty="energy", target=1.0, form="power").score(np.array([-np.inf] * 3), FIGURES)
    assert np.isneginf(scored).all()


def test_limits():
    assert Objective(max_energy_uJ=2.0).allowed(FIGURES).tolist() == [True, False, True]
    assert Objective(max_energy_uJ=2.0, max_Mflops=2.0).allowed(FIGURES).tolist() == [True, False, False]
    assert not Objective(max_area_mm2=8.9).allowed(FIGURES).any()
    dear = {**FIGURES, "area_mm2": np.array([9.0, np.inf, 9.0])}
    assert Objective().allowed(dear).tolist() == [True, False, True]


def test_which_objectives_need_hardware():
    assert Objective(penalty="area").needs_hardware
    assert Objective(max_latency_us=1.0).needs_hardware
    assert not Objective(penalty="flops", max_Mflops=3.0).needs_hardware


def test_bad_objectives_are_named():
    with pytest.raises(ValidationError, match="form power multiplies a metric that counts up"):
        Objective(metric="logloss", penalty="energy", form="power")


def test_figures_are_pimsims_in_other_units():
    schema = Schema(("a", "b"), tuple(SparseField(f"f{i}", 50) for i in range(3)))
    space = Space.full(blocks=2, dense_widths=(8, 16), sparse_widths=(4, 8))
    some = [space.sample(np.random.default_rng(seed)) for seed in range(4)]
    found = Figures(schema, 8, "reram_128")(some)
    for at, one in enumerate(some):
        totals = simulate(Lowering(schema, 8).workload(one), "reram_128").totals
        assert found["energy_uJ"][at] == pytest.approx(totals["energy_pJ"] * 1e-6, rel=1e-12)
        assert found["latency_us"][at] == pytest.approx(totals["latency_ns"] * 1e-3, rel=1e-12)
        assert found["area_mm2"][at] == pytest.approx(totals["area_um2"] * 1e-6, rel=1e-12)
    plain = Figures(schema, 8)
    assert plain(some)["Mflops"].tolist() == [fvcore_flops(one, plain.inputs) * 1e-6 for one in some]
    assert np.isnan(plain(some)["energy_uJ"]).all()
