"""Study 6, how well scores of shared weights rank networks: Kendall's tau between them and stand-alone training.

`python -m validation.nasrec.ranking --data SHARED --work FOLDER` does what is not done yet and writes the record;
`--mini` does all of it at toy size, and `--record FOLDER` says where the record goes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from nas.data.synthetic import Synthetic
from nas.search.scoring import Scoring
from nas.training.supernet import SpaceConfig
from validation.nasrec import records
from validation.nasrec.ledger import Ledger
from validation.nasrec.ranking_statistics import FULL, WEAK, ceiling_and_taus, statistics
from validation.nasrec.ranking_work import SPACES, STRATEGIES, Setting, Worker, open_study, pilot, run

NAME = "ranking"
COMMAND = "python -m validation.nasrec.ranking --data SHARED --work FOLDER"

REAL = Setting(
    data="kuairand", rows=51_200, validation_rows=6144, steps=100, supernet_steps=250, full_steps=60, subnets=16,
    supernets=1, tuning=Scoring(steps=20, learning_rate=3e-3, threads=1),
)  # fmt: skip
"""The pilot on real data: the ceiling, and one supernet of the full recipe."""

STUDY = Setting(
    data=Synthetic(
        rows=40_960, validation_rows=4096, test_rows=1000, fields=4, values=5, groups=((0, 1), (1, 2, 3)), main=0.3
    ),
    rows=40_960, validation_rows=4096, steps=90, supernet_steps=400, full_steps=60, rate=1e-2, schedule="linear",
    batch_size=128, tuning=Scoring(steps=20, part="network", learning_rate=5e-3, batch_size=128, threads=1),
)  # fmt: skip

TRIED = (
    "Tried before, in the balanced space with one supernet a recipe, and not kept (taus without and with fine-tuning): "
    "12 steps of the head in place of 20 of the network: single-operator 0.357 and 0.354, single-path 0.303 and 0.353, "
    "any-path 0.347 and 0.359. Supernets of 800 steps: single-operator 0.272 and 0.207, single-path 0.255 and 0.354, "
    "any-path 0.285 and 0.408; fine-tuned networks of the single-operator supernet were then better (mean AUC 0.811) "
    "than the same networks alone (0.768), whose short training ranks how fast they learn. 200 steps alone: the first "
    "6 networks differed by 0.007, their seeds by 0.006, so that the ceiling was lower. "
    "The first supernets of the table are those of the first try, so that their scores without fine-tuning were known "
    "when its length was chosen."
)
"""How the setting of STUDY was chosen, on validation."""

MINI = Setting(
    data=Synthetic(rows=2000, validation_rows=500, test_rows=100, fields=4, values=4), rows=1000, validation_rows=500,
    steps=4, supernet_steps=4, full_steps=2, tuning=Scoring(steps=2, threads=1), subnets=6, supernets=1, batch_size=64,
    space=SpaceConfig(blocks=2, dense_widths=(8, 16), sparse_widths=(2, 4)),
)  # fmt: skip


def study(data: Path, work: Path, folder: Path, mini: bool = False) -> Path:
    """Run the study or go on with it; returns where the record is."""
    ledger = Ledger(work / f"{NAME}.jsonl")

    def worker(chosen: Setting, prefix: str = "") -> Worker:
        return Worker(open_study(chosen, data, work), ledger, lambda unit: print(f"done: {unit}", flush=True), prefix)

    real, planted = worker(MINI if mini else REAL, "real/"), worker(MINI if mini else STUDY)
    record = {
        "command": COMMAND,
        "real": _recorded(real, pilot, ceiling_and_taus),
        **_recorded(planted, run, statistics),
    }
    return records.write(NAME, record, folder)


def _recorded(
    worker: Worker, work: Callable[[Worker], dict[str, Any]], told: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    figures = work(worker)
    return {
        "setting": worker.study.setting.told(), "figures": figures, "cpu_seconds": worker.cpu_seconds(),
        "statistics": told(figures),
    }  # fmt: skip


def report(record: dict[str, Any]) -> str:
    """The section of the report."""
    told = record["statistics"]
    return "\n\n".join([_about(record), _table(told), _said(told["verdicts"]), TRIED, _on_real_data(record["real"])])


def _about(record: dict[str, Any]) -> str:
    chosen, ceilings = record["setting"], record["statistics"]["ceilings"]
    planted = chosen["data"]
    groups = ", ".join(" x ".join(f"field {field}" for field in group) for group in planted["groups"])
    between = "; ".join(f"{space} {_interval(ceilings[space])}" for space in SPACES)
    return (
        "## Rank correlation\n\n"
        f"`{record['command']}`, {_minutes(record):.0f} minutes of one core for this, {_minutes(record['real']):.0f} "
        f"for the pilot on real data below. {chosen['subnets']} random subnets, each trained alone {chosen['seeds']} "
        "times, in the space with balanced dot products and in the same one without (networks that are the same in "
        f"both are trained once). Synthetic data of {planted['fields']} fields of {planted['values']} values, planted: "
        f"{groups}. {chosen['steps']} steps a network, {chosen['supernet_steps']} a supernet, batches of "
        f"{chosen['batch_size']}, Adam, rate {chosen['rate']:g} falling to 0. Recipes: `single-operator` (any "
        f"connection; the full supernet fades out over the first {chosen['full_steps']} steps), `single-path`, "
        f"`any-path`, {chosen['supernets']} supernets each; fine-tuned: {chosen['tuning']['steps']} steps of the "
        f"{chosen['tuning']['part']}. All AUCs are of the same {chosen['validation_rows']:,} rows of validation.\n\n"
        f"Ceiling, Kendall's tau between the two stand-alone seeds: {between}."
    )


def _minutes(of: dict[str, Any]) -> float:
    return float(sum(of["cpu_seconds"].values())) / 60


def _on_real_data(real: dict[str, Any]) -> str:
    chosen, told = real["setting"], real["statistics"]
    taus = ", ".join(f"{kind} {_interval(found)}" for kind, found in told["taus"].items())
    reached = ", ".join(f"{kind} {fmean(real['figures']['scores'][kind][0]):.3f}" for kind in told["taus"])
    alone = fmean(value for pair in real["figures"]["alone"] for value in pair)
    return (
        f"Real data, a pilot ({chosen['data']}, {chosen['rows']:,} rows, {chosen['subnets']} subnets, "
        f"{chosen['steps']} steps of {chosen['batch_size']} alone): ceiling {_interval(told['ceiling'])}. One supernet "
        f"of the full recipe, {chosen['supernet_steps']} steps: tau {taus}; mean AUC of its subnets {reached}, alone "
        f"{alone:.3f}. The ceiling would allow the comparison there; a supernet that is that far from trained does "
        "not, and one that is trained was beyond the study's budget, so that it was made on the synthetic set."
    )


def _table(told: dict[str, Any]) -> str:
    lines = [
        "Tau between scores and mean stand-alone AUC, mean over the supernets; in brackets 95% of a bootstrap over "
        "subnets; the difference is the full recipe's tau less this one's, paired.",
        "",
        "| space | paths | fine-tuned | tau | of each supernet | full recipe less this |",
        "|---|---|---|---|---|---|",
    ]
    for space in SPACES:
        for strategy in STRATEGIES:
            for kind in ("shared", "tuned"):
                name = f"{space}/{strategy}/{kind}"
                tau, difference = told["taus"][name], told["differences"].get(name)
                seeds = ", ".join(f"{value:.2f}" for value in tau["seeds"])
                cells = [space, strategy, "yes" if kind == "tuned" else "no", _interval(tau), seeds]
                lines.append(f"| {' | '.join(cells)} | {_interval(difference) if difference else 'the full recipe'} |")
    return "\n".join(lines)


def _interval(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _said(verdicts: dict[str, Any]) -> str:
    lines = []
    if not verdicts["ceiling_allows"]:
        lines.append("- The ceiling is too low for the bar to mean anything.")
    above = ", ".join(verdicts["recipes_above_full"])
    lines.append(
        f"- No recipe significantly above the full one ({FULL}): {_passed(verdicts['below_none'])}{_of(above)}"
    )
    lines.append(f"- The full recipe significantly above {WEAK}: {_passed(verdicts['above_weak'])}.")
    lines.append("- Intervals are over subnets, not over supernets, and are not corrected for their number.")
    return "\n".join(lines)


def _passed(holds: bool) -> str:
    return "holds" if holds else "**does not hold**"


def _of(names: str) -> str:
    return f": {names}." if names else "."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of the ledger, prepared data and supernets")
    parser.add_argument("--record", type=Path, default=records.FOLDER, help="folder of the record")
    parser.add_argument("--mini", action="store_true", help="toy size")
    given = parser.parse_args(arguments)
    print(f"wrote {study(given.data, given.work, given.record, given.mini)}")


if __name__ == "__main__":
    main()
