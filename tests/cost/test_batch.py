"""Is a row of a batched evaluation what `simulate()` gives at that point, to the bit?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pimsim
from pimsim.cost.batch import WORTH_COMPILING_LAYERS, WORTH_LANES, _worth_compiling
from pimsim.cost.networks import networks_of
from pimsim.cost.points import Points
from pimsim.cost.table import COLUMNS, FIGURES, INTERVALS, Table
from pimsim.data_files import data_folder
from pimsim.errors import InputError
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Unit, Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from validation.networks import vgg8, workload

from .test_engine import workloads

NAMES = sorted(path.stem for path in Path(data_folder("hwconfigs")).glob("*.yaml"))


def mvm(name: str, rows: int, cols: int, vectors: int, source: int, **more: Any) -> Layer:
    return Layer(
        name, "Conv", Kind.MVM, inputs=(Edge(source, rows * vectors, 0.2, 0.1),), groups=1, rows=rows, cols=cols,
        vectors=vectors, weight_elements=rows * cols, input_elements=rows * vectors, fetched_elements=rows * vectors,
        output_elements=cols * vectors, vector_ops=cols * vectors, **more,
    )  # fmt: skip


EVERY_KIND = Workload("every_kind", (
    Layer("table", "Gather", Kind.LOOKUP, (Edge(MODEL_INPUT, 9),), lookups=9, row_elements=33, table_rows=100,
          output_elements=297),
    mvm("conv1", 144, 40, 64, 0, weight_key="tied"),
    mvm("conv2", 300, 200, 16, 1),
    Layer("softmax", "Softmax", Kind.DIGITAL, (Edge(2, 3200),), vector_ops=100, special_ops=3200, input_elements=3200,
          output_elements=3200, unit=Unit.SOFTMAX),
    Layer("scores", "MatMul", Kind.DYNAMIC, (Edge(2, 640, 1.0), Edge(3, 640)), groups=4, rows=32, cols=16, vectors=20,
          input_elements=1280, output_elements=320),
    mvm("conv3", 144, 40, 64, 4, weight_key="tied"),
    Layer("grouped", "Conv", Kind.MVM, (Edge(5, 500, 0.5, 0.5),), groups=24, rows=9, cols=1, vectors=50, serial_steps=5,
          weight_elements=216, input_elements=1200, fetched_elements=1300, output_elements=1200, pool_ops=77),
    Layer("move", "Concat", Kind.MOVE, (Edge(6, 10), Edge(1, 20)), input_elements=30, output_elements=30),
))  # fmt: skip


@pytest.fixture(scope="module")
def models() -> list[Workload]:
    return [workload(vgg8()), EVERY_KIND]


def same(table: Table, row: int, model: Workload, machine: Hardware, **options: Any) -> None:
    """The row is what one run gives, or says why it fails."""
    try:
        result = pimsim.simulate(model, machine, **options)
    except InputError as fault:
        reason = str(fault)
    else:
        reason = ""
    assert table["error"][row] == reason
    if reason:
        assert all(math.isnan(table[name][row]) for name in (*FIGURES, *INTERVALS))
        return
    found = [table[name][row] for name in FIGURES]
    assert found == result.evaluation.figures
    totals = {name: value for name, value in result.totals.items() if name in table}
    assert {name: table[name][row] for name in totals} == totals
    for name in ("energy_pJ", "latency_ns", "area_um2"):
        ends = [table[f"{name}_low"][row], table[f"{name}_high"][row]]
        assert ends == result.intervals[f"{name}_interval"]


def test_every_shipped_file_and_its_figures(models: list[Workload]) -> None:
    machines = [load_hardware(name) for name in NAMES]
    table = pimsim.evaluate(models, machines)
    assert table.columns == COLUMNS
    assert len(table) == len(models) * len(machines)
    for row in range(len(table)):
        w, p = divmod(row, len(machines))
        assert (table["workload"][row], table["point"][row]) == (w, p)
        same(table, row, models[w], machines[p])


KNOBS: dict[str, list[Any]] = {
    "crossbar.rows": [32, 64, 96, 128, 512],
    "crossbar.columns": [128, 256, 384],
    "crossbar.active_rows": [None, 8, 32],
    "crossbar.cell.bits": [1, 2, 3],
    "crossbar.signed": ["differential", "offset", "sign_magnitude", "differential_rows"],
    "crossbar.dac.bits": [1, 2, 3],
    "crossbar.adc.kind": ["sar", "flash"],
    "crossbar.adc.bits": [4, 6, 9],
    "crossbar.adc.columns_per_adc": [4, 8, 64],
    "crossbar.adc.energy_pJ": [None, 0.5, 2.0],
    "crossbar.read_ns": [10.0, 33.3, 100.0],
    "pe.crossbars": [1, 6, 8],
    "tile.pes": [2, 3, 12],
    "tile.softmax.count": [0, 0, 1, 4],
    "tile.bus.width_bits": [64, 384],
    "tile.buffer.size_KB": [4.0, 64.0],
    "chip.tiles": [2, 40, 168],
    "chip.count": ["auto", 1, 2],
    "technology.supply_V": [0.8, 0.9, 1.0],
    "technology.node_nm": [22.0, 32.0, 45.0],
    "precision.weight_bits": [4, 8],
    "precision.input_bits": [1, 5, 8],
    "mapping.replication": ["balanced", "none"],
    "mapping.granularity": ["crossbar", "pe", "tile"],
    "mapping.capacity": ["chips", "spill"],
    "mapping.dynamic": ["digital", "crossbar"],
    "mapping.schedule": ["pipeline", "layer_by_layer"],
    "mapping.overlap": ["steps", "none"],
    "mapping.max_copies": [1, 3, 10**9],
}


SMALL = ["crossbar.cell.write.cells_at_once=32", "memory.banks.inferences=2"]


@st.composite
def grids(draw: st.DrawFn) -> Points:
    count = draw(st.integers(1, 2 * WORTH_LANES))
    paths = draw(st.lists(st.sampled_from(sorted(KNOBS)), max_size=6, unique=True))
    columns = {p: draw(st.lists(st.sampled_from(KNOBS[p]), min_size=count, max_size=count)) for p in paths}
    return Points(load_hardware("reram_128", overrides=SMALL), columns, count)


@given(workloads(), grids())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_networks_on_random_points(model: Workload, points: Points) -> None:
    table = pimsim.evaluate(model, points)
    for row in range(len(points)):
        try:
            machine = points.hardware(row)
        except InputError as fault:
            problems = set(fault.problems)
        else:
            problems = set()
        if problems:
            assert set(table["error"][row].split("; ")) == problems
            assert math.isnan(table["energy_pJ"][row])
            continue
        same(table, row, model, machine, compiled=bool(row % 2))


def test_wide_blocks_and_narrow_ones_agree() -> None:
    """Points of one group in blocks of many lanes, one by one, and as pairs."""
    rng = np.random.default_rng(3)
    values = {"crossbar.rows": rng.choice([64, 100, 256], 75), "crossbar.read_ns": rng.uniform(5, 200, 75)}
    points = Points(load_hardware("reram_128"), values)
    together = pimsim.evaluate(EVERY_KIND, points)
    paired = pimsim.evaluate([EVERY_KIND] * 75, points, pairs=True)
    assert np.array_equal(together["energy_pJ"], paired["energy_pJ"])
    for i in (0, 31, 32, 74):
        alone = pimsim.evaluate(EVERY_KIND, points.select([i]))
        assert all(alone[name][0] == together[name][i] for name in FIGURES)


def test_pairs_take_the_same_place(models: list[Workload]) -> None:
    points = Points(load_hardware("reram_128"), {"crossbar.rows": [64, 128]})
    table = pimsim.evaluate(models, points, pairs=True)
    assert table["workload"].tolist() == table["point"].tolist() == [0, 1]
    same(table, 0, models[0], points.hardware(0))
    same(table, 1, models[1], points.hardware(1))


def test_bits_of_layers() -> None:
    values = {"layers.conv*.weight_bits": [4, 8, 2, None], "layers.conv2.input_bits": [1, 8, None, 3]}
    points = Points(load_hardware("reram_128"), values)
    table = pimsim.evaluate(EVERY_KIND, points)
    for row in range(4):
        same(table, row, EVERY_KIND, points.hardware(row), layer_bits=points.layer_bits(row))


def test_columns_asked_for_are_the_columns_given() -> None:
    table = pimsim.evaluate(EVERY_KIND, "reram_128", columns=["adc_energy_pJ", "energy_pJ"])
    assert table.columns == ("workload", "point", "energy_pJ", "adc_energy_pJ", "error")
    assert table["energy_pJ"][0] == pimsim.simulate(EVERY_KIND, "reram_128").totals["energy_pJ"]
    only = pimsim.evaluate(EVERY_KIND, "reram_128", columns=["area_um2_high"])
    assert only.columns == ("workload", "point", "area_um2_high", "error")


def test_a_failed_point_leaves_the_others() -> None:
    values = {"crossbar.rows": [64, 128], "chip.count": [1, "auto"], "chip.tiles": [1, 168], "pe.crossbars": [1, 8]}
    table = pimsim.evaluate(EVERY_KIND, Points(load_hardware("reram_128"), values))
    assert "the model needs" in table["error"][0]
    assert "set chip.count to auto or to" in table["error"][0]
    assert math.isnan(table["latency_ns"][0])
    assert table["error"][1] == ""
    assert table["latency_ns"][1] > 0


def test_what_is_wrong_as_a_whole() -> None:
    points = Points(load_hardware("reram_128"), {"crossbar.rows": [64, 128]})
    with pytest.raises(InputError, match="pairs: 1 networks and 2 points; give as many of each"):
        pimsim.evaluate(EVERY_KIND, points, pairs=True)
    with pytest.raises(InputError, match="no column 'energy'; columns are energy_pJ, latency_ns"):
        pimsim.evaluate(EVERY_KIND, points, columns=["energy"])
    with pytest.raises(InputError, match="operands must be one of default, model; got 'real'"):
        pimsim.evaluate(EVERY_KIND, points, operands="real")
    with pytest.raises(InputError, match=r"expected Points, or hardware \(loaded, or file names\); got a int"):
        pimsim.evaluate(EVERY_KIND, 3)
    with pytest.raises(InputError, match="expected workloads, lists of layers or Networks; got a int"):
        pimsim.evaluate(3, points)
    with pytest.raises(InputError, match="no layer matches 'fc'; layers are table, conv1"):
        pimsim.evaluate(EVERY_KIND, Points(points.base, {"layers.fc.weight_bits": [4]}))
    with pytest.raises(InputError, match="no hardware points"):
        pimsim.evaluate(EVERY_KIND, [])


def test_a_first_small_batch_runs_without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives the same bits, failed rows included."""
    values = {"crossbar.rows": [64, 128, 256], "chip.tiles": [168, 1, 3], "chip.count": [1, 1, "auto"]}
    points = Points(load_hardware("reram_128"), values)
    compiled = pimsim.evaluate([EVERY_KIND] * 2, points)
    monkeypatch.setattr("pimsim.cost.batch._worth_compiling", lambda *_: False)
    plain = pimsim.evaluate([EVERY_KIND] * 2, points)
    for name in COLUMNS:
        assert np.array_equal(plain[name], compiled[name], equal_nan=name in (*FIGURES, *INTERVALS)), name
    monkeypatch.undo()
    monkeypatch.setattr("pimsim.cost.batch.is_ready", lambda *_: False)
    networks = networks_of(Workload("fresh", EVERY_KIND.layers))
    turns = WORTH_COMPILING_LAYERS // len(EVERY_KIND.layers)
    assert not _worth_compiling(networks, turns)
    assert _worth_compiling(networks, 1)
