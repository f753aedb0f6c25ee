"""Is a policy the distribution that it says, and are choices that it calls idle without effect?"""

import numpy as np
import pytest
import torch

from nas.objectives.figures import Figures
from nas.search.policy import Policy
from nas.spaces.nasrec import Space, distance
from nas.supernets.nasrec import Supernet
from pimsim.errors import InputError
from tests.nas.lowering.conftest import plain_schema

SPACE = Space.full(blocks=3, dense_widths=(8, 16), sparse_widths=(4, 8), most_connections=2)
POLICY = Policy(SPACE)
EVEN = POLICY.probabilities()


def test_every_value_of_a_gene_is_as_likely_as_the_others_at_first():
    counts = [len(gene.values) for gene in POLICY.genes]
    assert np.prod(counts, dtype=float) == SPACE.cardinality
    for p, count in zip(EVEN, counts, strict=True):
        assert p.tolist() == pytest.approx([1.0 / count] * count)


def test_networks_are_drawn_with_their_probabilities():
    policy = Policy(SPACE)
    with torch.no_grad():
        for logits in policy.logits:
            logits.copy_(torch.linspace(-1.0, 1.0, len(logits)))
    probabilities = policy.probabilities(0.7)
    drawn = policy.draw(probabilities, 40_000, np.random.default_rng(1))
    for at, p in enumerate(probabilities):
        assert np.bincount(drawn[:, at], minlength=len(p)) / 40_000 == pytest.approx(p.detach().numpy(), abs=0.01)
    for choice in drawn[:20]:
        SPACE.check(policy.architecture(choice))


def test_connections_weigh_the_product_of_their_members():
    policy = Policy(SPACE)
    at = next(i for i, gene in enumerate(policy.genes) if (gene.at, gene.name) == (2, "dense"))
    with torch.no_grad():
        policy.logits[at].copy_(torch.tensor([0.0, 1.0, 2.0]))
    weights = np.exp([0.0, 1.0, 2.0, 1.0, 2.0, 3.0])  # of (0), (1), (2), (0, 1), (0, 2), (1, 2)
    assert policy.probabilities()[at].tolist() == pytest.approx(weights / weights.sum())


def test_idle_choices_change_neither_output_nor_cost():
    schema = plain_schema(3, 4)
    torch.manual_seed(0)
    supernet, figures = Supernet(SPACE, schema, 8), Figures(schema, 8, "reram_128")
    dense, sparse = torch.randn(1, 3), torch.randint(20, (1, 4))
    idle = busy = 0
    for choice in POLICY.draw(EVEN, 5, np.random.default_rng(3)):
        one = POLICY.architecture(choice)
        same = [one, POLICY.architecture(POLICY.canonical(choice))]
        for gene, acts in zip(POLICY.genes, POLICY.acting(one), strict=True):
            same += [] if acts else POLICY.alternatives(one, gene)
            idle, busy = idle + (not acts), busy + bool(acts)
        with torch.no_grad():
            logits = torch.stack([supernet(dense, sparse, other) for other in same])
        assert torch.equal(logits, logits[:1].expand_as(logits))
        assert len(set(figures(same)["energy_uJ"].tolist())) == 1
    assert idle > 10 < busy


def test_canonical_choices_stay():
    for choice in POLICY.draw(EVEN, 50, np.random.default_rng(4)):
        once = POLICY.canonical(choice)
        assert (POLICY.canonical(once) == once).all()


def test_the_likeliest_first_then_what_is_least_decided():
    policy = Policy(SPACE)
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for logits in policy.logits:
            logits.copy_(torch.from_numpy(generator.normal(size=len(logits))))
    probabilities = policy.probabilities()
    found = policy.likeliest(probabilities)
    best = np.array([int(p.argmax()) for p in probabilities])
    assert found[0] == policy.architecture(policy.canonical(best))
    assert len(set(found)) == len(found) > 5
    assert distance(policy.architecture(best), policy.alternatives(policy.architecture(best), policy.genes[0])[0]) <= 2


def test_a_space_with_too_many_sets_of_connections_is_named():
    with pytest.raises(InputError, match=r"at most 4,096; block 12 has more: lower space\.most_connections"):
        Policy(Space.full(blocks=13, most_connections=None))
