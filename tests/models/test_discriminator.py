"""The discriminator: its size and sight, both sides' losses, and that each moves its own weights alone."""

import pytest
import torch

from xrmri.models.autoencoder import Reconstruction, build_autoencoder
from xrmri.models.discriminator import PatchDiscriminator, discriminator_loss, generator_loss
from xrmri.models.weights import count_parameters


def test_it_has_the_convolutions_of_the_published_network():
    with torch.device("meta"):
        found = count_parameters(PatchDiscriminator())
    widths = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert found == sum((before * 4 * 4 + 1) * after for before, after in widths) == 2_762_689


def test_a_patch_sees_70_pixels_each_way():
    torch.manual_seed(0)
    x = torch.rand(1, 1, 160, 160, requires_grad=True)
    scores = PatchDiscriminator()(x)
    assert scores.shape == (1, 1, 18, 18)
    scores[0, 0, 9, 9].backward()
    seen = x.grad[0, 0] != 0
    assert (int(seen.any(dim=0).sum()), int(seen.any(dim=1).sum())) == (70, 70)


def test_the_smallest_image_has_one_patch():
    assert PatchDiscriminator()(torch.zeros(2, 1, 24, 24)).shape == (2, 1, 1, 1)


def test_the_score_of_an_image_does_not_depend_on_the_others():
    torch.manual_seed(0)
    network, x = PatchDiscriminator(), torch.rand(3, 1, 40, 40) * 2 - 1
    assert torch.allclose(network(x)[:1], network(torch.cat([x[:1], -x[1:]]))[:1], atol=1e-6)


def test_the_losses_are_the_hinges_of_both_sides():
    real, returned = torch.tensor([[2.0, 0.5]]), torch.tensor([[-3.0, 1.0]])
    scores = (real, returned, returned)
    assert discriminator_loss(scores).item() == pytest.approx(((0 + 0.5) / 2 + (0 + 2) / 2) / 2)
    assert generator_loss(scores).item() == pytest.approx(1.0)
    assert discriminator_loss((torch.zeros(2),) * 3).item() == 1


def test_each_side_moves_its_own_weights_alone():
    torch.manual_seed(0)
    vae = build_autoencoder(channels=(8, 8, 16), blocks=1, latent_channels=4, middle_attention=True)
    network, judge = Reconstruction(vae, PatchDiscriminator()), PatchDiscriminator()
    judge.load_state_dict(network.discriminator.state_dict())
    x, noise = torch.rand(2, 32, 32) * 2 - 1, torch.randn(2, 4, 8, 8)
    scores = network(x, noise)[2]
    (generator_loss(scores) + discriminator_loss(scores)).backward()

    returned = Reconstruction(vae)(x, noise)[0].mean(dim=1, keepdim=True)
    hinge = ((1 - judge(x[:, None])).clamp_min(0).mean() + (1 + judge(returned)).clamp_min(0).mean()) / 2
    sides = [(-judge(returned).mean(), vae, vae), (hinge, judge, network.discriminator)]
    for loss, reference, trained in sides:
        wanted = torch.autograd.grad(loss, list(reference.parameters()), retain_graph=True)
        assert sum(gradient.norm() for gradient in wanted) > 0.01
        for (name, parameter), gradient in zip(trained.named_parameters(), wanted, strict=True):
            assert torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-7), name
