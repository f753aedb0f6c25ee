"""Does memory stay far below the size of a set while it is prepared and read?"""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nas.data import csv_files, encoder, prepare, splitting, staging
from nas.data.prepare import prepared

from .conftest import Write


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """Arrow's memory from here on: the usual pool remembers the peaks of other tests."""
    usual = pa.default_memory_pool()
    own = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(own)
    yield own
    pa.set_memory_pool(usual)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: pa.MemoryPool
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 2**18)
    monkeypatch.setattr("nas.data.store.RESIDENT_BYTES", 0)
    for module in (staging, splitting, prepare, encoder):
        monkeypatch.setattr(module, "STEP", 4096)
    line = "\t".join(["{}", *["7"] * 13, *["{:08x}"] * 26])
    peaks = {}
    for rows in (30_000, 150_000):
        generator = np.random.default_rng(0)
        ids = generator.integers(0, 500, (rows, 26)).tolist()
        root = write(f"{rows}/train.txt", [line.format(place % 2, *row) for place, row in enumerate(ids)]) / str(rows)
        del ids
        tracemalloc.start()
        splits = prepared("criteo", root, tmp_path / f"set{rows}")
        for batch in splits.train.batches(512, np.random.default_rng(0)):
            assert len(batch) > 0
        # What tracemalloc sees are NumPy's arrays and Python's objects; memory maps are the system's to drop.
        peaks[rows] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[150_000] < 2.5 * peaks[30_000], "five times the rows, a byte of each in memory"
    assert peaks[150_000] < 150_000 * 39 * 8 / 2, "and below the staged rows"
    assert 0 < pool.max_memory() < 256 * 2**20
