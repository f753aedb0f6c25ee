"""What `pimsim serve` prints, writes and draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.cli.output import say
from pimsim.errors import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pimsim.memory.serving.run import Served
    from pimsim.report.sections import Section

LINES = ((1, "p50", "#4e79a7"), (2, "p99", "#c43c39"), (3, "p99.9", "#9c755f"))


def csv_text(served: Served) -> str:
    """A row a request: when it arrived, how long each part took, when it was done."""
    lines = ["request,arrival_ns,queue_ns,lookup_ns,compute_ns,done_ns\n"]
    parts = (
        served.arrival, served.taken - served.arrival, served.looked_up - served.taken,
        served.done - served.looked_up, served.done,
    )  # fmt: skip
    for index, row in enumerate(zip(*(part.tolist() for part in parts), strict=True)):
        lines.append(f"{index}," + ",".join(f"{value:.3f}" for value in row) + "\n")
    return "".join(lines)


def sections(answer: dict[str, Any]) -> list[Section]:
    """The figures for people."""
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, significant

    batching, busy = answer["batching"], answer["utilization"]
    energy, parts = answer["energy_pJ_per_request"], answer["energy_parts_pJ_per_request"]
    offered = (
        "as the trace says" if answer["rate_per_s"] is None else f"Poisson, {scaled('rate', answer['rate_per_s'])}"
    )
    name = printable(answer["memory"], 100)
    facts = [
        ("memory", name if answer["policy"] is None else f"{name}, {answer['policy']}"),
        ("arrivals", offered),
        ("batches", f"at most {batching['size']:,}, {scaled('latency_ns', batching['timeout_ns'])} to fill, "
                    f"{batching['in_flight']} in flight; {significant(answer['mean_batch'])} on average"),
        ("requests", f"{answer['requests']:,} over {scaled('latency_ns', answer['span_ns'])}"),
        ("throughput", scaled("rate", answer["throughput_per_s"])),
        ("queue depth", f"{significant(answer['queue_depth'])} on average"),
        ("lookups under way", f"{significant(busy['lookups_under_way'])} on average"),
    ]  # fmt: skip
    if "banks_data_bus" in busy:
        facts.append(("data bus of the banks", f"{percent(busy['banks_data_bus'], 1)}% busy"))
    facts += [
        ("compute pipeline", f"{percent(busy['pipeline'], 1)}% busy"),
        ("energy a request", f"{scaled('energy_pJ', energy['total'])}: {scaled('energy_pJ', energy['of_requests'])} "
                             f"asked for, {scaled('energy_pJ', energy['of_time'])} drawn with time"),
    ]  # fmt: skip
    if "saturation_per_s" in answer:
        facts.append(("saturation", scaled("rate", answer["saturation_per_s"])))
    rows: list[tuple[str, ...]] = [(name, scaled("latency_ns", value)) for name, value in answer["latency_ns"].items()]
    rows.append(("mean", scaled("latency_ns", answer["mean_ns"])))
    rows += [(f"of it {name}", scaled("latency_ns", value)) for name, value in answer["parts_ns"].items()]
    spent: list[tuple[str, ...]] = [
        (side, part, scaled("energy_pJ", value)) for side in parts for part, value in parts[side].items() if value
    ]
    return [
        Facts("Service", facts),
        Table("Latency", (Column("", right=False), Column("from arrival to done")), rows),
        Table("Energy a request", (Column("of", right=False), Column("part", right=False), Column("energy")), spent),
    ]


def draw(points: list[tuple[float, ...]], answer: dict[str, Any], path: Path) -> None:
    """Latency against rate, with the saturation rate."""
    from pimsim.report.plot import blank, written
    from pimsim.report.units import unit_for

    unit = unit_for("rate", answer["saturation_per_s"])

    def drawn() -> Figure:
        figure = blank(7.5, 4.5)
        panel = figure.subplots()
        rates = [point[0] / unit.factor for point in points]
        for column, name, colour in LINES:
            panel.plot(rates, [point[column] * 1e-3 for point in points], marker="o", color=colour, label=name)
        panel.axvline(
            answer["saturation_per_s"] / unit.factor, color="#555555", linestyle="--", linewidth=1, label="saturation"
        )
        panel.set_yscale("log")
        panel.set_xlabel(f"rate of inferences ({unit.name})")
        panel.set_ylabel("latency (us)")
        panel.set_title(f"lookups on {printable(answer['memory'], 60)}", fontsize=10)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
        return figure

    written(drawn, path)
    say(f"wrote {printable(path)}")
