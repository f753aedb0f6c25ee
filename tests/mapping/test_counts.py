"""Does each circuit act as often as geometry says? Closed forms for one layer, doubled and emptied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pimsim.cost.evaluator import run_kernels
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.counts import hops
from pimsim.mapping.point import point_row


def conv(name: str = "conv", size: int = 8, cin: int = 16, cout: int = 32, groups: int = 1, source: int = MODEL_INPUT):
    rows, cols, vectors = cin // groups * 9, cout // groups, size * size
    return Layer(
        name,
        "Conv",
        Kind.MVM,
        inputs=(Edge(source, cin * vectors, 2 / size, 1 / size),),
        groups=groups,
        rows=rows,
        cols=cols,
        vectors=vectors,
        weight_elements=groups * rows * cols,
        input_elements=cin * vectors,
        fetched_elements=size * cin * 3 * (3 + (size - 1)),
        output_elements=cout * vectors,
    )


def run(*layers: Layer, sets: tuple[str, ...] = (), hardware: str = "reram_128"):
    packed = pack(Workload("w", tuple(layers)))
    point = point_row(load_hardware(hardware, overrides=sets))
    return run_kernels(packed, [point], compile_kernels=False)


def test_mapping_of_one_convolution() -> None:
    """144 x 32 weights of 8 bits: 4 slices x 2 = 8 columns a weight, 2 row tiles, 16 weights side by side."""
    row = run(conv(), sets=("mapping.replication=none",)).mapped[0, 0]
    assert row[c.M_COLUMNS_PER_WEIGHT] == 8
    assert (row[c.M_ROW_TILES], row[c.M_COLUMN_TILES]) == (2, 2)
    assert row[c.M_CROSSBARS] == 4
    assert row[c.M_CELLS] == 144 * 32 * 8
    assert row[c.M_CYCLES] == 8


def test_counts_of_one_convolution() -> None:
    counts = run(conv(), sets=("mapping.replication=none",)).counts[0, 0]
    reads = 64 * 8  # positions x input bits
    assert counts[c.C_ADC] == counts[c.C_SAMPLE_HOLD] == counts[c.C_SHIFT_ADD] == reads * 32 * 8 * 2
    assert counts[c.C_DAC] == reads * 144 * 2
    assert counts[c.C_CROSSBAR] == pytest.approx(reads * 144 * 32 * 8 / (128 * 128))
    assert counts[c.C_ACCUMULATOR] == 64 * 32
    assert counts[c.C_BUFFER] == 8 * 16 * 3 * 10 * 8 + 32 * 64 * 8
    assert counts[c.C_PROGRAMMING] == 0


@pytest.mark.parametrize(
    ("signed", "columns"), [("differential", 8), ("offset", 4), ("twos_complement", 4)]
)
def test_columns_of_a_weight(signed: str, columns: int) -> None:
    assert run(conv(), sets=(f"crossbar.signed={signed}",)).mapped[0, 0, c.M_COLUMNS_PER_WEIGHT] == columns


def test_no_reuse_fetches_every_window() -> None:
    with_reuse, without = run(conv()), run(conv(), sets=("mapping.input_reuse=none",))
    assert without.counts[0, 0, c.C_BUS] - with_reuse.counts[0, 0, c.C_BUS] == (64 * 144 - 8 * 16 * 3 * 10) * 8


def test_depthwise_is_packed_on_the_diagonal() -> None:
    """9 rows and 8 columns a channel: 14 channels side by side in 128 x 128."""
    row = run(conv(cin=56, cout=56, groups=56), sets=("mapping.replication=none",)).mapped[0, 0]
    assert row[c.M_CROSSBARS] == 4
    wide = run(conv(cin=56, cout=56, groups=2), sets=("mapping.replication=none",)).mapped[0, 0]
    assert wide[c.M_CROSSBARS] == 2 * 2 * 2


def test_fewer_active_rows_read_in_turns() -> None:
    once, turns = run(conv()), run(conv(), sets=("crossbar.active_rows=32",))
    assert once.mapped[0, 0, c.M_CYCLES] * 4 == turns.mapped[0, 0, c.M_CYCLES]
    assert once.counts[0, 0, c.C_ADC] / 2 * 5 == turns.counts[0, 0, c.C_ADC]  # 144 rows: 5 groups of 32
    assert once.counts[0, 0, c.C_CROSSBAR] * 4 == turns.counts[0, 0, c.C_CROSSBAR]  # of a read of 32 rows each


def test_twice_the_vectors_twice_the_actions() -> None:
    one = conv()
    two = replace(one, vectors=128, fetched_elements=2 * one.fetched_elements, output_elements=2 * one.output_elements)
    a, b = run(one).counts[0, 0], run(two).counts[0, 0]
    traffic = [c.C_ROUTER, c.C_LINK]
    for column in range(c.COMPONENT_COLUMNS):
        if column not in traffic:
            assert b[column] == 2 * a[column]


def test_no_vectors_no_actions() -> None:
    nothing = replace(conv(), vectors=0, fetched_elements=0, output_elements=0, inputs=())
    assert not run(nothing).counts[0, 0].any()


def test_shared_weights_are_programmed_once() -> None:
    first = replace(conv("a"), weight_key="w")
    second = replace(conv("b", cin=16, cout=32), weight_key="w")
    raw = run(first, second, sets=("mapping.replication=none",))
    assert raw.summary[0, c.S_CROSSBARS_USED] == 4
    assert raw.mapped[0, 1, c.M_CROSSBARS] == 0
    assert raw.mapped[0, 1, c.M_POSITION] == raw.mapped[0, 0, c.M_POSITION]
    assert raw.counts[0, 1, c.C_ADC] == raw.counts[0, 0, c.C_ADC]


def test_replication_uses_the_budget_and_balances() -> None:
    layers = [conv("a", 32, 16, 16), conv("b", 16, 16, 16, source=0), conv("c", 8, 16, 16, source=1)]
    raw = run(*layers, sets=("chip.tiles=1",))
    assert raw.summary[0, c.S_CROSSBARS_USED] <= 96
    copies = raw.mapped[0, :, c.M_COPIES]
    assert copies[0] >= copies[1] >= copies[2] >= 1
    stage = [-(-v // n) for v, n in zip([1024, 256, 64], copies, strict=True)]
    # one vector less in the slowest stage would not fit
    slow = max(stage)
    fewer = sum(2 * -(-v // (slow - 1)) for v in (1024, 256, 64))
    assert fewer > 96


def test_copies_do_not_change_the_work() -> None:
    alone, copied = run(conv(), sets=("mapping.replication=none",)), run(conv())
    assert copied.mapped[0, 0, c.M_COPIES] > 1
    assert copied.counts[0, 0, c.C_ADC] == alone.counts[0, 0, c.C_ADC]
    assert copied.mapped[0, 0, c.M_DURATION_NS] < alone.mapped[0, 0, c.M_DURATION_NS]


def test_recurrent_steps_follow_each_other() -> None:
    """Ten dependent steps of one vector: ten times depth and reads; copies do not help."""
    step = replace(conv(), rows=128, cols=16, vectors=10, serial_steps=10)
    raw = run(step).mapped[0, 0]
    cycle = 100.0
    assert raw[c.M_COPIES] == 1
    assert raw[c.M_DURATION_NS] + raw[c.M_FILL_NS] == pytest.approx(10 * (8 + 6) * cycle)


def product(**more: object) -> Layer:
    return Layer(
        "scores", "MatMul", Kind.DYNAMIC, groups=4, rows=64, cols=32, vectors=32, input_elements=4 * 64 * 64,
        fetched_elements=4 * 64 * 32, output_elements=4 * 32 * 32, inputs=(Edge(MODEL_INPUT, 4 * 64 * 64),), **more
    )  # fmt: skip


def test_dynamic_products_on_digital_units_or_written_first() -> None:
    digital = run(product())
    assert digital.counts[0, 0, c.C_MAC] == 4 * 64 * 32 * 32
    assert digital.mapped[0, 0, c.M_CROSSBARS] == 0
    written = run(product(), sets=("mapping.dynamic=crossbar",))
    assert written.counts[0, 0, c.C_MAC] == 0
    assert written.counts[0, 0, c.C_PROGRAMMING] == 4 * 64 * 32 * 8
    assert written.mapped[0, 0, c.M_CROSSBARS] == 4 * 2
    assert written.mapped[0, 0, c.M_WRITE_NS] == 8 * 64 * 50 * 8.5  # crossbars of the PE x rows x pulse x pulses


def test_lookup_reads_whole_bursts() -> None:
    """26 rows of 16 bytes: a burst of 32 bytes each."""
    layer = Layer("emb", "Gather", Kind.LOOKUP, lookups=26, row_elements=16, table_rows=1000, weight_elements=16000)
    raw = run(layer)
    assert raw.counts[0, 0, c.C_MEMORY] == 26 * 32 * 8
    assert raw.mapped[0, 0, c.M_DURATION_NS] >= 26 * 32 / 256


def test_spill_rewrites_the_chip() -> None:
    sets = ("chip.tiles=1", "pe.crossbars=1", "tile.pes=4", "mapping.capacity=spill")
    raw = run(conv("a"), conv("b", source=0), sets=sets)
    assert raw.summary[0, c.S_CONTEXTS] == 2
    assert list(raw.mapped[0, :, c.M_CONTEXT]) == [0, 1]
    assert raw.counts[0, 0, c.C_PROGRAMMING] == 144 * 32 * 8
    assert raw.counts[0, 0, c.C_MEMORY] == 144 * 32 * 8
    assert raw.mapped[0, 0, c.M_WRITE_NS] > 0
    assert raw.ends[0, 0, 1, c.T_START] >= raw.ends[0, 0, 0, c.T_END]


def test_layer_larger_than_the_chip_is_computed_in_parts() -> None:
    sets = ("chip.tiles=1", "pe.crossbars=1", "tile.pes=1", "mapping.capacity=spill")
    raw = run(conv(), sets=sets)
    assert raw.mapped[0, 0, c.M_PASSES] == 4
    assert raw.summary[0, c.S_CONTEXTS] == 4
    assert raw.mapped[0, 0, c.M_DURATION_NS] >= 4 * 64 * 8 * 100


def test_hops_on_the_mesh() -> None:
    point = point_row(load_hardware("reram_128"))  # 96 crossbars a tile, 4 tiles a router, 42 routers, 7 wide
    assert hops(0.0, 95.0, point) == 0.0
    assert hops(0.0, 96.0, point) == 1.0
    assert hops(0.0, 96.0 * 4, point) == 2.0
    assert hops(0.0, 96.0 * 4 * 8, point) == 3.0
    assert hops(96.0 * 4, 0.0, point) == hops(0.0, 96.0 * 4, point)
