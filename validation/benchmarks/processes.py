"""Whole commands: warm, right after an installation, and the memory that they take."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from pimsim.data_files import data_folder

from .measure import PACKAGE, Measurement, run_process
from .simulating import LIGHT_RESNET50

WARM_BAR = 1.2
FIRST_RUN_BAR_S = 3.0
SPARE_MB = 200.0
IMPORTS = "import onnx, numba, pydantic, rich"
MODEL_SIZES_MB = (200, 500)


def run_command(model: Path) -> list[str | Path]:
    """`pimsim run` on a model."""
    return ["-m", "pimsim", "run", "--hw", "reram_128", "--model", model]


def whole_process(repetitions: int = 9) -> list[Measurement]:
    """`pimsim run` on ResNet-50 over the bare imports, in turn, with warm caches."""
    imports: list[str | Path] = ["-c", IMPORTS]
    for command in (run_command(LIGHT_RESNET50), imports):
        run_process(command)
    ours, theirs = [], []
    for _ in range(repetitions):
        ours.append(run_process(run_command(LIGHT_RESNET50)))
        theirs.append(run_process(imports))
    run_s, import_s = min(usage.wall_s for usage in ours), min(usage.wall_s for usage in theirs)
    median = statistics.median(usage.wall_s for usage in ours) / statistics.median(usage.wall_s for usage in theirs)
    cpu = min(usage.cpu_s for usage in ours) / min(usage.cpu_s for usage in theirs)
    times = f'{1e3 * run_s:.0f} ms over {1e3 * import_s:.0f} ms of python -c "{IMPORTS}", minima of {repetitions}'
    return [
        Measurement("pimsim run ResNet-50 over imports, wall", run_s / import_s, "x", WARM_BAR, times),
        Measurement("pimsim run ResNet-50 over imports, medians", median, "x", None, "of the same runs"),
        Measurement("pimsim run ResNet-50 over imports, CPU", cpu, "x", None, "user + system, minima of the same runs"),
    ]


def install_afresh(folder: Path) -> None:
    """A copy of the package and its hardware files without any cache, as an installation leaves it (but for the byte
    code, which pip would have made)."""
    without = shutil.ignore_patterns("__pycache__", "_data")
    shutil.copytree(PACKAGE, folder / "pimsim", ignore=without)
    shutil.copytree(data_folder("hwconfigs"), folder / "pimsim" / "_data" / "hwconfigs", ignore=without)


def first_run(repetitions: int = 5) -> list[Measurement]:
    """The first `pimsim run` after an installation: no byte code of ours, no Numba cache."""
    walls = []
    for _ in range(repetitions):
        with TemporaryDirectory() as name:
            folder = Path(name)
            install_afresh(folder)
            # A user's cache folder would be warm; the copy's own is not.
            caches = {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(folder / "cache")}
            walls.append(run_process(run_command(LIGHT_RESNET50), caches).wall_s)
    detail = f"ResNet-50, new copy of the package each time, minimum of {repetitions}"
    return [Measurement("first pimsim run after an installation", min(walls), "s", FIRST_RUN_BAR_S, detail)]


def peak_memory(repetitions: int = 1, sizes_MB: tuple[int, ...] = MODEL_SIZES_MB) -> list[Measurement]:
    """Peak memory of `pimsim run` on models with stored weights; the bar is twice the file plus 200 MB."""
    found = []
    with TemporaryDirectory() as name:
        for size_MB in sizes_MB:
            path = Path(name) / f"weights_{size_MB}.onnx"
            run_process(["-m", "validation.benchmarks.stored_weights", path, str(size_MB)], _checkout())
            file_MB = path.stat().st_size / 1e6
            peak = min(run_process(run_command(path)).peak_MB for _ in range(repetitions))
            path.unlink()
            label = f"peak memory of pimsim run, {file_MB:.0f} MB file"
            found.append(Measurement(label, peak, "MB", 2.0 * file_MB + SPARE_MB, f"{peak / file_MB:.2f} x the file"))
    return found


def _checkout() -> dict[str, str]:
    """Where `validation` can be imported from."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
