"""Command line: `python -m validation.sweeps kills|ray|worker`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .kills import Kills, kills
from .ray import Ray, ray
from .worker import Worker, worker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when a promise is not held."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        found: list[Kills] | list[Ray] | list[Worker]
        if options.what == "kills":
            found = [kills(folder, options.points, options.kills, options.workers, options.chunk, options.seed)]
        elif options.what == "ray":
            found = [ray(options.seconds)]
        else:
            found = [worker(folder, options.points, where) for where in (None, "local")]
        for one in found:
            print("\n".join(one.lines()))
    held = all(one.held for one in found)
    print("held" if held else "NOT HELD")
    return 0 if held else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="python -m validation.sweeps", description=__doc__)
    made.add_argument("--folder", help="where files go while it runs; the system's temporary folder when left out")
    asked = made.add_subparsers(dest="what", required=True)
    killed = asked.add_parser("kills", help="a sweep killed with signal 9 again and again")
    killed.add_argument("--points", type=int, default=20_000_000)
    killed.add_argument("--kills", type=int, default=10)
    killed.add_argument("--workers", type=int, default=2)
    killed.add_argument("--chunk", type=int)
    killed.add_argument("--seed", type=int, default=1)
    fast = asked.add_parser("ray", help="two workers of a local Ray cluster beside one process")
    fast.add_argument("--seconds", type=float, default=60.0, help="that one process is busy")
    lost = asked.add_parser("worker", help="a worker killed in the middle")
    lost.add_argument("--points", type=int, default=400_000)
    return made.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
