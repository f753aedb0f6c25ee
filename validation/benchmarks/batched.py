"""Batched evaluation: whole networks a second over hardware points and over networks, on one core, `simulate()` beside.

Points and networks differ from those of the warm-up, and from repetition to repetition. A rate is printed as the time
of one evaluation, so that a bar is an upper bound as everywhere else.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pimsim.cost.lookup import lookup_table
from pimsim.cost.networks import Networks, networks_of
from pimsim.cost.points import Points
from pimsim.engine import evaluate, simulate
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns as c

from ..choice_spaces import recommender
from .measure import Measurement

LAYERS = 60
ASKED = ("energy_pJ", "latency_ns", "area_um2")
RATES = {"none": 300_000.0, "balanced": 50_000.0, "lists": 30_000.0, "arrays": 100_000.0, "lookups": 1_000_000.0}
"""Bars: whole networks a second."""

MNSIM_S = 0.158
"""MNSIM 2.0 on VGG-8, one evaluation (peers.yaml)."""

LAYER_MAPPINGS_PER_S = 1000.0
"""The best published batched cost model, on 16 cores."""

OPERATIONS = 230
"""Floating-point operations of a layer at a point, counted in the formulas of a product without replication: geometry
32, reads 22, place 14, times 38, counts 60, sums of components 22, traffic 36, both schedules 22."""

OPERATIONS_PER_CYCLE = 8.0
"""Two vector instructions of four float64 in a cycle (AVX2)."""


def chain(layers: int = LAYERS, seed: int = 0, name: str = "chain") -> Workload:
    """A chain of products of random shapes."""
    random = np.random.default_rng(seed)
    return Workload(name, tuple(product(i, *random.integers(64, 1024, 3).tolist()) for i in range(layers)))


def product(i: int, rows: int, cols: int, vectors: int) -> Layer:
    """The i-th layer of a chain: `vectors` products with a rows x cols matrix, then an operation a result."""
    return Layer(
        f"layer{i}", "Conv", Kind.MVM, inputs=(Edge(i - 1 if i else MODEL_INPUT, rows * vectors, 0.1, 0.05),), groups=1,
        rows=rows, cols=cols, vectors=vectors, weight_elements=rows * cols, input_elements=rows * vectors,
        fetched_elements=2 * rows * vectors, output_elements=cols * vectors, vector_ops=cols * vectors,
    )  # fmt: skip


def points(count: int, seed: int, replication: str) -> Points:
    """Hardware points that all differ: arrays, cells, converters, supply, and chips of 4,000 to 80,000 crossbars."""
    random = np.random.default_rng(seed)
    base = load_hardware("reram_128", overrides=[f"mapping.replication={replication}"])
    return Points(base, {
        "crossbar.rows": random.choice([64, 128, 256, 512], count),
        "crossbar.columns": random.choice([128, 256, 512], count),
        "crossbar.cell.bits": random.integers(1, 4, count),
        "crossbar.dac.bits": random.integers(1, 3, count),
        "crossbar.adc.bits": random.integers(5, 10, count),
        "crossbar.read_ns": random.uniform(20.0, 200.0, count),
        "pe.crossbars": random.integers(4, 17, count),
        "tile.pes": random.integers(8, 17, count),
        "chip.tiles": random.integers(120, 300, count),
        "technology.supply_V": random.uniform(0.8, 1.1, count),
    })  # fmt: skip


def timed(repetitions: int, prepare: Callable[[int], Any], call: Callable[[Any], object]) -> tuple[float, float]:
    """Seconds of `call` on what `prepare` makes for each repetition: wall clock and processor, the best of each."""
    walls, processor = [], []
    for repetition in range(repetitions + 1):  # the first is the warm-up
        given = prepare(repetition)
        begin, used = time.perf_counter(), time.process_time()
        call(given)
        walls.append(time.perf_counter() - begin)
        processor.append(time.process_time() - used)
    return min(walls[1:]), min(processor[1:])


def measured(key: str, name: str, count: int, seconds: tuple[float, float], detail: str = "") -> Measurement:
    """The time of one of `count` evaluations against its bar, with the rates."""
    wall, processor = seconds
    text = f"{count / wall:,.0f}/s, {count / processor:,.0f}/s of CPU; bar {RATES[key]:,.0f}/s{detail}"
    return Measurement(name, 1e6 * wall / count, "us", 1e6 / RATES[key], text)


def over_points(count: int = 100_000, repetitions: int = 3, singles: int = 200) -> list[Measurement]:
    """One network of 60 products on distinct points, without and with replication, and `simulate()` in a loop."""
    model, found = chain(), []
    for key, what in (("none", "without replication"), ("balanced", "replicated to the full budget")):
        seconds = timed(
            repetitions,
            lambda seed, key=key: points(count, seed, key),  # type: ignore[misc]
            lambda given: evaluate(model, given, columns=ASKED),
        )
        one = measured(key, f"evaluate(), {LAYERS} layers, {what}", count, seconds)
        few = points(singles, 99, key)
        machines = [few.hardware(i) for i in range(singles)]
        loop, _ = timed(2, lambda _, m=machines: m, lambda m: [simulate(model, one, compiled=True).totals for one in m])
        per_layer = seconds[0] / count / LAYERS
        ratio = f"{loop / singles / (seconds[0] / count):,.0f} x simulate() ({1e6 * loop / singles:,.0f} us) beside it"
        text = f"{ratio}; {MNSIM_S * count / seconds[0]:,.0f} x MNSIM 2.0; {1.0 / per_layer:,.0f} layer-points/s, "
        text += f"{1.0 / per_layer / LAYER_MAPPINGS_PER_S:,.0f} x the {LAYER_MAPPINGS_PER_S:,.0f}/s of 16 cores"
        found += [one, Measurement(f"  1 layer-point, {what}", 1e9 * per_layer, "ns", None, text)]
    return [*found, limit(found[1].value)]


def limit(layer_ns: float) -> Measurement:
    """The arithmetic of a layer-point at the processor's best, and what share of that is reached."""
    clock = clock_GHz()
    best = OPERATIONS / OPERATIONS_PER_CYCLE / clock
    detail = f"{OPERATIONS} operations, {OPERATIONS_PER_CYCLE:g} a cycle at {clock:.2f} GHz: {best / layer_ns:.0%}"
    detail += " reached; blocks stay in the cache"
    return Measurement("  arithmetic limit of a layer-point", best, "ns", None, detail)


def clock_GHz(cycles: int = 20_000_000) -> float:
    """Clock of this core while it computes: dependent additions of float64 take 3 cycles on Zen 3, 4 on Skylake; 3 is
    assumed."""
    from pimsim.jit import compiled

    add = compiled(additions)
    add(10)
    _, processor = timed(3, lambda _: cycles, add)
    return 3.0 * cycles / processor * 1e-9


def additions(count: int) -> float:
    """A sum that cannot be computed in another order."""
    total = 0.0
    for i in range(count):
        total += i * 1e-3
    return total


def over_networks(count: int = 5_000, repetitions: int = 3) -> list[Measurement]:
    """Different networks of 60 products on one point: as lists of layers out of a pool of 20 candidates a block, and as
    packed arrays."""
    one = Points(load_hardware("reram_128", overrides=["mapping.replication=none"]), {})
    random = np.random.default_rng(5)
    shapes = random.integers(64, 1024, (LAYERS, 20, 3)).tolist()
    pool = [[product(i, *shape) for shape in block] for i, block in enumerate(shapes)]

    def lists(seed: int) -> list[list[Layer]]:
        picks = np.random.default_rng(seed).integers(0, 20, (count, LAYERS)).tolist()
        return [[block[pick] for block, pick in zip(pool, row, strict=True)] for row in picks]

    def arrays(seed: int) -> Networks:
        made = networks_of([Workload("", tuple(layers)) for layers in lists(seed)[:50]])
        rows = np.tile(made.layers, (count // 50, 1))
        random = np.random.default_rng(seed)
        vectors = random.integers(64, 1024, len(rows)).astype(np.float64)
        rows[:, c.L_VECTORS] = rows[:, c.L_ALL_VECTORS] = vectors
        edges = np.tile(made.edges, (count // 50, 1))
        starts, offsets = np.arange(len(rows) + 1), np.arange(0, len(rows) + 1, LAYERS)
        return Networks(rows, edges, starts, offsets, np.tile(made.work, (count // 50, 1)))

    def call(given: Any) -> object:
        return evaluate(given, one, columns=ASKED)

    return [
        measured("lists", f"different networks, lists of {LAYERS} layers", count, timed(repetitions, lists, call)),
        measured("arrays", f"different networks, arrays of {LAYERS} layers", count, timed(repetitions, arrays, call)),
    ]


def lookups(count: int = 500_000, repetitions: int = 3) -> list[Measurement]:
    """Networks of a recommender space put together from a lookup table."""
    space = recommender()
    table = lookup_table(space, load_hardware("reram_128", overrides=["mapping.replication=none"]))
    seconds = timed(repetitions, lambda seed: space.random(count, np.random.default_rng(seed)), table.compose)
    return [measured("lookups", f"table lookups, {space.name}", count, seconds)]


def chunks(layer_points: float = 1e7, chunk: int = 50_000) -> list[Measurement]:
    """Evaluation in chunks: time a layer-point over that at a million, and the memory of the whole process."""
    model = chain()
    evaluate(model, points(1000, 0, "none"), columns=ASKED)

    def run(total: float) -> float:
        left, seed, used = round(total / LAYERS), 1, 0.0
        while left > 0:
            given = points(min(chunk, left), seed, "none")
            begin = time.process_time()
            evaluate(model, given, columns=ASKED)
            used += time.process_time() - begin
            left, seed = left - chunk, seed + 1
        return used / total

    base = min(run(1e6) for _ in range(3))
    long = run(layer_points)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    detail = f"{1e9 * long:.1f} ns a layer-point in chunks of {chunk:,} points, {1e9 * base:.1f} at 1e6 (CPU)"
    name = f"{layer_points:.0e} layer-points"
    return [
        Measurement(f"{name}: time over linear from 1e6 on", long / base, "x", 1.1, detail),
        Measurement(f"{name}: peak memory of the process", peak, "MB", 1000.0, "interpreter and compiler included"),
    ]


def batched() -> list[Measurement]:
    """All of the above."""
    return [*over_points(), *over_networks(), *lookups(), *chunks()]


def billion() -> list[Measurement]:
    """1e9 layer-points in chunks: minutes."""
    return chunks(1e9)
