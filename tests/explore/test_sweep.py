"""Does a sweep give every point once, the same wherever it runs and however often it is interrupted?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pimsim
from pimsim.errors import InputError
from pimsim.explore import evaluation
from pimsim.explore import sweep as sweep_module
from pimsim.explore.evaluation import Piece, rows_of, tolerant
from pimsim.explore.executor import Executor
from pimsim.explore.parts import LOG, Parts
from pimsim.explore.request import request
from pimsim.explore.sweep import run

from .conftest import SPACE
from .test_store import same

COLUMNS = ("energy_pJ", "latency_ns", "adc_energy_pJ")


def test_every_allowed_point_has_a_row_that_simulate_gives(workload, space) -> None:
    results = pimsim.sweep(workload, space)
    assert len(results) == 28
    assert results["point"].tolist() == [i for i in range(32) if space.allowed(space.codes(i, i + 1))[0]]
    for at in (0, 9, 27):
        row = results.row(at)
        point = space.point(row["point"])
        assert {path: row[path] for path in space.paths} == point
        bits = {"first": {"weight_bits": point["layers.first.weight_bits"]}}
        single = pimsim.simulate(workload, space.hardware(point), layer_bits=bits)
        for name in ("energy_pJ", "latency_ns", "area_um2", "tops_per_W"):
            assert row[name] == single.totals[name]


@pytest.mark.parametrize("points", [{}, {"sample": "sobol", "n": 11, "seed": 3}, {"sample": "random", "n": 11}])
def test_rows_are_the_same_wherever_they_are_computed(workload, space, two_workers, points: dict) -> None:
    expected = pimsim.sweep(workload, space, columns=COLUMNS, **points).table
    asked = request(workload, space, columns=COLUMNS, **points)
    for executor, chunk in ((two_workers, 5), (two_workers, 1), (Executor(), 3)):
        found = run(asked, executor, None, chunk=chunk).table
        assert found is not None
        same(found, expected)


@pytest.mark.slow
def test_ray_gives_the_same_rows(workload, space) -> None:
    pytest.importorskip("ray")
    found = pimsim.sweep(workload, space, columns=COLUMNS, chunk=5, ray="local", workers=2)
    same(found.table, pimsim.sweep(workload, space, columns=COLUMNS).table)


@pytest.mark.parametrize("ending", [".parquet", ".sqlite"])
def test_a_file_holds_what_memory_holds(workload, space, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r{ending}"
    in_memory = pimsim.sweep(workload, space, columns="all", chunk=3)
    same(pimsim.sweep(workload, space, columns="all", out=path, chunk=3).table, in_memory.table)
    loaded = pimsim.load_results(path)
    same(loaded.table, in_memory.table)
    assert loaded.about == json.loads(json.dumps(in_memory.about))
    assert loaded.about["complete"]
    assert not Parts.of(path).folder.exists()


class Killed(BaseException):
    """As sudden as a signal, as far as the code can tell."""


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("points", [{}, {"sample": "random", "n": 20, "seed": 1}])
def test_an_interrupted_sweep_goes_on(
    workload, space, two_workers, tmp_path: Path, workers: int, points: dict
) -> None:
    path, alone = tmp_path / "r.parquet", tmp_path / "alone.parquet"
    asked = request(workload, space, columns=COLUMNS, **points)

    def stop_after(chunks: int):
        def tell(done: int, total: int) -> None:
            nonlocal chunks
            chunks -= 1
            if chunks < 0:
                raise Killed

        return tell

    executor = two_workers if workers else Executor()
    run(asked, Executor(), alone, chunk=2)
    for chunks in (3, 0, 1, 4):
        with pytest.raises(Killed):
            run(asked, executor, path, chunk=2, progress=stop_after(chunks))
    there = len(Parts.of(path).done())
    assert 5 <= there <= 8
    noted = (Parts.of(path).folder / LOG).read_text().splitlines()
    done = run(asked, executor, path, chunk=7)  # pieces stay those that the sweep began with
    assert done.complete
    assert done.computed == done.total - 2 * there
    assert path.read_bytes() == alone.read_bytes()
    starts = [line.split()[0] for line in noted]
    assert len(starts) - len(set(starts)) <= 4 * max(1, executor.workers)


def test_a_finished_sweep_is_not_done_again(workload, space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.parquet"
    first = pimsim.sweep(workload, space, columns=COLUMNS, out=path)
    folder = Parts.of(path).folder
    folder.mkdir()  # as a kill leaves it after the result is in place
    monkeypatch.setattr(sweep_module, "evaluate_piece", None)
    same(pimsim.sweep(workload, space, columns=COLUMNS, out=path).table, first.table)
    assert not folder.exists()
    with pytest.raises(InputError, match=r"is the result of another sweep \(other columns\); name another --out, or"):
        pimsim.sweep(workload, space, out=path)
    monkeypatch.undo()
    again = pimsim.sweep(workload, space, out=path, fresh=True)
    assert "area_um2" in again


def test_time_runs_out_and_the_next_call_goes_on(workload, space, tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    part = pimsim.sweep(workload, space, columns=COLUMNS, out=path, chunk=4, timeout_s=1e-9)
    assert not part.about["complete"]
    assert len(part) < 28
    assert set(COLUMNS) < set(part.columns)
    whole = pimsim.sweep(workload, space, columns=COLUMNS, out=path, chunk=4)
    assert whole.about["complete"]
    same(whole.table, pimsim.sweep(workload, space, columns=COLUMNS).table)
    assert pimsim.sweep(workload, space, timeout_s=1e-9).about["complete"] is False


def test_points_that_are_no_hardware_are_rows_with_an_error(workload) -> None:
    knobs = {"crossbar.rows": [64, 128], "crossbar.active_rows": [64, 128]}
    derived = {"pe.input_register.size_bytes": "16 * crossbar.rows"}
    results = pimsim.sweep(workload, {"base": "reram_128", "knobs": knobs, "derived": derived})
    assert len(results) == 4
    bad = results["error"] != ""
    assert bad.tolist() == [False, True, False, False]
    assert "active_rows must be at most rows = 64; got 128" in results["error"][1]
    assert np.isnan(results["energy_pJ"][bad]).all()
    assert np.isfinite(results["energy_pJ"][~bad]).all()
    assert results.failed == 1


def test_a_fault_of_the_evaluator_stays_with_its_points(workload, space, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pimsim.sweep(workload, space, columns=COLUMNS)
    evaluate = evaluation._figures

    def figures(setup, settings):
        if np.any((settings["crossbar.adc.bits"] == 6) & (settings["crossbar.rows"] == 64)):
            raise ZeroDivisionError("six bits\nand 64 rows")
        return evaluate(setup, settings)

    monkeypatch.setattr(evaluation, "_figures", figures)
    found = pimsim.sweep(workload, space, columns=COLUMNS)
    bad = (found["crossbar.adc.bits"] == 6) & (found["crossbar.rows"] == 64)
    assert set(found["error"][bad]) == {r"ZeroDivisionError: six bits\nand 64 rows"}
    assert np.isnan(found["energy_pJ"][bad]).all()
    same(found.table.take(~bad), whole.table.take(~bad))
    monkeypatch.setattr(evaluation, "_figures", lambda setup, settings: 1 / 0)
    assert set(pimsim.sweep(workload, space)["error"]) == {"ZeroDivisionError: division by zero"}


def test_faults_of_the_whole_are_raised() -> None:
    def compute(at: slice) -> dict:
        raise InputError("no such figure")

    with pytest.raises(InputError, match="no such figure"):
        tolerant(compute, 5, dict)


def test_a_piece_holds_nothing_but_its_points(workload, space) -> None:
    setup = request(workload, space, columns=COLUMNS).setup
    whole = rows_of(Piece(0, 32), setup)
    for start, stop in ((0, 7), (7, 8), (30, 32), (31, 99)):
        part = rows_of(Piece(start, stop), setup)
        same(part, whole.take((whole["point"] >= start) & (whole["point"] < stop)))
    assert len(rows_of(Piece(12, 14), setup)) == 0  # 64 rows with 8 bits: none is allowed


def test_bits_go_to_the_layers_of_an_operator(workload) -> None:
    def energies(path: str) -> list[float]:
        return pimsim.sweep(workload, {"base": "reram_128", "knobs": {path: [2, 8]}})["energy_pJ"].tolist()

    assert energies("operators.Conv.weight_bits") == energies("layers.first.weight_bits")
    assert energies("operators.Gemm.input_bits") == energies("layers.la*.input_bits")
    with pytest.raises(InputError, match=r"operators\.Foo\.weight_bits: no model has this operator; operators are Con"):
        energies("operators.Foo.weight_bits")
    with pytest.raises(InputError, match=r"layers\.x\*\.weight_bits: no layer matches; layers are first, last"):
        energies("layers.x*.weight_bits")


def test_constraints_that_rule_everything_out_are_told(workload, tmp_path: Path) -> None:
    space = {**SPACE, "constraints": ["crossbar.rows > 128"]}
    for more in ({}, {"out": tmp_path / "r.parquet"}, {"sample": "sobol", "n": 4}, {"optimise": "nsga2", "budget": 9}):
        with pytest.raises(InputError, match="no point of 'tiny' was found that meets its constraints"):
            pimsim.sweep(workload, space, **more)


def test_times_that_cannot_be_are_told(workload, space) -> None:
    for seconds in (0, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"timeout must be a number of seconds above 0; got"):
            pimsim.sweep(workload, space, timeout_s=seconds)
