"""The study on real data as Markdown."""

from __future__ import annotations

from typing import Any

from validation.nasrec.real_plan import WIDTHS
from validation.nasrec.real_record import GAP_SET, GAP_SHARE, NOT_WORSE, SIGNIFICANT

SIGNS = {True: "passes", False: "FAILS"}


def report(record: dict[str, Any]) -> str:
    """The section of REPORT.md."""
    parts = [
        "## Real data\n",
        f"`{record['command']}`. Every run was measured on its test split once, after all of its set was chosen on "
        f"validation. Intervals: {record['resamples']:,} bootstrap resamples of seeds and test rows; *nested*: rows "
        "drawn for each seed, *shared*: one draw of rows for all seeds of a resample (the stricter).\n",
    ]
    for name, one in record["sets"].items():
        parts += [f"### {name}\n", _setting(one), _table(one["models"]), _found(name, one, record["bars"])]
    return "\n".join(parts)


def _setting(one: dict[str, Any]) -> str:
    plan = one["plan"]
    rates = ", ".join(f"{rate:g}" for rate in plan["rates"])
    return (
        f"{plan['seeds']} searches in NASRec-{plan['space']['kind'].capitalize()}, each of {plan['search_steps']:,} "
        f"steps: supernet {plan['supernet_steps']:,}, {plan['scored']} networks scored after {plan['tuning_steps']} "
        f"steps each, the best {plan['top']} from scratch at learning rates {rates} for {plan['steps']:,} steps "
        f"(cosine to {plan['final_factor']:g}, embedding L2 {plan['embedding_l2']:g}, best look kept). Baselines: "
        f"{plan['tuning_seeds']} seeds at each rate for tuning.\n"
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
    if told.get("gap", 0.0) > 0.0:
        text = f"- Boosted trees over the linear model: {told['gap']:+.4f}; searched networks close "
        text += f"{told['gap_share']:.0%}"
        if name == GAP_SET and one["bar"]:
            text += f" (bar {GAP_SHARE:.0%}: {SIGNS[bars['gap_closed']]})"
        lines.append(text + ".")
    return "\n".join(lines) + "\n"
