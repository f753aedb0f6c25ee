"""Is the expectation exact where it can be, and do its parts agree with composed networks?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pimsim.cost import rows as k
from pimsim.cost.entries import Walks
from pimsim.cost.expected import entry_figures
from pimsim.cost.lookup import LookupTable, lookup_table
from pimsim.cost.penalty import expected_cost
from pimsim.cost.shapes import Choices
from validation.choice_spaces import cnn, encoder, recommender

from .random_spaces import machine, spaces

torch = pytest.importorskip("torch")
SPACES = {"cnn": cnn(3), "recommender": recommender(2), "encoder": encoder(2)}
FIGURES = ("energy_pJ", "latency_ns", "interval_ns", "area_um2")


def entries_of(walk: Walks, architecture: Any) -> list[int]:
    """The entries that a network passes through."""
    state, found = 0, []
    for block, choice in enumerate(architecture):
        found.append(int(walk.starts[block] + state * walk.widths[block] + choice))
        state = int(walk.entries[found[-1], k.N_STATE])
    return found


def decided(widths: tuple[int, ...], architecture: Any) -> list[Any]:
    return [torch.eye(w, dtype=torch.float64)[int(c)] for w, c in zip(widths, architecture, strict=True)]


@pytest.mark.parametrize("name", SPACES)
def test_entries_hold_what_networks_are_made_of(name: str) -> None:
    """Without copies: crossbars and times of a network are the sums and maxima over its entries."""
    table = lookup_table(SPACES[name], machine(mapping__replication="none"))
    figures = entry_figures(table, 0, 0.0, np.random.default_rng(0))
    assert figures.stages_ns.tolist() == [0.0]
    for architecture in SPACES[name].random(20, np.random.default_rng(1)):
        entries = entries_of(table.walk, architecture)
        found = table.compose(architecture)
        assert figures.needed[entries].sum() == found.crossbars_needed[0]
        assert figures.longest_ns[0, entries].max() <= found.interval_ns[0] * (1.0 + 1e-9)


@pytest.mark.parametrize("name", SPACES)
def test_copies_at_the_stage_time_are_those_of_composition(name: str) -> None:
    table = lookup_table(SPACES[name], machine(chip__tiles=9))
    figures = entry_figures(table, 0, 0.0, np.random.default_rng(0))
    assert (np.diff(figures.taken, axis=0) <= 0).all()
    if not figures.exact:
        return
    for architecture in SPACES[name].random(20, np.random.default_rng(1)):
        found = table.compose(architecture)
        at = int(np.abs(figures.stages_ns - found.rows[0, k.O_STAGE_NS]).argmin())
        assert figures.taken[at, entries_of(table.walk, architecture)].sum() == found.crossbars[0]


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_mass_is_kept(space: Choices, seed: int) -> None:
    """Gaps are split between neighbours with weights in [0, 1], and keep their mean where they lie on the grid."""
    table = lookup_table(space, machine(mapping__replication="none"))
    figures = entry_figures(table, 0, 0.0, np.random.default_rng(seed))
    assert ((figures.weight >= 0.0) & (figures.weight <= 1.0)).all()
    assert ((figures.low >= 0) & (figures.low < figures.gaps_ns.shape[1] - 1)).all()
    assert (np.diff(figures.gaps_ns, axis=1) >= 0.0).all()
    assert (figures.shift_ns >= -1e-9).all()


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("replication", ["none", "balanced"])
def test_decided_choices_give_the_network(name: str, replication: str) -> None:
    """With all probability on one choice a block, the expectation is that network's cost: energy but for traffic."""
    table = lookup_table(SPACES[name], machine(mapping__replication=replication))
    module = expected_cost(table)
    errors = []
    for architecture in SPACES[name].random(8, np.random.default_rng(2)):
        found, truth = module(decided(table.widths, architecture)), table.compose(architecture)
        errors.append([float(getattr(found, f)) / getattr(truth, f)[0] - 1.0 for f in FIGURES])
    worst = np.abs(errors).max(0)
    assert worst[3] < 1e-12
    if replication == "none":
        assert worst[2] < 1e-9
        assert worst[0] < 2e-3
    assert worst[0] < 0.02
    assert worst[1] < 0.05


def exact_mean(table: LookupTable, p: list[Any]) -> Any:
    """Means over every network of a small space."""
    grid = np.stack(np.meshgrid(*(np.arange(w) for w in table.widths), indexing="ij"), axis=-1)
    every = grid.reshape(-1, len(table.widths))
    weights = np.prod([q[every[:, b]] for b, q in enumerate(p)], axis=0)
    found = table.compose(every)
    return np.array([(weights * getattr(found, f)).sum() for f in FIGURES])


@pytest.mark.parametrize("name", ["recommender", "encoder"])
@pytest.mark.parametrize("options", [{"mapping__replication": "none"}, {}, {"mapping__schedule": "layer_by_layer"}])
def test_expectation_over_all_networks(name: str, options: dict[str, Any]) -> None:
    table, generator = lookup_table(SPACES[name], machine(**options)), np.random.default_rng(3)
    module = expected_cost(table)
    for spread in (0.1, 1.0, 10.0):
        p = [generator.dirichlet(np.full(w, spread)) for w in table.widths]
        cost = module([torch.as_tensor(q) for q in p])
        errors = np.array([float(getattr(cost, f)) for f in FIGURES]) / exact_mean(table, p) - 1.0
        assert np.abs(errors[[0, 3]]).max() < 0.01
        assert abs(errors[1]) < 0.02


def test_chips_that_vary() -> None:
    """Small chips, as many as each network needs: area and energy follow the distribution of crossbars."""
    generator = np.random.default_rng(4)
    table = lookup_table(SPACES["recommender"], machine(chip__tiles=2, tile__pes=4))
    assert len(np.unique(table.compose(SPACES["recommender"].random(50, generator)).chips)) > 2
    module = expected_cost(table)
    p = [generator.dirichlet(np.full(w, 3.0)) for w in table.widths]
    cost = module([torch.as_tensor(q) for q in p])
    errors = np.array([float(getattr(cost, f)) for f in FIGURES]) / exact_mean(table, p) - 1.0
    assert abs(errors[3]) < 0.01
    assert abs(errors[0]) < 0.03
