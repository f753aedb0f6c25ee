"""Do searches propose what their seed says, within limits, and does evolution find an optimum sooner than chance?"""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from nas.search.strategies import STRATEGIES, Evolution, SearchSettings, strategy
from nas.spaces.nasrec import Space, distance
from pimsim.errors import InputError

SPACE = Space.full(blocks=3, dense_widths=(8, 16, 32), sparse_widths=(4, 8))
SMALL = SearchSettings(population=12, sample=5, children=4, generations=6, seed=3)
GOAL = SPACE.sample(np.random.default_rng(99))


def nearness(architecture):
    return -float(distance(architecture, GOAL))


def run(settings, allowed=None, score=nearness):
    """All generations with their scores."""
    search, found = strategy(SPACE, settings, allowed), []
    while proposed := search.ask():
        assert search.ask() == proposed
        scores = [score(one) for one in proposed]
        search.tell(scores)
        found.append((proposed, scores))
    return found


def fingerprint(algorithm):
    found = run(SMALL.model_copy(update={"algorithm": algorithm}))
    return hashlib.sha256("".join(one.digest for proposed, _ in found for one in proposed).encode()).hexdigest()


@pytest.mark.parametrize("algorithm", STRATEGIES)
def test_the_sequence_follows_from_the_seed_in_every_process(algorithm, request):
    code = f"import test_strategies as t; print(t.fingerprint({algorithm!r}))"
    root = request.config.rootpath
    there = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(root)!r}, {str(request.path.parent)!r}]; {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert there.stdout.strip() == fingerprint(algorithm)
    other = run(SMALL.model_copy(update={"algorithm": algorithm, "seed": 4}))
    assert other[0][0] != run(SMALL.model_copy(update={"algorithm": algorithm}))[0][0]


@pytest.mark.parametrize("algorithm", STRATEGIES)
def test_generations_have_the_sizes_asked_for_and_nothing_twice(algorithm):
    found = run(SMALL.model_copy(update={"algorithm": algorithm}))
    assert [len(proposed) for proposed, _ in found] == [12, *[4] * 6]
    every = [one for proposed, _ in found for one in proposed]
    assert len(set(every)) == len(every)
    for one in every:
        SPACE.check(one)


def test_defaults_are_the_papers():
    settings = SearchSettings()
    assert (settings.population, settings.sample, settings.children, settings.generations) == (128, 64, 8, 240)


def test_evolution_comes_nearer_to_an_optimum_than_chance_in_each_of_three_seeds():
    for seed in range(3):
        settings = SearchSettings(population=32, sample=16, children=8, generations=50, seed=seed)
        best = {
            name: max(max(scores) for _, scores in run(settings.model_copy(update={"algorithm": name})))
            for name in STRATEGIES
        }
        assert best["evolution"] > best["random"] + 4
        assert best["evolution"] >= -2


def test_parents_are_the_best_of_a_sample_and_the_oldest_go():
    settings = SMALL.model_copy(update={"mutations": 1, "sample": 12})
    search = Evolution(SPACE, settings)
    first = search.ask()
    search.tell([float(at == 7) for at in range(12)])
    assert all(0 < distance(one, first[7]) <= 6 for one in search.ask())
    search.tell([0.0] * 4)
    search.ask(), search.tell([0.0] * 4)
    assert [one for _, one in search.population][:4] == first[8:]  # the best was older: it is gone
    assert len(search.population) == 12


@pytest.mark.parametrize(
    ("generations", "numbers"),
    [(240, {6: 1, 5: 48, 4: 48, 3: 48, 2: 48, 1: 47}), (40, {3: 1, 2: 20, 1: 19}), (7, {1: 7})],
)
def test_mutations_fall_over_the_generations_as_the_authors_do(generations, numbers):
    search = Evolution(SPACE, SearchSettings(population=2, sample=1, children=1, generations=generations))
    counts = []
    for search.generation in range(1, generations + 1):
        counts.append(search.mutations())
    assert counts == [number for number, times in numbers.items() for _ in range(times)]


def test_a_number_of_mutations_that_is_given_stays():
    search = Evolution(SPACE, SearchSettings(generations=240, mutations=3))
    assert [search.mutations() for search.generation in (1, 240)] == [3, 3]


@pytest.mark.parametrize("algorithm", STRATEGIES)
def test_only_what_is_allowed_is_asked_for(algorithm):
    def allowed(architectures):
        return np.array([one.blocks[0].dense_width == 8 for one in architectures])

    found = run(SMALL.model_copy(update={"algorithm": algorithm}), allowed)
    assert {one.blocks[0].dense_width for proposed, _ in found for one in proposed} == {8}


def test_limits_that_allow_nothing_are_named():
    search = strategy(SPACE, SMALL, lambda architectures: np.zeros(len(architectures), dtype=bool))
    with pytest.raises(InputError, match=r"none of 1,200 architectures is within the limits.*raise a limit"):
        search.ask()


def test_a_space_that_is_used_up_repeats_itself():
    space = Space.small(blocks=1, dense_widths=(8,), sparse_widths=(4,))
    search = strategy(space, SMALL.model_copy(update={"population": 20, "sample": 2}))
    assert (len(search.ask()), len(set(search.ask()))) == (20, space.cardinality)


def test_misuse_is_named():
    search = strategy(SPACE, SMALL)
    search.ask()
    with pytest.raises(ValueError, match="12 scores were asked for; got 1"):
        search.tell([0.0])
    with pytest.raises(ValidationError, match=r"sample must be at most population \(4\); got 5"):
        SearchSettings(population=4, sample=5)
