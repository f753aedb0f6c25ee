"""Other tools, and the event-driven form of our own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pimsim.cost.evaluator import run_kernels
from pimsim.hardware.load import load_hardware
from pimsim.jit import compiled
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.lanes import ONE
from pimsim.mapping.point import point_row
from pimsim.timing import kernel
from pimsim.timing.events import Stage, run_events

from ..networks import vgg8, workload
from .measure import Measurement, best
from .simulating import OBJECTS, resnet18_ms, vgg8_ms

PEERS = Path(__file__).with_name("peers.yaml")


def peers(repetitions: int = 5, objects: int = OBJECTS) -> list[Measurement]:
    """What others took, over our call in this run."""
    tables = yaml.safe_load(PEERS.read_text("utf-8"))
    found = []
    for key, name, ours in (("vgg8", "VGG-8", vgg8_ms), ("resnet18", "ResNet-18", resnet18_ms)):
        ours_ms, _ = ours(repetitions, objects)
        for peer in tables[key]:
            ratio, label = 1e3 * peer["seconds"] / ours_ms, f"{peer['name']} over simulate(), {name}"
            detail = f"{peer['seconds']:g} s over {ours_ms:.3g} ms here; theirs {peer['source']}"
            found.append(Measurement(label, ratio, "x", None, detail))
    return found


def events(repetitions: int = 5, calls: int = 200) -> list[Measurement]:
    """The simpy reference of the pipeline over the compiled kernel, on the stages of VGG-8."""
    model = workload(vgg8())
    packed, points = pack(model), [point_row(load_hardware("reram_128"))]
    raw = run_kernels(packed, points, compile_kernels=True)
    rows = raw.mapped[0]
    times = rows[:, [c.M_WRITE_NS, c.M_DURATION_NS, c.M_FILL_NS]].tolist()
    stages = [Stage(*row, inputs=layer.inputs) for row, layer in zip(times, model.layers, strict=True)]
    overlap, count = compiled(kernel.overlap_block, *kernel.HELPERS), len(stages)
    _, edges, starts = packed.arrays
    lane, room = np.zeros(c.LANE_COLUMNS), np.zeros(count * c.TIME_COLUMNS)
    given: tuple[Any, ...] = (ONE, 0, count, edges, starts, rows.ravel(), room, lane, False)
    fast, _ = best(repetitions, lambda: range(calls), lambda _: overlap(*given))
    slow, _ = best(repetitions, lambda: range(1), lambda _: run_events(stages))
    last = max(end for _, end in run_events(stages))
    detail = f"{1e3 * slow:.3g} ms over {1e6 * fast:.3g} us; latency {last:,.0f} ns and {lane[c.X_LATENCY_NS]:,.0f} ns"
    return [Measurement("events over the timing kernel, VGG-8", slow / fast, "x", None, detail)]
