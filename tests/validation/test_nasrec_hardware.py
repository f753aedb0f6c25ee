"""Does the hardware study run as a whole, and do the figures of its record follow from the table of scored networks?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("pymoo")

from nas.spaces.architecture import Architecture
from nas.training.supernet import SpaceConfig
from validation.nasrec import hardware, records
from validation.nasrec.hardware_checks import agreement
from validation.nasrec.hardware_export import TOLERANCES, difference, measured
from validation.nasrec.hardware_fronts import on_fronts, results
from validation.nasrec.hardware_search import PENALTIES, Plan, objectives_of, penalties_of, search
from validation.nasrec.hardware_statistics import holm, ranks, signed_rank

Record = dict[str, Any]


def plan_of(record: Record) -> Plan:
    given = record["plan"]
    return Plan(**{**given, "prices": tuple(given["prices"])})


def searched_again(record: Record, table: list[Record]) -> dict[str, list[list[Record]]]:
    """All searches, with scores and costs out of the table alone."""
    plan = plan_of(record)
    space = SpaceConfig.model_validate(record["space"], strict=False).space()
    score = hardware.Tabulated(table)
    return {
        penalty: [
            search(seed, objectives_of(penalty, plan, record["penalties"]), plan, space, score)
            for seed in range(plan.seeds)
        ]
        for penalty in PENALTIES
    }


def results_of(record: Record, table: list[Record], again: dict[str, list[list[Record]]]) -> Record:
    return as_json(results(again, table, record["random_median"], record["plan"]["population"]))


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_wilcoxons_smallest_p_of_ten_seeds() -> None:
    assert signed_rank(np.arange(1, 11)) == pytest.approx(2 / 2**10)
    assert signed_rank(np.zeros(10)) == 1.0


def test_holm_multiplies_the_smallest_most_and_never_turns_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_ranks_leave_out_what_is_equal_for_all() -> None:
    figures = {
        "Mflops": [1.0, 2.0, 3.0],
        "energy_uJ": [1.0, 3.0, 2.0],
        "latency_us": [3.0, 2.0, 1.0],
        "area_mm2": [7.0] * 3,
    }
    assert ranks(figures, "Mflops") == pytest.approx({"energy_uJ": 1 / 3, "latency_us": -1.0})


def test_the_median_pays_the_price_whatever_is_paid_for() -> None:
    figures = {
        "energy_uJ": np.array([10.0, 11.0, 22.0]),
        "latency_us": np.array([3.0, 30.0, 20.0]),
        "Mflops": np.array([0.5, 0.1, 0.2]),
    }
    plan = Plan(prices=(0.01, 0.04))
    penalties = penalties_of(plan, figures)
    for name in ("energy", "latency", "flops"):
        for price, objective in zip(plan.prices, objectives_of(name, plan, penalties), strict=True):
            scores = objective.score(np.full(3, 0.7), figures)
            assert np.sort(scores)[1:] == pytest.approx([0.7 - price, 0.7])
    assert [objective.penalty for objective in objectives_of("none", plan, penalties)] == ["none", "none"]


@pytest.fixture(scope="module")
def record() -> Record:
    return records.read("hardware")


@pytest.fixture(scope="module")
def table() -> list[Record]:
    return hardware.scores()


@pytest.fixture(scope="module")
def again(record: Record, table: list[Record]) -> dict[str, list[list[Record]]]:
    return searched_again(record, table)


def test_every_search_scores_equally_many_networks(record: Record, again: dict[str, list[list[Record]]]) -> None:
    found = {len({row["digest"] for row in rows}) for some in again.values() for rows in some}
    assert found == {plan_of(record).networks}


def test_the_searches_run_again_out_of_the_table(record: Record, table: list[Record], again: Any) -> None:
    used = {row["digest"] for some in again.values() for rows in some for row in rows}
    assert used == {row["digest"] for row in table}
    assert len(table) == record["networks"]
    for name, value in results_of(record, table, again).items():
        assert near(value, record[name]), name


def near(one: Any, other: Any) -> bool:
    """Equal, numbers to nine digits."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    return bool(one == pytest.approx(other, rel=1e-9)) if isinstance(one, float) else bool(one == other)


def test_the_costs_of_all_networks_on_a_front_were_those_of_pimsim_run(record: Record, table: list[Record]) -> None:
    export = record["export"]
    assert {row["digest"] for row in table if row["run_energy_uJ"] is not None} == set(on_fronts_of(record))
    assert near(as_json(agreement(table)), export)
    assert export["tolerance"] == TOLERANCES == {"energy_uJ": 0.001, "area_mm2": 0.001, "latency_us": 0.02}
    assert all(export["largest_difference"][name] <= most for name, most in TOLERANCES.items())
    assert export["equal"] is True


@pytest.mark.slow
def test_costs_of_the_table_are_those_of_today(record: Record, table: list[Record], tmp_path: Path) -> None:
    from nas.data.fields import Schema
    from nas.objectives.figures import Figures

    schema = Schema.from_json(record["schema"])
    some = table[:: len(table) // 50]
    costs = Figures(schema, record["embedding_dim"], record["hardware"])(
        [Architecture.from_json(row["architecture"]) for row in some]
    )
    for name, values in costs.items():
        assert values == pytest.approx([row[name] for row in some], rel=1e-9), name
    cheapest = record["fronts"]["latency"]["penalty"][0][0]
    row = next(row for row in table if row["digest"] == cheapest)
    ran = measured(
        Architecture.from_json(row["architecture"]), record["schema"], record["embedding_dim"], record["hardware"],
        tmp_path,
    )  # fmt: skip
    assert all(value <= TOLERANCES[name] for name, value in difference(row, ran).items())


def test_the_section_of_the_report_says_what_the_record_holds(record: Record) -> None:
    text = hardware.report(record)
    for row in record["comparisons"]:
        assert f"| {row['gain']:+.1%} | {row['better']}/{row['seeds']} | {row['p']:.4f} | {row['p_holm']:.4f} |" in text
    assert "are equal to those of `pimsim run`" in text


@pytest.mark.slow
def test_the_miniature_runs_whole_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hardware.main(["--work", str(tmp_path), "--mini"])
    assert "## Hardware in the loop" in capsys.readouterr().out
    record, table = records.read("hardware", tmp_path), hardware.scores(tmp_path)
    assert record["export"]["equal"] is True
    again = searched_again(record, table)
    assert {len(rows) for some in again.values() for rows in some} == {plan_of(record).networks}
    assert all(near(value, record[name]) for name, value in results_of(record, table, again).items())
    assert {row["digest"] for row in table if row["held_out_auc"] is not None} == set(on_fronts_of(record))

    hardware.main(["--work", str(tmp_path), "--mini"])  # out of its ledger and table
    assert records.read("hardware", tmp_path) == record


def on_fronts_of(record: Record) -> list[str]:
    return on_fronts({
        cost: {way: [[{"digest": one} for one in each] for each in some] for way, some in ways.items()}
        for cost, ways in record["fronts"].items()
    })  # fmt: skip
