"""Hardware in the loop: fronts of AUC against energy and latency, found with pimsim's penalty, with FLOPs, without.

    python -m validation.nasrec.hardware --data SHARED --work FOLDER        # KuaiRand; --mini: a toy in seconds

A supernet is trained once. Ten seeds search it in four ways (`hardware_search`), all scores go through one table, which
is kept beside the record, so that every search can be run again from the two files. Networks on a front are exported
and run by the commands, and a few are trained from scratch.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.config import DataConfig, open_data
from nas.data.synthetic import Synthetic
from nas.search.scoring import Scorer, Scoring
from nas.search.table import ScoreTable, read_rows, write_rows
from nas.training.config import Training
from nas.training.store import RunStore
from nas.training.supernet import Recipe, SpaceConfig, SupernetRun, start_supernet, supernet_of
from validation.nasrec import records, setting
from validation.nasrec.hardware_checks import alone, exported, held_out
from validation.nasrec.hardware_fronts import fronts_of, on_fronts, results
from validation.nasrec.hardware_search import (
    FIGURES,
    PENALTIES,
    Plan,
    Row,
    objectives_of,
    penalties_of,
    random_figures,
    search,
)
from validation.nasrec.hardware_statistics import ranks
from validation.nasrec.ledger import Ledger

if TYPE_CHECKING:
    from nas.data.batch import Splits
    from nas.objectives.figures import Figures
    from nas.spaces.architecture import Architecture

NAME, TABLE = "hardware", "hardware_scores.parquet"
HARDWARE = "reram_128"
METRICS = ("auc", "logloss")
LATER = ("held_out_auc", "run_energy_uJ", "run_latency_us", "run_area_mm2")
"""What only the networks on a front have: their AUC on rows that no search saw, and what `pimsim run` printed."""

COLUMNS = ("digest", "architecture", *METRICS, *FIGURES, *LATER)


@dataclass(frozen=True)
class Study:
    """Everything that the figures depend on. scratch: networks of the front that are trained alone, and their steps."""

    data: DataConfig
    space: SpaceConfig
    training: Training
    recipe: Recipe
    scoring: Scoring
    plan: Plan
    scratch: int = 4
    scratch_steps: int = 600

    def alone(self) -> Training:
        """How a network is trained from scratch."""
        looks = {"steps": self.scratch_steps, "evaluate_every": max(1, self.scratch_steps // 4)}
        return self.training.model_copy(update={**looks, "learning_rate": 0.001})


def study(data: Path, work: Path) -> Study:
    """On KuaiRand."""
    training = Training(
        steps=1500, batch_size=setting.BATCH_SIZE, evaluate_every=500, patience=0, learning_rate=0.003,
        embedding_l2=1e-5, schedule="linear", warmup_steps=50, threads=1,
    )  # fmt: skip
    return Study(
        setting.data_of("kuairand", data, work), setting.SPACE, training,
        Recipe(embedding_dim=setting.EMBEDDING_DIM, full_steps=100, look_paths=4, look_rows=6000),
        Scoring(steps=10, part="head", rows=6000, batch_size=256, learning_rate=0.01, threads=1),
        Plan(),
    )  # fmt: skip


def miniature(work: Path) -> Study:
    """The whole study in seconds, on generated data."""
    made = Synthetic(
        rows=2000, validation_rows=400, test_rows=100, fields=4, values=6, groups=((0, 1),), main_fields=(0, 1)
    )
    whole = study(work, work)
    return replace(
        whole, data=DataConfig(folder=str(work / "data" / "mini"), synthetic=made),
        space=SpaceConfig(blocks=2, dense_widths=(8, 16), sparse_widths=(4, 8)),
        training=whole.training.model_copy(update={"steps": 20, "evaluate_every": 20, "batch_size": 64}),
        recipe=Recipe(embedding_dim=8, full_steps=2, look_paths=1),
        scoring=Scoring(steps=2, batch_size=64, threads=1),
        plan=Plan(3, 4, 2, 2, 1, 2, (0.01, 0.05), random_networks=50), scratch=2, scratch_steps=10,
    )  # fmt: skip


def run(what: Study, work: Path, command: str) -> tuple[dict[str, Any], list[Row]]:
    """The record, and the table of all scored networks."""
    from nas.objectives.figures import Figures

    folder, dim = work / NAME, what.recipe.embedding_dim
    ledger = Ledger(folder / "ledger.jsonl")
    schema, splits = open_data(what.data)
    figures = Figures(schema, dim, HARDWARE)
    scorer, weights, trained = _supernet(what, splits, folder, ledger)
    space = what.space.space()
    random = random_figures(what.plan.random_networks, space, figures)
    penalties = penalties_of(what.plan, random)
    table: dict[str, Row] = {}
    found: dict[str, list[list[Row]]] = {penalty: [] for penalty in PENALTIES}
    for seed in range(what.plan.seeds):
        for penalty in PENALTIES:
            objectives = objectives_of(penalty, what.plan, penalties)
            found[penalty].append(search(seed, objectives, what.plan, space, _Scores(scorer, figures, table)))
            print(f"seed {seed}, {penalty}: {len(table):,} networks in the table", flush=True)
    digests = on_fronts(fronts_of(found))
    best = [table[digest] for digest in digests]
    for row, auc in zip(best, held_out(best, scorer, weights, splits, folder), strict=True):
        row["held_out_auc"] = auc
    exports = exported(best, schema.to_json(), dim, HARDWARE, folder, ledger)
    told = {
        "command": command, "hardware": HARDWARE, "plan": asdict(what.plan), "networks": len(table),
        "space": what.space.model_dump(mode="json"), "schema": schema.to_json(), "embedding_dim": dim,
        "data": {"set": what.data.set or "synthetic", **{k: v for k, v in splits.hashes.items() if k != "test"}},
        "validation_rows": splits.validation.size, "supernet": trained,
        "scoring": what.scoring.model_dump(mode="json"), "penalties": penalties,
        "flops_tau": ranks(random, "Mflops"),
        "export": exports, "alone": alone(best, what.scratch, what.alone(), dim, splits, ledger),
        "machine": {"python": platform.python_version(), "threads": 1},
    }  # fmt: skip
    rows = list(table.values())
    medians = {name: float(np.median(values)) for name, values in random.items()}
    return {**told, "random_median": medians, **results(found, rows, medians, what.plan.population)}, rows


class _Scores:
    """Scores of a search, which the table takes up."""

    def __init__(self, scorer: Scorer, figures: Figures, table: dict[str, Row]):
        self.scorer, self.figures, self.table = scorer, figures, table

    def __call__(self, architectures: Sequence[Architecture]) -> list[Row]:
        costs = self.figures(architectures)
        rows = []
        for at, (one, metrics) in enumerate(zip(architectures, self.scorer(architectures), strict=True)):
            row = {name: metrics[name] for name in METRICS} | {name: float(costs[name][at]) for name in FIGURES}
            texts = {"digest": one.digest, "architecture": one.to_json()}
            self.table.setdefault(one.digest, {**texts, **row, **dict.fromkeys(LATER)})
            rows.append(row)
        return rows


class Tabulated:
    """Scores of a search that is run again, out of the rows of the table alone. KeyError for another network."""

    def __init__(self, rows: Sequence[Row]):
        self.rows = {row["digest"]: row for row in rows}

    def __call__(self, architectures: Sequence[Architecture]) -> list[Row]:
        return [{name: self.rows[one.digest][name] for name in (*METRICS, *FIGURES)} for one in architectures]


def _supernet(what: Study, splits: Splits, folder: Path, ledger: Ledger) -> tuple[Scorer, Path, dict[str, Any]]:
    from nas.training import checkpoint

    store = RunStore(folder / "runs")
    given = SupernetRun(data=what.data, space=what.space, supernet=what.recipe, training=what.training)

    def train() -> dict[str, Any]:
        started = time.perf_counter()
        record = start_supernet(given, store)
        told = {name: record.result[name] for name in ("auc", "logloss", "steps", "best_step")}
        return {"run": record.id, "seconds": round(time.perf_counter() - started, 1), **told}

    trained = ledger.once("supernet", train)
    record = store.get(trained["run"])
    weights = store.files_of(record.id) / checkpoint.BEST
    scorer = Scorer(
        supernet_of(record, store, splits), weights, splits, what.scoring, ScoreTable(folder / "scored.parquet")
    )
    training = what.training.model_dump(mode="json", exclude_defaults=True)
    recipe = what.recipe.model_dump(mode="json")
    told = {key: value for key, value in trained.items() if key != "run"}
    return scorer, weights, {**told, "training": training, "recipe": recipe, "scorer": scorer.name}


def write(record: dict[str, Any], table: Sequence[Row], folder: Path = records.FOLDER) -> None:
    """The record and its table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / TABLE, sorted(table, key=lambda row: str(row["digest"])), COLUMNS, COLUMNS[:2])
    records.write(NAME, record, folder)


def scores(folder: Path = records.FOLDER) -> list[Row]:
    """The rows of the table."""
    return read_rows(folder / TABLE, COLUMNS)


def report(record: dict[str, Any]) -> str:
    """The section of the report."""
    from validation.nasrec.hardware_report import section

    return section(record)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or go on with it."""
    options = argparse.ArgumentParser(prog="python -m validation.nasrec.hardware", description=__doc__)
    options.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets")
    options.add_argument("--work", type=Path, required=True, help="folder for prepared data, weights and the ledger")
    options.add_argument("--mini", action="store_true", help="a toy of the whole study; its record stays in --work")
    given = options.parse_args(arguments)
    what = miniature(given.work) if given.mini else study(given.data, given.work)
    command = "python -m validation.nasrec.hardware --data SHARED --work FOLDER" + (" --mini" if given.mini else "")
    record, table = run(what, given.work, command)
    write(record, table, given.work if given.mini else records.FOLDER)
    print(report(record))


if __name__ == "__main__":
    main()
