"""Are the figures of a service those of its requests, and is the rate found that is too much?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.policy import Policy
from pimsim.memory.serving.banks import Banks
from pimsim.memory.serving.lookups import NOTHING
from pimsim.memory.serving.run import Pipeline, serve
from pimsim.memory.serving.service import Batching, figures, over_time, poisson_arrivals, saturation

DEVICE = load_device("ddr4_2400")


def test_figures_worked_out_by_hand() -> None:
    """Three requests at 0, 10, 10; batches of two, one after the other, 20 for each: taken at 0, 20, 20; computed at
    20, 40, 60, and the second batch is done with its last."""
    arrivals = np.array([0.0, 10.0, 10.0])
    served = serve(Banks(NOTHING, DEVICE, Policy()), Pipeline(20.0, 20.0), Batching(2), arrivals)
    assert (served.taken.tolist(), served.done.tolist()) == ([0.0, 20.0, 20.0], [20.0, 40.0, 60.0])
    found = served.figures()
    assert found.latency_ns == {"p50": 30.0, "p95": 50.0, "p99": 50.0, "p99.9": 50.0}
    assert found.mean_ns == pytest.approx(100 / 3)
    assert found.throughput_per_s == pytest.approx(3 / 60e-9)
    assert found.queue_depth == pytest.approx(20 / 60)
    assert found.in_service == pytest.approx(80 / 60)
    assert found.mean_batch == 1.5
    assert over_time(served.taken, served.done, 60.0, 3).tolist() == pytest.approx([1.0, 2.0, 1.0])
    assert over_time(arrivals, served.taken, 60.0, 6).tolist() == pytest.approx([0.0, 2.0, 0.0, 0.0, 0.0, 0.0])


def test_saturation_is_found() -> None:
    low, high = saturation(lambda rate: rate < 1234.5, 1.0, 1e6)
    assert low < 1234.5 <= high
    assert high / low < 1.0001
    with pytest.raises(InputError, match="the service does not keep up even with 2000 requests a second"):
        saturation(lambda rate: rate < 1234.5, 2000.0, 1e6)
    with pytest.raises(InputError, match="the service keeps up with 1000 requests a second; look higher"):
        saturation(lambda rate: rate < 1234.5, 1.0, 1000.0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Batching(0), "batching: size must be from 1 to 65,536; got 0"),
        (lambda: Batching(1, -1.0), "batching: timeout_ns must be from 0.0 to"),
        (lambda: poisson_arrivals(0.0, 5, 1), "the rate must be from 0.001 to 1e12 requests a second; got 0.0"),
        (lambda: figures(np.zeros(0), np.zeros(0), np.zeros(0)), "no request was served"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, said: str) -> None:
    with pytest.raises(InputError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value).startswith(said)
