"""Searches on generated data: do they reach the best AUC there is, and choose products only where products are planted?

    python -m validation.nasrec.synthetic --data SHARED --work FOLDER    # 5 seeds; --mini: a toy in seconds

A seed draws a click generator with one product of four fields, and the same one without it. On both a supernet is
trained, evolution scores networks that are fine-tuned from its weights, and the best candidates are trained from
scratch; validation chooses one of them, which meets the test split once, when all searches are done.

The space is the small setting's without the operators that learn a product by rectifiers just as well (FC, attention),
and with the narrowest EFC: PILOTS tells what searches choose where those are left in.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.config import DataConfig, open_data
from nas.data.synthetic import Synthetic
from nas.objectives.objective import Objective
from nas.search.run import HISTORY_COLUMNS, SEARCH_FILE, Searched, SearchRun, start_search
from nas.search.scoring import Scoring
from nas.search.strategies import SearchSettings
from nas.search.table import read_rows
from nas.spaces.architecture import Architecture
from nas.spaces.products import product_order
from nas.spaces.sizes import Inputs
from nas.training.config import Training, from_json
from nas.training.run import start
from nas.training.store import RunStore
from nas.training.supernet import Recipe, SpaceConfig, SupernetRun, start_supernet
from validation.nasrec import records
from validation.nasrec.ledger import Ledger
from validation.nasrec.setting import BATCH_SIZE, EMBEDDING_DIM, SPACE
from validation.nasrec.synthetic_statistics import statistics

NAME = "synthetic"
RANDOM = 2000
"""Networks of the space whose share with products of the planted order is what a search is held against."""

GAIN = 0.001

OPERATORS = ("dot-product", "sigmoid-gating", "sum", "linear-3d")

Result = dict[str, Any]

PILOTS = (
    {"order": 3, "offset": 0.3, "values": 5, "space": "FC too, EFC of 4 to 16 rows, 1 connection", "scored": 45,
     "products": 0.8063, "others": 0.8075, "best_order": 2},
    {"order": 4, "offset": 0.0, "values": 4, "space": "FC too, EFC of 4 to 16 rows, 2 connections", "scored": 45,
     "products": 0.7780, "others": 0.7889, "best_order": 1},
    {"order": 4, "offset": 0.0, "values": 4, "space": "no FC, EFC of 4 rows, 2 connections (the study's)", "scored": 35,
     "products": 0.7737, "others": 0.7467, "best_order": 4},
    {"order": 4, "offset": 0.3, "values": 4, "space": "no FC, EFC of 2 rows, 2 connections", "scored": 24,
     "products": 0.6936, "others": 0.5790, "best_order": 3},
)  # fmt: skip
"""Searches on seed 0 with the product from which the setting was chosen, on validation alone: AUC of fine-tuned
networks, mean of those with a product of the planted order and of the others, and the order of the best. Attention was
in none. Budgets differ a little: supernet of 200 to 300 steps, fine-tuning of 50 to 80."""


@dataclass(frozen=True)
class Plan:
    """All that the figures depend on, the same for both generators. top: candidates whose products are counted;
    scratch: those of them that are trained from scratch. longer: steps of one more training of the best of these, if it
    still gained more than GAIN between its last two looks at validation."""

    planted: Synthetic
    space: SpaceConfig
    supernet: Training
    recipe: Recipe
    scoring: Scoring
    objective: Objective
    search: SearchSettings
    alone: Training
    top: int = 10
    scratch: int = 2
    longer: int = 2400
    seeds: int = 5

    def inputs(self) -> Inputs:
        """Of every network."""
        return Inputs(self.planted.dense, self.planted.fields, self.recipe.embedding_dim)

    def to_json(self) -> Result:
        """Settings part by part: of the generator all, of the others those that differ from their defaults."""
        told = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            told[name] = (
                value if isinstance(value, int) else value.model_dump(mode="json", exclude_defaults=name != "planted")
            )
        return told


def full() -> Plan:
    """The study."""
    training = Training(
        steps=250, batch_size=BATCH_SIZE, learning_rate=0.01, schedule="linear", final_factor=0.3,
        evaluate_every=250, patience=0, threads=1,
    )  # fmt: skip
    alone = training.model_copy(
        update={"steps": 900, "evaluate_every": 450, "schedule": "cosine", "final_factor": 0.01}
    )
    return Plan(
        Synthetic(
            rows=400_000, validation_rows=50_000, test_rows=100_000, fields=5, values=4, dense=1,
            groups=((0, 1, 2, 3),), offset=0.0, strength=2.0,
        ),
        SPACE.model_copy(update={"most_connections": 2, "operators": OPERATORS, "sparse_widths": (4,)}),
        training,
        Recipe(embedding_dim=EMBEDDING_DIM, full_steps=0, look_paths=4, look_rows=4000),
        Scoring(steps=60, part="all", rows=8000, batch_size=BATCH_SIZE, learning_rate=0.01, threads=1),
        Objective(penalty="flops", form="soft", weight=0.0005),
        SearchSettings(population=16, sample=6, children=4, generations=4),
        alone,
    )  # fmt: skip


def miniature() -> Plan:
    """The whole study in seconds."""
    whole = full()
    return Plan(
        Synthetic(
            rows=3000, validation_rows=600, test_rows=600, fields=4, values=4, dense=1, groups=((0, 1, 2),),
            main_fields=(0, 3),
        ),
        SpaceConfig(blocks=2, dense_widths=(8, 16), sparse_widths=(4,), most_connections=1),
        whole.supernet.model_copy(update={"steps": 20, "batch_size": 64, "evaluate_every": 20}),
        Recipe(embedding_dim=8, look_paths=1),
        Scoring(steps=2, batch_size=64, threads=1),
        whole.objective,
        SearchSettings(population=5, sample=2, children=2, generations=1),
        whole.alone.model_copy(update={"steps": 20, "batch_size": 64, "evaluate_every": 20}),
        top=3, longer=30, seeds=2,
    )  # fmt: skip


class Study:
    """The searches of a plan, unit by unit. seed: also of the generator's effects."""

    def __init__(self, plan: Plan, work: Path):
        self.plan, self.work = plan, work
        self.ledger = Ledger(work / "ledger.jsonl")
        self.store = RunStore(work / "runs")

    def run(self, finished: bool = False) -> list[Result]:
        """One result a generator and seed; test is opened when all are chosen. finished: of those searches alone whose
        networks are trained already."""
        wanted = [(seed, planted) for planted in (True, False) for seed in range(self.plan.seeds)]
        if finished:
            wanted = [(seed, planted) for seed, planted in wanted if f"longer/{seed}/{planted}" in self.ledger.done]
        found = [self._search(seed, planted) for seed, planted in wanted]
        for one in found:
            key = f"test/{one['seed']}/{one['planted']}"
            one["test"] = self.ledger.once(key, lambda run=one["chosen"]["run"]: self._test(run))
        return found

    def _data(self, seed: int, planted: bool) -> DataConfig:
        folder = self.work / "data" / f"{seed}_{'planted' if planted else 'plain'}"
        return DataConfig(
            folder=str(folder), seed=seed, synthetic=self.plan.planted.model_copy(update={"interaction": planted})
        )

    def _search(self, seed: int, planted: bool) -> Result:
        plan, data, key = self.plan, self._data(seed, planted), f"{seed}/{planted}"
        supernet = self.ledger.once(f"supernet/{key}", lambda: self._supernet(seed, data))
        searched = self.ledger.once(f"search/{key}", lambda: self._searched(seed, supernet["run"]))
        alone = [
            self.ledger.once(f"alone/{key}/{at}", lambda row=row: self._alone(seed, data, row))
            for at, row in enumerate(searched["top"][: plan.scratch])
        ]
        longer = self.ledger.once(f"longer/{key}", lambda: self._longer(seed, data, alone, searched["top"]))
        alone += [longer] if longer else []
        chosen = max(alone, key=lambda run: float(run["auc"]))
        bayes = open_data(data)[1].about["bayes"]
        print(f"seed {seed}, {'planted' if planted else 'plain'}: order {chosen['order']}, validation "
              f"{chosen['auc']:.4f}, bound {bayes['validation_auc']:.4f}", flush=True)  # fmt: skip
        return {"seed": seed, "planted": planted, "bayes": bayes, "supernet": supernet, **searched, "alone": alone,
                "chosen": chosen}  # fmt: skip

    def _supernet(self, seed: int, data: DataConfig) -> Result:
        training = self.plan.supernet.model_copy(update={"seed": seed})
        run = SupernetRun(data=data, space=self.plan.space, supernet=self.plan.recipe, training=training)
        return _told(start_supernet(run, self.store))

    def _searched(self, seed: int, supernet: int) -> Result:
        plan = self.plan
        settings = plan.search.model_copy(update={"seed": seed})
        run = SearchRun(
            supernet=supernet, objective=plan.objective, search=settings, scoring=plan.scoring, top=plan.top
        )
        record = start_search(run, self.store)
        rows = read_rows(self.store.files_of(record.id) / SEARCH_FILE, HISTORY_COLUMNS)
        first = [row for row in rows if row["generation"] == 0]
        return {
            "scored": len(rows), "target_Mflops": record.config["objective"]["target"],
            "top": [{**self._row(row), "architecture": row["architecture"]} for row in Searched(rows).best(plan.top)],
            "random": [self._row(row) for row in first],
        }  # fmt: skip

    def _row(self, row: Result) -> Result:
        order = product_order(Architecture.from_json(row["architecture"]), self.plan.inputs(), 0)
        return {"digest": row["digest"], "order": order, "auc": row["auc"], "Mflops": row["Mflops"]}

    def _longer(self, seed: int, data: DataConfig, alone: list[Result], top: list[Result]) -> Result | None:
        """The best of `alone` trained once more with more steps; None where it had stopped gaining."""
        best = max(alone, key=lambda run: float(run["auc"]))
        looks = [look["auc"] for look in self.store.history(best["run"])]
        if len(looks) > 1 and looks[-1] - looks[-2] <= GAIN:
            return None
        return self._alone(seed, data, next(row for row in top if row["digest"] == best["digest"]), self.plan.longer)

    def _alone(self, seed: int, data: DataConfig, row: Result, steps: int | None = None) -> Result:
        model = {"name": "nasrec", "architecture": row["architecture"], "embedding_dim": self.plan.recipe.embedding_dim}
        given = {"steps": steps, "evaluate_every": steps} if steps else {}
        training = self.plan.alone.model_copy(update={"seed": seed, **given})
        run = {"data": data.model_dump(mode="json"), "model": model, "training": training.model_dump(mode="json")}
        record = start(from_json(run), self.store)
        network = record.result["parameters"]["network"]
        return {**_told(record), "digest": row["digest"], "order": row["order"], "Mflops": row["Mflops"],
                "parameters": network}  # fmt: skip

    def _test(self, run: int) -> Result:
        from nas.cli.main import main as nas

        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = nas(["eval", str(run), "--split", "test", "--format", "json", "--store", str(self.store.folder)])
        if code:
            raise RuntimeError(f"nas eval ended with {code}")
        found = json.loads(said.getvalue())
        return {key: found[key] for key in ("rows", "auc", "logloss", "looks_of_this_run", "looks_of_all_runs")}


def _told(record: Any) -> Result:
    return {"run": record.id, **{key: record.result[key] for key in ("auc", "logloss", "best_step", "seconds")}}


def random_orders(space: SpaceConfig, inputs: Inputs, count: int = RANDOM) -> dict[str, int]:
    """How many of so many random networks have products of each order (in sparse fields), the orders as texts."""
    generator, made = np.random.default_rng(0), space.space()
    orders = [product_order(made.sample(generator), inputs, 0) for _ in range(count)]
    return {str(order): orders.count(order) for order in sorted(set(orders))}


def record_of(plan: Plan, work: Path, command: str, finished: bool = False) -> Result:
    """Run the study, or go on with it; the record."""
    found = Study(plan, work).run(finished)
    record = {
        "command": command, "plan": plan.to_json(), "inputs": plan.inputs()._asdict(), "planted_order":
        plan.planted.order, "random_orders": random_orders(plan.space, plan.inputs()), "searches": found,
        "machine": {"python": platform.python_version(), "threads": 1}, "pilots": PILOTS,
    }  # fmt: skip
    return {**record, **statistics(record)}


def report(record: Result) -> str:
    """The section of the report."""
    from validation.nasrec.synthetic_report import section

    return section(record)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, or go on with it."""
    options = argparse.ArgumentParser(prog=f"python -m validation.nasrec.{NAME}", description=__doc__)
    options.add_argument("--data", type=Path, help="not needed: the data are generated")
    options.add_argument("--work", type=Path, required=True, help="folder for generated data, runs and the ledger")
    options.add_argument("--mini", action="store_true", help="a toy of the whole study; its record stays in --work")
    options.add_argument("--finished", action="store_true", help="the record of the searches that are done already")
    given = options.parse_args(arguments)
    command = f"python -m validation.nasrec.{NAME} --data SHARED --work FOLDER" + (" --mini" if given.mini else "")
    record = record_of(miniature() if given.mini else full(), given.work, command, given.finished)
    records.write(NAME, record, given.work if given.mini else records.FOLDER)
    print(report(record))


if __name__ == "__main__":
    main()
