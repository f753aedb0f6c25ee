"""What is asked of the networks on the fronts: their cost as exported files, their AUC on rows that no search saw, and
the AUC of some of them trained alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.data.batch import Splits
from nas.search.scoring import Scorer
from nas.search.table import ScoreTable
from nas.spaces.architecture import Architecture
from validation.nasrec.hardware_export import TOLERANCES, difference, measured
from validation.nasrec.hardware_fronts import front
from validation.nasrec.hardware_search import Row
from validation.nasrec.ledger import Ledger

if TYPE_CHECKING:
    from nas.training.config import Training


def exported(rows: Sequence[Row], schema: dict[str, Any], dim: int, hw: str, folder: Path, ledger: Ledger) -> Row:
    """Every network through `nas export` and `pimsim run`, whose figures go into its row as run_energy_uJ and so on.
    Returns the largest differences to what the search paid for."""
    for row in rows:
        one = Architecture.from_json(row["architecture"])
        ran = ledger.once(f"export {row['digest']}", partial(measured, one, schema, dim, hw, folder / "export"))
        row.update({f"run_{name}": value for name, value in ran.items()})
    return agreement(rows)


def agreement(rows: Sequence[Row]) -> Row:
    """Largest relative differences between the figures of rows and what `pimsim run` printed, where it was run."""
    ran = [row for row in rows if row["run_energy_uJ"] is not None]
    each = [difference(row, {name: row[f"run_{name}"] for name in TOLERANCES}) for row in ran]
    worst = {name: max(one[name] for one in each) for name in TOLERANCES}
    equal = all(worst[name] <= most for name, most in TOLERANCES.items())
    return {"networks": len(ran), "largest_difference": worst, "tolerance": TOLERANCES, "equal": equal}


def held_out(rows: Sequence[Row], scorer: Scorer, weights: Path, splits: Splits, folder: Path) -> list[float]:
    """The AUC of each network, scored as the search does, on the rows of validation that the search left out (on all,
    where it left out none). splits: with the whole of validation."""
    used = scorer.settings.rows
    rest = splits.validation.take(np.arange(used, splits.validation.size))
    settings = scorer.settings.model_copy(update={"rows": 0})
    others = Splits(splits.train, rest, splits.hashes, splits.about)
    other = Scorer(scorer.supernet, weights, others, settings, ScoreTable(folder / "held_out.parquet"))
    return [metrics["auc"] for metrics in other([Architecture.from_json(row["architecture"]) for row in rows])]


def alone(
    rows: Sequence[Row], count: int, settings: Training, dim: int, splits: Splits, ledger: Ledger
) -> list[dict[str, Any]]:
    """Some `count` networks along the latency front of `rows`, trained from fresh weights: `alone_auc` on the whole of
    validation beside the figures of the search."""
    from nas.training.loop import fit
    from nas.training.models import NASRec, network

    together = front(rows, "latency")
    found = []
    for row in (together[at] for at in sorted({round(at) for at in np.linspace(0, len(together) - 1, count)})):
        given = NASRec(architecture=row["architecture"], embedding_dim=dim)

        def train(given: NASRec = given) -> dict[str, float]:
            outcome = fit(network("nasrec", splits.schema, given, settings.seed), splits, settings)
            return {name: outcome.metrics[name] for name in ("auc", "logloss")}

        trained = ledger.once(f"alone {row['digest']}", train)
        told = {name: row[name] for name in ("digest", "auc", "held_out_auc", "latency_us", "energy_uJ", "Mflops")}
        found.append({**told, "alone_auc": trained["auc"], "alone_logloss": trained["logloss"]})
    return found
