"""Do searches find what is best, spend their budget, and come to the same end after an interruption?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pimsim
from pimsim.explore import evaluation, search
from pimsim.explore.executor import Executor
from pimsim.explore.optimisers import OPTIMISERS
from pimsim.explore.parts import Parts
from pimsim.explore.request import request
from pimsim.explore.space_file import load_space
from pimsim.explore.sweep import run

from .test_store import same
from .test_sweep import Killed

WIDE = {
    "base": "reram_128",
    "knobs": {
        "crossbar.rows": {"log2": [16, 512]},
        "crossbar.columns": {"log2": [16, 512]},
        "crossbar.adc.bits": {"from": 3, "to": 12},
        "crossbar.adc.columns_per_adc": {"log2": [1, 16]},
        "tile.pes": {"from": 1, "to": 24},
        "mapping.replication": ["none", "balanced"],
    },
    "derived": {"pe.input_register.size_bytes": "16 * crossbar.rows"},
    "constraints": ["crossbar.columns <= 4 * crossbar.rows"],
}


@pytest.fixture(scope="module")
def wide():
    """86,400 points."""
    return load_space(WIDE)


@pytest.mark.parametrize("method", ["nsga2", "bayes"])
def test_a_search_beats_a_sample_of_the_same_size(workload, wide, method: str) -> None:
    budget = {"nsga2": 400, "bayes": 90}[method]
    found = pimsim.sweep(workload, wide, optimise=method, budget=budget, seed=1)
    drawn = pimsim.sweep(workload, wide, sample="random", n=budget, seed=1)
    assert len(found) == budget
    assert len(set(found["point"].tolist())) == budget
    assert volume(found) > 1.02 * volume(drawn)


def volume(results, reference: tuple[float, float] = (18.0, 11.0)) -> float:
    """Dominated by the points below `reference`, in natural logarithms of pJ and ns."""
    points = np.log(np.stack([results["energy_pJ"], results["latency_ns"]], axis=1))
    points = points[(points < reference).all(axis=1)]
    total, best = 0.0, reference[1]
    for energy, latency in points[np.argsort(points[:, 0], kind="stable")]:
        if latency < best:
            total += (reference[0] - energy) * (best - latency)
            best = latency
    return total


@pytest.mark.parametrize("method", ["nsga2", "bayes"])
def test_an_interrupted_search_comes_to_the_same_end(workload, wide, tmp_path: Path, method: str) -> None:
    budget = {"nsga2": 120, "bayes": 45}[method]
    asked = request(workload, wide, optimise=method, budget=budget, seed=5, objectives=["energy_pJ", "max:tops"])
    path, alone = tmp_path / "r.parquet", tmp_path / "alone.parquet"

    def stop_after(batches: int):
        def tell(done: int, total: int) -> None:
            nonlocal batches
            batches -= 1
            if batches < 0:
                raise Killed

        return tell

    with Executor() as executor:
        whole = run(asked, executor, alone)
        for batches in (2, 1, 4):  # the first report is of what is there
            with pytest.raises(Killed):
                run(asked, executor, path, progress=stop_after(batches))
        kept = sum(stop - start for start, stop in Parts.of(path).done())
        assert 0 < kept < budget
        done = run(asked, executor, path)
        assert (whole.points, done.points, done.computed) == (budget, budget, budget - kept)
        assert path.read_bytes() == alone.read_bytes()
        assert run(asked, executor, path).computed == 0


@pytest.mark.parametrize("method", ["nsga2", "bayes"])
def test_a_search_is_the_same_wherever_it_runs(workload, wide, two_workers, method: str) -> None:
    expected = pimsim.sweep(workload, wide, optimise=method, budget=40, seed=2)
    found = run(request(workload, wide, optimise=method, budget=40, seed=2), two_workers, None).table
    assert found is not None
    same(found, expected.table)
    other = pimsim.sweep(workload, wide, optimise=method, budget=40, seed=3)
    assert set(other["point"].tolist()) != set(expected["point"].tolist())


@pytest.mark.parametrize("method", ["nsga2", "bayes"])
def test_a_small_space_is_gone_through_and_left(workload, space, method: str) -> None:
    found = pimsim.sweep(workload, space, optimise=method, budget=1000)
    assert len(set(found["point"].tolist())) == len(found) <= 28
    assert found.about["complete"]
    fixed = pimsim.sweep(workload, {"base": "reram_128", "knobs": {"tile.pes": [6]}}, optimise=method, budget=10)
    assert len(fixed) == 1


@pytest.mark.parametrize("method", ["nsga2", "bayes"])
def test_points_that_fail_are_passed_over(workload, space, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = evaluation._figures

    def figures(setup, settings):
        if np.any(settings["crossbar.adc.bits"] == 6):
            raise ZeroDivisionError
        return evaluate(setup, settings)

    monkeypatch.setattr(evaluation, "_figures", figures)
    found = pimsim.sweep(workload, space, optimise=method, budget=24)
    assert 0 < found.failed < len(found)
    assert (found["crossbar.adc.bits"][found["error"] != ""] == 6).all()


def test_a_search_whose_time_is_up_goes_on(workload, wide, tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    begun = pimsim.sweep(workload, wide, optimise="nsga2", budget=60, out=path, timeout_s=1e-9)
    assert begun.about["complete"] is False
    whole = pimsim.sweep(workload, wide, optimise="nsga2", budget=60, out=path)
    assert whole.about["complete"] is True
    same(whole.table, pimsim.sweep(workload, wide, optimise="nsga2", budget=60).table)


@pytest.mark.parametrize("method", list(OPTIMISERS))
def test_proposals_depend_on_what_they_are_told_only(wide, method: str) -> None:
    """Conformance of every optimiser: codes within the space, the same from the same seed and answers."""

    def proposed(seed: int) -> list:
        proposals = OPTIMISERS[method](wide, 2, 100, seed)
        codes = next(proposals)
        batches = []
        for _ in range(5):
            assert ((codes >= 0) & (codes < [len(knob.values) for knob in wide.knobs])).all()
            batches.append(codes.tolist())
            values = np.stack([codes.sum(axis=1), (codes[:, 0] - 2) ** 2], axis=1).astype(float)
            codes = proposals.send((values, wide.allowed(codes)))
        proposals.close()
        return batches

    assert proposed(4) == proposed(4)
    assert proposed(4) != proposed(5)


def test_codes_come_back_from_rows(workload, space) -> None:
    codes = space.codes(0, space.size)
    codes = codes[space.allowed(codes)]
    np.testing.assert_array_equal(search.codes_of(space, pimsim.sweep(workload, space).table), codes)
