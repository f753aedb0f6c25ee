"""Does the study of generated data run from end to end, and does its record say what its own figures say?"""

import copy
import json
from pathlib import Path

import pytest

from nas.spaces.architecture import Architecture
from nas.spaces.products import product_order
from nas.spaces.sizes import Inputs, fvcore_flops
from nas.training.supernet import SpaceConfig
from validation.nasrec import records
from validation.nasrec.synthetic import NAME, full, main, random_orders, report
from validation.nasrec.synthetic_statistics import share, statistics

RECORDED = pytest.mark.skipif(not (records.FOLDER / f"{NAME}.json").exists(), reason="the study has not been run")


@pytest.fixture(scope="module")
def record():
    return records.read(NAME)


def agrees(found, expected):
    """Nested values equal, floats closely."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(agrees(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(agrees, found, expected))
    return found == pytest.approx(expected, rel=1e-9, abs=1e-12) if isinstance(expected, float) else found == expected


@RECORDED
def test_statistics_and_verdicts_follow_from_the_searches(record):
    again = statistics(record)
    assert agrees(again["statistics"], record["statistics"])
    assert again["verdicts"] == record["verdicts"]


@RECORDED
def test_the_recorded_searches_are_those_of_the_plan(record):
    plan = full()
    assert record["plan"] == json.loads(json.dumps(plan.to_json()))
    assert record["plan"]["planted"]["rows"] >= 200_000
    assert plan.planted.values <= 50
    assert [(one["seed"], one["planted"]) for one in record["searches"]] == [
        (seed, planted) for planted in (True, False) for seed in range(5)
    ]


@RECORDED
def test_orders_and_costs_are_those_of_the_recorded_networks(record):
    inputs, space = Inputs(**record["inputs"]), SpaceConfig.model_validate(record["plan"]["space"], strict=False)
    for one in record["searches"]:
        for row in one["top"]:
            architecture = Architecture.from_json(row["architecture"])
            space.space().check(architecture)
            assert architecture.digest == row["digest"]
            assert product_order(architecture, inputs, 0) == row["order"]
            assert fvcore_flops(architecture, inputs) * 1e-6 == pytest.approx(row["Mflops"])


@RECORDED
def test_the_share_of_random_networks_is_counted_again(record):
    space = SpaceConfig.model_validate(record["plan"]["space"], strict=False)
    assert random_orders(space, Inputs(**record["inputs"])) == record["random_orders"]


@RECORDED
def test_validation_chose_and_test_was_seen_once(record):
    for one in record["searches"]:
        assert one["chosen"] == max(one["alone"], key=lambda run: run["auc"])
        assert one["test"]["looks_of_this_run"] == one["test"]["looks_of_all_runs"] == 1
        assert one["bayes"]["method"] == "exact"
        assert one["bayes"]["test_auc"] == pytest.approx(one["bayes"]["auc"], abs=0.01)


@RECORDED
def test_the_report_tells_every_search_and_verdict(record):
    text = report(record)
    for one in record["searches"]:
        assert f"{one['test']['auc']:.4f}" in text
    for name, passed in record["verdicts"].items():
        assert f"{'passed' if passed else 'FAILED'}: {name}" in text


def test_exact_intervals_and_chances():
    """None of n: the upper end is 1 - 0.025^(1/n); all of n at a share s: the chance is s^n."""
    assert share(0, 5)["interval"] == pytest.approx([0.0, 1 - 0.025 ** (1 / 5)])
    assert share(5, 5, 0.4)["p_more"] == pytest.approx(0.4**5)
    assert share(0, 5, 0.4)["p_more"] == pytest.approx(1.0)


def searches(planted_orders, plain_orders, gap=0.001):
    def one(order, planted):
        rows = [{"order": order, "auc": 0.8}, {"order": 1, "auc": 0.79}]
        return {
            "planted": planted, "bayes": {"test_auc": 0.8}, "test": {"auc": 0.8 - gap}, "chosen": {"order": order},
            "top": rows, "random": rows,
        }  # fmt: skip

    made = [one(order, True) for order in planted_orders] + [one(order, False) for order in plain_orders]
    return {"planted_order": 3, "random_orders": {"1": 600, "3": 300, "4": 100}, "searches": made}


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        (searches([3, 4, 8, 3, 2], [1, 2, 3, 1, 4]), set()),
        (searches([3, 4, 2, 3, 2], [1, 2, 3, 1, 4]), {"products in enough searches where planted"}),
        (
            searches([3] * 5, [4] * 5),
            {
                "products not preferred where none is planted",
                "products chosen more often where planted than where none is",
            },
        ),
        (
            searches([3] * 5, [1] * 5, 0.0021),
            {"within the gap of the bound, mean of each generator", "within the gap of the bound, every network"},
        ),
    ],
)
def test_verdicts(given, failed):
    assert {name for name, good in statistics(given)["verdicts"].items() if not good} == failed


def test_a_space_full_of_products_proves_nothing():
    given = copy.deepcopy(searches([3] * 5, [1] * 5))
    given["random_orders"] = {"1": 500, "3": 500}
    assert not statistics(given)["verdicts"]["products in fewer than half of random networks"]


def test_random_networks_score_apart_by_order():
    first = statistics(searches([3], [1]))["statistics"]["first"]
    assert first["planted"]["mean"] == pytest.approx(0.01)
    assert first["plain"]["mean"] is None


@pytest.mark.slow
def test_the_miniature_runs_and_goes_on_from_its_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(["--work", str(tmp_path), "--mini"])
    first = records.read(NAME, tmp_path)
    assert len(first["searches"]) == 4
    assert report(first) in capsys.readouterr().out
    done = (tmp_path / "ledger.jsonl").read_bytes()
    main(["--work", str(tmp_path), "--mini"])
    assert records.read(NAME, tmp_path) == first
    assert (tmp_path / "ledger.jsonl").read_bytes() == done, "nothing was done twice"
