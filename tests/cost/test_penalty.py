"""Are expected costs differentiable in everything, and penalties what the papers say?"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.cost.lookup import lookup_table
from pimsim.cost.penalty import (
    absolute_penalty,
    choice_probabilities,
    expected_cost,
    power_factor,
    soft_constraint,
)
from pimsim.errors import InputError
from validation.choice_spaces import recommender
from validation.penalties import __main__ as command
from validation.penalties import measure

from .random_spaces import machine

torch = pytest.importorskip("torch")
SPACE = recommender(2)


@pytest.fixture(scope="module")
def module() -> Any:
    """Two knobs: ADC bits x copies."""
    points = [
        machine(crossbar__adc__bits=bits, mapping__max_copies=copies) for bits in (6, 8) for copies in (1, 4, 10**9)
    ]
    return expected_cost(lookup_table(SPACE, points), knobs=(2, 3))


def even(*widths: int) -> list[Any]:
    return [torch.full((w,), 1.0 / w, dtype=torch.float64) for w in widths]


def told(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("temperature_ns", [0.0, 100.0])
def test_gradients_are_those_of_finite_differences(temperature_ns: float) -> None:
    """Of every figure, in every probability of operators, widths and both hardware knobs."""
    points = [
        machine(crossbar__adc__bits=bits, mapping__replication=copies)
        for bits in (6, 8)
        for copies in ("none", "balanced")
    ]
    module = expected_cost(lookup_table(SPACE, points), knobs=(2, 2), temperature_ns=temperature_ns)
    generator, sizes = np.random.default_rng(5), [*SPACE.widths, 2, 2]
    start = torch.as_tensor(generator.normal(size=sum(sizes)))

    def logs(logits: Any) -> Any:
        *blocks, bits, copies = (choice_probabilities(part) for part in torch.split(logits, sizes))
        return torch.log(torch.stack(list(module(blocks, [bits, copies]))))

    exact = torch.autograd.functional.jacobian(logs, start)
    step, numeric = 1e-5, torch.zeros_like(exact)
    some = [*range(0, len(start) - 4, 5), *range(len(start) - 4, len(start))]  # all knobs, some choices of every block
    with torch.no_grad():
        for i in some:
            moved = torch.zeros_like(start)
            moved[i] = step
            numeric[:, i] = (logs(start + moved) - logs(start - moved)) / (2.0 * step)
    assert float(exact[:4].abs().max()) > 1e-3
    np.testing.assert_allclose(exact[:, some].numpy(), numeric[:, some].numpy(), rtol=1e-5, atol=1e-7)
    assert bool((exact[0, -4:].abs() > 1e-3).all())  # both knobs matter to energy, copies to latency
    assert bool((exact[1, -2:].abs() > 1e-3).all())


def test_knobs_are_the_grid_of_points(module: Any) -> None:
    blocks = even(*SPACE.widths)
    bits, copies = torch.tensor([0.3, 0.7]).double(), torch.tensor([0.2, 0.0, 0.8]).double()
    joint = (bits[:, None] * copies[None, :]).reshape(-1)
    one, other = module(blocks, [bits, copies]), module(blocks, joint)
    np.testing.assert_allclose([float(x) for x in one], [float(x) for x in other], rtol=1e-12)
    alone = [module(blocks, point) for point in torch.eye(6, dtype=torch.float64)]
    for at, value in enumerate(one):
        mean = sum(float(w) * float(cost[at]) for w, cost in zip(joint, alone, strict=True))
        assert float(value) == pytest.approx(mean, rel=1e-9)


def test_a_search_finds_the_cheapest_point(module: Any) -> None:
    """Gradient steps on architecture and knobs lower the cost, and end at a decided, cheaper network."""
    logits = [torch.zeros(w, dtype=torch.float64, requires_grad=True) for w in (*SPACE.widths, 2, 3)]
    optimiser = torch.optim.Adam(logits, lr=1.0)
    history = []
    for _ in range(8):
        *blocks, bits, copies = (choice_probabilities(x) for x in logits)
        cost = module(blocks, [bits, copies])
        loss = torch.log(cost.energy_pJ) + soft_constraint(cost.latency_ns, 20_000.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(cost.energy_pJ.detach()))
    assert history[-1] < 0.6 * history[0]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(0.1, 10.0))
@settings(max_examples=40)
def test_choice_probabilities(values: list[float], temperature: float) -> None:
    logits = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    soft = choice_probabilities(logits, temperature=temperature)
    shifted = np.exp((np.array(values) - max(values)) / temperature)
    np.testing.assert_allclose(soft.detach().numpy(), shifted / shifted.sum(), rtol=1e-9)
    hard = choice_probabilities(logits, temperature=temperature, hard=True)
    assert sorted(hard.tolist())[:-1] == [0.0] * (len(values) - 1)
    assert max(hard.tolist()) == 1.0
    weights = torch.arange(len(values), dtype=torch.float64)
    gradients = [torch.autograd.grad((p * weights).sum(), logits)[0] for p in (soft, hard)]
    np.testing.assert_allclose(gradients[0].numpy(), gradients[1].numpy(), rtol=1e-12)


def test_gumbel_samples_follow_the_softmax() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2])).expand(20_000, 3)
    draw = partial(choice_probabilities, logits, gumbel=True, hard=True)
    one = draw(generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(one.mean(0).numpy(), [0.5, 0.3, 0.2], atol=0.01)
    again = draw(generator=torch.Generator().manual_seed(1))
    assert bool((one == again).all())
    soft = choice_probabilities(logits[:4], gumbel=True, generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(soft.sum(1).numpy(), 1.0, rtol=1e-6)


def test_a_temperature_adds_at_most_its_bound() -> None:
    """Log-sum-exp of n blocks lies between the maximum and the maximum plus temperature x ln(n)."""
    table = lookup_table(SPACE, machine(mapping__replication="none"))
    p = [torch.as_tensor(x) for x in next(measure.drawn(SPACE, 1, np.random.default_rng(6)))]
    hard = expected_cost(table)(p)
    before = 0.0
    for temperature in (10.0, 100.0, 1000.0):
        soft = expected_cost(table, temperature_ns=temperature)(p)
        added = float(soft.interval_ns - hard.interval_ns)
        assert before < added < temperature * np.log(len(table.widths))
        assert float(soft.latency_ns) > float(hard.latency_ns)
        assert float(soft.area_um2) == float(hard.area_um2)
        before = added


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 3.0))
def test_penalties(cost: float, target: float, weight: float) -> None:
    value, ratio = torch.tensor(cost, dtype=torch.float64), cost / target
    assert float(soft_constraint(value, target, weight)) == pytest.approx(weight * max(0.0, ratio - 1.0))
    assert float(power_factor(value, target)) == pytest.approx(ratio**-0.07)
    assert float(power_factor(value, target, weight)) == pytest.approx(ratio**weight)
    assert float(power_factor(value, target, weight, only_above=True)) == pytest.approx(max(1.0, ratio) ** weight)
    assert float(absolute_penalty(value, target, weight)) == pytest.approx(weight * abs(ratio - 1.0))
    several = torch.tensor([cost, 2 * cost], dtype=torch.float64)
    assert absolute_penalty(several, target).shape == power_factor(several, target).shape == (2,)


def test_what_is_refused(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table, widths = lookup_table(SPACE, machine()), SPACE.widths
    cost = torch.tensor(1.0)
    for wrong in (0.0, -1.0, np.nan, np.inf):
        expected = f"the target of a penalty must be a finite number above 0; got {wrong}"
        for penalty in (soft_constraint, power_factor, absolute_penalty):
            assert told(partial(penalty, cost, wrong)) == expected
    for wrong in (0.0, np.nan):
        call = partial(choice_probabilities, torch.zeros(2), temperature=wrong)
        assert told(call) == f"temperature must be a number above 0; got {wrong}"
    for wrong in (-1.0, np.inf):
        call = partial(expected_cost, table, temperature_ns=wrong)
        assert told(call) == f"temperature_ns must be a number from 0 on; got {wrong}"
    grid = "knobs of 2x2 values make 4 points; the table has 1"
    assert told(lambda: expected_cost(table, knobs=(2, 2))) == grid
    assert told(lambda: module(even(*widths))) == "the table has 6 hardware points: give their probabilities"
    assert told(lambda: module(even(2, 16))) == "probabilities of 3 blocks are needed; got 2"
    expected = "block 1 has 16 choices; got probabilities of shape (4,)"
    assert told(lambda: module(even(2, 4, 16), even(2, 3))) == expected
    expected = "hardware probabilities must have 2 x 3 values; got shapes (3,), (2,)"
    assert told(lambda: module(even(*widths), even(3, 2))) == expected
    expected = "hardware probabilities must have 6 values; got shapes (5,)"
    assert told(lambda: module(even(*widths), even(5)[0])) == expected
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = "penalties are torch modules, and torch is not installed: pip install 'pimsim[nas]'"
    assert told(lambda: expected_cost(table)) == expected


def test_bars_that_are_missed_are_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bars = [command.Bar("cnn", "good", 1e-2, 1e-3), command.Bar("cnn", "bad", 1e-2, 2e-2)]
    monkeypatch.setattr(command.measure, "spaces", lambda small: [SPACE])
    monkeypatch.setattr(command, "bars_of", lambda space, small: (bars, []))
    assert command.main(["--small"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "MISSED" not in lines[0]
    assert lines[1].endswith("MISSED")
    assert lines[2] == "1 of 2 bars hold"
    assert not command.Bar("", "", 1.0, float("nan")).holds


def test_one_space_alone_leaves_the_record_of_the_others(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spaces = {name: replace(SPACE, name=name) for name in ("one", "other")}
    rows = [{"share": 0.1, "latency": 0.2, "interval": 0.3}]
    measured = [1e-3]
    monkeypatch.setattr(command.measure, "spaces", lambda small: list(spaces.values()))
    monkeypatch.setattr(
        command, "bars_of", lambda space, small: ([command.Bar(space.name, "good", 1e-2, measured[0])], rows)
    )
    assert command.main(["--out", str(tmp_path)]) == 0
    measured[0] = 2e-3
    assert command.main(["--only", "one", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert [(bar["space"], bar["measured"]) for bar in record["bars"]] == [("one", 2e-3), ("other", 1e-3)]
    assert record["temperature"] == {"one": rows, "other": rows}
    with pytest.raises(SystemExit):
        command.main(["--only", "third", "--out", str(tmp_path)])


def test_stratified_samples_stand_in_proportion() -> None:
    p = [np.array([0.25, 0.5, 0.25]), np.array([1.0, 0.0])]
    sampled = measure.stratified(p, 1000, np.random.default_rng(0))
    assert np.abs(np.bincount(sampled[:, 0]) - [250, 500, 250]).max() <= 1
    assert (sampled[:, 1] == 0).all()


@pytest.mark.slow
def test_the_validation_in_small(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--small", "--out", str(tmp_path)]) == 0, capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"record.json", "temperature.svg"}
