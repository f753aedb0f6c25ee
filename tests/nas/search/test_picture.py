"""Does the picture show the best so far, and its cost?"""

import numpy as np

from nas.objectives.objective import Objective
from nas.search.picture import best_so_far, cost_column, draw
from nas.search.run import COST_COLUMNS, METRICS, Searched

SCORES = [0.5, 0.7, float("-inf"), 0.6, 0.8]
ROWS = [
    {"generation": float(at // 2), "digest": str(at), "score": score, **dict.fromkeys(METRICS, score),
     **dict.fromkeys(COST_COLUMNS), "energy_uJ": 10.0 + at}
    for at, score in enumerate(SCORES)
]  # fmt: skip


def test_the_best_so_far():
    assert best_so_far(np.array([np.nan, 0.5, 0.7, 0.7, np.nan, 0.8])).tolist() == [-1, 1, 2, 2, 2, 5]


def test_lines_are_the_best_at_the_end_of_each_generation_and_its_cost():
    figure = draw(ROWS, Objective(penalty="energy", target=11.0))
    above, below = figure.axes
    assert above.get_lines()[2].get_ydata().tolist() == [0.7, 0.7, 0.8]
    assert below.get_lines()[2].get_ydata().tolist() == [11.0, 11.0, 14.0]
    assert below.get_lines()[3].get_ydata() == [11.0, 11.0]
    assert (above.get_ylabel(), below.get_ylabel()) == ("score (auc, soft penalty on energy)", "energy (uJ)")


def test_the_cost_is_the_one_that_matters():
    given = [Objective(), Objective(max_area_mm2=1.0), Objective(penalty="latency", max_area_mm2=1.0)]
    assert [cost_column(objective) for objective in given] == ["Mflops", "area_mm2", "latency_us"]


def test_networks_that_compute_the_same_count_once():
    twin = {**ROWS[4], "digest": "twin"}
    assert [row["digest"] for row in Searched([*ROWS, twin]).best(3)] == ["4", "1", "3"]
