"""Are the gradients those of the expected score, do choices settle at a known optimum, and are limits kept?"""

import itertools

import numpy as np
import pytest
import torch

from nas.objectives.figures import Figures
from nas.objectives.objective import Objective
from nas.search.gradient import Gradient, payments_of, surrogate
from nas.search.policy import Policy
from nas.search.strategies import SearchSettings
from nas.spaces.nasrec import Space
from tests.nas.lowering.conftest import plain_schema

FIGURES = Figures(plain_schema(3, 4), 8, "reram_128")
TINY = Space(blocks=1, operators=("linear-2d", "sum", "linear-3d"), dense_widths=(8, 16), sparse_widths=(4,))
CHAIN = Space(blocks=2, operators=("linear-2d", "linear-3d"), dense_widths=(32,), sparse_widths=(4,),
              most_connections=1)  # fmt: skip
WIDE = Space.full(blocks=2, dense_widths=(16, 64, 256), sparse_widths=(4, 16))


def everything(policy):
    """(n, genes) every choice of the space."""
    return np.array(list(itertools.product(*(range(len(gene.values)) for gene in policy.genes))))


def some_policy(space, seed=0):
    policy, generator = Policy(space), np.random.default_rng(seed)
    with torch.no_grad():
        for logits in policy.logits:
            logits.copy_(torch.from_numpy(generator.normal(scale=0.7, size=len(logits))))
    return policy


def chances(probabilities, choices):
    return torch.stack([p[torch.from_numpy(choices[:, at])] for at, p in enumerate(probabilities)]).prod(0)


def energy(architectures):
    return FIGURES(architectures, ("energy_uJ",))["energy_uJ"]


def remembered(payments):
    """The same, each network costed once."""
    known = {}

    def pay(architectures):
        fresh = [one for one in dict.fromkeys(architectures) if one not in known]
        if fresh:
            found = payments(fresh)
            known.update(zip(fresh, zip(*found, strict=True), strict=True))
        return type(payments(architectures[:1]))(*np.array([known[one] for one in architectures]).T)

    return pay


def differences(policy, values, step=1e-5):
    """Central differences of the expectation of `values` over all networks, by every logit."""
    choices = everything(policy)
    found = []
    for logits in policy.logits:
        for at in range(len(logits)):
            ends = []
            for sign in (1.0, -1.0):
                with torch.no_grad():
                    logits[at] += sign * step
                    ends.append(float(chances(policy.probabilities(), choices) @ torch.from_numpy(values)))
                    logits[at] -= sign * step
            found.append((ends[0] - ends[1]) / (2.0 * step))
    return np.array(found)


def expected_gradient(policy, groups, quality, payments):
    """Mean of the estimate over all groups of choices, each as likely as its members are together."""
    total = np.zeros(sum(len(logits) for logits in policy.logits))
    for group in groups:
        probabilities = policy.probabilities()
        chance = float(chances(probabilities, group).prod().detach())
        loss = surrogate(policy, probabilities, group, quality(group), payments)
        gradients = torch.autograd.grad(loss, policy.logits, allow_unused=True)
        total -= chance * np.concatenate(
            [np.zeros(len(x)) if g is None else g.numpy() for g, x in zip(gradients, policy.logits, strict=True)]
        )
    return total


def test_the_penaltys_gradient_is_that_of_the_expected_penalty_over_all_networks():
    policy = some_policy(CHAIN)
    choices = everything(policy)
    costs = energy([policy.architecture(one) for one in choices])
    objective = Objective(penalty="energy", target=float(np.median(costs)), weight=300.0, form="absolute")
    payments = remembered(payments_of(objective, FIGURES, 1.0))
    tolls = 300.0 * np.abs(costs / np.median(costs) - 1.0)
    assert len(choices) == CHAIN.cardinality == 256
    found = expected_gradient(policy, choices[:, None], lambda group: np.zeros(1), payments)
    wanted = -differences(policy, tolls)
    assert found == pytest.approx(wanted, abs=1e-6)
    assert np.abs(wanted).max() > 3e-3


@pytest.mark.parametrize("form", ["soft", "power"])
def test_the_whole_gradient_is_that_of_the_expected_score(form):
    policy = some_policy(TINY)
    choices = everything(policy)
    networks = [policy.architecture(one) for one in choices]
    costs = energy(networks)
    objective = Objective(penalty="energy", target=float(costs.mean()), weight=0.2, beta=-0.5, form=form)
    payments = remembered(payments_of(objective, FIGURES, 1.0))
    quality = 0.7 + 0.1 * np.sin(40.0 * costs / costs.max())  # of what reaches the output, as costs are
    scores = objective.score(quality, {"energy_uJ": costs})
    index = {tuple(choice): at for at, choice in enumerate(choices.tolist())}
    pairs = [choices[list(pair)] for pair in itertools.product(range(len(choices)), repeat=2)]

    def of(group):
        return np.array([quality[index[tuple(choice)]] for choice in group.tolist()])

    assert expected_gradient(policy, pairs, of, payments) == pytest.approx(differences(policy, scores), abs=1e-8)


def settings(seed=0, **own):
    return SearchSettings(algorithm="gradient", seed=seed, gradient={"steps": 250, "learning_rate": 0.05, **own})


def run(search):
    """All that is asked for, round by round."""
    found = []
    while proposed := search.ask():
        assert search.ask() == proposed
        search.tell([0.0] * len(proposed))
        found.append(proposed)
    return found


def liking(architectures, step=0):
    """A quality with the one best network known: dot product at 64, attention at 16 rows, both mergers."""
    wanted = {"dense_width": 64, "sparse_width": 16, "merge_dense": True, "merge_fm": True}
    last = [one.blocks[-1] for one in architectures]
    same = [
        sum(getattr(block, key) == value for key, value in wanted.items())
        + 2 * ("dot-product" in block.operators) + ("transformer" in block.operators) for block in last
    ]  # fmt: skip
    return 0.01 * np.array(same, dtype=float)


@pytest.mark.parametrize("seed", [0, 1])
def test_choices_settle_at_a_known_optimum(seed):
    search = Gradient(WIDE, settings(seed, steps=120), None, liking)
    found = run(search)
    best = search.policy.likeliest(search.policy.probabilities())[0]
    assert liking([best]) == [0.07]
    assert best in {one for some in found for one in some}
    deciding = [p for p, gene in zip(search.policy.probabilities(), search.policy.genes, strict=True)
                if gene.at == 1 and gene.name not in ("dense", "sparse", "left", "right")]  # fmt: skip
    assert min(float(p.detach().max()) for p in deciding) > 0.7
    assert liking(found[0]).mean() < 0.04 < 0.065 < liking(found[-2]).mean()


def test_a_heavier_weight_finds_cheaper_networks():
    def wide(architectures, step):
        return 0.01 * np.log2([one.blocks[-1].dense_width for one in architectures])

    target, costs = float(energy([WIDE.sample(np.random.default_rng(0))])[0]), []
    for weight in (0.0, 0.03, 10.0):
        objective = Objective(penalty="energy", target=target / 2.0, weight=weight)
        search = Gradient(WIDE, settings(steps=40, paths=4, rounds=1), None, wide, payments_of(objective, FIGURES, 1.0))
        run(search)
        drawn = search.policy.draw(search.policy.probabilities(), 50, np.random.default_rng(0))
        costs.append(float(energy([search.policy.architecture(one) for one in drawn]).mean()))
    assert costs[0] > 1.01 * costs[1]
    assert costs[1] > 1.001 * costs[2]


def test_limits_are_kept_and_pull_the_choices_inside():
    most = float(np.median(energy([WIDE.sample(np.random.default_rng(seed)) for seed in range(20)])))
    objective = Objective(max_energy_uJ=most)
    payments = payments_of(objective, FIGURES, 1.0)
    search = Gradient(WIDE, settings(steps=60), lambda some: objective.allowed(FIGURES(some)), lambda some, step: (
        np.array([one.blocks[-1].dense_width / 256 for one in some])), payments)  # fmt: skip
    for proposed in run(search):
        assert energy(proposed).max() <= most
    drawn = search.policy.draw(search.policy.probabilities(), 50, np.random.default_rng(0))
    assert np.mean(energy([search.policy.architecture(one) for one in drawn]) <= most) > 0.8


def test_without_penalty_and_limit_nothing_is_costed():
    assert payments_of(Objective(), FIGURES, 1.0) is None


def test_what_fits_no_chip_is_dear_but_finite():
    class Full:
        def __call__(self, architectures, columns):
            return {"energy_uJ": np.array([1.0, np.inf, 40.0])}

    paid = payments_of(Objective(penalty="energy", target=2.0, weight=1.0), Full(), 1.0)([None] * 3)
    assert paid.toll.tolist() == [0.0, 39.0, 19.0]


def test_an_interrupted_search_goes_on_to_the_same_end(tmp_path):
    whole = Gradient(WIDE, settings(steps=40), None, liking)
    wanted = run(whole)

    class Stop(Exception):
        pass

    def stepped(done, total):
        if done in stops:
            stops.remove(done)
            raise Stop

    stops = [0, 13, 30]
    for _ in range(3):
        with pytest.raises(Stop):
            run(Gradient(WIDE, settings(steps=40), None, liking, None, tmp_path / "policy.safetensors", stepped))
    again = Gradient(WIDE, settings(steps=40), None, liking, None, tmp_path / "policy.safetensors", stepped)
    assert again.step == 30
    assert run(again) == wanted
    assert all(torch.equal(a, b) for a, b in zip(again.policy.logits, whole.policy.logits, strict=True))


def test_the_sequence_follows_from_the_seed_and_nothing_is_asked_for_twice():
    found = run(Gradient(WIDE, settings(3, steps=20, rounds=4, candidates=5), None, liking))
    assert found == run(Gradient(WIDE, settings(3, steps=20, rounds=4, candidates=5), None, liking))
    assert found[0] != run(Gradient(WIDE, settings(4, steps=20, rounds=4, candidates=5), None, liking))[0]
    every = [one for some in found for one in some]
    assert len(found) == 5
    assert len(set(every)) == len(every) == 25
    for one in every:
        WIDE.check(one)
