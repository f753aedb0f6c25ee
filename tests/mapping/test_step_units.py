"""Do softmax and normalisation take the tile's units for them where there are any, and vector units where not?"""

from __future__ import annotations

import pytest

from pimsim.components import prices
from pimsim.cost.evaluator import Raw, run_kernels
from pimsim.errors import InputError
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Unit, Workload
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row

N = 24_000
FEW = "tile.vector.count=4"


def step(unit: Unit | None, kind: Kind = Kind.DIGITAL, n: int = N) -> Layer:
    return Layer(
        "step", "Op", kind, inputs=(Edge(MODEL_INPUT, n),), input_elements=n, output_elements=n, vector_ops=3 * n,
        special_ops=2 * n, unit=unit,
    )  # fmt: skip


def run(layer: Layer, *sets: str) -> Raw:
    point = point_row(load_hardware("reram_128", overrides=(*sets, "tile.buffer.width_bits=65536")))
    return run_kernels(pack(Workload("w", (layer,))), [point], compile_kernels=False)


CASES = [(Unit.SOFTMAX, c.C_SOFTMAX, "tile.softmax"), (Unit.NORMALISATION, c.C_NORMALISATION, "tile.normalisation")]


@pytest.mark.parametrize(("unit", "column", "section"), CASES)
def test_without_units_the_operations_are_those_of_any_digital_step(unit: Unit, column: int, section: str) -> None:
    here, plain = run(step(unit)), run(step(None))
    assert here.counts.tolist() == plain.counts.tolist()
    assert here.totals.tolist() == plain.totals.tolist()
    assert here.counts[0, 0, c.C_VECTOR] == 3 * N
    assert here.counts[0, 0, c.C_ACTIVATION] == 2 * N
    assert here.counts[0, 0, column] == 0


@pytest.mark.parametrize(("unit", "column", "section"), CASES)
def test_with_units_an_element_is_an_action(unit: Unit, column: int, section: str) -> None:
    count = run(step(unit), f"{section}.count=2").counts[0, 0]
    assert count[column] == N
    assert count[c.C_VECTOR] == count[c.C_ACTIVATION] == 0
    plain = run(step(None), f"{section}.count=2").counts[0, 0]
    assert plain[column] == 0
    assert plain[c.C_VECTOR] == 3 * N


@pytest.mark.parametrize(("unit", "column", "section"), CASES)
def test_the_time_is_by_the_rate_of_the_unit(unit: Unit, column: int, section: str) -> None:
    clock_ns = 1 / load_hardware("reram_128").technology.clock_GHz
    for count in (1, 4, 8):
        raw = run(step(unit), f"{section}.count={count}")
        assert raw.mapped[0, 0, c.M_DURATION_NS] == pytest.approx(N * clock_ns / count)
        assert raw.totals[0, 1] == pytest.approx(N * clock_ns / count), "the stream waits for the unit"


def test_steps_on_different_units_do_not_wait_for_each_other_in_a_stream() -> None:
    def interval(*units: Unit | None) -> float:
        layers = tuple(step(unit, n=N) for unit in units)
        sets = ("tile.softmax.count=1", "tile.normalisation.count=1", "tile.buffer.width_bits=65536")
        point = point_row(load_hardware("reram_128", overrides=sets))
        return float(run_kernels(pack(Workload("w", layers)), [point], compile_kernels=False).totals[0, 1])

    one = interval(Unit.SOFTMAX)
    assert interval(Unit.SOFTMAX, Unit.NORMALISATION) == pytest.approx(one)
    assert interval(Unit.SOFTMAX, Unit.SOFTMAX) == pytest.approx(2 * one)


def test_only_digital_steps_run_on_them() -> None:
    product = Layer(
        "fc", "Gemm", Kind.MVM, inputs=(Edge(MODEL_INPUT, 64),), groups=1, rows=64, cols=64, vectors=1,
        weight_elements=4096, input_elements=64, fetched_elements=64, output_elements=64, vector_ops=64,
        unit=Unit.SOFTMAX,
    )  # fmt: skip
    count = run(product, "tile.softmax.count=1").counts[0, 0]
    assert (count[c.C_VECTOR], count[c.C_SOFTMAX]) == (64, 0)


@pytest.mark.parametrize(("section", "operations"), [("softmax", 7), ("normalisation", 8)])
def test_the_price_is_that_of_the_operations_within_a_factor_of_two(section: str, operations: int) -> None:
    """A unit does 7 or 8 additions, multiplications and table reads; vector units book half a product an operation."""
    hardware = load_hardware("reram_128", overrides=[f"tile.{section}.count=1", "tile.vector.bits=16"])
    price = prices(hardware)
    assert price[section].energy_pJ == pytest.approx(operations * price["vector"].energy_pJ, rel=0.5)
    assert price[section].area_um2 > price["vector"].area_um2


def test_explain_says_where_a_step_runs_without_units() -> None:
    assert prices(load_hardware("reram_128"))["softmax"].formula.startswith(
        "no unit of its own: softmax runs on the vector and activation units"
    )
    built = prices(load_hardware("reram_128", overrides=["tile.softmax.count=1"]))["softmax"]
    assert built.formula.startswith("two multiplications")


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(InputError, match=r"tile\.softmax\.count.*-1"):
        load_hardware("reram_128", overrides=["tile.softmax.count=-1"])
