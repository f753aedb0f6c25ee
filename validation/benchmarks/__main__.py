"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from pimsim.report.atomic import write_atomic
from pimsim.report.units import significant

from .banks import banks, banks_stream
from .batched import batched, billion
from .lowering import lowering
from .measure import Measurement, as_dict, machine
from .processes import first_run, peak_memory, whole_process
from .references import events, peers
from .simulating import resnet50_call, vgg8_call
from .supernet import supernet

BENCHMARKS: dict[str, Callable[[], list[Measurement]]] = {
    "vgg8": vgg8_call,
    "resnet50": resnet50_call,
    "process": whole_process,
    "first-run": first_run,
    "memory": peak_memory,
    "events": events,
    "peers": peers,
    "batched": batched,
    "lowering": lowering,
    "supernet": supernet,
    "billion": billion,
    "banks": banks,
    "banks_stream": banks_stream,
}
LONG = ("billion", "banks_stream")
"""Only run when named."""


def line(measurement: Measurement) -> str:
    """One measurement as printed."""
    value = f"{significant(measurement.value, 3)} {measurement.unit}"
    bar, ratio = "", ""
    if measurement.bar is not None and measurement.ratio is not None:
        bar = f"bar {significant(measurement.bar, 4)} {measurement.unit}"
        ratio = f"{measurement.ratio:.2f} of it" + ("" if measurement.within else "  OVER")
    return f"{measurement.name:<52} {value:>10}  {bar:<12} {ratio:<15} {measurement.detail}".rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks asked for; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m validation.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when left out")
    parser.add_argument("--json", metavar="FILE", help="write the measurements to FILE as well")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(map(repr, unknown))}; benchmarks are {', '.join(BENCHMARKS)}")
    before = machine()
    print(before, flush=True)
    found: list[Measurement] = []
    for name in options.names or [name for name in BENCHMARKS if name not in LONG]:
        for measurement in BENCHMARKS[name]():
            found.append(measurement)
            print(line(measurement), flush=True)
    if options.json:
        content = {"before": before, "after": machine(), "measurements": [as_dict(one) for one in found]}
        write_atomic(options.json, json.dumps(content, indent=1) + "\n")
    print(f"afterwards: {machine()}")
    return 0 if all(measurement.within for measurement in found) else 1


if __name__ == "__main__":
    sys.exit(main())
