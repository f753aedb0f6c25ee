"""Does a lookup table hold lookups on the banks of a memory, where tables contend, as the simulator runs them?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pimsim
from pimsim.cost import rows as k
from pimsim.cost.array_file import read_arrays, write_arrays
from pimsim.cost.lookup import LookupTable, lookup_table
from pimsim.cost.shapes import PREVIOUS, Block, Candidate, Choices, back
from pimsim.errors import InputError
from pimsim.graph.workload import MODEL_INPUT, Edge, Fetch, Kind, Layer
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from validation.choice_spaces import recommender

from .random_spaces import MEMORIES, machine, machines, spaces
from .test_lookup import agrees

NEAR = "reram_128_hbm2_near"
SHIPPED = ("reram_128_ddr4", "reram_128", NEAR, "reram_128_tables")
on_banks = st.sampled_from(MEMORIES).flatmap(
    lambda banks: machines(memory__lookups="banks", memory__banks={**banks, "inferences": 3})
)


def told(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def made(space: Choices, hw: Hardware) -> LookupTable | None:
    """The table; None where a memory that adds rows cannot know which."""
    try:
        return lookup_table(space, hw)
    except InputError as found:
        if "added near the banks" in str(found) and hw.memory.banks.near is not None:
            return None
        raise


@given(spaces(on_banks=True), on_banks, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_tables_equal_the_simulator(space: Choices, hw: Hardware, seed: int) -> None:
    table = made(space, hw)
    if table is not None:
        agrees(space, space.random(3, np.random.default_rng(seed)), hw, table, compiled=False)


@given(spaces(on_banks=True), on_banks, st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_kernels_agree(space: Choices, hw: Hardware, seed: int) -> None:
    """Compiled to the bit; settled entries, where nothing is copied, to rounding."""
    table, architectures = made(space, hw), space.random(5, np.random.default_rng(seed))
    if table is None:
        return
    copies = np.ones((5, table.longest))
    one, other = (table.compose(architectures, copies=copies, compiled=c) for c in (True, False))
    np.testing.assert_array_equal(one.rows, other.rows)
    fast, general = (table.compose(architectures, compiled=c) for c in (True, False))
    np.testing.assert_allclose(fast.rows, general.rows, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("base", SHIPPED)
@pytest.mark.parametrize("schedule", ["pipeline", "layer_by_layer"])
@pytest.mark.parametrize("replication", ["balanced", "none"])
def test_shipped_memories(base: str, schedule: str, replication: str) -> None:
    """To the last digits, over several points at once: with `replication` none those settled beforehand."""
    overrides = [f"mapping.schedule={schedule}", f"mapping.replication={replication}", "memory.banks.inferences=20"]
    points = [
        load_hardware(base, overrides=overrides),
        load_hardware(base, overrides=[*overrides, "memory.lookups=bandwidth"]),
        load_hardware("reram_128", overrides=[*overrides, "memory.banks.device=ddr5_4800"]),
    ]
    space = recommender(2, batch=1)
    table, architectures = lookup_table(space, points), space.random(6, np.random.default_rng(1))
    at = np.arange(6) % 3
    for compiled in (True, False):
        found = table.compose(architectures, at, compiled=compiled)
        for n, architecture in enumerate(architectures):
            truth = pimsim.simulate(space.workload(architecture), points[at[n]], compiled=False).totals
            for name in ("energy_pJ", "energy_dynamic_pJ", "energy_static_pJ", "latency_ns", "area_um2"):
                assert getattr(found, name)[n] == pytest.approx(truth[name], rel=2e-15), name
    assert len(np.unique(table.compose(architectures[:1].repeat(3, 0), np.arange(3)).latency_ns)) == 3


def table_layer(name: str, rows: int = 1000, lookups: int = 4, key: str = "", bits: int | None = None) -> Layer:
    return Layer(
        name, "Gather", Kind.LOOKUP, (Edge(MODEL_INPUT, lookups),), weight_key=key, weight_elements=16 * rows,
        weight_bits=bits, input_elements=lookups, output_elements=16 * lookups, lookups=lookups, row_elements=16,
        table_rows=rows,
    )  # fmt: skip


def summed(name: str, source: int, lookups: int = 4) -> Layer:
    return Layer(
        name, "Add", Kind.DIGITAL, (Edge(source, 16 * lookups),), input_elements=16 * lookups, output_elements=16,
        vector_ops=16 * lookups,
    )  # fmt: skip


def dense(source: int, rows: int = 16) -> Layer:
    return Layer(
        "fc", "Gemm", Kind.MVM, (Edge(source, rows),), groups=1, rows=rows, cols=8, vectors=1,
        weight_elements=8 * rows, input_elements=rows, fetched_elements=rows, output_elements=8,
    )  # fmt: skip


def space_of(*blocks: Sequence[Sequence[Layer] | Candidate], names: Sequence[str] = ()) -> Choices:
    """One state a block."""
    return Choices(
        "toy",
        tuple(
            Block(
                names[at] if names else f"block{at}",
                (tuple(x if isinstance(x, Candidate) else Candidate(tuple(x)) for x in block),),
            )
            for at, block in enumerate(blocks)
        ),
    )


def hardware(base: str, *overrides: str) -> Hardware:
    return load_hardware(base, overrides=["memory.banks.inferences=10", *overrides])


def holds(space: Choices, hw: Hardware) -> LookupTable:
    table = lookup_table(space, hw)
    grid = np.meshgrid(*(np.arange(w) for w in space.widths), indexing="ij")
    every = np.stack(grid, axis=-1).reshape(-1, len(space.widths))
    agrees(space, every, hw, table, compiled=False)
    agrees(space, every, hw, table, compiled=True)
    return table


@pytest.mark.parametrize("base", SHIPPED)
def test_equal_lookups_beside_different_ones_take_different_times(base: str) -> None:
    """The same layer alone, twice (as two tables, and on one), beside a large table, with its rows added or not."""
    one, pooled = table_layer("a"), summed("a/pooling", 0)
    space = space_of(
        [
            [one, dense(0, 64)],
            [one, table_layer("b"), dense(0, 64)],
            [table_layer("a", key="t"), table_layer("b", key="t"), dense(1, 64)],
            [one, table_layer("b", 500_000, 30), dense(0, 64)],
            [one, pooled, dense(1)],
            [replace(one, name="pooling"), replace(pooled, name="pooling"), dense(1)],
            [dense(MODEL_INPUT)],
        ],
        [[dense(PREVIOUS, 8)], []],
    )
    for schedule in ("pipeline", "layer_by_layer"):
        table = holds(space, hardware(base, f"mapping.schedule={schedule}", "mapping.replication=none"))
        assert len(table.walk.rows) > 9
    first = table.prices[0, table.walk.layers[table.walk.entries[:5, k.N_FIRST], k.A_ROW]]
    assert len(np.unique(first[:, k.V_FIXED_NS])) >= 4
    assert (table.compose([[6, 0]]).energy_static_pJ < table.compose([[0, 0]]).energy_static_pJ).all()
    assert (first[:, k.V_STANDBY_MW] > 0.0).all() == (base != "reram_128_tables")


def test_lookups_of_two_blocks_are_refused() -> None:
    space = space_of([[table_layer("a")], [dense(PREVIOUS)]], [[dense(PREVIOUS, 64)]], [[table_layer("b")]])
    expected = (
        "reram_128_ddr4: blocks block0 and block2 both look rows up and contend for the banks, but a table of layers "
        "holds blocks one by one; --set memory.lookups=bandwidth, or use pimsim.evaluate"
    )
    assert told(lambda: lookup_table(space, "reram_128_ddr4")) == expected
    holds(space, hardware("reram_128_ddr4", "memory.lookups=bandwidth"))
    same = space_of([[table_layer("a")]], [[table_layer("b")]], names=["x", "x"])
    assert "blocks x and x both look rows up" in told(lambda: lookup_table(same, "reram_128"))


def test_lookups_that_bring_what_they_take_stand_anywhere() -> None:
    fetch = Fetch(10.0, 50.0, 30.0, (("read", 7.0),), (("background", 3.0),), 11.0)
    mine = replace(table_layer("a"), fetch=fetch)
    space = space_of([[mine, dense(0, 64)]], [[replace(mine, name="b"), dense(0, 64)], [dense(PREVIOUS, 8)]])
    for base in ("reram_128_ddr4", NEAR):
        for schedule in ("pipeline", "layer_by_layer"):
            table = holds(space, hardware(base, f"mapping.schedule={schedule}", "mapping.replication=none"))
    assert set(table.prices[0, :, k.V_HELD_UM2].tolist()) == {0.0, 11.0}


POOLS, FAR, PASSES = summed("next/pooling", PREVIOUS), summed("x/pooling", back(2)), Candidate(())
BESIDE = Candidate((table_layer("a"), summed("a/pooling", 0)), output=0)
REFUSED = {
    "another block pools": ([[[table_layer("a")]], [[POOLS], [dense(PREVIOUS, 64)]]], "block0", "block1"),
    "a block after one that hands on": ([[[table_layer("a")]], [PASSES], [[POOLS]]], "block0", "block2"),
    "two blocks on": ([[[table_layer("a")]], [[dense(MODEL_INPUT)]], [[FAR]]], "block0", "block2"),
    "read beside the block's own pooling": ([[BESIDE], [[dense(PREVIOUS, 64)]]], "block0", "block1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_another_block_adds_are_refused_near_the_banks(case: str) -> None:
    blocks, one, other = REFUSED[case]
    space = space_of(*blocks)  # type: ignore[arg-type]
    for base in (NEAR, "reram_128_tables"):
        assert told(lambda base=base: lookup_table(space, base)) == (  # type: ignore[misc]
            f"{base}: block {other} reads rows that block {one} looks up, so that no table of layers knows which of "
            "them are added near the banks; put pooling into one block with its lookup, --set "
            "memory.lookups=bandwidth, or use pimsim.evaluate"
        )
    holds(space, hardware("reram_128_ddr4"))


def test_rows_that_another_block_reads_one_by_one_are_taken_near_the_banks() -> None:
    beside = Candidate((table_layer("a"), dense(0, 64), summed("a/pooling", 0)), output=0)
    single = [table_layer("a", lookups=1)]
    readers = [[dense(PREVIOUS, 64)], [summed("sum", PREVIOUS)]]
    holds(space_of([[table_layer("a")], beside, single], readers), hardware(NEAR))
    holds(space_of([BESIDE]), hardware(NEAR))
    holds(space_of([[dense(MODEL_INPUT)]], [[table_layer("a"), summed("a/pooling", 0)]], [[POOLS]]), hardware(NEAR))


def test_what_no_run_of_the_memory_holds_is_refused_as_by_the_simulator() -> None:
    space, hw = space_of([[table_layer("a", 10**11)]]), hardware("reram_128_ddr4")
    assert told(lambda: lookup_table(space, hw)) == told(lambda: pimsim.simulate(space.workload([0]), hw))


def test_round_trip(tmp_path: Path) -> None:
    space, points = recommender(2, batch=1), [hardware(base) for base in SHIPPED]
    table, path = lookup_table(space, points), tmp_path / "banks.table"
    table.save(path)
    read = LookupTable.load(path)
    architectures = space.random(8, np.random.default_rng(2))
    for compiled in (True, False):
        one, other = (t.compose(architectures, np.arange(8) % 4, compiled=compiled) for t in (table, read))
        np.testing.assert_array_equal(one.rows, other.rows)
    arrays, notes = read_arrays(path, "a lookup table")
    prices = np.array(arrays["prices"])
    prices[0, 0, k.V_WAIT_NS] = prices[0, 0, k.V_FILL_NS] + 1.0
    write_arrays(path, {**arrays, "prices": prices}, notes)
    expected = "a lookup of the table waits longer than it takes; build it again"
    assert told(lambda: LookupTable.load(path)).endswith(expected)
    write_arrays(path, arrays, {**notes, "format": "pimsim-lookup-1"})
    assert "format pimsim-lookup-1; this version reads pimsim-lookup-2: build the table" in told(
        lambda: LookupTable.load(path)
    )


def test_spaces_without_lookups_leave_the_memory_side_alone() -> None:
    lines = (
        "import sys; from validation.choice_spaces import cnn, recommender",
        "from pimsim.cost.lookup import lookup_table",
        "from pimsim.hardware.load import load_hardware as load",
        "lookup_table(cnn(1), 'reram_128'); lookup_table(recommender(1), load('reram_128', overrides=[",
        "    'memory.lookups=bandwidth']))",
        "print([name for name in sys.modules if name.startswith('pimsim.memory')])",
    )
    found = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_default_hardware_of_the_other_tests_runs_lookups_on_banks() -> None:
    assert machine().memory.lookups == "banks"
