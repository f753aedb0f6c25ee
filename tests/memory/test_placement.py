"""Does every row have one place that no other has, do loads even out, and does the engine see it?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.address import decode, stride_bytes
from pimsim.memory.device import load_device
from pimsim.memory.placement import kernels as kernels
from pimsim.memory.placement.policies import POLICIES, Placement, Profile, Units, load_of, place, profile
from pimsim.memory.placement.run import accesses, address_fields, run_on, units_of
from pimsim.memory.policy import Policy
from pimsim.memory.traces import Chunk, Header, TableShape
from pimsim.memory.traces.generators import Recipe, even_tables

DEVICE = load_device("ddr4_2400")
MAPPING = Policy().mapping


class Made:
    """A trace in memory."""

    def __init__(self, header: Header, chunks: Sequence[Chunk]):
        self.header, self.pieces = header, chunks
        self.requests: int | None = sum(len(chunk["row"]) for chunk in chunks)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        for chunk in self.pieces:
            yield {name: values for name, values in chunk.items() if columns is None or name in columns}


def every_row(tables: Sequence[TableShape]) -> Made:
    """Each row of each table once, tables after one another."""
    table = np.repeat(np.arange(len(tables), dtype=np.int32), [t.rows for t in tables])
    row = np.concatenate([np.arange(t.rows) for t in tables])
    return Made(Header(("table", "row"), tuple(tables)), [{"table": table, "row": row}])


def made(recipe: Recipe) -> Made:
    return Made(recipe.header(), list(recipe.chunks(5000)))


def located(placement: Placement, trace: Made) -> tuple[np.ndarray, np.ndarray]:
    parts = [(unit, offset) for _, unit, offset in placement.places(trace.chunks())]
    return np.concatenate([unit for unit, _ in parts]), np.concatenate([offset for _, offset in parts])


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([4, 24, 64, 100, 200])), min_size=1, max_size=6),
    st.integers(1, 5),
    st.integers(0, 40),
    st.sampled_from(POLICIES),
    st.integers(0, 6),
)
def test_every_row_has_a_place_of_its_own(
    shapes: list[tuple[int, int]], count: int, spare: int, policy: str, hot: int
) -> None:
    """Or the tables do not fit, which must then be nearly so."""
    tables = [TableShape(f"t{i}", rows, size) for i, (rows, size) in enumerate(shapes)]
    needed = sum(table.rows * stride_bytes(table.row_bytes, 64) for table in tables)
    units = Units("bank", count, -(-needed // count) + 64 * spare, 64)
    trace = every_row(tables)
    known = profile(trace)
    if spare >= 1 + 5 * len(tables) + 4 * hot:  # room enough for what is lost at the ends of units
        placement = place(tables, units, policy, known, hot_rows=hot)
    else:
        try:
            placement = place(tables, units, policy, known, hot_rows=hot)
        except InputError:
            return
    unit, offset = located(placement, trace)
    size = np.array([table.row_bytes for table in tables])[trace.pieces[0]["table"]]
    assert unit.min() >= 0
    assert unit.max() < count
    assert (offset + size <= units.capacity_bytes).all()
    order = np.lexsort((offset, unit))
    for a, b in itertools.pairwise(order):
        assert unit[a] != unit[b] or offset[a] + size[a] <= offset[b]
    # A row touches no more accesses than it must.
    assert ((offset + size - 1) // 64 - offset // 64 + 1 == -(-size // 64)).all()


def test_round_robin_deals_tables_out_and_goes_on_where_a_unit_is_full() -> None:
    tables = [TableShape("a", 4, 64), TableShape("b", 1, 64), TableShape("c", 2, 64)]
    placement = place(tables, Units("channel", 2, 256), "round_robin")
    unit, offset = located(placement, every_row(tables))
    assert unit.tolist() == [0, 0, 0, 0, 1, 1, 1], "the first channel is full when c comes round to it"
    assert offset.tolist() == [0, 64, 128, 192, 0, 64, 128]


def test_size_balanced_fills_units_alike() -> None:
    tables = [TableShape("big", 1000, 64), TableShape("small", 10, 64), TableShape("other", 200, 128)]
    units = Units("bank", 8, 2**20)
    even = place(tables, units, "size_balanced").used_bytes
    assert even.max() - even.min() <= 20 * 64
    assert place(tables, units, "round_robin").used_bytes.max() == 64_000


@pytest.mark.parametrize("policy", POLICIES)
def test_too_large_tables_are_an_error_with_the_sizes(policy: str) -> None:
    tables = [TableShape("a", 100, 64), TableShape("b", 50, 128)]
    nothing = Profile(*(np.empty(0, dtype=np.int64) for _ in range(4)))
    with pytest.raises(InputError) as raised:
        place(tables, Units("crossbar", 3, 4096), policy, nothing)
    assert str(raised.value) == (
        "the 2 tables take 12,800 bytes (the largest, 'a', 6,400); 3 crossbars of 4,096 bytes hold 12,288"
    )
    assert place(tables, Units("crossbar", 4, 4096), policy, nothing).used_bytes.sum() >= 12_800


def test_tables_larger_than_the_memory_are_refused_on_it() -> None:
    trace = Made(Header(("table", "row"), even_tables(2, 2**28, 64)), [])
    with pytest.raises(InputError, match="the 2 tables take 34,359,738,368 bytes; ddr4_2400 holds 17,179,869,184"):
        next(accesses(trace, DEVICE, Policy()))
    with pytest.raises(InputError, match=r"the 2 tables take .* 32 banks of 536,870,912 bytes hold 17,179,869,184"):
        place(trace.header.tables, units_of(DEVICE, "bank"), "round_robin")


def test_hot_rows_are_spread_and_copied_and_cached() -> None:
    trace = made(Recipe("zipf", even_tables(2, 5000, 64), 40_000, 3, pooling=8, exponent=1.2))
    units = units_of(DEVICE, "bank")
    known = profile(trace)
    first = load_of(place(trace.header.tables, units, "round_robin"), trace)
    striped = load_of(place(trace.header.tables, units, "frequency_aware", known, hot_rows=0), trace)
    spread = load_of(place(trace.header.tables, units, "frequency_aware", known), trace)
    copied = load_of(place(trace.header.tables, units, "frequency_aware", known, copied_rows=20), trace)
    assert first.imbalance == pytest.approx(16.0), "two tables on two of 32 banks"
    assert first.imbalance > striped.imbalance > spread.imbalance > copied.imbalance
    assert copied.imbalance < 1.01
    assert first.busiest_of_bag > striped.busiest_of_bag > copied.busiest_of_bag
    hottest = int(known.counts[0])
    assert spread.imbalance == pytest.approx(hottest / (40_000 / 32), rel=0.05), "one row cannot be divided"
    cached = load_of(place(trace.header.tables, units, "frequency_aware", known, cached_rows=20), trace)
    assert cached.cached == int(known.counts[:20].sum())
    assert cached.by_unit.sum() == 40_000 - cached.cached
    assert {load.bags for load in (first, striped, spread, copied, cached)} == {2500}


def test_rows_that_are_asked_for_together_come_apart() -> None:
    """Four rows, alike often asked for: 0 with 1, and 2 with 3. On two units no pair may share one."""
    rows = np.array([0, 1, 2, 3] * 50)
    trace = Made(
        Header(("bag", "table", "row"), even_tables(1, 64, 64)),
        [{"bag": np.repeat(np.arange(100), 2), "table": np.zeros(200, dtype=np.int32), "row": rows}],
    )
    placement = place(trace.header.tables, Units("bank", 2, 2**20), "frequency_aware", profile(trace))
    unit, _ = located(placement, trace)
    assert unit[0] != unit[1]
    assert unit[2] != unit[3]
    assert load_of(placement, trace).busiest_of_bag == 1.0


def test_the_load_of_bags_worked_out_by_hand() -> None:
    """Rows 0 and 2 are on unit 0, rows 1 and 3 on unit 1; bags 0 0 2 | 1 3 | 0: their busiest units have 3, 2, 1."""
    trace = Made(
        Header(("bag", "table", "row"), even_tables(1, 4, 64)),
        [
            {"bag": np.array([0, 0]), "table": np.zeros(2, dtype=np.int32), "row": np.array([0, 0])},
            {"bag": np.array([0, 1, 1, 5]), "table": np.zeros(4, dtype=np.int32), "row": np.array([2, 1, 3, 0])},
        ],
    )
    nothing = Profile(*(np.empty(0, dtype=np.int64) for _ in range(4)))
    load = load_of(place(trace.header.tables, Units("bank", 2, 4096), "frequency_aware", nothing), trace)
    assert load.by_unit.tolist() == [4, 2]
    assert (load.bags, load.busiest_of_bag) == (3, pytest.approx(2.0))
    assert load.imbalance == pytest.approx(4 / 3)


@given(st.integers(0, 2**32), st.integers(2, 12))
def test_the_kernels_are_their_plain_lines(seed: int, hot: int) -> None:
    random = np.random.default_rng(seed)
    bag, number = np.sort(random.integers(0, 5, 60)), random.integers(-1, hot, 60)
    pairs = [np.zeros((hot, hot), dtype=np.int32) for _ in range(2)]
    for function, out in zip((kernels.together, compiled(kernels.together)), pairs, strict=True):
        function(bag, number, out, np.zeros(50, dtype=np.int64))
    assert (pairs[0] == pairs[1]).all()
    assert (pairs[0] == pairs[0].T).all()
    counts = np.sort(random.integers(1, 100, hot))[::-1].copy()
    units = [np.zeros(hot, dtype=np.int64) for _ in range(2)]
    loads = [random.integers(0, 3, 4) for _ in range(1)] * 2
    for function, out in zip((kernels.spread, compiled(kernels.spread)), units, strict=True):
        function(counts, pairs[0], loads[0].copy(), np.zeros(4, dtype=np.int64), out)
    assert (units[0] == units[1]).all()
    tables = [TableShape("a", 30, 64), TableShape("b", 40, 200)]
    table = random.integers(0, 2, 60).astype(np.int32)
    trace = Made(Header(("table", "row"), tuple(tables)), [{"table": table, "row": random.integers(0, 30, 60)}])
    placement = place(tables, Units("bank", 4, 2**20), "frequency_aware", profile(trace), hot_rows=9, copied_rows=3)
    plain = [np.zeros(60, dtype=np.int64) for _ in range(2)]
    kernels.locate(
        table, trace.pieces[0]["row"], trace.header.first_rows(), placement.pieces, placement.first_piece, 4,
        placement.hot_keys, placement.hot_unit, placement.hot_offset, np.zeros(1, dtype=np.int64), *plain,
    )  # fmt: skip
    assert all((a == b).all() for a, b in zip(plain, located(placement, trace), strict=True))


@settings(max_examples=30)
@given(
    st.permutations(MAPPING.split()),
    st.sampled_from(["channel", "rank", "bank"]),
    st.sampled_from(["ddr4_2400", "hbm2"]),
)
def test_places_become_addresses(fields: list[str], kind: str, name: str) -> None:
    """Every unit and offset has one address, and the memory finds the unit in it."""
    device, mapping = load_device(name), " ".join(fields)
    units = units_of(device, kind)
    random = np.random.default_rng(1)
    unit = random.integers(0, units.count, 300)
    offset = random.integers(0, units.capacity_bytes // device.access_bytes, 300) * device.access_bytes
    parts = address_fields(device, mapping, kind)
    out, empty = np.zeros(300, dtype=np.int64), np.empty(0, dtype=np.int64)
    zero = np.zeros(300, dtype=np.int32)
    one = np.ones(1, dtype=np.int64)
    for function in (kernels.composed, compiled(kernels.composed)):
        assert function(zero, unit, offset, one, device.access_bytes, parts, empty, empty, out, empty, empty) == 300
        found = decode(device, mapping, out)
        shape = device.organisation
        number = found["channel"] + shape.channels * found["pseudo"]
        if kind == "rank":
            number += shape.channels * shape.pseudo_channels * found["rank"]
        if kind == "bank":
            number += device.channels * (
                found["group"]
                + shape.bank_groups * (found["bank"] + shape.banks_per_group * found["rank"])
            )  # fmt: skip
        assert (number == unit).all()
        assert len(set(out.tolist())) == len(set(zip(unit.tolist(), offset.tolist(), strict=True)))
        assert out.max() < device.capacity_bytes


def test_rows_become_bursts() -> None:
    """A row of 200 bytes is 4 accesses of 64 bytes, one of 32 shares one; writes and arrivals go along."""
    header = Header(("table", "row", "write", "arrival_ns"), (TableShape("a", 9, 200), TableShape("b", 9, 32)))
    chunk = {
        "table": np.array([0, 1, 0], dtype=np.int32), "row": np.array([1, 3, 0]),
        "write": np.array([1, 0, 0], dtype=np.uint8), "arrival_ns": np.array([0, 10, 1000]),
    }  # fmt: skip
    ((count, (address, write, arrival)),) = accesses(Made(header, [chunk]), DEVICE, Policy())
    assert count == 3
    assert address.tolist() == [256, 320, 384, 448, 9 * 256 + 96, 0, 64, 128, 192]
    assert write is not None
    assert write.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert arrival is not None
    assert arrival.tolist() == [0, 0, 0, 0, 12, 1200, 1200, 1200, 1200], "1200 MHz"
    result = run_on(Made(header, [chunk]), DEVICE, Policy())
    assert (result.counts["read"], result.counts["write"]) == (5, 4)
    placement = place(header.tables, units_of(DEVICE, "channel"), "round_robin")
    ((_, (placed, *_)),) = accesses(Made(header, [chunk]), DEVICE, Policy(), placement)
    assert placed.tolist() == address.tolist(), "one channel: the same line of bytes"
    without = accesses(Made(header, [chunk]), DEVICE, Policy(), arrivals=False)
    assert next(without)[1][2] is None


def test_an_even_placement_is_faster() -> None:
    trace = made(Recipe("zipf", even_tables(2, 5000, 64), 20_000, 3, pooling=8, exponent=1.2))
    units = units_of(DEVICE, "bank")
    first = run_on(trace, DEVICE, Policy(), place(trace.header.tables, units, "round_robin"))
    known = profile(trace)
    even = run_on(trace, DEVICE, Policy(), place(trace.header.tables, units, "frequency_aware", known, copied_rows=20))
    assert first.requests == even.requests == 20_000
    assert even.cycles < 0.5 * first.cycles
    told: list[int] = []
    cached = place(trace.header.tables, units, "frequency_aware", known, cached_rows=100)
    served = run_on(trace, DEVICE, Policy(), cached, told.append)
    assert told == [5000, 10_000, 15_000, 20_000]
    assert served.requests == 20_000 - load_of(cached, trace).cached


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Units("bank", 0, 64), "units: count must be from 1 to 1,048,576; got 0"),
        (lambda: place([], Units("bank", 1, 64), "best"), "placement must be one of round_robin, size_balanced, freq"),
        (lambda: place([], Units("bank", 1, 64), "round_robin", hot_rows=5000), "hot rows must be from 0 to 4,096"),
        (lambda: place([], Units("bank", 1, 64), "frequency_aware"), "placement frequency_aware needs a profile"),
        (lambda: units_of(DEVICE, "tile"), "units must be one of channel, rank, bank; got 'tile'"),
        (lambda: profile(Made(Header(("address",)), [])), "a trace of table rows is needed; this one has"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, said: str) -> None:
    with pytest.raises(InputError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value).startswith(said)
