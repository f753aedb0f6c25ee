"""`simulate()` on a loaded model over hardware objects that are all different and all new; mapping included."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import onnx

from pimsim.engine import simulate
from pimsim.graph import load_model
from pimsim.graph.workload import Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

from ..networks import resnet18, vgg8, workload
from .measure import Measurement, best

OBJECTS = 100
VGG8_BAR_MS = 0.2
RESNET50_BAR_MS = 1.0
LIGHT_RESNET50 = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / "light_resnet50.onnx"

SIDES = (64, 128, 256, 512)
serial = itertools.count(1)


def fresh_hardware(count: int = OBJECTS) -> list[Hardware]:
    """`count` hardware objects, validated like a file. Each differs from every other ever made here in its read time
    and its supply, so that not even a table looked up by those can be remembered, and most of them in process, array
    size, converters, cells, and the numbers of crossbars, PEs and tiles too."""
    base = load_hardware("reram_128").model_dump()
    return [_varied(base, next(serial)) for _ in range(count)]


def _varied(base: dict[str, Any], i: int) -> Hardware:
    crossbar, cell = base["crossbar"], base["crossbar"]["cell"]
    columns = SIDES[i // 4 % 4]
    crossbar = {
        **crossbar, "rows": SIDES[i % 4], "columns": columns, "read_ns": 20.0 + 10.0 * (i % 9) + 1e-4 * i,
        "cell": {**cell, "bits": 1 + i % 3, "write": {**cell["write"], "cells_at_once": min(columns, 128)}},
        "dac": {**crossbar["dac"], "bits": 1 + i // 2 % 2},
        "adc": {**crossbar["adc"], "bits": 5 + i % 5, "columns_per_adc": min(columns, (8, 16, 64)[i % 3])},
    }  # fmt: skip
    pe, tile = {**base["pe"], "crossbars": 4 + i % 13}, {**base["tile"], "pes": 8 + i % 7}
    chip = {**base["chip"], "tiles": 100 + i % 101}
    technology = {**base["technology"], "node_nm": (22.0, 28.0, 32.0, 45.0, 65.0)[i % 5], "supply_V": 0.9 + 1e-7 * i}
    changed = {"technology": technology, "crossbar": crossbar, "pe": pe, "tile": tile, "chip": chip}
    return Hardware.model_validate({**base, **changed})


def call_ms(
    model: Workload, repetitions: int, objects: int = OBJECTS, compiled: bool = True
) -> tuple[float, float]:
    """Milliseconds of one `simulate()` with its totals read, mean over the objects, in the best repetition: by the
    clock on the wall, and of the processor (which a busy machine disturbs less)."""
    simulate(model, fresh_hardware(1)[0], compiled=compiled).totals  # noqa: B018 - kernels compiled, imports done
    wall_s, processor_s = best(
        repetitions, lambda: fresh_hardware(objects), lambda machine: simulate(model, machine, compiled=compiled).totals
    )
    return 1e3 * wall_s, 1e3 * processor_s


def _measure(name: str, model: Workload, bar_ms: float, repetitions: int, objects: int) -> list[Measurement]:
    wall_ms, processor_ms = call_ms(model, repetitions, objects)
    plain_ms, _ = call_ms(model, min(repetitions, 3), max(1, objects // 10), compiled=False)
    work = f"{processor_ms:.3f} ms of CPU; {len(model.layers)} layers, {objects} different new hardware objects"
    return [
        Measurement(f"simulate() {name}", wall_ms, "ms", bar_ms, work),
        Measurement(f"simulate() {name}, kernels not compiled", plain_ms, "ms", None, "what a single command runs"),
    ]


def vgg8_call(repetitions: int = 10, objects: int = OBJECTS) -> list[Measurement]:
    """VGG-8 for CIFAR-10."""
    return _measure("VGG-8/CIFAR-10", workload(vgg8()), VGG8_BAR_MS, repetitions, objects)


def resnet50_call(repetitions: int = 10, objects: int = OBJECTS) -> list[Measurement]:
    """The light ResNet-50 inside the `onnx` package."""
    return _measure("ResNet-50", load_model(LIGHT_RESNET50), RESNET50_BAR_MS, repetitions, objects)


def resnet18_ms(repetitions: int, objects: int = OBJECTS) -> tuple[float, float]:
    """ResNet-18 for ImageNet, as `call_ms`."""
    return call_ms(workload(resnet18()), repetitions, objects)


def vgg8_ms(repetitions: int, objects: int = OBJECTS) -> tuple[float, float]:
    """VGG-8 for CIFAR-10, as `call_ms`."""
    return call_ms(workload(vgg8()), repetitions, objects)
