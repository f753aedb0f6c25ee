"""The published Criteo networks with their full tables on DDR4, on HBM2 with reduction at the banks, and with tables
in ReRAM: `python -m validation.criteo_memory` runs them (it needs ../shared/reference/nasrec) and prints energy and
latency by part, of `pimsim run` and of `pimsim serve`; --recorded prints what record.json has; --save writes it and
REPORT.md; --exports FOLDER runs the two commands on exports of one's own and says how far they are from the record.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pimsim.errors import InputError
from pimsim.report.atomic import write_atomic
from validation.criteo_memory.command import compared
from validation.criteo_memory.report import report
from validation.criteo_memory.study import FOLDER, REFERENCE, points, read, text_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, save; 0, also where there is nothing to run; 2 where exports are missing."""
    parser = argparse.ArgumentParser(prog="python -m validation.criteo_memory", description=__doc__)
    parser.add_argument("--recorded", action="store_true", help="print record.json, run nothing")
    parser.add_argument("--save", action="store_true", help="write record.json and REPORT.md")
    parser.add_argument("--exports", metavar="FOLDER", help="of criteo_small.onnx and criteo_full.onnx (nas export)")
    options = parser.parse_args(arguments)
    if options.exports is not None:
        try:
            for line in compared(Path(options.exports), read()):
                print(line, flush=True)
        except InputError as fault:
            print(f"criteo_memory: error: {fault}", file=sys.stderr)
            return 2
        return 0
    if not options.recorded and not REFERENCE.is_dir():
        print(f"skipped: the published networks are not at {REFERENCE}; --recorded prints the record")
        return 0
    found = read() if options.recorded else tuple(points())
    print(report(found), end="")
    if options.save:
        write_atomic(FOLDER / "record.json", text_of(found))
        write_atomic(FOLDER / "REPORT.md", report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
