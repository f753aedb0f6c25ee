"""What does a sweep refuse before it begins, and what does it write down of itself?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pimsim.errors import InputError
from pimsim.explore.request import MAX_POINTS, chunk_size, request
from pimsim.explore.space_file import load_space

from .conftest import SPACE

FIGURES = "figures are energy_pJ, latency_ns, interval_ns"


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295; got -1"),
        ({"seed": True}, "seed must be a whole number"),
        ({"operands": "mine"}, "operands must be one of default, model; got 'mine'"),
        ({"sample": "sobol", "optimise": "bayes"}, "sample draws points and optimise searches; give one of them"),
        ({"sample": "sobol"}, "sample must be one of sobol, random, with n; n, how many points to draw, is missing"),
        ({"sample": "grid", "n": 3}, "sample must be one of sobol, random, with n; got 'grid'"),
        ({"n": 3}, "n is for a sample; add sample='sobol' or 'random'"),
        ({"budget": 3}, "budget is for a search; add optimise='nsga2' or 'bayes', or say n and sample"),
        ({"optimise": "luck", "budget": 3}, "optimise must be one of nsga2, bayes; got 'luck'"),
        ({"optimise": "nsga2"}, "nsga2 needs budget, the points that it may evaluate (1 to 1,000,000); it is missing"),
        ({"optimise": "bayes", "budget": 10001}, "bayes needs budget, the points that it may evaluate (1 to 10,000);"),
        ({"columns": ["energy"]}, "no figure 'energy'; did you mean 'energy_pJ'?"),
        ({"columns": ["\x1b[31m"]}, r"no figure '\x1b[31m'; " + FIGURES),
        ({"objectives": []}, "objectives must name one figure or several different ones, e.g. energy_pJ,latency_ns"),
        ({"objectives": ["tops", "max:tops"]}, "objectives must name one figure or several different ones"),
        ({"objectives": ["max:energy"]}, "no objective 'max:energy'; did you mean 'energy_pJ'? (put max: before on"),
    ],
)
def test_what_does_not_go_together_is_told(workload, space, asked: dict, text: str) -> None:
    with pytest.raises(InputError, match=re.escape(text)):
        request(workload, space, **asked)


def test_models_are_needed(space, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model: give one, or list models in the space file"):
        request(None, space)
    with pytest.raises(InputError, match="no model: the list is empty"):
        request([], space)
    with pytest.raises(InputError, match=r"absent\.onnx"):
        request(None, load_space({**SPACE, "models": ["absent.onnx"]}))


def test_spaces_of_any_size_are_counted_and_not_gone_through(workload) -> None:
    knobs = {f"layers.*{i}*.weight_bits": list(range(1, 33)) for i in range(999)}
    space = load_space({"base": "reram_128", "knobs": {**knobs, "layers.*.weight_bits": list(range(1, 33))}})
    assert space.size == 32**1000
    assert space.size_text == "1e+1505"
    with pytest.raises(InputError, match=r"the space has 1e\+1505 points, too many to go through"):
        space.codes(0, 5)
    small = load_space(
        {"base": "reram_128", "knobs": {f"layers.{'?' * i}*.weight_bits": list(range(1, 33)) for i in range(4)}}
    )
    assert request(workload, small).space.size_text == "1,048,576"
    large = load_space(
        {"base": "reram_128", "knobs": {f"layers.{'?' * i}*.weight_bits": list(range(1, 33)) for i in range(5)}
         | {"crossbar.adc.bits": list(range(1, 13)), "tile.pes": list(range(1, 30))}}
    )  # fmt: skip
    assert large.size > MAX_POINTS
    with pytest.raises(InputError, match=r"the space has 11,676,942,336 points, too many to go through; sample or"):
        request(workload, large)
    asked = request(workload, large, sample="sobol", n=10)
    assert json.loads(json.dumps(asked.about(asked.manifest(), True)))["space"]["size"] == "11,676,942,336"


def test_the_manifest_tells_what_rows_depend_on(workload, space) -> None:
    base = request(workload, space).manifest()
    assert base == request(workload, load_space(SPACE)).manifest()
    assert json.loads(json.dumps(base)) == base

    def differing(**more) -> set[str]:
        model = more.pop("model", workload)
        other = request(model, more.pop("space", space), **more).manifest()
        return {key for key in base if base[key] != other[key]}

    assert differing(columns="energy_pJ") == {"columns"}
    assert differing(operands="default") == {"operands"}
    assert differing(sample="random", n=4) >= {"sample"}
    assert differing(optimise="nsga2", budget=4) == {"search", "versions"}
    assert differing(model=[workload, workload]) == {"models"}
    assert differing(space=load_space({**SPACE, "constraints": []})) == {"space"}
    assert differing(space=load_space({**SPACE, "base": "isaac", "derived": {}})) == {"space", "hardware"}


def test_objectives_are_kept_among_the_columns(workload, space) -> None:
    assert request(workload, space, columns="area_um2").objectives == ()
    asked = request(workload, space, columns="area_um2", objectives=["max:tops", "energy_pJ"])
    assert asked.columns == ("energy_pJ", "area_um2", "tops")
    assert request(workload, space).objectives == ("energy_pJ", "latency_ns")


def test_pieces_depend_on_the_number_of_points_only() -> None:
    assert [chunk_size(total, None) for total in (1, 64, 10_000, 20_000_000)] == [64, 64, 157, 50_000]
    assert chunk_size(20, 7) == 7
    for wrong in (0, True, 10**8):
        with pytest.raises(InputError, match="chunk must be a whole number from 1 to 10,000,000; got"):
            chunk_size(20, wrong)
