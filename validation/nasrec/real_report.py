"""The study on real data as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from validation.nasrec import records
from validation.nasrec.real_plan import SEARCHED, WIDTHS
from validation.nasrec.real_record import GAP_SET, GAP_SHARE, NOT_WORSE, SIGNIFICANT

SIGNS = {True: "passes", False: "FAILS"}


def report(record: dict[str, Any]) -> str:
    """The section of REPORT.md."""
    parts = [
        "## Real data\n",
        f"`{record['command']}`{_processes(record)}. Every run was measured on its test split once, after all of its "
        f"set was chosen on "
        f"validation. Intervals: {record['resamples']:,} bootstrap resamples of seeds and test rows; *nested*: rows "
        "drawn for each seed, *shared*: one draw of rows for all seeds of a resample (the stricter).\n",
    ]
    parts.append(
        "Why a form without normalisation may pay: LayerNorm scales what rare ids and frequent ones give to the same "
        "size, and Glorot's tables start large where a table has few rows. The lines on forms say what it is worth on "
        "each set.\n"
    )
    for name, one in record["sets"].items():
        parts += [f"### {name}\n", _setting(one), _table(one["models"]), _found(name, one, record["bars"])]
    return "\n".join(parts)


def _processes(record: dict[str, Any]) -> str:
    """The parts in which the command ran, where it was not alone."""
    parts = [part for part in record["ran_as"] if part]
    return f", in processes with {', '.join(f'`{part}`' for part in parts)}" if parts else ""


def _forms(runs: Sequence[dict[str, Any]]) -> str:
    """What the two forms of the candidates came to on validation."""
    plain, normalised = (np.concatenate([run["forms"][form] for run in runs]) for form in ("plain", "normalised"))
    gain = plain - normalised
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
    chosen = sum(run["form"] == "plain" for run in runs)
    return (
        f"- Forms: of {len(gain)} candidates trained in both, the plain one minus the normalised one has "
        f"{gain.mean():+.4f} validation AUC (standard error {error:.4f}); {chosen} of {len(runs)} chosen are plain."
    )


def _earlier(name: str, earlier: dict[str, Any]) -> list[str]:
    """What earlier designs of the study had found on the same test rows: this is not their first look."""
    lines = []
    for one in earlier["sets"].get(name, []):
        plan, (low, high) = one["plan"], one["nested"]["best"]["interval"]
        lines.append(
            f"- Test rows had been looked at before, by a design with supernets of {plan['supernet_steps']:,} steps, "
            f"{plan['scored']} networks scored and {plan['top']} trained, all normalised: "
            f"{one['differences']['best']:+.4f} [{low:+.4f}, {high:+.4f}] against {one['best_baseline']}. What was "
            "changed after it was chosen on validation."
        )
    return lines


def _setting(one: dict[str, Any]) -> str:
    plan = one["plan"]
    others = ", ".join(f"{rate:g}" for rate in plan["rates"] if rate != plan["first_rate"])
    space = f"NASRec-{plan['space']['kind'].capitalize()}"
    if plan["space"]["operators"] is not None:
        space += f" with no operators but {', '.join(plan['space']['operators'])}"
    return (
        f"{plan['seeds']} searches in {space}, each of {plan['search_steps']:,} steps: supernet "
        f"{plan['supernet_steps']:,}, {plan['scored']} networks scored by the shared weights, the best {plan['top']} "
        f"from scratch, normalised and plain, at learning rate {plan['first_rate']:g} for {plan['steps']:,} steps "
        f"(cosine to {plan['final_factor']:g}, embedding L2 {plan['embedding_l2']:g}, best look kept), the best "
        f"{plan['kept']} of these at {others} too. Baselines: {plan['tuning_seeds']} seeds at each rate for tuning.\n"
    )


def _table(models: dict[str, Any]) -> str:
    lines = [
        "| model | AUC | LogLoss | validation AUC | parameters | without tables | macs | energy uJ | latency us |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in sorted(models.items(), key=lambda item: -item[1]["test_auc"]):
        cells = [
            name, _spread(one, "test_auc"), _spread(one, "test_logloss"), _spread(one, "validation_auc"),
            *(_number(one.get(key)) for key in ("parameters", "without_tables", "macs")),
            *("-" if key not in one else f"{one[key]:.3g}" for key in ("energy_uJ", "latency_us")),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _spread(one: dict[str, Any], key: str) -> str:
    return f"{one[key]:.4f} ± {one[f'{key}_std']:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _found(name: str, one: dict[str, Any], bars: dict[str, Any]) -> str:
    told, lines = one["statistics"], []
    lacking = [model for model in WIDTHS if model not in one["models"]]
    if lacking:
        lines.append(f"- Not run on this set, for want of time: {', '.join(lacking)}.")
    differences = told["differences"]
    for key, against in (("best", f"the best baseline ({told['best_baseline']})"), ("neural_mean", "the neural mean")):
        spans = "; ".join(
            f"{rows} [{told[rows][key]['interval'][0]:+.4f}, {told[rows][key]['interval'][1]:+.4f}]"
            for rows in ("nested", "shared")
        )
        lines.append(f"- Searched minus {against}: {differences[key]:+.4f} AUC, 95 % interval {spans}.")
    if one["bar"]:
        for rows in ("nested", "shared"):
            found = bars[rows][name]
            lines.append(
                f"- Bars, rows {rows}: interval above {NOT_WORSE} {SIGNS[found['not_worse']]}; better than the neural "
                f"mean (Holm p {found['holm_p']:.3g} < {SIGNIFICANT}) {SIGNS[found['better_than_neural_mean']]}."
            )
    lines.append(_forms(one["models"][SEARCHED]["runs"]))
    lines += _earlier(name, records.read("real", records.FOLDER / "earlier"))
    if told.get("gap", 0.0) > 0.0:
        text = f"- Boosted trees over the linear model: {told['gap']:+.4f}; searched networks close "
        text += f"{told['gap_share']:.0%}"
        if name == GAP_SET and one["bar"]:
            text += f" (bar {GAP_SHARE:.0%}: {SIGNS[bars['gap_closed']]})"
        lines.append(text + ".")
    return "\n".join(lines) + "\n"
