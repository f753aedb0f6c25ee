"""The section on generated data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {"planted": "product planted", "plain": "no product"}


def section(record: Mapping[str, Any]) -> str:
    """Markdown of the record: every search, the shares, what passed."""
    order, plan, found = record["planted_order"], record["plan"], record["statistics"]
    data = plan["planted"]
    space = plan["space"]
    operators = ", ".join(space["operators"]) if "operators" in space else "all operators"
    lines = [
        "## Generated data: the bound, and products only where they are planted", "",
        f"`{record['command']}`", "",
        f"{data['rows']:,} training rows, {data['fields']} fields of {data['values']} values, a planted product of "
        f"{order} fields, or none; another generator each seed. Space: {space['blocks']} blocks of {operators}, EFC of "
        f"{_list(space['sparse_widths'])} rows, at most {space['most_connections']} connections of each kind. Order: "
        "the highest degree in sparse fields of a path of explicit products that reaches the output "
        "(`nas/spaces/products.py`). Gap: AUC of the true logits on the same test rows less that of the network. "
        "Steps: of the training that validation chose; the better of two candidates is trained once more with more "
        "steps where it was still gaining.", "",
        "| seed | generator | scored | order | orders of the best by score | Mflops | steps | bound | test AUC | gap "
        "| looks |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for one in record["searches"]:
        chosen, test, bound = one["chosen"], one["test"], one["bayes"]["test_auc"]
        top = " ".join(str(row["order"]) for row in one["top"])
        lines.append(
            f"| {one['seed']} | {NAMES['planted' if one['planted'] else 'plain']} | {one['scored']} | "
            f"{chosen['order']} | {top} | {chosen['Mflops']:.3f} | {chosen['best_step']} | {bound:.4f} | "
            f"{test['auc']:.4f} | {bound - test['auc']:+.4f} | {test['looks_of_this_run']} |"
        )
    random = found["random"]
    lines += [
        "", f"Networks with a product of order {order} or more, with exact 95% intervals, and the probability of as "
        "many or more at the share of random networks (the best 10 of one search are relatives, so their interval is "
        "narrower than it should be):", "",
        "| networks | generator | share | interval | p |", "|---|---|---|---|---|",
        f"| random | | {_part(random)} | {_interval(random)} | |",
    ]  # fmt: skip
    for kind, title in (("chosen", "chosen"), ("top", "best 10 by score")):
        for name, label in NAMES.items():
            one = found[kind][name]
            lines.append(f"| {title} | {label} | {_part(one)} | {_interval(one)} | {one['p_more']:.3f} |")
    advantages = "; ".join(f"{label} {_signed(found['first'][name]['mean'])}" for name, label in NAMES.items())
    lines += ["", "AUC by supernet of random networks with such products less that of the others, mean of the first "
              f"generations: {advantages}.", ""]  # fmt: skip
    gaps = "; ".join(
        f"{label} {found['gaps'][name]['mean']:+.4f} (largest {found['gaps'][name]['largest']:+.4f})"
        for name, label in NAMES.items()
    )
    lines += [f"Mean gap to the bound: {gaps}.", ""]
    lines += [f"- {'passed' if good else 'FAILED'}: {name}" for name, good in sorted(record["verdicts"].items())]
    return "\n".join([*lines, *_pilots(record["pilots"])]) + "\n"


def _pilots(pilots: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "", "How the space was chosen: one search each on validation of seed 0 with the product, AUC of fine-tuned "
        "networks. Where FC and wide EFC layers are left in, they learn the product by their rectifiers, and a search "
        "does not prefer explicit ones; the bound is reached all the same.", "",
        "| planted order | offset | space | scored | with such products | others | order of the best |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for one in pilots:
        figures = f"{one['products']:.4f} | {one['others']:.4f} | {one['best_order']}"
        lines.append(f"| {one['order']} | {one['offset']} | {one['space']} | {one['scored']} | {figures} |")
    return lines


def _list(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _part(found: Mapping[str, Any]) -> str:
    return f"{found['count']:,} of {found['of']:,} ({found['share']:.2f})"


def _interval(found: Mapping[str, Any]) -> str:
    return f"{found['interval'][0]:.2f} to {found['interval'][1]:.2f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"
