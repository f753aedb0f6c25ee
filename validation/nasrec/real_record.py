"""The record of the study on real data: figures of every run, statistics over test rows, what the bars say."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas.data.config import open_data
from validation.nasrec.hardware_statistics import holm
from validation.nasrec.real_costs import HARDWARE, costs
from validation.nasrec.real_plan import LINEAR, NEURAL, SEARCHED, TREES
from validation.nasrec.real_runs import Result, Study
from validation.nasrec.real_stats import interval, p_value, resampled

NOT_WORSE = -0.002
"""The 95 % interval of searched minus best baseline must lie above."""
SIGNIFICANT = 0.05
GAP_SHARE = 0.5
GAP_SET = "census"
REFERENCES = (SEARCHED, TREES)
"""Not among the baselines of which the best is taken."""


def set_record(study: Study, found: Mapping[str, Sequence[Result]], resamples: int) -> dict[str, Any]:
    """The looks at test of all runs (the first time), and all that is kept of the set."""
    measured = {name: [{**run, "test": study.test(name, run)} for run in runs] for name, runs in found.items()}
    for one in measured[SEARCHED]:
        one["architecture"] = json.loads(study.store.get(one["run"]).config["model"]["architecture"])
    schema = open_data(study.data)[0]
    models = {
        name: {**summary(runs), **_cost_means(study, name, runs, schema), "runs": runs}
        for name, runs in measured.items()
    }
    hashes = dict(study.store.get(found[SEARCHED][0]["run"]).hashes)
    return {
        "plan": study.plan.to_json(),
        "hashes": hashes,
        "machine": {"platform": f"{platform.system()} {platform.machine()}", "torch": torch.__version__, "threads": 1},
        "hardware": HARDWARE,
        "bar": study.plan.bar,
        "models": models,
        "statistics": statistics(study, measured, resamples),
    }


def summary(runs: Sequence[Result]) -> dict[str, float]:
    """Means over seeds, and standard deviations (n - 1; 0 of one run), of test and validation figures."""
    found = {}
    for split, of in (("test", lambda run: run["test"]), ("validation", lambda run: run)):
        for key in ("auc", "logloss"):
            values = [float(of(run)[key]) for run in runs]
            found[f"{split}_{key}"] = float(np.mean(values))
            found[f"{split}_{key}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return found


def best_baseline(models: Mapping[str, Mapping[str, Any]]) -> str:
    """By mean validation AUC, trees and searched networks apart."""
    return max((name for name in models if name not in REFERENCES), key=lambda name: models[name]["validation_auc"])


def statistics(study: Study, measured: Mapping[str, Sequence[Result]], resamples: int) -> dict[str, Any]:
    """Differences of mean test AUC with bootstrap intervals, rows nested in seeds and rows shared by seeds."""
    labels = np.load(study.scores_file(measured[SEARCHED][0]["run"]), allow_pickle=False)["labels"]
    scores = {
        name: [np.load(study.scores_file(run["run"]), allow_pickle=False)["logits"] for run in runs]
        for name, runs in measured.items()
    }
    summaries = {name: summary(runs) for name, runs in measured.items()}
    best = best_baseline(summaries)
    neural = [name for name in NEURAL if name in measured]
    mean = {name: found["test_auc"] for name, found in summaries.items()}
    told: dict[str, Any] = {"best_baseline": best, "neural": neural}
    for rows, shared in (("nested", False), ("shared", True)):
        drawn = resampled(labels, scores, resamples, 0, shared)
        versus = {"best": drawn[SEARCHED] - drawn[best],
                  "neural_mean": drawn[SEARCHED] - np.mean([drawn[name] for name in neural], axis=0)}  # fmt: skip
        if TREES in drawn and LINEAR in drawn:
            # The gap may be as good as nothing in a resample: its share is told by the median and its quantiles.
            versus["gap_share"] = (drawn[SEARCHED] - drawn[LINEAR]) / (drawn[TREES] - drawn[LINEAR])
        told[rows] = {
            name: {"interval": interval(values), "p": p_value(values), "std": float(values.std())}
            for name, values in versus.items()
        }
    told["differences"] = {
        "best": mean[SEARCHED] - mean[best],
        "neural_mean": mean[SEARCHED] - float(np.mean([mean[name] for name in neural])),
    }
    if TREES in mean and LINEAR in mean:
        told["gap"] = mean[TREES] - mean[LINEAR]
        told["gap_share"] = (mean[SEARCHED] - mean[LINEAR]) / told["gap"] if told["gap"] else 0.0
    return told


def verdicts(sets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What each bar says of the sets that have one; rows shared by seeds, the stricter reading, decide beside it."""
    barred = {name: one["statistics"] for name, one in sets.items() if one["bar"]}
    told: dict[str, Any] = {}
    for rows in ("nested", "shared"):
        adjusted = dict(zip(barred, holm([one[rows]["neural_mean"]["p"] for one in barred.values()]), strict=True))
        told[rows] = {
            name: {
                "not_worse": one[rows]["best"]["interval"][0] > NOT_WORSE,
                "holm_p": adjusted[name],
                "better_than_neural_mean": adjusted[name] < SIGNIFICANT and one["differences"]["neural_mean"] > 0,
            }
            for name, one in barred.items()
        }
    if GAP_SET in barred:
        told["gap_closed"] = barred[GAP_SET]["gap_share"] >= GAP_SHARE
    return told


def _cost_means(study: Study, name: str, runs: Sequence[Result], schema: Any) -> dict[str, Any]:
    """Means over runs: parameters with and without tables, and what the network costs on the hardware."""
    if name == TREES:
        return {}
    each = []
    for run in runs:
        counts = run["parameters"]
        found = study.ledger.once(f"costs/{run['run']}", lambda run=run: costs(study.store.get(run["run"]), schema))
        each.append(
            {"parameters": counts["embeddings"] + counts["network"], "without_tables": counts["network"], **found}
        )
    return {key: float(np.mean([one[key] for one in each])) for key in each[0]}
