"""Learned predictors of cost, for spaces too large to tabulate: a small network over an encoding, trained on samples of
the simulator. Training needs scikit-learn; prediction needs NumPy only.

    predictor = fit(features, {"energy_pJ": energies, "latency_ns": latencies})
    predictor.predict(features)["energy_pJ"]; predictor.save("space.predictor")
"""

from __future__ import annotations

import importlib.util
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pimsim.cost.array_file import read_arrays, write_arrays
from pimsim.cost.entries import Array
from pimsim.errors import InputError, printable

FORMAT = "pimsim-predictor-1"
LAYERS = (64, 64)
LARGEST_LAYER = 1 << 16
MOST_LAYERS = 64
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Penalties of the linear part that are tried."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A linear part and rectified layers over standardised features; their sum is the standardised logarithms of the
    figures. linear: features x figures."""

    targets: tuple[str, ...]
    feature_mean: Array
    feature_scale: Array
    target_mean: Array
    target_scale: Array
    linear: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def predict(self, features: Any) -> dict[str, Array]:
        """Figure name -> one prediction a row of `features` (n x features, as in training). Raises InputError for
        another width or numbers that are not finite."""
        x = _matrix(features, "features")
        if x.shape[1] != len(self.feature_mean):
            raise InputError(f"the predictor was trained on {len(self.feature_mean)} features; got {x.shape[1]}")
        x = (x - self.feature_mean) / self.feature_scale
        straight = x @ self.linear
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer + 1 < len(self.weights):
                np.maximum(x, 0.0, out=x)
        figures = np.exp((straight + x) * self.target_scale + self.target_mean)
        return {name: figures[:, i] for i, name in enumerate(self.targets)}

    def errors(self, features: Any, figures: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        """Figure name -> mean absolute percentage error and Kendall's tau-b against true figures (tau is nan where one
        of the two does not vary)."""
        predicted = self.predict(features)
        found = {}
        for name in self.targets:
            truth = np.asarray(figures[name], dtype=np.float64)
            found[name] = mape(predicted[name], truth), kendall_tau(predicted[name], truth)
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the predictor to one file without code in it (layout of safetensors), whole or not at all."""
        arrays = {f"weight{i}": w for i, w in enumerate(self.weights)}
        arrays |= {f"bias{i}": b for i, b in enumerate(self.biases)}
        arrays |= {name: getattr(self, name) for name in PARTS}
        write_arrays(path, arrays, {"format": FORMAT, "targets": json.dumps(self.targets)})

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Predictor:
        """A predictor out of a file. Raises InputError when it is not a whole, consistent one."""
        arrays, notes = read_arrays(path, "a predictor")
        shown = printable(path)
        if notes.get("format") != FORMAT:
            found = printable(notes.get("format", "none"), 40)
            raise InputError(f"{shown}: format {found}; this version reads {FORMAT}: train the predictor again")
        try:
            targets = tuple(str(name) for name in json.loads(notes["targets"]))
            depth = sum(name.startswith("weight") for name in arrays)
            weights = tuple(arrays[f"weight{i}"] for i in range(depth))
            biases = tuple(arrays[f"bias{i}"] for i in range(depth))
            mean, scale, target_mean, target_scale, linear = (arrays[name] for name in PARTS)
            predictor = Predictor(targets, mean, scale, target_mean, target_scale, linear, weights, biases)
        except (KeyError, ValueError, TypeError, RecursionError) as fault:
            raise InputError(f"{shown}: not a whole predictor ({printable(fault, 60)})") from fault
        if not _consistent(predictor):
            raise InputError(f"{shown}: the predictor's arrays do not fit together; train it again")
        return predictor


PARTS = ("feature_mean", "feature_scale", "target_mean", "target_scale", "linear")


def _consistent(p: Predictor) -> bool:
    vectors = (p.feature_mean, p.feature_scale, p.target_mean, p.target_scale, *p.biases)
    if not 0 < len(p.weights) <= MOST_LAYERS or {v.ndim for v in vectors} != {1} or {w.ndim for w in p.weights} != {2}:
        return False
    if p.linear.shape != (len(p.feature_mean), len(p.target_mean)):
        return False
    sizes = [len(p.feature_mean), *(len(b) for b in p.biases)]
    good = [w.shape for w in p.weights] == list(pairwise(sizes))
    good = good and sizes[-1] == len(p.target_mean) == len(p.target_scale) == len(p.targets) > 0
    good = good and len(p.feature_scale) == sizes[0] > 0 and max(sizes) <= LARGEST_LAYER and min(sizes) > 0
    good = good and bool((p.feature_scale > 0.0).all())
    return good and all(a.dtype == np.float64 and bool(np.isfinite(a).all()) for a in (*vectors, p.linear, *p.weights))


def fit(
    features: Any,
    figures: Mapping[str, Any],
    *,
    layers: tuple[int, ...] = LAYERS,
    seed: int = 0,
    most_epochs: int = 200,
) -> Predictor:
    """Train on samples: n x features, and each figure's n values above 0, whose logarithms are learned.

    A ridge regression (its penalty by leave-one-out) takes what is linear; the layers learn what it leaves, where that
    lowers the error. layers: widths of the hidden ones. A tenth of the samples decides when to stop. The same samples
    and seed give the same predictor. Raises InputError for samples that do not fit, and without scikit-learn.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise InputError("training a predictor needs scikit-learn, which is not installed: pip install scikit-learn")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import RidgeCV
    from sklearn.neural_network import MLPRegressor

    x = _matrix(features, "features")
    y = np.log(_positive(figures, len(x)))
    if len(x) < 20:
        raise InputError(f"a predictor needs at least 20 samples; got {len(x)}")
    feature_mean, feature_scale = x.mean(0), _scale(x)
    target_mean, target_scale = y.mean(0), _scale(y)
    x, standard = (x - feature_mean) / feature_scale, (y - target_mean) / target_scale
    ridge = RidgeCV(RIDGES, fit_intercept=False).fit(x, standard)
    linear = np.asarray(ridge.coef_, dtype=np.float64).reshape(y.shape[1], -1).T.copy()
    rest = standard - x @ linear
    network = MLPRegressor(
        hidden_layer_sizes=layers,
        alpha=1e-2,
        batch_size=min(64, len(x) // 2),
        learning_rate_init=1e-3,
        max_iter=most_epochs,
        early_stopping=True,
        n_iter_no_change=25,
        tol=1e-6,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is the caller's to bound
        network.fit(x, rest if y.shape[1] > 1 else rest[:, 0])
    weights = [np.asarray(w, dtype=np.float64) for w in network.coefs_]
    biases = [np.asarray(b, dtype=np.float64) for b in network.intercepts_]
    if network.best_validation_score_ <= 0.0:  # worse than saying nothing
        weights[-1], biases[-1] = 0.0 * weights[-1], 0.0 * biases[-1]
    scales = feature_mean, feature_scale, target_mean, target_scale
    return Predictor(tuple(figures), *scales, linear, tuple(weights), tuple(biases))


def mape(predicted: Any, truth: Any) -> float:
    """Mean absolute percentage error, in percent of the truth."""
    true = np.asarray(truth, dtype=np.float64)
    return float(100.0 * np.mean(np.abs(np.asarray(predicted) - true) / true))


def kendall_tau(predicted: Any, truth: Any) -> float:
    """Kendall's tau-b of two rankings (SciPy's)."""
    from scipy.stats import kendalltau

    return float(kendalltau(np.asarray(predicted), np.asarray(truth)).statistic)


def _matrix(values: Any, what: str) -> Array:
    try:
        found = np.atleast_2d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as fault:
        raise InputError(f"{what} must be numbers, one row a sample ({printable(fault, 60)})") from fault
    if found.ndim != 2 or not np.isfinite(found).all():
        raise InputError(f"{what} must be finite numbers, one row a sample; got shape {found.shape}")
    return found


def _positive(figures: Mapping[str, Any], samples: int) -> Array:
    if not figures:
        raise InputError("a predictor needs at least one figure to learn")
    columns = []
    for name, values in figures.items():
        column = np.asarray(values, dtype=np.float64)
        if column.shape != (samples,):
            raise InputError(f"figure {printable(name, 60)}: {samples} samples need as many values; got {column.shape}")
        if not (np.isfinite(column).all() and (column > 0.0).all()):
            shown = printable(name, 60)
            raise InputError(f"figure {shown}: values must be finite and above 0; leave failed points out")
        columns.append(column)
    return np.stack(columns, axis=1)


def _scale(values: Array) -> Array:
    """Standard deviations; 1 where a column does not vary."""
    found: Array = values.std(0)
    return np.where(found > 1e-12 * np.maximum(1.0, np.abs(values).max(0)), found, 1.0)
