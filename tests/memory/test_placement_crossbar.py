"""Do tables on crossbars go where the placement says, and is what does not fit refused with the sizes?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pimsim.cli.main import main
from pimsim.errors import InputError
from pimsim.memory.near.run import run_near
from pimsim.memory.near.spec import load_near
from pimsim.memory.near.trace import bags_of
from pimsim.memory.placement.crossbar import run_placed, slots_of
from pimsim.memory.placement.policies import place, profile
from pimsim.memory.policy import Policy
from pimsim.memory.traces import TableShape, write_trace
from pimsim.memory.traces.generators import MadeTrace, Recipe

NEAR = load_near("rerec")
TABLES = (TableShape("a", 300, 64), TableShape("b", 40, 20))
TRACE = MadeTrace(Recipe("zipf", TABLES, 1200, 1, 6, 1.2))


def test_a_row_takes_a_wordline_of_the_crossbars_that_hold_it() -> None:
    """32 columns of 2 bits hold 8 bytes: 64 bytes lie over eight crossbars, 32 rows deep."""
    tables, units = slots_of(NEAR, TABLES)
    assert [table.row_bytes for table in tables] == [64, 64]
    assert (units.kind, units.capacity_bytes, units.access_bytes) == ("crossbar", 32 * 64, 64)
    assert units.count == 2 * (10 + 2)
    few, there = slots_of(load_near("rerec", overrides=["crossbar.crossbars=24"]), TABLES)
    assert there.count == 3
    with pytest.raises(InputError, match=r"the 2 tables take 21,760 bytes .* 3 crossbars of 2,048 bytes hold 6,144"):
        place(few, there, "size_balanced")
    with pytest.raises(InputError, match=r"^--units crossbar is of tables in crossbars \(rerec\); trim_g has none$"):
        slots_of(load_near("trim_g"), TABLES)


def test_the_run_has_rows_where_the_placement_says() -> None:
    tables, units = slots_of(NEAR, TABLES)
    bags = bags_of(TRACE, NEAR.memory)
    (chunk,) = TRACE.chunks()
    given = place(tables, units, "round_robin")
    unit = np.concatenate([where for _, where, _ in given.places(TRACE.chunks())])
    order = np.lexsort((chunk["table"], chunk["bag"]))
    by_hand = run_near(NEAR, Policy(), bags.address, bags.first, bags.row_bytes, unit=unit[order])
    found = run_placed(NEAR, Policy(), TRACE, bags, given)
    assert (found.cycles, found.counts, found.energy_pJ) == (by_hand.cycles, by_hand.counts, by_hand.energy_pJ)
    known = place(tables, units, "frequency_aware", profile(TRACE), hot_rows=9, cached_rows=4)
    with pytest.raises(InputError, match="a cache before crossbars is not modelled; leave --cached-rows out"):
        run_placed(NEAR, Policy(), TRACE, bags, known)


def test_the_command_prints_the_gain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_trace("t.parquet", TRACE.header, TRACE.chunks())
    line = ["trace", "run", "t.parquet", "--hw", "rerec", "--placement", "frequency-aware", "--units", "crossbar"]
    assert main([*line, "--format", "json"]) == 0
    placement = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["placement"]
    assert placement["units"]["kind"] == "crossbar"
    assert placement["gain"]["load_imbalance"] > 1
    assert main(line) == 0
    assert "Placement (on 24 crossbars)" in capsys.readouterr().out
    assert main(["trace", "run", "t.parquet", "--hw", "ddr4_2400", *line[5:]]) == 2
    said = capsys.readouterr().err
    assert "ddr4_2400 has no crossbars; --units crossbar is of tables in crossbars (--hw rerec)" in said
    assert main([*line[:-1], "bank"]) == 2
    assert "rerec has its tables in crossbars; --units crossbar" in capsys.readouterr().err
