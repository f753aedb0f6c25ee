"""What a placement gains over round-robin, as data and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pimsim.hardware.schema import Hardware
    from pimsim.memory.near.result import NearResult
    from pimsim.memory.placement.policies import Load, Placement
    from pimsim.memory.run import Result
    from pimsim.report.sections import Table


def about(
    placements: Sequence[Placement],
    loads: Sequence[Load],
    found: Sequence[Result | NearResult],
    hardware: Hardware | None = None,
) -> dict[str, Any]:
    """The placement beside round-robin: how even, how fast, at what energy; gain: round-robin's figure over ours; and
    the cache, where there is one."""
    from dataclasses import asdict

    from pimsim.memory.placement.cache import cache_of

    figures = []
    for load, result in zip(loads, found, strict=True):
        figures.append({
            "load_imbalance": load.imbalance, "busiest_of_bag": load.busiest_of_bag, "cached_requests": load.cached,
            "cycles": result.cycles, "energy_pJ": result.total_energy_pJ,
        })  # fmt: skip
    names = ("load_imbalance", "busiest_of_bag", "cycles", "energy_pJ")
    gain = {name: figures[0][name] / figures[-1][name] if figures[-1][name] else None for name in names}
    last = placements[-1]
    units = {"kind": last.units.kind, "count": last.units.count, "capacity_bytes": last.units.capacity_bytes}
    used = {"most_bytes": int(last.used_bytes.max()), "least_bytes": int(last.used_bytes.min())}
    cache = cache_of(last, hardware)
    more = {} if cache is None else {"cache": asdict(cache)}
    return {
        "policy": last.policy, "units": {**units, **used}, **figures[-1], **more, "round_robin": figures[0],
        "gain": gain,
    }  # fmt: skip


def section(placed: dict[str, Any]) -> Table:
    """The table of what `about` gives."""
    from pimsim.report.sections import Column, Table
    from pimsim.report.units import scaled, significant

    first = placed["round_robin"]
    lines: list[tuple[str, ...]] = []
    for label, key in (
        ("busiest unit over mean", "load_imbalance"), ("busiest unit's rows of a bag", "busiest_of_bag"),
        ("cycles", "cycles"), ("energy pJ", "energy_pJ"),
    ):  # fmt: skip
        gain = placed["gain"][key]
        shown = "" if gain is None else f"{gain:.3f}"
        lines.append((label, significant(first[key]), significant(placed[key]), shown))
    kind = f"{placed['units']['count']:,} {placed['units']['kind']}s"
    cached = ""
    if "cache" in placed:
        cache = placed["cache"]
        cached = (
            f"; {placed['cached_requests']:,} requests served by a cache of {cache['rows']:,} rows, "
            f"{scaled('bytes', cache['capacity_bytes'])}, {scaled('energy_pJ', cache['read_pJ'])} a word, "
            f"{scaled('latency_ns', cache['latency_ns'])}"
        )
    heads = (
        Column("", right=False),
        Column("round robin"),
        Column(placed["policy"].replace("_", " ")),
        Column("gain"),
    )
    return Table("Placement", heads, lines, caption=f"on {kind}{cached}")
