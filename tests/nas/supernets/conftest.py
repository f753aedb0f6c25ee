"""A small schema, and networks of it with weights that are all different."""

import pytest
import torch

from nas.data.fields import Schema, SparseField


@pytest.fixture
def schema() -> Schema:
    """3 dense columns, 4 plain fields."""
    return Schema(("a", "b", "c"), tuple(SparseField(f"f{i}", 10 + i) for i in range(4)))


@pytest.fixture
def batch():
    """(dense, sparse) of 6 rows of the small schema."""
    generator = torch.Generator().manual_seed(0)
    sparse = torch.stack([torch.randint(0, 10 + i, (6,), generator=generator) for i in range(4)], 1)
    return torch.randn(6, 3, generator=generator), sparse
