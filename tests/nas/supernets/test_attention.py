"""Does the kernel for narrow heads say the same as torch, forwards and backwards?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.supernets.attention import NarrowHeads, attention, plain_attention


@given(st.integers(1, 40), st.integers(1, 24), st.floats(0.01, 4.0), st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=30)
def test_the_kernel_is_its_twin(samples, rows, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    given_ = (spread * torch.randn(samples, rows, 48, generator=generator)).requires_grad_()
    twin = given_.detach().double().requires_grad_()
    out, expected = attention(given_, rows), plain_attention(twin, rows)
    grad = torch.randn(out.shape, generator=generator)
    out.backward(grad)
    expected.backward(grad.double())
    scale = 1e-6 * (10.0 + spread**2 * 10.0)  # scores grow with the square, and so does their rounding
    assert torch.allclose(out.double(), expected, rtol=scale, atol=scale * spread)
    assert torch.allclose(given_.grad.double(), twin.grad, rtol=scale, atol=4.0 * scale * (1.0 + spread**2))


def test_scores_too_large_for_an_exponential_do_no_harm():
    mixed = torch.zeros(1, 3, 48)
    mixed[0, :, :32] = 100.0
    mixed[0, 1, 16:32] = -100.0
    mixed[0, 0, 32:], mixed[0, 2, 32:] = 1.0, 3.0
    assert torch.allclose(attention(mixed, 3), torch.full((1, 3, 16), 2.0))


def test_threads_share_the_samples_without_a_difference():
    mixed = torch.randn(100, 5, 48, generator=torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = attention(mixed, 5)
        torch.set_num_threads(2)
        assert torch.equal(attention(mixed, 5), alone)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dim", [8, 16, 32])
def test_any_width_of_a_head_works_and_equals_torchs_module(dim):
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(dim, 8, bias=False, batch_first=True)
    with torch.no_grad():
        module.out_proj.weight.copy_(torch.eye(dim))
    x = torch.randn(4, 7, dim)
    expected = module(x, x, x, need_weights=False)[0]
    assert torch.allclose(attention(x @ module.in_proj_weight.T, 7), expected, atol=1e-5)


def test_double_precision_goes_through_torch():
    mixed = torch.randn(2, 3, 48, dtype=torch.float64)
    assert attention(mixed, 3).dtype is torch.float64
    assert torch.autograd.gradcheck(lambda x: plain_attention(x, 3), mixed.requires_grad_())
    assert NarrowHeads.apply(mixed.float().detach()).dtype is torch.float32
