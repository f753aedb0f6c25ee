"""Does the benchmark of the bank kernels measure what it says, on a miniature scale? Nothing here depends on speed."""

import re

import pytest

from pimsim.memory import run
from validation.benchmarks.banks import banks, banks_stream


def test_both_kernels_are_held_to_their_rate() -> None:
    kernel = run.kernel
    fcfs, frfcfs, chain = banks(requests=3000, repetitions=1)
    assert [fcfs.bar, frfcfs.bar, chain.bar] == [20.0, 250.0, None]  # 50 and 4 million a second
    for one in (fcfs, frfcfs):
        rate, commands = re.fullmatch(
            r"([\d.]+) million a second, ([\d.]+) commands each, [\d,]+ x the plain twin", one.detail
        ).groups()
        assert float(rate) == pytest.approx(1e3 / one.value, rel=0.2, abs=0.06)
        assert 1.0 <= float(commands) <= 3.0
    assert re.fullmatch(r"18 cycles at [\d.]+ GHz: \d+% reached; a copy of the addresses takes [\d.]+ ns", chain.detail)
    assert run.kernel is kernel  # compiled again after the twin


@pytest.mark.slow
def test_a_streamed_trace_is_held_to_time_and_memory() -> None:
    seconds, memory = banks_stream(requests=5000, repetitions=1)
    assert (seconds.bar, seconds.unit, memory.bar, memory.unit) == (5.0, "s", 500.0, "MB")
    assert seconds.name.startswith("5e+03 requests streamed, fcfs")
    assert re.search(r"pyarrow alone reads the \d+ MB in [\d.]+ s \([\d.]+ x\)", seconds.detail)
    assert 20.0 < memory.value < 500.0
