"""Do the ways of giving many networks lead to the same arrays?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.cost import networks
from pimsim.cost.networks import WORTH_POOLING, Networks, link, networks_of
from pimsim.errors import InputError
from pimsim.graph.workload import Workload
from pimsim.jit import compiled
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack

from .test_engine import workloads

ARRAYS = ("layers", "edges", "starts", "offsets", "work")


def same(one: Networks, other: Networks) -> None:
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@given(st.lists(workloads(), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_layer_lists_are_packed_as_workloads_are(models: list[Workload]) -> None:
    several = (models * WORTH_POOLING)[: WORTH_POOLING + 3]
    found = networks_of([list(one.layers) for one in several])
    same(found, networks_of(several))
    assert [one.layers for one in found.workloads] == [one.layers for one in several]


def test_a_network_is_packed_with_its_own_numbers() -> None:
    @given(workloads())
    @settings(max_examples=10, deadline=None)
    def check(model: Workload) -> None:
        found = networks_of([model, model])
        layers, edges, starts = pack(model).lists
        n = len(layers)
        assert found.layers.tolist() == layers * 2
        assert found.edges.tolist() == edges * 2
        assert found.starts[n : 2 * n + 1].tolist() == [start + starts[-1] for start in starts]
        assert found.offsets.tolist() == [0, n, 2 * n]
        assert found.work.tolist() == [[model.macs, model.ops]] * 2
        assert found.deepest == n

    check()


@given(workloads())
@settings(max_examples=15, deadline=None)
def test_linking_compiled_equals_plain(model: Workload) -> None:
    packed = networks_of([model] * 3)
    keys = np.tile([0 if layer.weight_key else -1 for layer in model.layers], 3)
    results = []
    for kernel in (link, compiled(link)):
        layers, works = packed.layers.copy(), np.zeros((3, 2))
        layers[:, c.L_ALL_VECTORS] = layers[:, c.L_VECTORS]
        work, latest = np.ones((len(keys), 2)), np.full(2, -1)
        kernel(layers, packed.edges, packed.starts, packed.offsets, keys, work, works, latest)
        results.append((layers.tolist(), works.tolist()))
    assert results[0] == results[1]
    assert results[0][1] == [[len(model.layers)] * 2] * 3


def test_what_is_no_network() -> None:
    with pytest.raises(InputError, match="expected workloads, lists of layers or Networks; got a float"):
        networks_of(3.0)
    with pytest.raises(InputError, match="expected workloads, or lists of layers; got a int"):
        networks_of([3])
    layer = Workload("w", ()).layers
    assert len(networks.networks_of([layer] * 2)) == 2
