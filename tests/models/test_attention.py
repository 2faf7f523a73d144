"""Attention in blocks is attention, at any sharpness, and so are its gradients."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from xrmri.models.attention import attend
from xrmri.models.linear import FusedLinear, can_fuse


@pytest.mark.parametrize("sharpness", [0.5, 1, 2])
@pytest.mark.parametrize(("places", "width"), [(16, 160), (256, 80), (1_024, 40)])
def test_attention_in_bf16_and_its_gradients_are_within_2_percent_of_float64(
    places: int, width: int, sharpness: float
) -> None:
    torch.manual_seed(0)
    q, k, v, d_o = (torch.randn(2, 3, places, width).bfloat16() for _ in range(4))
    ours = [heads.clone().requires_grad_() for heads in (q * sharpness, k * sharpness, v)]
    exact = [heads.detach().double().requires_grad_() for heads in ours]
    drawn, wanted = attend(*ours), scaled_dot_product_attention(*exact)
    drawn.backward(d_o)
    wanted.backward(d_o.double())
    wanted = wanted.detach()
    assert float((drawn.detach().double() - wanted).norm() / wanted.norm()) < 0.006
    for mine, true in zip(ours, exact, strict=True):
        assert float((mine.grad.double() - true.grad).norm()) < 0.02 * float(true.grad.norm()) + 1e-6


@pytest.mark.parametrize("sharpness", [10, 30, 60, 300])
def test_attention_of_a_network_gone_astray_is_still_a_number(sharpness: float) -> None:
    q, k, v = (torch.randn(2, 3, 256, 80).bfloat16() for _ in range(3))
    wanted = scaled_dot_product_attention((q * sharpness).double(), (k * sharpness).double(), v.double())
    assert float((attend(q * sharpness, k * sharpness, v).double() - wanted).norm() / wanted.norm()) < 0.006


def test_the_attention_of_a_slice_is_the_same_bit_for_bit_beside_others() -> None:
    q, k, v = (torch.randn(5, 3, 256, 40).bfloat16() for _ in range(3))
    assert torch.equal(attend(q, k, v)[1:2], attend(q[1:2], k[1:2], v[1:2]))


@pytest.mark.skipif(not can_fuse(), reason="this processor multiplies no bf16")
def test_a_bias_added_within_the_product_gives_the_same_bits() -> None:
    linear = torch.nn.Linear(320, 640).bfloat16().requires_grad_(False)
    places = torch.randn(3, 64, 320).bfloat16()
    expected = linear(places)
    linear.__class__ = FusedLinear
    assert torch.equal(linear(places), expected)
