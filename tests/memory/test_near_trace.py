"""Are the bags of a trace those of its header: one sum a bag and table, rows where the plain memory has them?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.near.run import run_near
from pimsim.memory.near.spec import load_near
from pimsim.memory.near.trace import bags_of
from pimsim.memory.policy import Policy
from pimsim.memory.traces import open_trace
from pimsim.memory.traces.form import Trace

TEXT = """\
# pimsim trace 1
# table users 100 64
# table items 20 128
bag table row arrival_ns
0 users 3 0
0 items 1 5
0 users 17 6
1 items 2 9
1 items 4 9
3 users 5 20
"""


def trace(folder: Path, text: str = TEXT) -> Trace:
    (folder / "t.txt").write_text(text, "utf-8")
    return open_trace(folder / "t.txt")


def test_rows_of_a_bag_and_table_are_a_sum(tmp_path: Path) -> None:
    bags = bags_of(trace(tmp_path), load_device("ddr4_2400"))
    assert bags.first.tolist() == [0, 2, 3, 5, 6]
    assert bags.address.tolist() == [192, 17 * 64, 6400 + 128, 6400 + 256, 6400 + 512, 320]
    assert bags.row_bytes.tolist() == [64, 128, 128, 64]
    assert bags.arrival is not None
    assert bags.arrival.tolist() == [0, 0, 9, 20]
    arrived = bags.cycles(1200.0)
    assert arrived is not None
    assert arrived.tolist() == [0, 0, 10, 24]


def test_without_bags_every_row_is_one(tmp_path: Path) -> None:
    text = "# pimsim trace 1\n# table users 100 64\ntable row\nusers 7\nusers 7\n"
    bags = bags_of(trace(tmp_path, text), load_device("ddr4_2400"))
    assert bags.first.tolist() == [0, 1, 2]
    assert bags.arrival is None


def test_a_run_takes_the_arrivals_or_not(tmp_path: Path) -> None:
    near, given = load_near("recnmp"), trace(tmp_path)
    found, at_once = (
        run_near(near, Policy(), one.address, one.first, one.row_bytes, one.cycles(near.clock_MHz))
        for one in (bags_of(given, near.memory, arrivals=arrivals) for arrivals in (True, False))
    )
    assert found.bags == 4
    assert (found.done > np.array([0, 0, 10, 24])).all()
    assert at_once.cycles < found.cycles


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# pimsim trace 1\naddress\n64\n", "table"),
        ("# pimsim trace 1\n# table users 100 64\ntable row write\nusers 7 1\n", "this trace has writes"),
    ],
)
def test_what_cannot_be_summed_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bags_of(trace(tmp_path, text), load_device("ddr4_2400"))
