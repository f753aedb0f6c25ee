"""Are the figures of a search loop those of a single run, to the bit?"""

import numpy as np
import pytest

import pimsim
from nas.lowering import costs
from nas.lowering.costs import Costs
from nas.lowering.nasrec import Lowering
from nas.spaces.nasrec import Space
from pimsim.errors import InputError
from tests.nas.lowering.conftest import plain_schema


@pytest.mark.parametrize("hardware", ["reram_128", "isaac", "reram_128_ddr4"])
def test_figures_are_those_of_a_run(generator, hardware, monkeypatch):
    monkeypatch.setattr(costs, "CHUNK", 4)  # two chunks in the same room
    space, lowering = Space.full(blocks=3, dense_widths=(16, 64, 128)), Lowering(plain_schema(4, 6))
    architectures = [space.sample(generator) for _ in range(6)]
    found = Costs(lowering, hardware)(architectures)
    for i in (0, 1, 2, 5):
        workload = lowering.workload(architectures[i])
        totals = pimsim.simulate(workload, hardware).totals
        assert found["macs"][i] == workload.macs
        for figure in ("energy_pJ", "latency_ns", "area_um2"):
            assert found[figure][i] == totals[figure]


def test_no_architectures_cost_nothing():
    found = Costs(Lowering(plain_schema(4, 6)), "reram_128")([])
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 0)


def test_what_does_not_fit_is_infinitely_dear(generator):
    machine = pimsim.load_hardware("reram_128")
    one_tile = machine.model_copy(update={"chip": machine.chip.model_copy(update={"count": 1, "tiles": 1})})
    wide = Space.full(dense_widths=(1024,)).sample(generator)
    found = Costs(Lowering(plain_schema(4, 6)), one_tile)([wide])
    assert {name: float(values[0]) for name, values in found.items()} == dict.fromkeys(found, np.inf)


def test_hardware_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="reram_127"):
        Costs(Lowering(plain_schema(4, 6)), "reram_127")
