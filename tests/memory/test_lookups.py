"""Do the lookups of `pimsim run` cost what the engine says, cycle for cycle, in every way that asks for them?"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import pimsim
from pimsim.cost import batch
from pimsim.cost.points import Points
from pimsim.errors import InputError
from pimsim.graph.workload import Edge, Fetch, Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.mapping.columns import pack
from pimsim.memory.energy import energy_pJ
from pimsim.memory.lookup_trace import Rows, asked_of
from pimsim.memory.lookups import default_run, refresh_mW, run_of, sums_of, with_lookups, without_lookups
from pimsim.memory.placement.run import run_on
from pimsim.memory.setup import setup_of
from pimsim.memory.traces import write_trace
from pimsim.memory.traces.form import CHUNK, Header, TableShape
from pimsim.memory.traces.generators import MadeTrace
from pimsim.memory.traces.tables import model_recipe, model_tables


def hardware(*overrides: str, base: str = "reram_128_ddr4") -> Hardware:
    return load_hardware(base, overrides=["memory.banks.inferences=40", *overrides])


def by_bandwidth() -> Hardware:
    """Lookups as bits at a bandwidth and an energy a bit, as spilled weights are."""
    return load_hardware("reram_128", overrides=["memory.lookups=bandwidth"])


def model(rows: Sequence[int] = (1000, 50, 20000), lookups: int = 1, width: int = 16, pooled: bool = False) -> Workload:
    """Lookups of tables, each pooled or not, and one product of what they give."""
    layers = [
        Layer(
            f"emb{i}", "Gather", Kind.LOOKUP, (Edge(-1, lookups),), weight_key=f"table{i}", weight_elements=n * width,
            input_elements=lookups, output_elements=lookups * width, lookups=lookups, row_elements=width, table_rows=n,
        )
        for i, n in enumerate(rows)
    ]  # fmt: skip
    sources = list(range(len(rows)))
    given_elements = lookups * width
    if pooled:
        layers += [
            Layer(
                f"sum{i}", "ReduceSum", Kind.DIGITAL, (Edge(i, lookups * width),), input_elements=lookups * width,
                output_elements=width, vector_ops=lookups * width,
            )
            for i in sources
        ]  # fmt: skip
        sources, given_elements = [len(rows) + i for i in sources], width
    wide = given_elements * len(rows)
    edges = tuple(Edge(source, given_elements) for source in sources)
    product = Layer(
        "fc", "Gemm", Kind.MVM, edges, groups=1, rows=wide, cols=32, vectors=1, weight_key="w",
        weight_elements=wide * 32, input_elements=wide, fetched_elements=wide, output_elements=32,
    )  # fmt: skip
    return Workload("toy", (*layers, product), input_elements=lookups * len(rows), output_elements=32)


@settings(max_examples=15, deadline=None)
@given(
    rows=some.lists(some.integers(1, 5000), min_size=1, max_size=4),
    lookups=some.integers(1, 5),
    width=some.sampled_from([4, 16, 100]),
    scheduler=some.sampled_from(["fcfs", "frfcfs"]),
    page=some.sampled_from(["open", "closed"]),
    placement=some.sampled_from(["interleaved", "round_robin", "size_balanced"]),
    seed=some.integers(0, 9),
)
def test_the_cycles_of_the_lookup_layers_are_those_of_the_engine_on_the_same_trace(
    rows: list[int], lookups: int, width: int, scheduler: str, page: str, placement: str, seed: int
) -> None:
    machine = hardware(
        f"memory.banks.scheduler={scheduler}", f"memory.banks.page={page}", f"memory.banks.placement={placement}",
        f"memory.banks.seed={seed}",
    )  # fmt: skip
    workload = with_lookups(model(rows, lookups, width), machine)
    run = run_of(workload)
    assert run is not None
    setup, tables = setup_of(machine), model_tables(workload, 8)
    trace = MadeTrace(model_recipe(tables, 40, seed=seed))
    placed = None
    if placement != "interleaved":
        from pimsim.memory.placement.policies import place
        from pimsim.memory.placement.run import units_of

        placed = place(tables.tables, units_of(setup.device, "bank"), placement)
    engine = run_on(trace, setup.device, setup.policy, placed)
    assert sum(table.cycles for table in run.tables) == run.cycles == engine.cycles
    assert run.counts == engine.counts
    dynamic = sum(value for layer in workload.layers if layer.fetch for _, value in layer.fetch.energy_pJ)
    wanted = sum(engine.energy_pJ[part] for part in ("activate", "read", "write", "io")) / 40
    assert dynamic == pytest.approx(wanted)
    assert run.standby_mW["background"] * engine.time_ns == pytest.approx(engine.energy_pJ["background"])
    busy = sum(layer.fetch.busy_ns for layer in workload.layers if layer.fetch)
    assert busy * 40 == pytest.approx(engine.time_ns)


def test_one_row_of_an_idle_memory_takes_an_activate_and_a_read() -> None:
    machine = hardware("memory.banks.inferences=1")
    workload = with_lookups(model([1000]), machine)
    timing, fetch = setup_of(machine).device.timing, workload.layers[0].fetch
    assert fetch is not None
    cycles = timing.tRCD + timing.tCL + timing.burst
    assert fetch.busy_ns == fetch.latency_ns == pytest.approx(setup_of(machine).device.ns(cycles))
    assert fetch.wait_ns == 0.0


def test_refreshes_are_drawn_at_their_rate_however_short_the_stream() -> None:
    machine = hardware("memory.banks.inferences=60000", "memory.banks.scheduler=fcfs")
    run = run_of(with_lookups(model([1000]), machine))
    assert run is not None
    power = refresh_mW(setup_of(machine).device, setup_of(machine).policy)
    assert run.standby_mW["refresh"] == power
    assert run.counts["refresh"] > 50
    setup = setup_of(machine)
    one = energy_pJ(setup.device, refreshes=1)["refresh"]
    assert run.counts["refresh"] * one == pytest.approx(power * run.interval_ns * run.inferences, rel=0.05)


def test_tables_wait_for_each_other_but_not_where_layers_run_one_after_the_other() -> None:
    workload = with_lookups(model([100000] * 6, 4), hardware())
    fetches = [layer.fetch for layer in workload.layers if layer.fetch]
    assert fetches[-1].latency_ns > fetches[0].latency_ns
    assert fetches[-1].wait_ns > 0.0
    result = pimsim.simulate(workload, hardware(), compiled=False)
    serial = pimsim.simulate(workload, hardware("mapping.schedule=layer_by_layer"), compiled=False)
    run = run_of(workload)
    assert run is not None
    assert run.latency_ns >= max(fetch.latency_ns for fetch in fetches)
    ends = [float(row["end_ns"]) for row in result.layers if row["kind"] == "lookup"]  # type: ignore[arg-type]
    assert max(ends) >= max(fetch.latency_ns for fetch in fetches)
    took = sum(float(row["latency_ns"]) for row in serial.layers if row["kind"] == "lookup")  # type: ignore[arg-type]
    assert took == pytest.approx(run.latency_ns + 6 / 1.2, rel=0.05)  # and a clock a layer


def test_a_simulation_and_a_batch_agree_to_the_bit() -> None:
    machines = [hardware(), hardware("memory.banks.scheduler=fcfs"), load_hardware("reram_128"), by_bandwidth()]
    table = pimsim.evaluate([model()], machines)
    for row, machine in enumerate(machines):
        totals = pimsim.simulate(model(), machine, compiled=False).totals
        for name in ("energy_pJ", "latency_ns", "energy_static_pJ", "throughput_inferences_per_s", "area_um2"):
            assert table.data[name][row] == totals[name], (row, name)
    numbers = Points(hardware(), {"crossbar.adc.bits": [6, 8], "precision.weight_bits": [8, 16]})
    swept = pimsim.evaluate(model(), numbers)
    for row in range(2):
        one = pimsim.simulate(model(), numbers.hardware(row), compiled=False)
        assert swept.data["energy_pJ"][row] == one.totals["energy_pJ"]


def test_layers_components_and_parts_add_up_to_the_totals() -> None:
    result = pimsim.simulate(model(pooled=True, lookups=3), hardware(), compiled=False)
    found = result.lookups
    assert found is not None
    assert sum(row["energy_pJ"] for row in result.layers) == pytest.approx(result.totals["energy_pJ"])  # type: ignore[misc]
    assert result.components["memory"]["energy_pJ"] == pytest.approx(found["energy_pJ"])
    parts, power = found["parts"], found["standby_mW"]
    assert isinstance(parts, dict)
    assert isinstance(power, dict)
    interval = 1e9 / result.totals["throughput_inferences_per_s"]
    assert parts["background"] == pytest.approx(power["background"] * interval)
    assert result.components["memory"]["energy_static_pJ"] == pytest.approx(parts["background"] + parts["refresh"])
    assert set(parts) >= {"activate", "read", "io", "background", "refresh"}


def test_the_forms_of_the_report_have_the_lookups() -> None:
    result = pimsim.simulate(model(), hardware(), compiled=False)
    assert json.loads(result.to_json())["lookups"]["memory"] == "ddr4_2400"
    header, first, *_ = result.to_csv().splitlines()
    assert "energy_pJ_memory_activate" in header
    assert "memory_latency_ns" in header
    assert first.startswith("emb0")
    for text in (result.to_text(), result.to_html()):
        assert "Lookups by part" in text
        assert "Lookups by layer" in text
        assert "background" in text
    plain = pimsim.simulate(model(), by_bandwidth(), compiled=False)
    assert plain.lookups is None
    assert "lookups" not in plain.to_dict()
    assert "memory_busy_ns" not in plain.to_csv()


@pytest.mark.parametrize(
    ("kind", "memory"),
    [("hbm", "hbm2"), ("dram", "ddr4_2400"), ("ddr5", "ddr5_4800"), ("lpddr4", "lpddr4_3200"), ("nvm", "rram")],
)
def test_a_file_that_says_nothing_of_banks_has_those_of_its_kind_of_memory(kind: str, memory: str) -> None:
    machine = load_hardware("reram_128", overrides=[f"memory.kind={kind}"])
    found, named = (
        pimsim.simulate(model([1000]), machine, memory=source, compiled=False) for source in (None, memory)
    )
    assert found.lookups is not None
    assert found.lookups["memory"] == memory
    assert found.to_dict() == named.to_dict()


def test_a_memory_or_a_trace_turns_the_banks_on(tmp_path: Path) -> None:
    told = pimsim.simulate(model([1000]), by_bandwidth(), memory="hbm2", compiled=False).lookups
    assert told is not None
    assert told["memory"] == "hbm2"
    path = tmp_path / "rows.parquet"
    write(path, [("table0", 1000)], [[0, 1, 2], [3, 4, 5]])
    given_trace = pimsim.simulate(model([1000]), by_bandwidth(), trace=path, compiled=False).lookups
    assert given_trace is not None
    assert given_trace["memory"] == "hbm2"
    tables = given_trace["tables"]
    assert isinstance(tables, list)
    assert tables[0]["requests"] == 3.0
    assert tables[0]["row_bytes"] == 16


def test_lookups_left_out_leave_the_arithmetic() -> None:
    whole = pimsim.simulate(model(), hardware(), compiled=False)
    rest = pimsim.simulate(without_lookups(model()), hardware(), compiled=False)
    assert rest.components["memory"]["energy_pJ"] == 0.0
    assert rest.totals["latency_ns"] < whole.totals["latency_ns"]


def test_near_the_banks_rows_that_are_pooled_come_as_one_sum() -> None:
    pooled, single = model([5000] * 2, 8, pooled=True), model([5000] * 2, 8)
    assert (sums_of(pooled, 0), sums_of(single, 0)) == (1, 8)
    machine = hardware(base="reram_128_hbm2_near")
    runs = [run_of(with_lookups(one, machine)) for one in (pooled, single)]
    assert runs[0] is not None
    assert runs[1] is not None
    for run in runs:
        assert sum(table.cycles for table in run.tables) == run.cycles
    io = [sum(table.energy_pJ["io"] for table in run.tables) for run in runs]
    assert io[1] > io[0]
    assert sum(table.energy_pJ["reduction"] for table in runs[0].tables) > 0.0


def test_tables_in_crossbars_take_one_read_a_bag() -> None:
    machine = hardware(base="reram_128_tables")
    run = run_of(with_lookups(model([20], 4, pooled=True), machine))
    assert run is not None
    assert run.memory == "rerec"
    near = setup_of(machine).near
    assert near is not None
    assert near.spec.crossbar is not None
    crossbars = -(-16 // near.spec.crossbar.slice_bytes)  # side by side, for a row of 16 bytes
    assert run.counts["reads"] == 40 * crossbars


def test_tables_in_crossbars_have_the_area_of_whole_ones() -> None:
    machine = hardware(base="reram_128_tables")
    found = pimsim.simulate(model([20, 100]), machine, compiled=False)
    bare = pimsim.simulate(without_lookups(model([20, 100])), machine, compiled=False)
    # Rows of 16 bytes lie over two crossbars of 32 x 32 cells of 2 bits: (1 + 4) x 2 of them.
    one = 25 * 32 * 32 / 128**2 + 32 * 170 / 1024 + 32 * 40 / 1024 + (9600 / 8 + 60 / 2)
    assert found.lookups is not None
    assert found.lookups["area_um2"] == pytest.approx(10 * one, rel=1e-5)
    assert found.totals["area_um2"] - bare.totals["area_um2"] == pytest.approx(10 * one, rel=1e-5)
    assert sum(row["area_um2"] for row in found.layers) == pytest.approx(found.totals["area_um2"])  # type: ignore[misc]
    assert "area of its crossbars" in found.to_text()
    assert pimsim.simulate(model(), hardware(), compiled=False).totals["area_um2"] == bare.totals["area_um2"]


def test_a_table_without_its_rows_has_those_that_its_weights_make_or_that_it_is_asked_for() -> None:
    layers = model([1000, 50], 3).layers
    tables = [
        model_tables(Workload("toy", (replace(layers[0], table_rows=rows, weight_elements=elements),))).tables[0].rows
        for rows, elements in ((1000, 16000), (0, 16000), (0, 0))
    ]
    assert tables == [1000, 1000, 3]


def test_a_lookup_that_asks_for_nothing_takes_nothing() -> None:
    first, second, *rest = model([1000, 50]).layers
    for empty in ({"lookups": 0}, {"row_elements": 0}):
        idle = replace(second, **empty)  # type: ignore[arg-type]
        found = with_lookups(Workload("toy", (first, idle, *rest)), hardware())
        assert found.layers[0].fetch == with_lookups(Workload("toy", (first,)), hardware()).layers[0].fetch
        assert found.layers[1].fetch == Fetch()
        none = with_lookups(Workload("toy", (replace(idle, name="emb0"), idle, *rest)), hardware())
        assert run_of(none) is None
        assert pimsim.simulate(none, hardware(), compiled=False).lookups is None


def test_the_default_run_is_made_once() -> None:
    machine, tables = hardware(), model_tables(model(), 8)
    setup = setup_of(machine)
    assert default_run(setup, tables, (1, 1, 1)) is default_run(setup_of(machine), tables, (1, 1, 1))
    workload = model()
    assert with_lookups(workload, machine) is with_lookups(workload, machine)


def test_a_trace_goes_by_names_by_order_or_into_one_table() -> None:
    tables = model_tables(model([100, 50]), 8)

    def rows(*named: tuple[str, int]) -> MadeTrace:
        shapes = tuple(TableShape(name, n, 64) for name, n in named)
        return MadeTrace(model_recipe(model_tables(model([100, 50])), 4).__class__("uniform", shapes, 8))

    assert asked_of(rows(("table1", 50), ("table0", 100)), tables).table[:2].tolist() == [1, 0]
    assert asked_of(rows(("a", 100), ("b", 50)), tables).table[:2].tolist() == [0, 1]
    one = asked_of(rows(("a", 100), ("b", 50)), model_tables(model([150]), 8))
    assert one.table.tolist() == [0] * 8
    assert int(one.row[1]) >= 100
    assert one.part[:2].tolist() == [0, 1]
    assert np.array_equal(next(Rows(one).chunks())["row"], one.row)


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ([("table0", 99), ("users", 9)], "the trace has a table 'users', the model does not; its are table0, table1"),
        ([("a", 10), ("b", 10), ("c", 10)], "the trace has 3 tables with 30 rows, the model 2 tables with 150 rows"),
        ([("table0", 100)], "the trace asks for no row of table 'table1', which the model looks up"),
    ],
)
def test_a_trace_of_other_tables_is_refused(tmp_path: Path, named: list[tuple[str, int]], text: str) -> None:
    path = tmp_path / "rows.parquet"
    write(path, named, [[0] * len(named)])
    with pytest.raises(InputError, match=text):
        pimsim.simulate(model([100, 50]), hardware(), trace=path, compiled=False)


def test_a_row_that_the_model_has_not_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write(path, [("x", 5000)], [[7], [200]])
    text = "request 1 of the trace asks for row 200 of table 'table0', which has 100 rows in the model"
    with pytest.raises(InputError, match=text):
        pimsim.simulate(model([100]), hardware(), trace=path, compiled=False)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"the 1 tables take 640,000,000,000 bytes; ddr4_2400 holds"):
        pimsim.simulate(model([10**10]), hardware("memory.banks.inferences=1", "precision.weight_bits=32"))
    with pytest.raises(InputError, match=r"banks.device: no memory 'ddr4_2401' is shipped; did you mean 'ddr4_2400'"):
        hardware("memory.banks.device=ddr4_2401")
    with pytest.raises(InputError, match=r"memory.banks.near: no near memory 'trim' is shipped; did you mean 'trim_"):
        hardware("memory.banks.near=trim")
    with pytest.raises(InputError, match=r"rows take turns over the adders of hbm2_banks; give interleaved"):
        pimsim.simulate(model(), hardware("memory.banks.placement=round_robin", base="reram_128_hbm2_near"))
    with pytest.raises(InputError, match=r"with_lookups before it is packed; memory.lookups=bandwidth does without"):
        batch.evaluate(pack(model()), Points.of([hardware()]))
    product = Workload("product", (model().layers[-1],))
    with pytest.raises(InputError, match="looks no table up"):
        pimsim.simulate(product, hardware(), trace="absent.parquet")


def write(path: Path, named: list[tuple[str, int]], rows: list[list[int]]) -> None:
    """A trace file: bag i asks for rows[i], of one table after the other."""
    tables = tuple(TableShape(name, n, 64) for name, n in named)
    count = sum(map(len, rows))
    columns = {
        "bag": np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
        "table": (np.arange(count) % len(tables)).astype(np.int32),
        "row": np.array([row for one in rows for row in one], dtype=np.int64),
    }
    assert count < CHUNK
    write_trace(path, Header(("bag", "table", "row"), tables), iter([columns]))
