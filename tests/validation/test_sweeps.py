"""Do the commands that kill sweeps and workers hold, in miniature?"""

from __future__ import annotations

import pytest

from validation.sweeps.__main__ import main
from validation.sweeps.fixture import BLOCK, space


@pytest.mark.slow
def test_kills(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kills", "--points", "40000", "--kills", "2", "--chunk", "1000"]) == 0
    out = capsys.readouterr().out
    assert "every point exactly once        yes" in out
    assert "equal to the one left alone     yes" in out


@pytest.mark.slow
def test_a_killed_worker(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    assert main(["worker", "--points", "20000"]) == 0
    assert capsys.readouterr().out.count("40 chunks, begun 41 times") == 2


@pytest.mark.slow
def test_ray_gives_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    main(["ray", "--seconds", "1"])  # how much faster is for a quiet machine and a minute of work
    assert "the same table                  yes" in capsys.readouterr().out


def test_the_space_of_the_commands() -> None:
    assert len(space(BLOCK)["knobs"]) == 6
    with pytest.raises(Exception, match=r"points must be a multiple of 20,000; got 30,000"):
        space(30_000)
