"""Random choice spaces and hardware, for the properties of lookup tables and penalties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from pimsim.cost.shapes import Block, Candidate, Choices, back
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Unit
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

BASE = load_hardware("reram_128").model_dump(mode="json", exclude_none=True)
MEMORIES: tuple[dict[str, Any], ...] = (
    {"device": "ddr4_2400"},
    {"device": "hbm2", "scheduler": "fcfs"},
    {"near": "hbm2_banks"},
    {"near": "rerec"},
)
"""Values of `memory.banks`: plain memories, and two that add the rows of a bag."""


def machine(**settings: Any) -> Hardware:
    """The default hardware, with a short trace of its lookups, and settings by dotted path, `__` for the dots."""
    settings = {"memory__banks": {"inferences": 2}, **settings}
    tree = Hardware.model_validate(BASE).model_dump(mode="json", exclude_none=True)
    for path, value in settings.items():
        *folders, name = path.split("__")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = value
    return Hardware.model_validate(tree)


@st.composite
def machines(draw: st.DrawFn, **fixed: Any) -> Hardware:
    """Hardware that differs in what composition reads. Lookups are priced by bandwidth where nothing else is fixed."""
    fixed = {"memory__lookups": "bandwidth", **fixed}
    chosen = {
        "mapping__replication": st.sampled_from(["balanced", "none"]),
        "mapping__max_copies": st.sampled_from([10**9, 3]),
        "mapping__granularity": st.sampled_from(["crossbar", "pe", "tile"]),
        "mapping__dynamic": st.sampled_from(["digital", "crossbar"]),
        "mapping__input_reuse": st.sampled_from(["window", "none"]),
        "mapping__overlap": st.sampled_from(["steps", "none"]),
        "mapping__schedule": st.sampled_from(["pipeline", "pipeline", "layer_by_layer"]),
        "chip__tiles": st.sampled_from([1, 2, 9, 168]),
        "chip__count": st.sampled_from(["auto", "auto", 1, 3]),
        "pe__crossbars": st.sampled_from([1, 8]),
        "tile__pes": st.sampled_from([1, 3, 12]),
        "tile__softmax__count": st.sampled_from([0, 2]),
        "tile__normalisation__count": st.sampled_from([0, 2]),
        "network__router__tiles_per_router": st.sampled_from([1, 4]),
    }
    return machine(**{path: fixed.get(path, draw(value)) for path, value in chosen.items()}, **{
        path: value for path, value in fixed.items() if path not in chosen
    })  # fmt: skip


@st.composite
def layers(draw: st.DrawFn, name: str, at: int, key: str, kinds: Sequence[Kind] = tuple(Kind)) -> Layer:
    """Layer `at` of a candidate: of any of `kinds`, reading layers before it, blocks before, or the model's input."""
    kind = draw(st.sampled_from([Kind.MVM, Kind.MVM, *kinds]))
    small, many = st.integers(1, 300), st.integers(0, 3000)
    outside = st.sampled_from([MODEL_INPUT, back(1), back(1), back(2), back(3)])
    source = st.one_of(outside, st.integers(0, at - 1)) if at else outside
    rows = draw(st.sampled_from([1, 4, 56]))
    product, steps = kind in (Kind.MVM, Kind.DYNAMIC), draw(st.sampled_from([1, 1, 1, 5]))
    shared = kind is Kind.MVM and draw(st.integers(0, 3)) == 0
    return Layer(
        name,
        "Op",
        kind,
        inputs=tuple(
            Edge(s, draw(many), draw(st.sampled_from([1.0, 1 / rows])), 1 / rows)
            for s in draw(st.lists(source, max_size=3, unique=True))
        ),
        groups=1 if shared else draw(st.sampled_from([1, 1, 4])) if product else 0,
        rows=96 if shared else draw(small) if product else 0,
        cols=64 if shared else draw(small) if product else 0,
        vectors=draw(many) * steps if product else 0,
        serial_steps=steps,
        weight_key=key if shared else "",
        weight_elements=draw(many),
        input_bits=draw(st.sampled_from([None, None, 4])),
        input_elements=draw(many),
        fetched_elements=draw(many),
        output_elements=draw(many),
        vector_ops=draw(many),
        special_ops=draw(many),
        pool_ops=draw(many),
        unit=draw(st.sampled_from([None, None, *Unit])),
        lookups=draw(many) if kind is Kind.LOOKUP else 0,
        row_elements=draw(small) if kind is Kind.LOOKUP else 0,
    )


@st.composite
def tables(draw: st.DrawFn, name: str, at: int, key: str) -> Layer:
    """As `layers`, often a lookup of a small table, several of which may be the same, or what may pool one."""
    layer = draw(layers(name, at, key, (Kind.LOOKUP, Kind.LOOKUP, Kind.LOOKUP, Kind.DIGITAL, Kind.DIGITAL)))
    if layer.kind is Kind.LOOKUP:
        shared, width = draw(st.integers(0, 3)) == 0, draw(st.sampled_from([4, 8]))
        return replace(
            layer,
            weight_key=f"table {key}" if shared else "",
            lookups=draw(st.integers(1, 5)),
            row_elements=8 if shared else width,
            table_rows=500 if shared else draw(st.integers(1, 3000)),
        )
    return draw(pooling(layer))


@st.composite
def pooling(draw: st.DrawFn, layer: Layer) -> Layer:
    """`layer`; a digital one perhaps such that it adds the rows of the lookup that it reads."""
    if layer.kind is not Kind.DIGITAL or draw(st.booleans()):
        return layer
    return replace(layer, op="ReduceSum", output_elements=draw(st.sampled_from([8, 16])))


@st.composite
def spaces(draw: st.DrawFn, blocks: int = 4, choices: int = 3, on_banks: bool = False) -> Choices:
    """Blocks with one or two states, up to three layers a candidate, some without layers. on_banks: only one block has
    lookups, such that they run on banks."""
    count = draw(st.integers(1, blocks))
    looks_up = draw(st.integers(0, count - 1))
    others = tuple(kind for kind in Kind if kind is not Kind.LOOKUP)

    def layer(b: int, i: int) -> Layer:
        name, key = f"layer{i}", f"tied{b}"
        if not on_banks:
            return draw(layers(name, i, key))
        return draw(tables(name, i, key) if b == looks_up else layers(name, i, key, others).flatmap(pooling))

    states = [1, *(draw(st.integers(1, 2)) for _ in range(count - 1)), 1]
    made = []
    for b in range(count):
        width, rows = draw(st.integers(1, choices)), []
        for _ in range(states[b]):
            row = []
            for _ in range(width):
                depth = draw(st.integers(0, 3))
                inner = tuple(layer(b, i) for i in range(depth))
                output = draw(st.sampled_from([None, None, *range(depth), back(2), MODEL_INPUT]))
                row.append(Candidate(inner, draw(st.integers(0, states[b + 1] - 1)), output))
            rows.append(tuple(row))
        made.append(Block(f"block{b}", tuple(rows)))
    return Choices("random", tuple(made))
