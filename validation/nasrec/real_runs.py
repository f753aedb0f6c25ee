"""The units of work of the study on real data: searches, trainings of baselines, one look at test for each."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.config import DataConfig
from nas.search.run import TOP_FOLDER, SearchRun, start_search
from nas.search.scoring import Scoring
from nas.search.strategies import SearchSettings
from nas.spaces.architecture import Architecture
from nas.training.config import Run, Training, load_run
from nas.training.run import start
from nas.training.store import Record, RunStore
from nas.training.supernet import Recipe, SupernetRun, start_supernet
from pimsim.errors import InputError
from validation.nasrec.ledger import Ledger
from validation.nasrec.real_plan import FORMS, LINEAR, LINEAR_L2, SEARCHED, TREES, WIDTHS, Plan
from validation.nasrec.setting import BATCH_SIZE, EMBEDDING_DIM

Result = dict[str, Any]


class Study:
    """One data set: `work` holds its store of runs, its ledger and the scores of its test rows."""

    def __init__(self, plan: Plan, data: Path, work: Path):
        self.plan, self.work = plan, work / plan.name
        self.data: DataConfig = plan.data(data, work)
        self.store = RunStore(self.work / "runs")
        self.ledger = Ledger(self.work / "ledger.jsonl")

    def search(self, seed: int) -> Result:
        """One independent search: the best of its candidates by validation AUC, each trained from scratch."""
        plan, once = self.plan, self.ledger.once
        supernet = once(f"supernet/{seed}", lambda: told(self._supernet(seed)))
        found = once(f"search/{seed}", lambda: told(self._search(supernet["run"], seed)))
        folder = self.store.folder / str(found["run"]) / TOP_FOLDER

        def trained(at: int, form: str, rate: float) -> Result:
            work = once(f"candidate/{seed}/{at}/{form}/{rate!r}", lambda: self._candidate(folder, at, form, rate, seed))
            return {"at": at, "form": form, **work}

        tried = [trained(at, form, plan.first_rate) for at in range(1, plan.top + 1) for form in FORMS]
        forms = {form: [one["auc"] for one in tried if one["form"] == form] for form in FORMS}
        kept = sorted(tried, key=lambda one: -float(one["auc"]))[: plan.kept]
        others = [rate for rate in plan.rates if rate != plan.first_rate]
        tried += [trained(one["at"], one["form"], rate) for one in kept for rate in others]
        best = max(tried, key=lambda one: float(one["auc"]))
        steps = supernet["steps"] + sum(one["steps"] for one in tried)
        seconds = sum(one["seconds"] for one in (supernet, found, *tried))
        return {**best, "seed": seed, "search_steps": steps, "search_seconds": round(seconds, 1),
                "scored_auc": found["auc"], "forms": forms}  # fmt: skip

    def baseline(self, name: str) -> list[Result]:
        """The chosen learning rate of a baseline, at as many seeds as there are searches."""
        plan = self.plan
        tried = {
            rate: [self._trained(name, rate, seed) for seed in range(plan.tuning_seeds)] for rate in plan.rates
        }  # fmt: skip
        rate = max(plan.rates, key=lambda one: float(np.mean([run["auc"] for run in tried[one]])))
        return [{**self._trained(name, rate, seed), "seed": seed} for seed in range(plan.seeds)]

    def linear(self) -> Result:
        """The logistic model at the penalty that validation likes best; it draws nothing at random."""
        fits = [
            self.ledger.once(f"{LINEAR}/{l2}", lambda l2=l2: told(self._start(LINEAR, [f"model.l2={l2}"])))
            for l2 in LINEAR_L2
        ]
        return {**max(fits, key=lambda fit: float(fit["auc"])), "seed": 0}

    def trees(self) -> Result:
        """Boosted trees, as many as validation likes best."""
        extra = [f"model.max_iter={self.plan.trees_most}"]
        return {**self.ledger.once(TREES, lambda: told(self._start(TREES, extra))), "seed": 0}

    def test(self, model: str, run: Result) -> Result:
        """The one look of a run at the test split; its logits and labels go to a file, of which the hash is kept."""

        def look() -> Result:
            from nas.cli.main import main

            target = self.scores_file(run["run"])
            target.parent.mkdir(exist_ok=True)
            told_by = io.StringIO()
            with contextlib.redirect_stdout(told_by):
                code = main(["eval", str(run["run"]), "--split", "test", "--format", "json", "--scores", str(target),
                             "--store", str(self.store.folder)])  # fmt: skip
            if code:
                raise RuntimeError(f"nas eval ended with {code}")
            found = json.loads(told_by.getvalue())
            kept = {key: found[key] for key in ("rows", "auc", "gauc", "logloss", "looks_of_this_run")}
            return {**kept, "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}

        return dict(self.ledger.once(f"test/{model}/{run['seed']}/{run['run']}", look))

    def scores_file(self, run: int) -> Path:
        """Where the logits and labels of a run's test rows are."""
        return self.work / "scores" / f"{run}.npz"

    def runs(self) -> Iterator[tuple[str, Callable[[], list[Result]]]]:
        """What is to be done, searches first; each gives the runs of one model."""
        yield SEARCHED, lambda: [self.search(seed) for seed in range(self.plan.seeds)]
        yield LINEAR, lambda: [self.linear()]
        yield TREES, lambda: [self.trees()]
        for name in self.plan.models:
            yield name, lambda name=name: self.baseline(name)

    def _supernet(self, seed: int) -> Record:
        plan = self.plan
        training = Training(
            steps=plan.supernet_steps, batch_size=BATCH_SIZE, learning_rate=plan.supernet_rate,
            seed=seed, threads=1, evaluate_every=plan.supernet_steps // 6, patience=0, embedding_l2=plan.embedding_l2,
            schedule="cosine",
        )  # fmt: skip
        recipe = Recipe(
            embedding_dim=EMBEDDING_DIM, full_steps=plan.full_steps, look_paths=4, look_rows=plan.scored_rows
        )
        run = SupernetRun(data=self.data, space=plan.space, supernet=recipe, training=training)
        return start_supernet(run, self.store)

    def _search(self, supernet: int, seed: int) -> Record:
        plan = self.plan
        settings = SearchSettings(
            population=plan.population, sample=plan.sample, children=plan.children, generations=plan.generations,
            mutations=2, seed=seed,
        )  # fmt: skip
        scoring = Scoring(steps=0, rows=plan.scored_rows, seed=seed, threads=1)
        run = SearchRun(supernet=supernet, search=settings, scoring=scoring, top=plan.top)
        return start_search(run, self.store)

    def _candidate(self, folder: Path, at: int, form: str, rate: float, seed: int) -> Result:
        text = (folder / f"{at}.json").read_text(encoding="utf-8")
        extra = []
        if form == "plain":
            text = replace(Architecture.from_json(text), use_layernorm=False, text="").to_json()
            extra = [f"model.embedding_std={self.plan.plain_std!r}"]
        extra.append(f"model.architecture={json.dumps(text)}")
        return self._attempt("nasrec", [*self.plan.training(rate, seed), *extra])

    def _trained(self, name: str, rate: float, seed: int) -> Result:
        extra = [f"model.{setting}" for setting in WIDTHS[name]]
        settings = [*self.plan.training(rate, seed), *extra]
        found: Result = self.ledger.once(f"{name}/{rate!r}/{seed}", lambda: self._attempt(name, settings))
        return found

    def _attempt(self, name: str, settings: list[str]) -> Result:
        """A training; one whose loss does not stay finite has spent its steps and is worth nothing."""
        try:
            return told(self._start(name, settings))
        except InputError as fault:
            return {"run": None, "auc": 0.0, "steps": self.plan.steps, "seconds": 0.0, "failed": fault.problems[0]}

    def _start(self, name: str, settings: list[str]) -> Record:
        run: Run = load_run(None, [f"model.name={name}", "data.folder=prepared", "training.threads=1", *settings])
        return start(run.model_copy(update={"data": self.data}), self.store)


def told(record: Record) -> Result:
    """What the ledger keeps of a run."""
    if record.state != "done":
        raise RuntimeError(f"run {record.id} is {record.state}")
    found, training = record.result, record.config.get("training", {})
    kept = {key: found[key] for key in ("auc", "logloss", "steps", "best_step", "seconds", "converged", "iterations",
                                        "gradient", "trees", "parameters", "scored") if key in found}  # fmt: skip
    kept |= {"learning_rate": training["learning_rate"]} if "steps" in found else {}
    if record.model == LINEAR:
        kept["l2"] = record.config["model"]["l2"]
    return {"run": record.id, **kept}


def timed(study: Study, models: Callable[[str], bool], say: Callable[[str], None]) -> dict[str, list[Result]]:
    """The runs of all models that `models` lets through, done now or before."""
    found = {}
    for name, work in study.runs():
        if models(name):
            started = time.monotonic()
            found[name] = work()
            say(f"{study.plan.name} {name}: {time.monotonic() - started:.0f} s")
    return found
