"""The record of the Criteo networks as a report."""

from __future__ import annotations

from collections.abc import Sequence

from validation.criteo_memory.study import (
    BATCH,
    EXPONENT,
    IN_FLIGHT,
    INFERENCES,
    LOAD,
    ROWS,
    SERVED,
    TIMEOUT_US,
    Point,
)

HEAD = f"""# Published Criteo networks on three memories

`python -m validation.criteo_memory --save` writes this page and `record.json`. Networks: NASRec's published best
architectures for Criteo (Zhang et al., WWW 2023), batch 1, 8-bit operands on the crossbars of `reram_128`. Tables: all
26 with {sum(ROWS):,} rows of 16 elements of 8 bits ({sum(ROWS) * 16 / 1e6:,.0f} MB). An inference looks up one row of
each, by Zipf's law with exponent {EXPONENT:g} (assumed; Criteo's ids are not shipped), {INFERENCES:,} inferences.
Served: {SERVED:,} Poisson arrivals at {LOAD:.0%} of the rate that `run` finds, batches of at most {BATCH} that
wait {TIMEOUT_US} us, {IN_FLIGHT} in flight. Inputs are read from, and outputs written to, the DRAM of the
tables; crossbars take lookups only.

Every figure is one that the commands print (--format json), with an export of one's own (2.2 GB of tables beside the
file; schema.json has the fields and rows of `validation.criteo_memory.study.schema`, rows.parquet is its `trace`):

```bash
nas export --arch criteo_full.json --schema schema.json --embeddings external --out criteo_full.onnx
pimsim run --hw reram_128_ddr4 --model criteo_full.onnx --trace rows.parquet --operands default
pimsim serve --hw reram_128_ddr4 --model criteo_full.onnx --trace rows.parquet --operands default \\
    --rate 36621 --requests {SERVED} --max-batch {BATCH} --timeout-us {TIMEOUT_US} --in-flight {IN_FLIGHT}
python -m validation.criteo_memory --exports .      # both commands, both networks, beside the record
```
"""

NOTES = """## What to read from it

* A row is 16 bytes, a quarter of what DDR4 moves in one access: three quarters of a read's energy are for bytes that
  nobody asked for. HBM2 moves 32 bytes, a crossbar the row itself.
* Nothing is pooled in these networks (one row a field), so adders at the banks have nothing to add: what HBM2 gains are
  its channels and banks.
* Background and refresh are drawn over the interval, whatever is looked up: at one inference an interval they are most
  of what the tables cost in DRAM. Tables in crossbars hold without power.
* Crossbars for 540 MB of tables are several times the chip; the area of DRAM is not counted.
"""


def report(found: Sequence[Point]) -> str:
    """REPORT.md: what runs and serves, by part."""
    lines = [HEAD]
    for network in dict.fromkeys(point.network for point in found):
        own = [point for point in found if point.network == network]
        lines += [f"## {network}\n", *_run(own), "", *_serve(own), ""]
    return "\n".join([*lines, NOTES])


def _run(own: Sequence[Point]) -> list[str]:
    rows = [
        ("latency of an inference", *(_us(p.run_latency_ns) for p in own)),
        ("... until its last table row", *(_us(p.run_lookup_ns) for p in own)),
        ("interval between inferences", *(_us(p.run_interval_ns) for p in own)),
        ("... of it the memory is busy", *(_us(p.run_lookup_busy_ns) for p in own)),
        *_energies([p.energy_pJ for p in own]),
        ("area, chip", *(_mm2(p.chip_area_um2) for p in own)),
        ("area, tables", *(_mm2(p.tables_area_um2) for p in own)),
    ]
    return _table(("`pimsim run`", *(p.hardware for p in own)), rows)


def _serve(own: Sequence[Point]) -> list[str]:
    parts = [
        (f"... mean {part}", *(_us(p.serve_parts_ns[part]) for p in own)) for part in ("queue", "lookup", "compute")
    ]
    rows = [
        ("rate (inferences a second)", *(f"{p.rate_per_s:,.0f}" for p in own)),
        ("saturation (inferences a second)", *(f"{p.serve_saturation_per_s:,.0f}" for p in own)),
        ("latency p50", *(_us(p.serve_p50_ns) for p in own)),
        ("latency p99", *(_us(p.serve_p99_ns) for p in own)),
        *parts,
        *_energies([p.serve_energy_pJ for p in own]),
    ]
    return _table(("`pimsim serve`", *(p.hardware for p in own)), rows)


def _energies(own: Sequence[dict[str, float]]) -> list[tuple[str, ...]]:
    names = [name for name in dict.fromkeys(name for one in own for name in one) if any(one.get(name) for one in own)]
    rows = [(f"energy, {name}", *(_nJ(one.get(name, 0.0)) for one in own)) for name in names]
    return [*rows, ("energy, all", *(_nJ(sum(one.values())) for one in own))]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    bars = ["---"] + ["---:"] * (len(heads) - 1)
    return [f"| {' | '.join(row)} |" for row in (heads, bars, *rows)]


def _us(value: float) -> str:
    return f"{value * 1e-3:,.3f} us"


def _nJ(value: float) -> str:
    return f"{value * 1e-3:,.2f} nJ" if value else "-"


def _mm2(value: float) -> str:
    return f"{value * 1e-6:,.0f} mm2" if value else "-"
