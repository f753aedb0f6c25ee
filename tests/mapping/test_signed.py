"""Does each encoding of signed weights take the rows and columns that it should?"""

from __future__ import annotations

import pytest

from pimsim.components.process import weight_columns
from pimsim.cost.evaluator import run_kernels
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row


@pytest.mark.parametrize(
    ("signed", "columns", "row_tiles"),
    [
        ("offset", 4, 1),
        ("twos_complement", 4, 1),
        ("differential", 8, 1),
        ("differential_rows", 4, 2),
        ("xnor", 4, 1),
        ("xnor_rows", 4, 2),
        ("sign_magnitude", 5, 1),
    ],
)
def test_rows_and_columns_of_8_bits_in_2_bit_cells(signed: str, columns: int, row_tiles: int) -> None:
    hardware = load_hardware("reram_128", overrides=[f"crossbar.signed={signed}", "mapping.replication=none"])
    layer = Layer("fc", "Gemm", Kind.MVM, groups=1, rows=128, cols=8, vectors=1)
    row = run_kernels(pack(Workload("w", (layer,))), [point_row(hardware)], compile_kernels=False).mapped[0, 0]
    assert row[c.M_COLUMNS_PER_WEIGHT] == columns == weight_columns(hardware)
    assert row[c.M_ROW_TILES] == row_tiles
    assert row[c.M_CELLS] == 128 * row_tiles * 8 * columns


def test_columns_that_share_charge_are_converted_once() -> None:
    layer = Layer("fc", "Gemm", Kind.MVM, groups=1, rows=128, cols=8, vectors=1)
    counts = []
    for combined in (1, 4):
        hardware = load_hardware(
            "reram_128", overrides=["crossbar.signed=offset", f"crossbar.adc.columns_combined={combined}"]
        )
        raw = run_kernels(pack(Workload("w", (layer,))), [point_row(hardware)], compile_kernels=False)
        counts.append(raw.counts[0, 0, c.C_ADC])
    assert counts == [8 * 4 * 8, 8 * 8]
