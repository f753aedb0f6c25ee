"""Results built by hand: random but fixed figures for a given list of layer names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pimsim.cost.evaluation import COMPONENTS, EXTRA_ROWS, Array, Evaluation, Schedule
from pimsim.cost.table import TOTALS
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Workload
from pimsim.report.result import Result

HOSTILE = ("x[/foo]", "<script>alert(1)</script>", "=cmd()", "\x1b[31mred", "$\\frac$", "@SUM(A1)", "a\nb", "+1\t&amp;")


def workload_of(names: Sequence[str], name: str = "net", notes: tuple[str, ...] = ()) -> Workload:
    """A chain of layers: products, with a move without cost at every fourth place."""
    layers = []
    for index, label in enumerate(names):
        inputs = (Edge(index - 1 if index else MODEL_INPUT, 1000),)
        if index % 4 == 3:
            layers.append(Layer(label, "Transpose", Kind.MOVE, inputs))
        else:
            layers.append(
                Layer(label, "Conv", Kind.MVM, inputs, 1, 64, 64, 100, weight_elements=4096, vector_ops=6400)
            )
    return Workload(name, tuple(layers), notes=notes, source="net.onnx", opset=17)


def evaluation_of(workload: Workload, seed: int = 0, pipelined: bool = True) -> Evaluation:
    """Fixed random figures; steps that only move data cost nothing."""
    rng = np.random.default_rng(seed)
    count = len(workload.layers)
    shape = (count + len(EXTRA_ROWS), len(COMPONENTS))
    products = np.array([layer.kind is Kind.MVM for layer in workload.layers], dtype=float)
    some = np.concatenate([products, [1.0, 1.0]])[:, None]
    dynamic = rng.lognormal(6, 2, shape) * some * (rng.random(shape) < 0.6)
    dynamic[-1] = 0
    static = rng.lognormal(4, 1, shape) * some
    area = rng.lognormal(9, 1, shape) * some
    critical = rng.lognormal(7, 1, count) * products
    end = np.cumsum(critical)
    latency = float(end[-1]) if count else 0.0
    pipeline = Schedule(latency, latency / 3, np.stack([end - critical, end, critical], axis=1))
    serial = Schedule(2 * latency, 2 * latency, 2 * pipeline.times_ns)
    crossbars = 4 * products
    chosen = pipeline if pipelined else serial
    return Evaluation(
        figures=figures_of(workload, dynamic, static, area, chosen, float(crossbars.sum())),
        energy_dynamic_pJ=dynamic,
        energy_static_pJ=static,
        area_um2=area,
        pipeline=pipeline,
        layer_by_layer=serial,
        pipelined=pipelined,
        sigmas=lambda: (np.full(len(COMPONENTS), 0.5), np.full(len(COMPONENTS), 0.25)),
        crossbars=crossbars,
        copies=products.copy(),
        cells=0.75 * 65536 * products,
        cells_allotted=65536 * products,
        weight_bits=8 * products,
        input_bits=8 * products,
        chips=2,
        crossbars_total=200,
        crossbars_used=int(crossbars.sum()),
        contexts=1,
        programming_energy_pJ=5e6,
        programming_latency_ns=2e7,
        cells_programmed=1e5,
        endurance_share=1e-8,
        rewrite_endurance_share=0.0,
    )


def figures_of(
    workload: Workload, dynamic: Array, static: Array, area: Array, schedule: Schedule, crossbars: float
) -> list[float]:
    """Totals that fit the matrices, in the order of `pimsim.cost.table.FIGURES`."""
    energy, total_um2 = float((dynamic + static).sum()), float(area.sum())
    throughput = 1e9 / schedule.interval_ns if schedule.interval_ns > 0 else 0.0
    power, tops = energy * 1e-12 * throughput, workload.ops * throughput * 1e-12
    totals = {
        "energy_pJ": energy, "latency_ns": schedule.latency_ns, "interval_ns": schedule.interval_ns,
        "throughput_inferences_per_s": throughput, "area_um2": total_um2, "power_W": power,
        "macs": float(workload.macs), "ops": float(workload.ops), "tops": tops,
        "tops_per_W": tops / power if power else 0.0, "tops_per_mm2": tops / total_um2 * 1e6 if total_um2 else 0.0,
        "crossbars": crossbars, "utilization": 0.75 if crossbars else 0.0,
        "energy_dynamic_pJ": float(dynamic.sum()), "energy_static_pJ": float(static.sum()),
        "crossbars_on_chips": 200.0, "chips": 2.0, "tiles": 12.0, "contexts": 1.0,
    }  # fmt: skip
    parts = [(dynamic + static).sum(axis=0), dynamic.sum(axis=0), static.sum(axis=0), area.sum(axis=0)]
    return [totals[name] for name in TOTALS] + np.concatenate(parts).tolist()


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """Build a Result: make_result(names, model=..., hardware=..., seed=..., warnings=...)."""

    def make(
        names: Sequence[str] = ("conv1", "conv2", "conv3", "move"),
        *,
        model: str = "net",
        hardware: str = "reram_128",
        seed: int = 0,
        pipelined: bool = True,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> Result:
        workload = workload_of(names, model, notes)
        info = {"name": hardware, "source": "reram_128.yaml", "technology": "ReRAM, 32 nm", "config": {"a": {"b": 1}}}
        return Result(workload, info, evaluation_of(workload, seed, pipelined), warnings)

    return make
