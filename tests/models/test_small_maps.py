"""Convolutions of small maps as matrix products: the same numbers, and only where it is faster."""

import pytest
import torch
from torch import nn

from xrmri.config import TrainLdm
from xrmri.models.small_maps import SmallMapConvolution, multiply_on_small_maps
from xrmri.models.unet import build_unet


def answer_and_gradients(convolution, image, dtype):
    image = image.clone().requires_grad_()
    convolution.zero_grad()
    with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
        answer = convolution(image)
    answer.float().square().sum().backward()
    return [answer.detach().float(), image.grad, convolution.weight.grad.clone(), convolution.bias.grad.clone()]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize(("stride", "side"), [(1, 4), (2, 8), (2, 7)])
def test_the_product_gives_the_answer_and_the_gradients_of_the_convolution(stride, side, dtype, tolerance):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(48, 96, 3, stride, 1))
    image = torch.randn(2, 48, side, side)
    usual = answer_and_gradients(network[0], image, dtype)
    multiply_on_small_maps(network)
    for ours, theirs in zip(answer_and_gradients(network[0], image, dtype), usual, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).norm() / theirs.norm() < tolerance


def test_a_map_of_more_places_than_half_the_channels_is_left_to_the_library(monkeypatch):
    called = []
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, image: called.append(image.shape[-1]))
    network = nn.Sequential(nn.Conv2d(8, 64, 3, 1, 1))
    multiply_on_small_maps(network)
    for side in (4, 8):
        network[0](torch.randn(2, 8, side, side))
    assert called == [8]


def test_only_padded_3_by_3_convolutions_change_and_the_names_of_the_weights_stay():
    config = TrainLdm()
    with torch.device("meta"):
        unet = build_unet(
            channels=config.channels, blocks=config.blocks, attention=config.attention, heads=config.heads,
            context_width=config.context_width, latent_channels=4,
        )  # fmt: skip
    names = list(unet.state_dict())
    multiply_on_small_maps(unet)
    assert list(unet.state_dict()) == names
    sizes = {module.kernel_size for module in unet.modules() if type(module) is nn.Conv2d}
    changed = {module.kernel_size for module in unet.modules() if isinstance(module, SmallMapConvolution)}
    assert (sizes, changed) == ({(1, 1)}, {(3, 3)})
