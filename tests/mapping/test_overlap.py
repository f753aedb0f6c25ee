"""Without overlap, do the steps of a layer add up where otherwise the slowest counts?"""

from __future__ import annotations

import pytest

from pimsim.engine import simulate
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.load import load_hardware

LAYER = Layer(
    "l", "Conv", Kind.MVM, groups=1, rows=256, cols=32, vectors=100, weight_elements=8192,
    input_elements=25600, fetched_elements=25600, output_elements=3200,
)  # fmt: skip
ALONE = ["chip.count=1", "mapping.max_copies=1", "mapping.schedule=layer_by_layer"]


def latency_ns(*settings: str) -> float:
    machine = load_hardware("reram_128", overrides=[*ALONE, *settings])
    found = simulate(Workload("m", (LAYER,)), machine, compiled=False).totals["latency_ns"]
    assert found == simulate(Workload("m", (LAYER,)), machine, compiled=True).totals["latency_ns"]
    return found


def test_steps_add_up() -> None:
    """A narrow buffer: 230,400 bits, 4 a clock of 1/1.2 ns; reads: 100 x 8 cycles of 100 ns."""
    narrow = ["tile.buffer.width_bits=4"]
    buffer_ns, reads_ns = (25600 + 3200) * 8 / 4 / 1.2, 100 * 8 * 100.0
    both, serial = latency_ns(*narrow), latency_ns(*narrow, "mapping.overlap=none")
    assert both == pytest.approx(max(buffer_ns, reads_ns), rel=0.02)
    assert serial > buffer_ns + reads_ns
    assert serial == pytest.approx(buffer_ns + reads_ns, rel=0.1), "bus, router and partial sums are quick"


def test_overlap_is_the_default() -> None:
    assert latency_ns() == latency_ns("mapping.overlap=steps") < latency_ns("mapping.overlap=none")
