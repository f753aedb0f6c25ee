"""What became of one mutant: the stages it reached, and whether it ended as a result or as a clear error."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mutate
import mutate_yaml
import onnx
import untidy

CONFIGS = Path(__file__).parents[2] / "hwconfigs"
MEMORY_BYTES = 4 << 30  # of address space: a mutant that allocates what its file only names runs into it
LONGEST_MESSAGE = 20_000
YAML_SEEDS = 1_000_000
"""Seeds from here on are mutants of hardware files."""


@dataclass(frozen=True)
class Verdict:
    """stages: of parsed, checked, loaded, simulated. fault: why the mutant is a failure; empty when it is none."""

    stages: tuple[str, ...]
    message: str = ""  # of the InputError
    fault: str = ""


def unclear(message: str) -> str:
    """Why this text of an InputError is not fit for a user; empty when it is."""
    if not message.strip():
        return "the error says nothing"
    if len(message) > LONGEST_MESSAGE:
        return f"the error has {len(message)} characters"
    if bad := sorted({c for c in message if not c.isprintable() and c != "\n"}):
        return f"the error holds control characters {bad!r}"
    if "Traceback" in message:
        return "the error holds a traceback"
    return ""


def judge_model(seed: int, folder: Path) -> Verdict:
    """Load and simulate the model mutant of this seed."""
    from pimsim import InputError, load_model, simulate

    made = mutate.mutant(seed)
    path = folder / "mutant.onnx"
    path.write_bytes(made.model.SerializeToString())
    stages = []
    with contextlib.suppress(Exception):  # the stages are for the statistics only
        onnx.ModelProto.FromString(path.read_bytes())
        stages.append("parsed")
        onnx.checker.check_model(path.read_bytes())
        stages.append("checked")
    try:
        workload = load_model(path, **made.options)
        stages.append("loaded")
        result = simulate(workload, "reram_128", compiled=False)
        result.to_json()
        stages.append("simulated")
        if seed % 8 == 0:
            result.to_text(), result.to_csv(), result.to_html()
    except InputError as error:
        return Verdict(tuple(stages), str(error), unclear(str(error)))
    return Verdict(tuple(stages))


def judge_yaml(seed: int, folder: Path) -> Verdict:
    """Load the hardware mutant of this seed and simulate a small model on it."""
    import yaml

    from pimsim import InputError, load_hardware, load_model, simulate

    path, model = folder / "mutant.yaml", folder / "mutant.onnx"
    path.write_text(mutate_yaml.yaml_mutant(seed, CONFIGS), encoding="utf-8", errors="surrogatepass")
    stages = []
    with contextlib.suppress(Exception):
        yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        stages.append("parsed")
    try:
        hardware = load_hardware(path)
        stages += ["checked", "loaded"]
        model.write_bytes(untidy.CASES["nodes_out_of_order"]().model.SerializeToString())
        simulate(load_model(model), hardware, compiled=False).to_json()
        stages.append("simulated")
    except InputError as error:
        return Verdict(tuple(stages), str(error), unclear(str(error)))
    return Verdict(tuple(stages))


def make_judge() -> Callable[[int], Verdict]:
    """The judge of seeds, for a process of its own: it works in a folder that must stay clean."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    simulate_once(folder)

    def judge(seed: int) -> Verdict:
        try:
            verdict = (judge_yaml if seed >= YAML_SEEDS else judge_model)(seed, folder)
        except BaseException as error:
            lines = "".join(traceback.format_tb(error.__traceback__)[-2:])
            verdict = Verdict((), fault=f"{type(error).__name__}: {str(error)[:300]}\n{lines}")
        for name in ("mutant.onnx", "mutant.yaml"):
            (folder / name).unlink(missing_ok=True)
        if left := sorted(p.name for p in folder.iterdir()):
            verdict = Verdict(verdict.stages, verdict.message, f"files left: {left}")
            for name in left:
                (folder / name).unlink()
        return verdict

    return judge


def simulate_once(folder: Path) -> None:
    """Imports and first-call work, which are not a mutant's time."""
    from pimsim import load_model, simulate

    path = folder / "mutant.onnx"
    path.write_bytes(untidy.CASES["nodes_out_of_order"]().model.SerializeToString())
    simulate(load_model(path), "reram_128", compiled=False).to_json()
    path.unlink()


def write_mutant(seed: int, folder: Path) -> list[str]:
    """The mutant as a file, and the arguments of `pimsim` that run it."""
    if seed >= YAML_SEEDS:
        path, model = folder / "mutant.yaml", folder / "model.onnx"
        path.write_text(mutate_yaml.yaml_mutant(seed, CONFIGS), encoding="utf-8", errors="surrogatepass")
        model.write_bytes(untidy.CASES["nodes_out_of_order"]().model.SerializeToString())
        return ["run", "--hw", str(path), "--model", str(model)]
    made = mutate.mutant(seed)
    path = folder / f"mutant_{hashlib.sha256(str(seed).encode()).hexdigest()[:8]}.onnx"
    path.write_bytes(made.model.SerializeToString())
    arguments = ["run", "--hw", "reram_128", "--model", str(path)]
    for option in ("batch", "trips", "branch"):
        if option in made.options:
            arguments.append(f"--{option}={made.options[option]}")
    if "unknown_ops" in made.options:
        arguments += ["--unknown-ops", made.options["unknown_ops"]]
    return arguments
