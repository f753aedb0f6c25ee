"""A process of its own that trains one rival and tells its memory: `python -m validation.nasrec.speed_memory JSON`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def memory_MB(which: str) -> float:
    """Of this process: VmRSS, what it holds now, or VmHWM, the most that it held (getrusage may tell its parent's)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {which}")


def peak_of(name: str, case: dict[str, Any], folder: Path | None, steps: int) -> dict[str, float]:
    """Peak resident memory of `steps` training steps in a fresh process, and what its libraries hold once a
    toy has been trained with them, in MB."""
    asked = {"name": name, "case": case, "folder": str(folder) if folder else None, "steps": steps}
    command = [sys.executable, "-m", "validation.nasrec.speed_memory", json.dumps(asked)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(asked: dict[str, Any]) -> dict[str, float]:
    import torch

    import validation.nasrec.speed_rivals as rivals

    torch.set_num_threads(1)
    case = rivals.Case(**{name: tuple(v) if isinstance(v, list) else v for name, v in asked["case"].items()})
    folder = Path(asked["folder"]) if asked["folder"] else None
    _train(rivals.Case(2, (16,), (4,), 2, 3, 5, 4, 1), asked["name"], folder, 4)
    libraries = memory_MB("VmRSS")
    _train(case, asked["name"], folder, asked["steps"])
    return {"libraries_MB": libraries, "peak_MB": memory_MB("VmHWM")}


def _train(case: Any, name: str, folder: Path | None, steps: int) -> None:
    from validation.nasrec.speed_rivals import rival_of

    rival, batch = rival_of(name, case, folder), case.rows_of_a_batch(0)
    for path in case.paths(steps):
        rival.step(rival.prepare(path), batch)


if __name__ == "__main__":
    print(json.dumps(_measured(json.loads(sys.argv[1]))))
