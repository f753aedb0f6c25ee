"""Do the memory studies run, and is what they hand to the other simulator what they say?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.errors import InputError
from validation import memory_peers, near_memory


def test_speed_up_near_the_banks_grows_with_ranks(capsys: pytest.CaptureFixture[str]) -> None:
    assert near_memory.main() == 0
    assert "RecNMP: up to 9.8" in capsys.readouterr().out


def test_the_peer_gets_our_timing() -> None:
    lines = memory_peers.configuration(memory_peers.device(), 1000).splitlines()
    for line in ("tRCD = 17", "tCCD_L = 6", "tRFC = 420", "tRTRS = 2", "cmd_queue_size = 32", "channel_size = 8192"):
        assert line in lines


def test_no_address_comes_again_within_the_window() -> None:
    kept = memory_peers.apart(np.array([1, 2, 1, 3, 1, 2]), window=2).tolist()
    assert kept == [1, 2, 3, 1, 2]


def test_a_missing_program_is_said() -> None:
    with pytest.raises(InputError, match="--dramsim3: no program at 'nowhere'"):
        memory_peers.main(["--dramsim3", "nowhere"])
