"""Is the cache before a memory priced by what is asked of it, and nothing where there is none?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pimsim.components.process import process
from pimsim.components.sram import sram
from pimsim.hardware.load import load_hardware
from pimsim.memory.device import load_device
from pimsim.memory.energy import state_mW
from pimsim.memory.placement.cache import ENTRY_BITS, CacheUse, cache_of
from pimsim.memory.placement.kernels import CACHED
from pimsim.memory.placement.policies import place, profile
from pimsim.memory.placement.run import run_on, units_of
from pimsim.memory.policy import Policy
from pimsim.memory.traces import TableShape
from pimsim.memory.traces.generators import MadeTrace, Recipe

DEVICE = load_device("ddr4_2400")
TABLES = (TableShape("a", 3000, 64), TableShape("b", 500, 200))


def trace(writes: float = 0.0, rows: int = 3000) -> MadeTrace:
    tables = (replace(TABLES[0], rows=rows), TABLES[1])
    return MadeTrace(Recipe("zipf", tables, 4000, 1, 4, 1.2, write_share=writes))


def placed(of: MadeTrace, cached: int):  # type: ignore[no-untyped-def]
    return place(of.header.tables, units_of(DEVICE, "bank"), "frequency_aware", profile(of), cached_rows=cached)


def test_the_cache_is_two_srams_of_its_size() -> None:
    of = trace()
    placement = placed(of, 40)
    cache = cache_of(placement)
    assert cache is not None
    keys = placement.hot_keys[placement.hot_unit == CACHED]
    words = np.where(keys[keys >= 0] < 3000, 1, 4).sum()
    assert (cache.rows, cache.capacity_bytes, cache.word_bytes) == (40, 64 * words, 64)
    technology = load_hardware("reram_128").technology
    at = process(load_hardware("reram_128"))
    rows = sram(at, technology.node_nm, technology.flavour, 512.0 * words, 512.0)
    directory = sram(at, technology.node_nm, technology.flavour, 80 * ENTRY_BITS, 2 * ENTRY_BITS)
    assert cache.read_pJ == pytest.approx(512 * rows.read_pJ)
    assert cache.write_pJ == pytest.approx(512 * rows.write_pJ)
    assert cache.directory_pJ == pytest.approx(2 * ENTRY_BITS * directory.read_pJ)
    assert cache.latency_ns == pytest.approx(rows.latency_ns + directory.latency_ns)
    older = cache_of(placement, load_hardware("isaac", overrides=["technology.node_nm=65"]))
    assert older is not None
    assert older.read_pJ > cache.read_pJ
    assert cache_of(placed(of, 0)) is None


def test_energy_is_prices_times_counts() -> None:
    cache = cache_of(placed(trace(), 40))
    assert cache is not None
    use = CacheUse(requests=100, hits=30, words=50, written=20)
    found = cache.energy_pJ(use, 1000.0)
    assert found["cache"] == pytest.approx(30 * cache.read_pJ + 20 * cache.write_pJ + 100 * cache.directory_pJ)
    assert found["cache_leakage"] == pytest.approx(1000.0 * cache.leakage_mW)
    assert cache.energy_pJ(CacheUse(), 0.0) == {"cache": 0.0, "cache_leakage": 0.0}
    assert cache.busy_ns(use) == 50 * cache.word_ns


def test_a_run_has_the_cache_beside_the_memory() -> None:
    of = trace(writes=0.3)
    placement = placed(of, 40)
    cache = cache_of(placement)
    assert cache is not None
    found = run_on(of, DEVICE, Policy(), placement)
    use = CacheUse()
    for chunk, unit, _ in placement.places(of.chunks()):
        use.count(unit, np.array([1, 4])[chunk["table"]], chunk["write"])
    assert use.requests == 4000
    assert 500 < use.hits < 4000
    assert found.requests == sum(int(np.array([1, 4])[c["table"]].sum()) for c in of.chunks()) - use.words
    assert found.counts["write"] + use.written == sum(
        int((np.array([1, 4])[c["table"]] * c["write"]).sum()) for c in of.chunks()
    )
    expected = cache.energy_pJ(use, found.time_ns)
    assert {name: found.energy_pJ[name] for name in expected} == pytest.approx(expected)
    assert "cache" not in run_on(of, DEVICE, Policy(), placed(of, 0)).energy_pJ


def test_where_all_is_cached_the_cache_says_how_long() -> None:
    of = trace(rows=100)
    placement = placed(of, 600)
    cache = cache_of(placement)
    assert cache is not None
    found = run_on(of, DEVICE, Policy(), placement)
    assert found.requests == 0
    words = sum(int(np.array([1, 4])[c["table"]].sum()) for c in of.chunks())
    assert found.time_ns == pytest.approx(cache.latency_ns + words * cache.word_ns, abs=DEVICE.ns(1.0))
    ranks = DEVICE.channels * DEVICE.organisation.ranks
    assert found.energy_pJ["background"] == pytest.approx(ranks * state_mW(DEVICE)[1] * found.time_ns)
