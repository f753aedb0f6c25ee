"""Do encodings and operand statistics change reads, time and energy as they should? Closed forms."""

from __future__ import annotations

from typing import Any

import pytest

from pimsim.cost.evaluator import run_kernels
from pimsim.cost.macro import macro_figures
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row

PULSES = ("crossbar.dac.encoding=binary_pulses", "crossbar.adc.step_ns=100.0", "mapping.replication=none")


def run(*sets: str, **fields: Any) -> Any:
    layer = Layer("fc", "Gemm", Kind.MVM, groups=1, rows=128, cols=16, vectors=1, **fields)
    point = point_row(load_hardware("reram_128", overrides=sets))
    return run_kernels(pack(Workload("w", (layer,))), [point], compile_kernels=False)


@pytest.mark.parametrize(
    ("input_bits", "adc_bits", "steps", "drives", "decisions"),
    [(1, 3, 1, 1, 4), (2, 4, 1, 1, 5), (4, 6, 7, 3, 7), (5, 7, 15, 4, 8), (8, 10, 127, 7, 11)],
)
def test_binary_pulses(input_bits: int, adc_bits: int, steps: int, drives: int, decisions: int) -> None:
    row = run(*PULSES, f"precision.input_bits={input_bits}", f"crossbar.adc.bits={adc_bits}").mapped[0, 0]
    assert (row[c.M_CYCLES], row[c.M_DRIVES]) == (steps, drives)
    assert row[c.M_CONVERSIONS] == drives
    assert row[c.M_VECTOR_NS] == 100.0 * (steps + decisions)


def test_binary_pulses_in_two_halves() -> None:
    """Seven magnitude bits as four and three: 15 + 7 steps; 10 bits decided, then 10 - 4."""
    sets = ("precision.input_bits=8", "crossbar.adc.bits=10", "crossbar.dac.split_above_bits=3")
    row = run(*PULSES, *sets).mapped[0, 0]
    assert row[c.M_CYCLES] == 22
    assert row[c.M_VECTOR_NS] == 100.0 * (22 + 11 + 7)


def test_densities_weigh_reads_and_drives() -> None:
    half = run().counts[0, 0]
    sparse = run(input_density=0.25).counts[0, 0]
    assert sparse[c.C_DAC] == half[c.C_DAC] / 2
    assert sparse[c.C_CROSSBAR] == half[c.C_CROSSBAR] / 2
    assert sparse[c.C_ADC] == half[c.C_ADC]
    off = run(weight_density=0.0).counts[0, 0]
    assert off[c.C_CROSSBAR] == pytest.approx(half[c.C_CROSSBAR] * 0.1 / 0.55)  # all cells at a tenth of r_on
    assert run("operands.input_density=0.25").counts[0, 0, c.C_DAC] == sparse[c.C_DAC]


def test_digital_arrays_take_energy_when_bits_change() -> None:
    """Independent bits of density i change 2 i (1 - i) of the times, a half at random."""
    cell = ("crossbar.cell.kind=sram", "crossbar.cell.bits=1", "crossbar.cell.compute=digital")
    half = run(*cell).counts[0, 0]
    for density in (0.1, 0.9):
        rare = run(*cell, input_density=density).counts[0, 0]
        assert rare[c.C_DAC] == pytest.approx(0.36 * half[c.C_DAC])
        assert rare[c.C_CROSSBAR] == pytest.approx(0.36 * half[c.C_CROSSBAR])
    ones = run(*cell, weight_density=1.0).counts[0, 0]
    assert ones[c.C_CROSSBAR] == 2.0 * half[c.C_CROSSBAR], "a product moves with its input where the weight is one"


def test_converter_that_follows_the_sum() -> None:
    half = run().counts[0, 0, c.C_ADC]
    assert run("crossbar.adc.data_share=0.5").counts[0, 0, c.C_ADC] == half
    quiet = run("crossbar.adc.data_share=0.5", input_density=0.0).counts[0, 0, c.C_ADC]
    assert quiet == half / 2


def test_macro_of_isaac_adds_up_to_its_peak() -> None:
    hardware = load_hardware("isaac")
    figures = macro_figures(hardware)
    assert figures.tops * 96 * 168 == pytest.approx(41.29, rel=1e-3)
    assert figures.energy_pJ["adc"] / figures.mvm_ns == pytest.approx(2.0)  # mW
    assert sum(figures.area_um2.values()) * 8e-6 == pytest.approx(0.0131, rel=5e-3)


def test_macro_counts_only_what_is_named() -> None:
    chip = load_hardware("jia2020", overrides=["precision.weight_bits=1", "precision.input_bits=1"])
    figures = macro_figures(chip, ["crossbar", "dac", "adc"])
    assert set(figures.energy_pJ) == {"crossbar", "dac", "adc"}
    assert figures.tops == pytest.approx(0.874, rel=1e-3)
    assert figures.tops_per_W == pytest.approx(401, rel=1e-2)
