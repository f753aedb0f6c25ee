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
from pimsim.cost.shapes import PREVIOUS, Choices, chain
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer
from validation.choice_spaces import cnn, dense, encoder, recommender

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
    table = lookup_table(space, machine(mapping__replication="none", memory__lookups="bandwidth"))
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


def some_look_up() -> Choices:
    """A block that looks up nothing, a few rows, or many; then widths."""

    def table(rows: int, lookups: int) -> Layer:
        return Layer(
            "table", "Gather", Kind.LOOKUP, (Edge(MODEL_INPUT, lookups),), input_elements=lookups,
            output_elements=16 * lookups, lookups=lookups, row_elements=16, table_rows=rows, weight_elements=16 * rows,
        )  # fmt: skip

    def candidate(block: int, found: int, choice: int) -> tuple[list[Layer], int]:
        if block == 0:
            return [[], [table(1000, 8)], [table(100_000, 300)]][choice], (0, 128, 4800)[choice]
        width = (16, 64, 256)[choice]
        return [dense("fc", PREVIOUS, found or 16, width)], width

    return chain("some look up", [3, 3, 3], candidate, 0)


@pytest.mark.parametrize("banks", [{"device": "ddr4_2400"}, {"device": "hbm2"}, {"near": "rerec"}])
@pytest.mark.parametrize("schedule", ["pipeline", "layer_by_layer"])
def test_standby_of_the_banks_goes_with_the_interval(banks: dict[str, Any], schedule: str) -> None:
    """Where only some networks look rows up, its power and the interval depend on each other; exact without traffic."""
    space, generator = some_look_up(), np.random.default_rng(5)
    hw = machine(mapping__replication="none", mapping__schedule=schedule, memory__banks={**banks, "inferences": 4})
    table = lookup_table(space, hw)
    table = table.with_ways(np.zeros_like(table.ways))
    module = expected_cost(table)
    for spread in (0.3, 1.0, 10.0):
        p = [generator.dirichlet(np.full(w, spread)) for w in table.widths]
        cost = module([torch.as_tensor(q) for q in p])
        errors = np.array([float(getattr(cost, f)) for f in FIGURES]) / exact_mean(table, p) - 1.0
        assert np.abs(errors[[0, 2, 3]]).max() < 1e-12
        assert abs(errors[1]) < 0.02


@pytest.mark.parametrize("temperature_ns", [0.0, 50.0])
@pytest.mark.parametrize("schedule", ["pipeline", "layer_by_layer"])
def test_gradients_reach_tables_and_memories(temperature_ns: float, schedule: str) -> None:
    """In the logits of which tables are looked up, of widths, and of the memory they stand in."""
    space, memories = some_look_up(), [{"device": "ddr4_2400"}, {"device": "hbm2"}, {"near": "rerec"}]
    points = [machine(mapping__schedule=schedule, memory__banks={**one, "inferences": 4}) for one in memories]
    module, sizes = expected_cost(lookup_table(space, points), temperature_ns=temperature_ns), [3, 3, 3, 3]
    start = torch.as_tensor(np.random.default_rng(6).normal(size=12))

    def logs(logits: Any) -> Any:
        *blocks, memory = (torch.softmax(part, 0) for part in torch.split(logits, sizes))
        return torch.log(torch.stack(list(module(blocks, memory))))

    exact = torch.autograd.functional.jacobian(logs, start)
    numeric = [(logs(start + step) - logs(start - step)) / 2e-5 for step in 1e-5 * torch.eye(12, dtype=torch.float64)]
    np.testing.assert_allclose(exact.numpy(), torch.stack(numeric, 1).numpy(), rtol=1e-5, atol=1e-7)
    assert bool((exact[0, [0, 1, 2, 9, 10, 11]].abs() > 1e-4).all())


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
