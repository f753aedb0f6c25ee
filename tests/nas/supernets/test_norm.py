"""Does the kernel for narrow rows say the same as torch, forwards and backwards?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.supernets.norm import NarrowNorm, layer_norm, plain_layer_norm


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 40), st.integers(1, 24), st.integers(1, 64), st.booleans(), st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=30)
def test_the_kernel_is_its_twin(samples, rows, width, relu, seed):
    values = [drawn(seed, samples, rows, width), 1.0 + drawn(seed + 1, width), drawn(seed + 2, width)]
    own = [value.clone().requires_grad_() for value in values]
    twin = [value.double().requires_grad_() for value in values]
    out, expected = layer_norm(*own, relu), plain_layer_norm(*twin, relu)
    sure = expected.detach().abs() > 1e-5  # at 0 a rounding error decides what ReLU lets through
    grad = drawn(seed + 3, *out.shape) * sure
    out.backward(grad)
    expected.backward(grad.double())
    assert torch.allclose(out.double(), expected, rtol=1e-4, atol=1e-5)
    for mine, other in zip(own, twin, strict=True):
        bound = 1e-5 * float(other.grad.abs().max())
        assert torch.allclose(mine.grad.double(), other.grad, rtol=1e-3, atol=1e-4 + bound)


def test_not_a_number_stays_one():
    x = torch.tensor([[[1.0, float("nan")], [1.0, 2.0]]])
    for relu in (False, True):
        found = layer_norm(x, torch.ones(2), torch.zeros(2), relu)
        assert found[0, 0].isnan().all()
        assert not found[0, 1].isnan().any()


def test_threads_share_the_rows_without_a_difference():
    x, scale, shift = drawn(0, 300, 10, 5), drawn(1, 5), drawn(2, 5)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = layer_norm(x, scale, shift)
        torch.set_num_threads(2)
        assert torch.equal(layer_norm(x, scale, shift), alone)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("x", [torch.ones(2, 3), torch.ones(2, 1, 65), torch.ones(2, 1, 3, dtype=torch.float64)])
def test_other_shapes_and_types_go_through_torch(x, monkeypatch):
    monkeypatch.setattr(NarrowNorm, "apply", None)
    scale = torch.ones(x.shape[-1], dtype=x.dtype)
    assert layer_norm(x, scale, scale).dtype is x.dtype
