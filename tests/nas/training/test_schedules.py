"""Do schedules start, bend and end where they say?"""

import pytest

from nas.training.schedules import factor


@pytest.mark.parametrize(
    ("schedule", "middle", "last"),
    [("constant", 1.0, 1.0), ("linear", 0.55, 0.1), ("cosine", 0.55, 0.1), ("exponential", 0.1**0.5, 0.1)],
)
def test_first_middle_and_last_step(schedule, middle, last):
    values = [factor(schedule, step, 11, final=0.1) for step in range(11)]
    assert values[0] == pytest.approx(1.0)
    assert values[5] == pytest.approx(middle)
    assert values[10] == pytest.approx(last)
    assert values == sorted(values, reverse=True)


def test_warm_up_rises_to_one_and_the_rest_follows():
    values = [factor("linear", step, 15, warmup=4) for step in range(15)]
    assert values[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert values[-1] == 0.0


def test_steps_after_the_last_keep_its_factor():
    assert factor("cosine", 99, 10, final=0.2) == pytest.approx(0.2)
    assert factor("linear", 0, 1) == 1.0
