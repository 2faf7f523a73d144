"""The perceptual distance: what it says of pictures, and that it is the one of torchvision's VGG-16."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from xrmri.models.perceptual import PerceptualDistance, load_perceptual_distance
from xrmri.models.weights import count_parameters


def made_network(seed=0):
    """Random weights that keep the features' size from layer to layer."""
    torch.manual_seed(seed)
    network = PerceptualDistance()
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return network.requires_grad_(False)


def blurred(x, width):
    return avg_pool2d(x[:, None], width, stride=1, padding=width // 2, count_include_pad=False)[:, 0]


def test_it_has_the_13_convolutions_of_the_published_network():
    with torch.device("meta"):
        assert count_parameters(PerceptualDistance()) == 14_714_688


def test_a_picture_is_at_distance_0_from_itself_and_farther_the_more_it_is_blurred():
    distance, x = made_network(), torch.rand(2, 48, 48) * 2 - 1
    said = [float(distance(x, x)), *(float(distance(x, blurred(x, width))) for width in (3, 5, 9))]
    assert said[0] == 0 and said == sorted(said) and said[1] > 0.1


def test_it_is_the_sum_over_five_layers_of_torchvisions_network(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        whole = torchvision.models.vgg16(weights=None)
    theirs = whole.features.to_empty(device="cpu")
    theirs.load_state_dict(made_network().features.state_dict())
    state = {f"features.{name}": value for name, value in theirs.state_dict().items()}
    state["classifier.6.bias"] = torch.zeros(1000)
    # Public files are of either kind: torch wrote no zip archives before 1.6.
    torch.save(state, tmp_path / "vgg16.pth", _use_new_zipfile_serialization=False)
    prepare = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    x, output = (torch.rand(2, 32, 40) * 2 - 1 for _ in range(2))
    wanted = 0.0
    for relu in (3, 8, 15, 22, 29):
        colours = (prepare(image[:, None].repeat(1, 3, 1, 1) * 0.5 + 0.5) for image in (x, output))
        one, other = (theirs[: relu + 1](image) for image in colours)
        one, other = (maps / maps.pow(2).sum(dim=1, keepdim=True).sqrt().clamp_min(1e-10) for maps in (one, other))
        wanted += (one - other).pow(2).sum(dim=1).mean(dim=(1, 2)).mean().item()
    assert float(load_perceptual_distance(tmp_path / "vgg16.pth")(x, output)) == pytest.approx(wanted, rel=1e-5)


def test_its_gradient_goes_to_the_output_alone_and_is_finite_where_nothing_is_seen():
    distance = made_network()
    for layer in distance.features:
        if isinstance(layer, nn.Conv2d):
            layer.bias.fill_(-0.5)
    x, output = torch.zeros(1, 32, 32, requires_grad=True), torch.zeros(1, 32, 32)
    output[:, 8:24, 8:24] = 1
    output.requires_grad_()
    distance(x, output).backward()
    assert x.grad is None and torch.isfinite(output.grad).all() and output.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in distance.parameters())
