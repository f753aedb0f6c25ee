"""Is there one engine? Compiled and plain agree to the bit, sums agree, and what cannot be done is said."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pimsim
from pimsim.cost.evaluation import Evaluation
from pimsim.errors import InputError
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Unit, Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    layers = []
    for i in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(list(Kind)))
        small, many = st.integers(1, 300), st.integers(0, 5000)
        rows = draw(st.sampled_from([1, 4, 56]))
        sources = draw(st.lists(st.integers(max(MODEL_INPUT, i - 4), i - 1), max_size=3, unique=True))
        product = kind in (Kind.MVM, Kind.DYNAMIC)
        steps = draw(st.sampled_from([1, 1, 1, 5]))
        layers.append(
            Layer(
                f"layer{i}",
                "Op",
                kind,
                inputs=tuple(Edge(s, draw(many), draw(st.sampled_from([1.0, 1 / rows])), 1 / rows) for s in sources),
                groups=draw(st.sampled_from([1, 1, 4, 40])) if product else 0,
                rows=draw(small) if product else 0,
                cols=draw(small) if product else 0,
                vectors=draw(many) * steps if product else 0,
                serial_steps=steps,
                weight_key=draw(st.sampled_from(["", "", "tied"])) if kind is Kind.MVM else "",
                weight_elements=draw(many),
                weight_bits=draw(st.sampled_from([None, None, 4, 16])),
                input_bits=draw(st.sampled_from([None, None, 1, 4])),
                input_elements=draw(many),
                fetched_elements=draw(many),
                output_elements=draw(many),
                vector_ops=draw(many),
                special_ops=draw(many),
                pool_ops=draw(many),
                unit=draw(st.sampled_from([None, None, *Unit])),
                lookups=draw(st.integers(0, 40)) if kind is Kind.LOOKUP else 0,
                row_elements=draw(small) if kind is Kind.LOOKUP else 0,
            )
        )
    return Workload("random", tuple(layers))


SMALL = ("crossbar.cell.write.cells_at_once=64", "memory.banks.inferences=2")
SETS = st.lists(
    st.sampled_from(
        [
            "crossbar.rows=64",
            "crossbar.columns=512",
            "crossbar.active_rows=16",
            "crossbar.cell.bits=1",
            "crossbar.signed=offset",
            "crossbar.dac.bits=4",
            "mapping.granularity=tile",
            "mapping.replication=none",
            "mapping.capacity=spill",
            "mapping.dynamic=crossbar",
            "mapping.input_reuse=none",
            "mapping.schedule=layer_by_layer",
            "chip.tiles=2",
            "tile.vector.count=0",
            "tile.softmax.count=2",
            "tile.normalisation.count=1",
            "memory.lookups=bandwidth",
        ]
    ),
    max_size=5,
    unique=True,
)


def arrays(evaluation: Evaluation) -> dict[str, object]:
    flat: dict[str, object] = {}
    for field in dataclasses.fields(evaluation):
        value = getattr(evaluation, field.name)
        if dataclasses.is_dataclass(value):
            flat.update({f"{field.name}.{f.name}": getattr(value, f.name) for f in dataclasses.fields(value)})
        elif not callable(value):
            flat[field.name] = value
    return flat


@given(workloads(), SETS)
@settings(max_examples=80)
def test_compiled_equals_plain_to_the_bit(workload: Workload, sets: list[str]) -> None:
    hardware = load_hardware("reram_128", overrides=[*sets, *SMALL])
    plain = arrays(pimsim.simulate(workload, hardware, compiled=False).evaluation)
    compiled = arrays(pimsim.simulate(workload, hardware, compiled=True).evaluation)
    for name, value in plain.items():
        assert np.array_equal(value, compiled[name]), name
        assert np.all(np.isfinite(np.asarray(value, dtype=float))), name
        assert np.all(np.asarray(value, dtype=float) >= 0), name


@given(workloads(), SETS)
@settings(max_examples=40)
def test_sums_of_one_matrix(workload: Workload, sets: list[str]) -> None:
    hardware = load_hardware("reram_128", overrides=[*sets, *SMALL])
    result = pimsim.simulate(workload, hardware, compiled=False)
    for key in ("energy_pJ", "area_um2"):
        total = result.totals[key]
        assert math.fsum(row[key] for row in result.layers) == pytest.approx(total, rel=1e-12)
        assert math.fsum(row[key] for row in result.components.values()) == pytest.approx(total, rel=1e-12)
    shares = math.fsum(row["latency_ns"] for row in result.layers)
    assert shares == pytest.approx(result.totals["latency_ns"], rel=1e-12)
    assert result.modes["layer_by_layer"]["latency_ns"] >= result.modes["pipeline"]["latency_ns"] * (1 - 1e-12)


def dense(rows: int = 1024, cols: int = 1024) -> Workload:
    layer = Layer(
        "fc", "Gemm", Kind.MVM, inputs=(Edge(MODEL_INPUT, rows),), groups=1, rows=rows, cols=cols, vectors=1,
        weight_elements=rows * cols, input_elements=rows, fetched_elements=rows, output_elements=cols,
    )  # fmt: skip
    return Workload("dense", (layer,))


def test_fixed_chips_too_small() -> None:
    hardware = load_hardware("reram_128", overrides=["chip.tiles=1", "chip.count=2"])
    expected = (
        r"the model needs 512 crossbars; 2 chip\(s\) of 96 have 192; set chip.count to auto or to 6, "
        r"or use --capacity spill"
    )
    with pytest.raises(InputError, match=expected):
        pimsim.simulate(dense(), hardware)


def test_chips_as_many_as_needed_or_spill() -> None:
    chips = pimsim.simulate(dense(), load_hardware("reram_128", overrides=["chip.tiles=1"]))
    assert chips.totals["chips"] == 6
    spill = pimsim.simulate(dense(), load_hardware("reram_128", overrides=["chip.tiles=1", "mapping.capacity=spill"]))
    assert spill.totals["chips"] == 1
    assert spill.components["programming"]["energy_pJ"] > 0
    assert spill.components["memory"]["energy_pJ"] > 0
    assert spill.totals["latency_ns"] > chips.totals["latency_ns"]
    assert spill.programming["rewrite_endurance_share"] > 0


def test_bits_of_run_and_layer() -> None:
    eight = pimsim.simulate(dense(), "reram_128")
    assert pimsim.simulate(dense(), "reram_128", input_bits=4).components["adc"]["energy_dynamic_pJ"] == pytest.approx(
        eight.components["adc"]["energy_dynamic_pJ"] / 2
    )
    four = pimsim.simulate(dense(), "reram_128", weight_bits=8, layer_bits={"f*": {"weight_bits": 3}})
    assert four.layers[0]["weight_bits"] == 3
    assert four.components["adc"]["energy_dynamic_pJ"] == pytest.approx(
        eight.components["adc"]["energy_dynamic_pJ"] / 4
    )


def test_errors_of_bits() -> None:
    with pytest.raises(InputError, match="no layer matches 'conv'; layers are fc"):
        pimsim.simulate(dense(), "reram_128", layer_bits={"conv": {"weight_bits": 3}})
    with pytest.raises(InputError, match="weight_bits must be a whole number from 1 to 32; got 0"):
        pimsim.simulate(dense(), "reram_128", weight_bits=0)


def test_a_dearer_price_moves_the_result() -> None:
    """Twice the energy a conversion, twice the ADC's dynamic energy, and nothing else."""
    one = pimsim.simulate(dense(), load_hardware("reram_128", overrides=["crossbar.adc.energy_pJ=1.0"]))
    two = pimsim.simulate(dense(), load_hardware("reram_128", overrides=["crossbar.adc.energy_pJ=2.0"]))
    for name, row in one.components.items():
        factor = 2.0 if name == "adc" else 1.0
        assert two.components[name]["energy_dynamic_pJ"] == factor * row["energy_dynamic_pJ"]


def test_idle_parts_leak() -> None:
    result = pimsim.simulate(dense(), load_hardware("reram_128", overrides=["mapping.replication=none"]))
    idle = result.layers[-1]
    assert idle["name"] == "idle"
    assert idle["energy_dynamic_pJ"] == 0
    assert idle["energy_static_pJ"] > result.layers[0]["energy_static_pJ"]
    assert idle["area_um2"] > 0


def test_a_loop_is_compiled_and_a_few_calls_are_not() -> None:
    """In a process of its own, since this one has compiled already."""
    code = (
        "import sys, pimsim; from pimsim.graph.workload import *\n"
        "layers = tuple(Layer(f'l{i}', 'Gemm', Kind.MVM, groups=1, rows=8, cols=8, vectors=1) for i in range(2000))\n"
        "model = Workload('w', layers); hw = pimsim.load_hardware('reram_128')\n"
        "first = pimsim.simulate(model, hw).totals; assert 'numba' not in sys.modules\n"
        "for _ in range(101): last = pimsim.simulate(model, hw).totals\n"
        "assert 'numba' in sys.modules and first == last; print('equal')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "equal", done.stderr


def test_public_surface() -> None:
    assert set(pimsim.__all__) <= set(dir(pimsim))
    assert isinstance(pimsim.load_hardware("isaac"), Hardware)
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        pimsim.simulat  # noqa: B018
