"""Does a lookup table give what the simulator gives, network by network, in every way that it composes them?"""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pimsim.cost import rows as k
from pimsim.cost.array_file import read_arrays, write_arrays
from pimsim.cost.evaluation import Evaluation
from pimsim.cost.evaluator import evaluate
from pimsim.cost.lookup import FORMAT, LookupTable, lookup_table
from pimsim.cost.shapes import Choices
from pimsim.errors import InputError
from pimsim.hardware.schema import Hardware
from pimsim.mapping.columns import pack
from pimsim.memory.lookups import with_lookups
from validation.choice_spaces import cnn, encoder, recommender

from .random_spaces import machine, machines, spaces

FIGURES = ("energy_dynamic_pJ", "energy_static_pJ", "latency_ns", "interval_ns", "area_um2", "crossbars", "chips")
SPACES = {"cnn": cnn(4), "recommender": recommender(3), "encoder": encoder(3)}


def run(space: Choices, architecture: Any, hw: Hardware) -> Evaluation:
    """The network, simulated."""
    return evaluate(pack(with_lookups(space.workload(architecture), hw)), hw, compile_kernels=False)


def simulated(space: Choices, architecture: Any, hw: Hardware) -> list[float] | None:
    """FIGURES by the simulator; None where the network does not fit."""
    try:
        found = run(space, architecture, hw)
    except InputError:
        return None
    if found.contexts > 1:
        return None
    times = found.pipeline if found.pipelined else found.layer_by_layer
    energies = found.energy_dynamic_pJ.sum(), found.energy_static_pJ.sum()
    return [*energies, times.latency_ns, times.interval_ns, found.area_um2.sum(), found.crossbars_used, found.chips]


def agrees(space: Choices, architectures: Any, hw: Hardware, table: LookupTable, **options: Any) -> None:
    figures = table.compose(architectures, **options)
    for n, architecture in enumerate(architectures):
        truth = simulated(space, architecture, hw)
        assert bool(figures.fits[n]) == (truth is not None)
        if truth is not None:
            ours = [getattr(figures, name)[n] for name in FIGURES]
            assert ours == pytest.approx(truth, rel=1e-9, abs=1e-9), (FIGURES, ours, truth)


@given(spaces(), machines(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_tables_equal_the_simulator(space: Choices, hw: Hardware, seed: int) -> None:
    agrees(space, space.random(3, np.random.default_rng(seed)), hw, lookup_table(space, hw), compiled=False)


@given(spaces(), machines(mapping__replication="none"), st.integers(0, 2**32 - 1))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_settled_entries_give_what_the_general_kernel_gives(space: Choices, hw: Hardware, seed: int) -> None:
    table, architectures = lookup_table(space, hw), space.random(20, np.random.default_rng(seed))
    assert table._settled is not None
    fast, general = table.compose(architectures, compiled=True), table.compose(architectures, compiled=False)
    np.testing.assert_allclose(fast.rows, general.rows, rtol=1e-12, atol=1e-9)


@given(spaces(), machines(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_compiled_and_plain_agree_to_the_bit(space: Choices, hw: Hardware, seed: int) -> None:
    generator = np.random.default_rng(seed)
    architectures = space.random(5, generator)
    table = lookup_table(space, hw)
    copies = np.ones((5, table._longest()[0]))
    one, other = (table.compose(architectures, copies=copies, compiled=c) for c in (True, False))
    np.testing.assert_array_equal(one.rows, other.rows)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("replication", ["balanced", "none"])
@pytest.mark.parametrize("tiles", [2, 168])
def test_spaces_of_the_field(name: str, replication: str, tiles: int) -> None:
    space, hw = SPACES[name], machine(mapping__replication=replication, chip__tiles=tiles)
    table, generator = lookup_table(space, hw), np.random.default_rng(1)
    agrees(space, space.random(6, generator), hw, table, compiled=False)
    many = space.random(300, generator)
    plain, fast = table.compose(many[:40], compiled=False), table.compose(many, compiled=True)
    np.testing.assert_allclose(fast.rows[:40], plain.rows, rtol=1e-12)


@pytest.mark.parametrize("name", SPACES)
def test_given_copies_are_those_of_the_simulator(name: str) -> None:
    """The copies that the simulator allots, given layer by layer to a machine that copies nothing by itself."""
    space = SPACES[name]
    table = lookup_table(space, machine(mapping__replication="none", chip__count=1))
    for architecture in space.random(5, np.random.default_rng(2)):
        truth = run(space, architecture, machine(chip__count=1))
        copies = np.ones((1, table._longest()[0]))
        copies[0, : len(truth.copies)] = np.maximum(truth.copies, 1.0)
        assert copies.max() > 1.0
        found = table.compose(architecture, copies=copies)
        assert found.latency_ns[0] == pytest.approx(truth.pipeline.latency_ns, rel=1e-9)
        assert found.interval_ns[0] == pytest.approx(truth.pipeline.interval_ns, rel=1e-9)
        assert found.energy_dynamic_pJ[0] == pytest.approx(truth.energy_dynamic_pJ.sum(), rel=1e-9)
        assert found.crossbars[0] == truth.crossbars_used


def test_every_point_has_its_own_figures() -> None:
    space = SPACES["cnn"]
    several = [machine(crossbar__adc__bits=bits, name=f"adc{bits}") for bits in (6, 7, 8)]
    table, architectures = lookup_table(space, several), space.random(6, np.random.default_rng(3))
    assert table.points == ("adc6", "adc7", "adc8")
    at = np.array([0, 1, 2, 2, 1, 0])
    mixed = table.compose(architectures, at)
    for n, point in enumerate(at):
        alone = lookup_table(space, several[point]).compose(architectures[n])
        np.testing.assert_array_equal(mixed.rows[n], alone.rows[0])


@pytest.mark.parametrize("count", ["auto", 1])
def test_more_networks_do_not_change_the_answer(count: Any) -> None:
    """From 2,000 networks on another kernel runs; some do not fit a fixed chip."""
    space = SPACES["cnn"]
    for replication in ("none", "balanced"):
        table = lookup_table(space, machine(mapping__replication=replication, chip__count=count, chip__tiles=1))
        architectures = space.random(2500, np.random.default_rng(4))
        many, few = table.compose(architectures), table.compose(architectures[:100])
        np.testing.assert_allclose(many.rows[:100], few.rows, rtol=1e-12)
        assert many.fits.all() == (count == "auto")
        assert np.isinf(many.energy_pJ[~many.fits]).all()
        assert np.isfinite(many.rows[many.fits]).all()


def test_what_must_be_rewritten_does_not_fit() -> None:
    space = SPACES["cnn"]
    table = lookup_table(space, machine(chip__tiles=1, tile__pes=4, mapping__capacity="spill"))
    figures = table.compose(space.random(20, np.random.default_rng(5)))
    assert not figures.fits.all()
    assert (figures.rows[~figures.fits, k.O_STATUS] == k.SPILLS).all()


def test_all_networks_of_a_small_space() -> None:
    space, hw = cnn(1, widths=(1.0,)), machine()
    every = np.array(list(itertools.product(*(range(w) for w in space.widths))))
    agrees(space, every, hw, lookup_table(space, hw))


def test_round_trip(tmp_path: Path) -> None:
    space, path = SPACES["recommender"], tmp_path / "space.table"
    table = lookup_table(space, [machine(name="a"), machine(name="b", chip__tiles=9)])
    table.save(path)
    read = LookupTable.load(path)
    assert (read.name, read.points, read.widths) == (table.name, table.points, table.widths)
    assert read.nbytes == table.nbytes < path.stat().st_size
    base = read.prices
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    architectures, at = space.random(2200, np.random.default_rng(6)), np.arange(2200) % 2
    for options in ({}, {"compiled": True}):
        one, other = table.compose(architectures, at, **options), read.compose(architectures, at, **options)
        np.testing.assert_array_equal(one.rows, other.rows)
    again = tmp_path / "again.table"
    read.save(again)
    assert again.read_bytes() == path.read_bytes()


def told(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def test_what_compose_refuses() -> None:
    space = SPACES["recommender"]
    table = lookup_table(space, [machine(), machine(chip__tiles=9)])
    good, layers = np.zeros((2, 4), dtype=int), table._longest()[0]
    expected = "architectures are whole numbers, 4 a network; got int64 of shape (1, 3)"
    assert told(lambda: table.compose([0, 0, 0])) == expected
    expected = "architectures are whole numbers, 4 a network; got float64 of shape (1, 4)"
    assert told(lambda: table.compose([0.0, 0, 0, 0])) == expected
    expected = "architecture 1: block 2 has choices 0 to 15; got 16"
    assert told(lambda: table.compose([[0, 0, 0, 0], [0, 0, 16, 0]])) == expected
    assert told(lambda: table.compose(good, 2)) == "hardware points are 0 to 1; got 2"
    assert told(lambda: table.compose(good, [0, -1])) == "hardware points are 0 to 1; got -1"
    expected = "points must be one index, or one a network (2); got int64 (3,)"
    assert told(lambda: table.compose(good, [0, 0, 0])) == expected
    expected = "points must be one index, or one a network (2); got float64 ()"
    assert told(lambda: table.compose(good, 0.5)) == expected
    expected = f"copies must be 2 networks x {layers} layers (the longest network; pad with 1); got (2, 1)"
    assert told(lambda: table.compose(good, copies=[[1], [1]])) == expected
    for wrong in (1.5, 0.0, np.nan):
        call = partial(table.compose, good, copies=np.full((2, layers), wrong))
        assert told(call) == "copies must be whole numbers from 1 on"
    assert told(lambda: lookup_table(space, [])) == "a lookup table needs at least one hardware point"
    assert len(table.compose(np.zeros((0, 4), dtype=int)).rows) == 0


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    path = tmp_path_factory.mktemp("table") / "good.table"
    lookup_table(SPACES["recommender"], machine()).save(path)
    arrays, notes = read_arrays(path, "a lookup table")
    return {name: np.array(array) for name, array in arrays.items()}, notes


def refused(tmp_path: Path, arrays: Any, notes: Any) -> str:
    path = tmp_path / "bad.table"
    write_arrays(path, arrays, notes)
    return told(lambda: LookupTable.load(path)).replace(str(path), "FILE")


def test_files_that_are_no_table(tmp_path: Path, saved: Any) -> None:
    arrays, notes = saved
    told_format = f"FILE: format other; this version reads {FORMAT}: build the table again"
    assert refused(tmp_path, arrays, {**notes, "format": "other"}) == told_format
    assert "format none" in refused(tmp_path, arrays, {})
    less = {name: array for name, array in arrays.items() if name != "prices"}
    assert refused(tmp_path, less, notes) == "FILE: not a whole lookup table ('prices')"
    broken = refused(tmp_path, arrays, {**notes, "points": "[["})
    assert broken.startswith("FILE: not a whole lookup table (Expecting value")
    deep = refused(tmp_path, arrays, {**notes, "points": "[" * 100_000})
    assert deep.startswith("FILE: not a whole lookup table (")
    fit = "FILE: the table's arrays do not fit together; build it again"
    assert refused(tmp_path, arrays, {**notes, "points": '["a", "b"]'}) == fit
    for name in ("prices", "ways", "hardware", "spans"):
        for wrong in (np.nan, np.inf, -1.0):
            changed = arrays[name].copy()
            changed.reshape(-1)[0] = wrong
            assert refused(tmp_path, {**arrays, name: changed}, notes) == fit
    for name in arrays:
        assert refused(tmp_path, {**arrays, name: arrays[name][:-1]}, notes).startswith("FILE: the table's ")
        assert refused(tmp_path, {**arrays, name: arrays[name].astype(np.float32)}, notes) == fit
    empty = arrays["hardware"].copy()
    empty[0, k.Z_PER_CHIP] = 0.0
    expected = "FILE: a hardware point of the table has no crossbars; build it again"
    assert refused(tmp_path, {**arrays, "hardware": empty}, notes) == expected


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_numbers_are_refused_or_harmless(tmp_path: Path, saved: Any, data: st.DataObject) -> None:
    """Any index of a file may point anywhere: the table is refused, or composes without leaving its arrays."""
    arrays, notes = saved
    name = data.draw(st.sampled_from(["starts", "widths", "entries", "layers", "edges"]))
    changed = arrays[name].copy()
    at = data.draw(st.integers(0, changed.size - 1))
    changed.reshape(-1)[at] = data.draw(st.sampled_from([-(2**63), -5, -1, 0, 1, 3, 1000, 2**62]))
    path = tmp_path / "hostile.table"
    write_arrays(path, {**arrays, name: changed}, notes)
    try:
        table = LookupTable.load(path)
    except InputError:
        assert told(lambda: LookupTable.load(path)).endswith("do not fit together; build it again")
        return
    architectures = np.zeros((3, len(table.widths)), dtype=int)
    architectures[1:] = np.array(table.widths) - 1
    plain = table.compose(architectures, compiled=False)
    np.testing.assert_array_equal(table.compose(architectures, compiled=True).rows, plain.rows)
