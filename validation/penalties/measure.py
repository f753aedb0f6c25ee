"""What is measured: tables against the simulator, expectations against sampled networks, gradients, temperature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pimsim.cost.evaluation import Evaluation
from pimsim.cost.evaluator import evaluate
from pimsim.cost.lookup import LookupTable, lookup_table
from pimsim.cost.shapes import Choices
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.mapping.columns import pack
from pimsim.memory.lookups import with_lookups

from ..choice_spaces import cnn, encoder, recommender

Array = np.ndarray[Any, np.dtype[np.float64]]
Probabilities = list[Array]

FIGURES = ("energy_pJ", "area_um2", "latency_ns", "interval_ns")
SPREADS = (0.1, 1.0, 10.0)
"""Concentrations of the Dirichlet distributions that probabilities are drawn from: nearly decided to nearly even."""
BATCH = 1_000


def spaces(small: bool) -> list[Choices]:
    """The choice spaces: operators x widths a block."""
    return [cnn(4), recommender(3), encoder(2)] if small else [cnn(), recommender(), encoder()]


def machine(**settings: Any) -> Hardware:
    """The default hardware with settings of its mapping."""
    tree = load_hardware("reram_128").model_dump(mode="json", exclude_none=True)
    tree["mapping"] |= settings
    return Hardware.model_validate(tree)


def figures_of(found: Evaluation) -> Array:
    """FIGURES of one simulated network."""
    energy = found.energy_dynamic_pJ.sum() + found.energy_static_pJ.sum()
    return np.array([energy, found.area_um2.sum(), found.pipeline.latency_ns, found.pipeline.interval_ns])


def composed(table: LookupTable, architectures: Any, **options: Any) -> Array:
    """FIGURES of composed networks, one row each."""
    found = table.compose(architectures, compiled=True, **options)
    return np.stack([getattr(found, name) for name in FIGURES], axis=1)


def table_errors(space: Choices, count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Largest relative error of FIGURES over `count` random networks: with the copies of every layer given (those that
    the simulator chose), and with copies allotted to the budget by the table."""
    budget, fixed = machine(), machine(replication="none")
    architectures = space.random(count, generator)
    networks = [with_lookups(space.workload(a), budget) for a in architectures]
    runs = [evaluate(pack(network), budget, compile_kernels=True) for network in networks]
    truth = np.stack([figures_of(run) for run in runs])
    table = lookup_table(space, fixed)
    copies = np.ones((count, table.longest))
    for row, run in zip(copies, runs, strict=True):
        row[: len(run.copies)] = np.maximum(run.copies, 1.0)
    given = composed(table, architectures, copies=copies)
    allotted = composed(lookup_table(space, budget), architectures)
    return np.abs(given / truth - 1.0).max(0), np.abs(allotted / truth - 1.0).max(0)


def drawn(space: Choices, count: int, generator: np.random.Generator) -> Iterator[Probabilities]:
    """`count` soft distributions: choice probabilities of every block."""
    for n in range(count):
        spread = SPREADS[n % len(SPREADS)]
        yield [generator.dirichlet(np.full(width, spread)) for width in space.widths]


def stratified(probabilities: Probabilities, count: int, generator: np.random.Generator) -> Any:
    """`count` networks; each choice stands in them in proportion to its probability, to one network."""
    columns = []
    for p in probabilities:
        places = (generator.permutation(count) + generator.random(count)) / count
        columns.append(np.minimum(np.searchsorted(np.cumsum(p), places, side="right"), len(p) - 1))
    return np.stack(columns, axis=1)


def expected(module: Any, probabilities: Probabilities) -> Array:
    """FIGURES by the expectation."""
    import torch

    with torch.no_grad():
        cost = module([torch.as_tensor(p) for p in probabilities])
    return np.array([float(getattr(cost, name)) for name in FIGURES])


def soft_errors(
    space: Choices, hw: Hardware, count: int, batches: int, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Relative errors of the expected FIGURES (count x 4) against the mean of BATCH sampled networks, and of `batches`
    times as many; and the standard error of the latter mean."""
    from pimsim.cost.penalty import expected_cost

    table = lookup_table(space, hw)
    module = expected_cost(table)
    first, every, noise = [], [], []
    for probabilities in drawn(space, count, generator):
        ours = expected(module, probabilities)
        sampled = np.concatenate([stratified(probabilities, BATCH, generator) for _ in range(batches)])
        means = composed(table, sampled).reshape(batches, BATCH, -1).mean(1)
        first.append(ours / means[0] - 1.0)
        every.append(ours / means.mean(0) - 1.0)
        noise.append(means.std(0, ddof=1) / np.sqrt(batches) / means.mean(0))
    return np.array(first), np.array(every), np.array(noise)


def gradient_errors(space: Choices, count: int, generator: np.random.Generator) -> float:
    """Largest difference between a directional derivative of the logarithm of a figure by autograd and by central
    differences, relative to the larger of the derivative and 1; over logits of blocks and of two hardware knobs."""
    import torch

    from pimsim.cost.penalty import choice_probabilities, expected_cost

    points = [machine(max_copies=copies, overlap=overlap) for copies in (1, 10**9) for overlap in ("steps", "none")]
    module = expected_cost(lookup_table(space, points), knobs=(2, 2), temperature_ns=50.0)
    worst = 0.0
    for _ in range(count):
        sizes = [*space.widths, 2, 2]
        logits = torch.as_tensor(generator.normal(size=sum(sizes))).requires_grad_()
        direction = torch.as_tensor(generator.normal(size=sum(sizes)))

        def logs(at: Any, sizes: list[int] = sizes) -> Any:
            *blocks, first, second = (choice_probabilities(part) for part in torch.split(at, sizes))
            return torch.log(torch.stack(list(module(blocks, [first, second]))))

        step = 1e-5
        with torch.no_grad():
            numeric = (logs(logits + step * direction) - logs(logits - step * direction)) / (2.0 * step)
        for at, value in enumerate(logs(logits)):
            (found,) = torch.autograd.grad(value, logits, retain_graph=True)
            exact = float(found @ direction)
            worst = max(worst, abs(exact - float(numeric[at])) / max(1.0, abs(exact)))
    return worst


def temperature_bias(
    space: Choices, shares: tuple[float, ...], count: int, generator: np.random.Generator
) -> list[dict[str, float]]:
    """For each temperature, as a share of the mean interval without one: mean relative shift of latency and interval,
    and the largest (interval: in units of the temperature too)."""
    from pimsim.cost.penalty import expected_cost

    table = lookup_table(space, machine(replication="none"))
    draws = list(drawn(space, count, generator))
    hard = expected_cost(table)
    truth = np.array([expected(hard, p) for p in draws])
    found = []
    for share in shares:
        temperature = share * float(truth[:, 3].mean())
        soft = expected_cost(table, temperature_ns=temperature)
        shift = np.array([expected(soft, p) for p in draws]) - truth
        found.append(
            {
                "share": share,
                "latency": float((shift[:, 2] / truth[:, 2]).mean()),
                "interval": float((shift[:, 3] / truth[:, 3]).mean()),
                "largest_latency": float((shift[:, 2] / truth[:, 2]).max()),
                "largest_interval_in_temperatures": float(shift[:, 3].max() / temperature),
                "least_interval_in_temperatures": float(shift[:, 3].min() / temperature),
            }
        )
    return found
