"""Convolutions of doubled maps: the library's answer, from the map before it was doubled."""

from copy import deepcopy

import pytest
import torch

from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.doubled import DoubledConvolution, convolve_before_doubling
from xrmri.models.from_diffusers import Upsample2D


def both(channels: int, wider: int) -> tuple[Upsample2D, Upsample2D]:
    """The library's own, and ours with the same weights."""
    torch.manual_seed(0)
    usual = Upsample2D(channels, use_conv=True, out_channels=wider).requires_grad_(False)
    ours = deepcopy(usual)
    convolve_before_doubling(ours)
    return usual, ours


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (7, 4), (16, 16)])
def test_four_small_convolutions_give_what_one_of_the_doubled_map_gives(height, width):
    usual, ours = both(6, 10)
    image = torch.randn(3, 6, height, width)
    expected = usual(image)
    assert type(ours) is DoubledConvolution
    assert ours(image).shape == expected.shape == (3, 10, 2 * height, 2 * width)
    assert (ours(image) - expected).abs().max() < 2e-6


def test_bf16_and_sizes_that_are_not_the_double_are_left_to_the_library_bit_for_bit():
    usual, ours = both(4, 4)
    image = torch.randn(1, 4, 6, 6)
    assert torch.equal(ours(image, (11, 13)), usual(image, (11, 13)))
    assert torch.equal(ours.bfloat16()(image.bfloat16()), usual.bfloat16()(image.bfloat16()))


def test_a_decoder_keeps_its_weights_and_draws_the_same_picture_within_rounding():
    torch.manual_seed(0)
    vae = build_autoencoder(channels=(8, 16, 16), blocks=1, latent_channels=4, middle_attention=False).eval()
    z, names = torch.randn(2, 4, 5, 5), list(vae.state_dict())
    with torch.inference_mode():
        before = vae.decoder(z)
        convolve_before_doubling(vae.decoder)
        assert sum(isinstance(module, DoubledConvolution) for module in vae.modules()) == 2
        assert (vae.decoder(z) - before).abs().max() < 1e-5 * before.abs().max()
    assert list(vae.state_dict()) == names
