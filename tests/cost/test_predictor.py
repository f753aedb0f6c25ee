"""Do predictors learn, predict with NumPy what scikit-learn would, and refuse what they cannot take?"""

from __future__ import annotations

import importlib.util
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.cost import predictor
from pimsim.cost.array_file import read_arrays, write_arrays
from pimsim.cost.lookup import LookupTable, lookup_table
from pimsim.cost.predictor import FORMAT, Predictor, fit, kendall_tau, mape
from pimsim.cost.shapes import Choices
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from validation.choice_spaces import recommender
from validation.predictor import __main__ as command
from validation.predictor import spaces as validation_spaces


def short_table(space: Choices, base: str = "reram_128") -> LookupTable:
    """On that hardware, with a short trace of the space's lookups."""
    return lookup_table(space, load_hardware(base, overrides=["memory.banks.inferences=2"]))


@pytest.fixture(scope="module")
def samples() -> tuple[Any, dict[str, Any]]:
    space = recommender(2)
    architectures = space.random(260, np.random.default_rng(0))
    found = short_table(space).compose(architectures)
    return space.one_hot(architectures), {"energy_pJ": found.energy_pJ, "latency_ns": found.latency_ns}


def part(samples: Any, where: slice) -> tuple[Any, dict[str, Any]]:
    return samples[0][where], {name: values[where] for name, values in samples[1].items()}


@pytest.fixture(scope="module")
def fitted(samples: Any) -> Predictor:
    return fit(*part(samples, slice(0, 200)), layers=(32,), most_epochs=150)


def told(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def test_it_learns(samples: Any, fitted: Predictor) -> None:
    features, figures = part(samples, slice(200, 260))
    for name, (error, tau) in fitted.errors(features, figures).items():
        even = np.full(60, np.exp(np.log(samples[1][name][:200]).mean()))
        assert error < 0.5 * mape(even, figures[name])
        assert tau > 0.6


def test_same_seed_same_predictor(samples: Any, fitted: Predictor, tmp_path: Path) -> None:
    again = fit(*part(samples, slice(0, 200)), layers=(32,), most_epochs=150)
    other = fit(*part(samples, slice(0, 200)), layers=(32,), most_epochs=150, seed=1)
    for name, made in (("one", fitted), ("two", again), ("three", other)):
        made.save(tmp_path / name)
    contents = [(tmp_path / name).read_bytes() for name in ("one", "two", "three")]
    assert contents[0] == contents[1] != contents[2]


def test_prediction_is_that_of_scikit_learn(samples: Any, fitted: Predictor) -> None:
    from sklearn.neural_network import MLPRegressor

    features, _ = part(samples, slice(0, 50))
    network = MLPRegressor()
    network.coefs_, network.intercepts_ = list(fitted.weights), list(fitted.biases)
    network.n_layers_, network.out_activation_ = len(fitted.weights) + 1, "identity"
    network.n_features_in_ = features.shape[1]
    x = (features - fitted.feature_mean) / fitted.feature_scale
    standard = network.predict(x) + x @ fitted.linear
    figures = np.exp(standard * fitted.target_scale + fitted.target_mean)
    found = fitted.predict(features)
    for at, name in enumerate(fitted.targets):
        np.testing.assert_allclose(found[name], figures[:, at], rtol=1e-10)


def test_features_and_figures_that_do_not_vary(samples: Any) -> None:
    features, figures = part(samples, slice(0, 60))
    still = fit(np.pad(features, ((0, 0), (0, 2)), constant_values=7.0), {**figures, "area_um2": np.full(60, 5.0)},
                layers=(4,), most_epochs=5)  # fmt: skip
    found = still.errors(np.pad(features, ((0, 0), (0, 2)), constant_values=7.0),
                         {**figures, "area_um2": np.full(60, 5.0)})  # fmt: skip
    assert np.isfinite(found["area_um2"][0])
    assert np.isnan(found["area_um2"][1])


@given(st.lists(st.floats(0.1, 100.0), min_size=2, max_size=30), st.floats(0.5, 2.0))
def test_scores(values: list[float], factor: float) -> None:
    truth = np.array(values)
    assert mape(factor * truth, truth) == pytest.approx(100.0 * abs(factor - 1.0))
    distinct = np.unique(truth)
    if len(distinct) > 1:
        assert kendall_tau(distinct**3, distinct) == pytest.approx(1.0)
        assert kendall_tau(-distinct, distinct) == pytest.approx(-1.0)


def test_round_trip(samples: Any, fitted: Predictor, tmp_path: Path) -> None:
    fitted.save(tmp_path / "p")
    read = Predictor.load(tmp_path / "p")
    assert read.targets == fitted.targets
    one, other = fitted.predict(samples[0]), read.predict(samples[0])
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_what_is_refused(samples: Any, fitted: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    features, figures = part(samples, slice(0, 40))
    width = features.shape[1]
    expected = f"the predictor was trained on {width} features; got 3"
    assert told(lambda: fitted.predict([[1.0, 2.0, 3.0]])) == expected
    finite = f"features must be finite numbers, one row a sample; got shape (2, {width})"
    assert told(lambda: fitted.predict(np.full((2, width), np.nan))) == finite
    text = "features must be numbers, one row a sample (could not convert string to float: 'a')"
    assert told(lambda: fitted.predict([["a"]])) == text
    assert told(lambda: fit(features[:19], {"x": np.ones(19)})) == "a predictor needs at least 20 samples; got 19"
    assert told(lambda: fit(features, {})) == "a predictor needs at least one figure to learn"
    assert told(lambda: fit(features, {"x\n": [1.0]})) == "figure x\\n: 40 samples need as many values; got (1,)"
    for wrong in (0.0, -1.0, np.nan, np.inf):
        call = partial(fit, features, {"x": np.full(40, wrong)})
        assert told(call) == "figure x: values must be finite and above 0; leave failed points out"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = "training a predictor needs scikit-learn, which is not installed: pip install scikit-learn"
    assert told(lambda: fit(features, figures)) == expected


def test_files_that_are_no_predictor(fitted: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    fitted.save(path)
    read, notes = read_arrays(path, "a predictor")
    arrays = {name: np.array(array) for name, array in read.items()}

    def refused(changed: Any, said: dict[str, str] = notes) -> str:
        write_arrays(path, changed, said)
        return told(lambda: Predictor.load(path)).replace(str(path), "FILE")

    expected = f"FILE: format other; this version reads {FORMAT}: train the predictor again"
    assert refused(arrays, {**notes, "format": "other"}) == expected
    missing = {name: array for name, array in arrays.items() if name != "bias0"}
    assert refused(missing) == "FILE: not a whole predictor ('bias0')"
    assert refused(arrays, {**notes, "targets": "[" * 100_000}).startswith("FILE: not a whole predictor (")
    fit_text = "FILE: the predictor's arrays do not fit together; train it again"
    assert refused(arrays, {**notes, "targets": '["x"]'}) == fit_text
    assert refused({name: array for name, array in arrays.items() if name[:4] not in ("weig", "bias")}) == fit_text
    for name, array in arrays.items():
        assert refused({**arrays, name: array[:-1]}) == fit_text
        assert refused({**arrays, name: array[None]}) == fit_text
        assert refused({**arrays, name: array.astype(np.float32)}) == fit_text
        broken = array.copy()
        broken.reshape(-1)[0] = np.nan
        assert refused({**arrays, name: broken}) == fit_text
    scale = arrays["feature_scale"].copy()
    scale[0] = 0.0
    assert refused({**arrays, "feature_scale": scale}) == fit_text


@pytest.mark.parametrize("space", command.SPACES)
def test_more_samples_rank_better(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation in small: the learning curve falls, and ranks are right, in every space."""
    monkeypatch.setitem(predictor.fit.__kwdefaults__, "most_epochs", 20)
    monkeypatch.setattr(validation_spaces, "lookup_table", short_table)
    rows = list(command.rows(space, [40, 400], 200, trees=False))
    for name in {row["figure"] for row in rows}:
        few, many = (row for row in rows if row["figure"] == name)
        assert many["mape_percent"] < few["mape_percent"]
        assert many["kendall_tau"] > max(0.5, few["kendall_tau"])


def test_one_space_alone_leaves_the_record_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = [2.0]

    def rows(space: str, counts: Any, held_out: int) -> Any:
        figures = {"mape_percent": error[0], "kendall_tau": 0.9, "trees_mape_percent": 3.0, "trees_kendall_tau": 0.8}
        yield {"space": space, "samples": 10, "figure": "energy_pJ", **figures, "fit_s": 1.0}

    monkeypatch.setattr(command, "rows", rows)
    for only in ([], ["--only", "recommender blocks"]):
        monkeypatch.setattr("sys.argv", ["predictor", *only, "--out", str(tmp_path)])
        command.main()
        error[0] = 1.0
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert [(row["space"], row["mape_percent"]) for row in record] == [
        ("cnn blocks", 2.0), ("recommender blocks", 1.0), ("hardware knobs", 2.0),
    ]  # fmt: skip


@pytest.mark.slow
def test_the_command_writes_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predictor", "--samples", "60", "120", "--held-out", "60", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    command.main()
    assert "MAPE" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"record.json", "learning_curve.svg"}
