"""The compared methods over one backbone: each is told what its paper tells it and nothing else; likewise ablations."""

import pytest
import torch

from xrmri.models.cola_diff import BalancedConditions
from xrmri.models.unet import Ablations, Denoiser, build_unet

METHODS = ("xray2mri", "ldm", "cola-diff", "x-diffusion")
TOLD = {
    "xray2mri": {"concat", "token", "depth", "features"},
    "ldm": {"depth"},
    "cola-diff": {"concat", "depth"},
    "x-diffusion": {"concat", "token", "depth"},
}
FEATURES = 5


def made(method="xray2mri", **options):
    torch.manual_seed(0)
    unet = build_unet(channels=(16, 32), blocks=1, attention=(True, True), heads=2, context_width=16, latent_channels=4)
    denoiser = Denoiser(unet, features=FEATURES, method=method, **options)
    for parameter in denoiser.guidance.parameters():  # as after some training: what is new is no longer zero
        torch.nn.init.normal_(parameter, std=0.3)
    return denoiser.eval()


def given(**changed):
    torch.manual_seed(1)
    inputs = {
        "z_t": torch.randn(2, 4, 8, 8), "t": torch.tensor([5, 99]), "concat": torch.randn(2, 4, 8, 8),
        "token": torch.randn(2, 1, 16), "depth": torch.tensor([0.2, 0.7]), "features": torch.ones(2, FEATURES),
    }  # fmt: skip
    return inputs | changed


OTHER = {
    "concat": torch.zeros(2, 4, 8, 8), "token": torch.zeros(2, 1, 16), "depth": torch.zeros(2),
    "features": torch.zeros(2, FEATURES),
}  # fmt: skip


@torch.no_grad()
def listens_to(denoiser):
    """The conditions that change what a denoiser says."""
    plain = denoiser(**given())
    return {name for name, other in OTHER.items() if not torch.equal(denoiser(**given(**{name: other})), plain)}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_listens_to_what_its_paper_tells_it_and_to_nothing_else(method):
    assert listens_to(made(method)) == TOLD[method]


@pytest.mark.parametrize("method", METHODS)
def test_every_weight_of_a_method_is_trained_so_that_several_processes_agree(method):
    denoiser = made(method)
    denoiser(**given()).square().mean().backward()
    left = {name for name, parameter in denoiser.named_parameters() if parameter.grad is None}
    assert left == {name for name, parameter in denoiser.named_parameters() if not parameter.requires_grad}
    # What asks a context of one token has no part in the answer.
    modules = {name.split(".transformer_blocks.0.")[-1].rpartition(".")[0] for name in left}
    assert modules == {"norm2", "attn2.to_q", "attn2.to_k"}


def test_the_backbone_is_the_same_and_the_guidance_is_small():
    sizes = {method: sum(p.numel() for p in made(method).guidance.parameters()) for method in METHODS}
    backbones = {sum(p.numel() for p in made(method).unet.parameters()) for method in METHODS}
    assert len(backbones) == 1
    assert sizes == {
        "xray2mri": (17 * 16 + 16) + (21 * 16 + 16), "ldm": 17 * 16 + 16, "x-diffusion": 20 * 16 + 16,
        "cola-diff": 3 * (4 * 4 * 9 + 4) + 2 * (12 * 12 + 12),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        (Ablations(slots=tuple(range(FEATURES))), {"concat", "token", "depth"}),
        (Ablations(token=True), {"concat", "depth", "features"}),
        (Ablations(concat=True), {"token", "depth", "features"}),
    ],
)
def test_an_ablation_hides_a_condition_in_use_as_in_training(hidden, left):
    assert listens_to(made(hidden=hidden)) == left


def test_a_single_reading_can_be_hidden():
    denoiser = made(hidden=Ablations(slots=(1, 2)))
    features = torch.tensor([[0.0, 1, 1, 0, 0]]).expand(2, -1)
    with torch.no_grad():
        assert torch.equal(denoiser(**given(features=features)), denoiser(**given(features=torch.zeros(2, FEATURES))))


@pytest.mark.parametrize("guidance", ["context", "time"])
@pytest.mark.parametrize(("halves", "down"), [("paper", "depth"), ("swapped", "features"), ("joint", "both")])
def test_depth_and_features_enter_the_half_that_the_ablation_says(guidance, halves, down):
    denoiser, seen = made(guidance=guidance, halves=halves), []
    denoiser.unet.mid_block.register_forward_hook(lambda *call: seen.append(call[2].clone()))
    with torch.no_grad():
        for changed in ({}, {"depth": OTHER["depth"]}, {"features": OTHER["features"]}):
            denoiser(**given(**changed))
    moved = {name for name, out in zip(("depth", "features"), seen[1:], strict=True) if not torch.equal(out, seen[0])}
    assert moved == ({"depth", "features"} if down == "both" else {down})


def test_joint_guidance_also_starts_as_the_identity_on_the_token():
    from xrmri.models.xray2mri import ContextGuidance

    joint, token = ContextGuidance(width=16, features=FEATURES, halves="joint"), torch.randn(2, 1, 16)
    told = joint(torch.zeros(2, 4, 8, 8), token, torch.rand(2), torch.ones(2, FEATURES))
    assert torch.allclose(told.down, token, atol=1e-6) and told.down is told.up


def test_conditions_weigh_the_same_at_the_start():
    conditions = BalancedConditions(channels=4)
    image, token, depth = torch.randn(2, 4, 8, 8), torch.zeros(2, 1, 16), torch.tensor([0.0, 1.0])
    told = conditions(image, token, depth, torch.zeros(2, 0))
    from xrmri.models.cola_diff import _structure

    plane = depth[:, None, None, None].expand(2, 4, 8, 8)
    parts = [net(part) for net, part in zip(conditions.encoders, (image, _structure(image), plane), strict=True)]
    assert torch.allclose(told.concat, sum(parts), atol=1e-5)
