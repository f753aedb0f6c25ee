"""Is the record of the published Criteo networks what the code gives, and is the report that of the record?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.lowering.export import export_network
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Network
from pimsim.cli import serve
from pimsim.hardware.load import load_hardware
from pimsim.memory.lookup_trace import asked_of
from pimsim.memory.lookups import run_lookups
from pimsim.memory.setup import setup_of
from pimsim.memory.traces.form import TableShape
from pimsim.memory.traces.tables import ModelTables
from tests.nas.lowering.conftest import with_random_weights
from validation.criteo_memory.__main__ import main
from validation.criteo_memory.command import commanded, differences, file_of
from validation.criteo_memory.report import report
from validation.criteo_memory.study import (
    DIM,
    FOLDER,
    HARDWARE,
    INFERENCES,
    NETWORKS,
    REFERENCE,
    ROWS,
    SERVED,
    lowered,
    network,
    point,
    read,
    schema,
    trace,
)  # fmt: skip


def test_the_report_is_that_of_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    found = read()
    assert [(one.network, one.hardware) for one in found] == [(n, h) for n in NETWORKS for h in HARDWARE]
    assert report(found) == (FOLDER / "REPORT.md").read_text("utf-8")
    assert main(["--recorded"]) == 0
    assert capsys.readouterr().out == report(found)


def test_both_sides_of_every_point_have_energy_and_time() -> None:
    for one in read():
        assert 0.0 < one.run_lookup_busy_ns < one.run_lookup_ns < one.run_latency_ns
        for energy in (one.energy_pJ, one.serve_energy_pJ):
            lookups = sum(value for part, value in energy.items() if part.startswith("lookups"))
            assert 0.0 < lookups < sum(energy.values())
        assert one.serve_p50_ns > 0.9 * one.run_latency_ns
        assert one.serve_p99_ns > one.serve_p50_ns


@pytest.mark.parametrize("hardware", HARDWARE)
def test_the_lookups_of_the_record_are_those_of_the_engine(hardware: str) -> None:
    """The tables need no architecture: what the record says of them is made again."""
    machine = load_hardware(hardware)
    whole = (TableShape("embeddings/rows", sum(ROWS), DIM),)
    model = ModelTables(whole, (len(ROWS),), ((0,),))
    run = run_lookups(setup_of(machine), asked_of(trace(INFERENCES), model), (len(ROWS),))
    for one in read():
        if one.hardware != hardware:
            continue
        assert one.run_lookup_ns == pytest.approx(run.latency_ns, rel=1e-12)
        assert one.run_lookup_busy_ns == pytest.approx(run.interval_ns, rel=1e-12)
        for part, value in run.tables[0].energy_pJ.items():
            assert one.energy_pJ[f"lookups: {part}"] == pytest.approx(value, rel=1e-12)
        for part, power in run.standby_mW.items():
            assert one.energy_pJ[f"lookups: {part}"] == pytest.approx(power * one.run_interval_ns, rel=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published networks are not here")
def test_a_point_of_the_record_is_what_run_and_serve_give() -> None:
    kept: Any = next(one for one in read() if (one.network, one.hardware) == ("criteo_small", "reram_128_ddr4"))
    found = point("criteo_small", network("criteo_small"), "reram_128_ddr4", trace(INFERENCES), SERVED)
    assert max(differences(found, kept).values()) < 1e-9


FEW = tuple(3 + 7 * i for i in range(26))


@pytest.mark.parametrize("hardware", HARDWARE)
def test_a_row_of_the_study_is_what_the_commands_print(
    hardware: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small network with small tables: exported and given to both commands, and without a file."""
    monkeypatch.setattr(serve, "SEARCHED", 60)
    monkeypatch.setattr(serve, "STEPS", 4)
    architecture = Space.full(blocks=2, dense_widths=(16,), sparse_widths=(4,)).sample(np.random.default_rng(0))
    fields, asked = schema(FEW), trace(40, FEW)
    found = point("small", lowered(architecture, fields), hardware, asked, 50)
    model = export_network(with_random_weights(Network(architecture, fields, DIM)), tmp_path / "m.onnx", "external")
    printed = commanded("small", model, hardware, file_of(asked, tmp_path), 50)
    assert found.serve_saturation_per_s > found.rate_per_s
    assert differences(found, printed).keys() >= {"serve_p99_ns", "serve_energy_pJ arithmetic", "run_latency_ns"}
    assert max(differences(found, printed).values()) < 1e-9


def test_exports_that_are_not_there_are_an_error_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--exports", str(tmp_path)]) == 2
    said = f"criteo_memory: error: {tmp_path}: no criteo_small.onnx; see REPORT.md for how to make it\n"
    assert capsys.readouterr().err == said
