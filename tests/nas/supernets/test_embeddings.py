"""Do look-ups give the right rows, pooled over what is not padding, with gradients of the rows alone?"""

import pytest
import torch

from nas.data.fields import Schema, SparseField
from nas.supernets.embeddings import Embeddings


def test_each_field_has_its_own_rows():
    found = Embeddings(Schema((), (SparseField("a", 3), SparseField("b", 2))), 4)
    vectors = found(torch.tensor([[2, 1], [0, 0]]))
    assert vectors.shape == (2, 4, 2)
    assert torch.equal(vectors[0, :, 0], found.weight[2])
    assert torch.equal(vectors[0, :, 1], found.weight[3 + 1])
    assert torch.equal(vectors[1, :, 1], found.weight[3])


def test_gradients_are_rows():
    found = Embeddings(Schema((), (SparseField("a", 1000), SparseField("b", 1000))), 4)
    found(torch.tensor([[2, 1], [2, 7]])).sum().backward()
    grad = found.weight.grad.coalesce()
    assert grad.indices().tolist() == [[2, 1001, 1007]]
    assert grad.values()[:, 0].tolist() == [2.0, 1.0, 1.0]


def test_pooled_fields_add_or_average_what_is_not_padding():
    fields = (SparseField("plain", 3), SparseField("tags", 5, "mean", 3), SparseField("words", 4, "sum", 2))
    found = Embeddings(Schema((), fields), 4)
    table = found.weight.detach()
    vectors = found(torch.tensor([[1, 2, 4, 0, 3, 0], [0, 0, 0, 0, 1, 1]])).detach()
    assert vectors.shape == (2, 4, 3)
    assert torch.equal(vectors[0, :, 0], table[1])
    assert torch.allclose(vectors[0, :, 1], (table[3 + 2] + table[3 + 4]) / 2)
    assert torch.allclose(vectors[0, :, 2], table[8 + 3])
    assert torch.equal(vectors[1, :, 1], torch.zeros(4))
    assert torch.allclose(vectors[1, :, 2], 2 * table[8 + 1])


def test_capped_tables_wrap_ids_around_behind_the_reserved_one():
    found = Embeddings(Schema((), (SparseField("a", 100),)), 4, cap=11)
    assert found.weight.shape == (11, 4)
    vectors = found(torch.tensor([[0], [1], [11], [99]]))[:, :, 0]
    assert torch.equal(vectors[1], vectors[2])  # (11 - 1) % 10 + 1
    assert torch.equal(vectors[0], found.weight[0])
    assert torch.equal(vectors[3], found.weight[(99 - 1) % 10 + 1])


def test_fresh_tables_have_the_variance_of_their_shape():
    torch.manual_seed(0)
    found = Embeddings(Schema((), (SparseField("a", 20_000), SparseField("b", 16))), 16)
    assert abs(found.weight[:20_000].std().item() / (2 / 20_016) ** 0.5 - 1) < 0.02
    assert abs(found.weight[20_000:].std().item() / (2 / 32) ** 0.5 - 1) < 0.2


def test_fresh_values_have_the_asked_spread_or_glorots():
    schema = Schema((), (SparseField("few", 3), SparseField("many", 2000)))
    torch.manual_seed(0)
    few, many = Embeddings(schema, 64).weight.detach().split([3, 2000])
    assert float(few.std()) == pytest.approx((2 / (3 + 64)) ** 0.5, rel=0.2)
    assert float(many.std()) == pytest.approx((2 / (2000 + 64)) ** 0.5, rel=0.02)
    for part in Embeddings(schema, 64, std=0.01).weight.split([3, 2000]):
        assert float(part.detach().std()) == pytest.approx(0.01, rel=0.2)
