"""pimsim: energy, latency, area and accuracy of neural networks on processing-in-memory hardware.

    model = pimsim.load_model("arch.onnx")
    hardware = pimsim.load_hardware("reram_128")
    result = pimsim.simulate(model, hardware)
    result.totals["energy_pJ"], result.to_dataframe(), result.plot()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pimsim.cost.points import Points
    from pimsim.cost.table import Table
    from pimsim.engine import evaluate, simulate
    from pimsim.errors import InputError
    from pimsim.explore.executor import Executor
    from pimsim.explore.results import Results, load_results
    from pimsim.explore.space import Space
    from pimsim.explore.space_file import load_space
    from pimsim.explore.sweep import sweep
    from pimsim.functional.operands import with_operands
    from pimsim.graph import load_model
    from pimsim.graph.workload import Edge, Kind, Layer, Workload
    from pimsim.hardware.load import load_hardware
    from pimsim.hardware.schema import Hardware
    from pimsim.report.result import Result

_HOMES = {
    "simulate": "pimsim.engine",
    "evaluate": "pimsim.engine",
    "Points": "pimsim.cost.points",
    "Table": "pimsim.cost.table",
    "load_model": "pimsim.graph",
    "load_hardware": "pimsim.hardware.load",
    "with_operands": "pimsim.functional.operands",
    "load_space": "pimsim.explore.space_file",
    "sweep": "pimsim.explore.sweep",
    "Executor": "pimsim.explore.executor",
    "Space": "pimsim.explore.space",
    "Hardware": "pimsim.hardware.schema",
    "Result": "pimsim.report.result",
    "Results": "pimsim.explore.results",
    "load_results": "pimsim.explore.results",
    "InputError": "pimsim.errors",
    "Workload": "pimsim.graph.workload",
    "Layer": "pimsim.graph.workload",
    "Edge": "pimsim.graph.workload",
    "Kind": "pimsim.graph.workload",
}

__all__ = [
    "Edge",
    "Executor",
    "Hardware",
    "InputError",
    "Kind",
    "Layer",
    "Points",
    "Result",
    "Results",
    "Space",
    "Table",
    "Workload",
    "evaluate",
    "load_hardware",
    "load_model",
    "load_results",
    "load_space",
    "simulate",
    "sweep",
    "with_operands",
]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for, so that `import pimsim` stays quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("pimsim")
    if name not in _HOMES:
        raise AttributeError(f"module 'pimsim' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
