"""A model and a space that are small enough to go through in a blink."""

import pytest

from pimsim.explore.executor import Executor
from pimsim.explore.space_file import load_space
from pimsim.graph.workload import Kind, Layer, Workload

SPACE = {
    "name": "tiny",
    "base": "reram_128",
    "knobs": {
        "crossbar.rows": [64, 128],
        "crossbar.adc.bits": {"from": 5, "to": 8},
        "mapping.replication": ["none", "balanced"],
        "layers.first.weight_bits": [4, 8],
    },
    "derived": {"pe.input_register.size_bytes": "16 * rows"},
    "constraints": ["crossbar.adc.bits < 8 or crossbar.rows == 128"],
}


@pytest.fixture(scope="session")
def workload():
    """Two layers without a file."""
    return Workload(
        "net",
        (
            Layer("first", "Conv", Kind.MVM, groups=1, rows=90, cols=64, vectors=49, output_elements=49 * 64),
            Layer("last", "Gemm", Kind.MVM, groups=1, rows=64, cols=10, vectors=1, output_elements=10),
        ),
    )


@pytest.fixture(scope="session")
def two_workers():
    """Processes that stay up for all tests."""
    with Executor(2) as executor:
        yield executor


@pytest.fixture(scope="session")
def space():
    """32 points, 28 of them allowed."""
    return load_space(SPACE)
