"""Sizes of the networks, counted exactly, and how depth and features enter."""

import pytest
import torch

from xrmri.config import TrainLdm, TrainVae
from xrmri.errors import InputError
from xrmri.models.autoencoder import (
    Reconstruction,
    build_autoencoder,
    decode,
    draw,
    encode,
    groups_for,
    latent_shape,
    reconstruction_loss,
)
from xrmri.models.radiograph_encoder import RadiographEncoder, TowerSizes, load_radiograph_encoder
from xrmri.models.unet import Denoiser, build_unet
from xrmri.models.weights import count_parameters, save_weights

SMALL_TOWER = TowerSizes(image=28, patch=14, width=64, layers=2, heads=1, output=16)


def unet_of(config):
    return build_unet(
        channels=config.channels, blocks=config.blocks, attention=config.attention, heads=config.heads,
        context_width=config.context_width, latent_channels=4,
    )  # fmt: skip


def vae_of(config):
    return build_autoencoder(
        channels=config.channels, blocks=config.blocks, latent_channels=4, middle_attention=config.middle_attention
    )


def test_the_papers_networks_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        vae, unet, tower = vae_of(TrainVae()), unet_of(TrainLdm()), RadiographEncoder(TowerSizes())
        guidance = Denoiser(unet, features=52, guidance="context").guidance
    assert count_parameters(vae) == 83_653_863
    assert count_parameters(unet) == 859_532_484
    assert len(list(unet.parameters())) == 686
    assert count_parameters(guidance) == (769 * 768 + 768) + ((768 + 52) * 768 + 768)
    assert count_parameters(tower) == 303_966_208


def test_the_demo_networks_fit_into_the_package_in_float16():
    with torch.device("meta"):
        vae, unet = vae_of(TrainVae.load(preset="demo")), unet_of(TrainLdm.load(preset="demo"))
        denoiser = Denoiser(unet, features=65, guidance="time")
    assert count_parameters(vae) + count_parameters(denoiser) < 15_000_000


def test_groups_are_32_in_the_papers_sizes_and_never_hold_fewer_than_4_channels():
    assert groups_for((128, 256, 512, 512)) == groups_for((320, 640, 1280, 1280)) == 32
    for channels in ((64, 128, 192), (16, 32, 64, 128), (8, 8, 16), (24, 48, 96)):
        assert channels[0] // groups_for(channels) >= 4 and all(c % groups_for(channels) == 0 for c in channels)


def made_denoiser(guidance):
    torch.manual_seed(0)
    unet = build_unet(
        channels=(16, 32), blocks=1, attention=(False, True), heads=2, context_width=16, latent_channels=4
    )
    return Denoiser(unet, features=5, guidance=guidance)


def made_inputs():
    torch.manual_seed(1)
    return {
        "z_t": torch.randn(3, 4, 8, 8), "t": torch.tensor([0, 5, 99]), "concat": torch.randn(3, 4, 8, 8),
        "token": torch.randn(3, 1, 16), "depth": torch.rand(3), "features": torch.ones(3, 5),
    }  # fmt: skip


def test_with_untrained_projections_the_denoiser_is_the_plain_u_net_whatever_depth_and_features():
    denoiser, given = made_denoiser("context"), made_inputs()
    plain = denoiser.unet(torch.cat([given["z_t"], given["concat"]], dim=1), given["t"], given["token"]).sample
    assert torch.equal(denoiser(**given), plain)
    assert torch.equal(denoiser(**given | {"depth": torch.zeros(3), "features": torch.zeros(3, 5)}), plain)


@pytest.mark.parametrize("guidance", ["context", "time"])
def test_depth_reaches_the_way_down_and_features_only_the_way_up(guidance):
    denoiser, given = made_denoiser(guidance), made_inputs()
    if guidance == "context":
        for projection in (denoiser.guidance.depth, denoiser.guidance.features):
            torch.nn.init.normal_(projection.weight)
    seen = []
    for block in (*denoiser.unet.down_blocks, denoiser.unet.mid_block):
        block.register_forward_hook(lambda *call: seen.append(call[2][0] if isinstance(call[2], tuple) else call[2]))

    def run(**changed):
        seen.clear()
        return denoiser(**given | changed), [value.detach().clone() for value in seen]

    (plain, down), (other_r, down_r), (other_d, down_d) = (
        run(), run(features=torch.zeros(3, 5)), run(depth=given["depth"] / 2),
    )  # fmt: skip
    assert not torch.allclose(plain, other_r, atol=1e-6) and not torch.allclose(plain, other_d, atol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(down, down_r, strict=True))
    assert not torch.allclose(down[-1], down_d[-1], atol=1e-6)


def test_an_image_goes_to_three_equal_channels_and_comes_back_in_its_shape():
    vae = build_autoencoder(channels=(8, 8, 16), blocks=1, latent_channels=4, middle_attention=True)
    x = torch.rand(2, 32, 32) * 2 - 1
    mean, logvar = encode(vae, x)
    assert mean.shape == logvar.shape == (2, *latent_shape(vae, 32)) == (2, 4, 8, 8)
    theirs = vae.encode(x[:, None].expand(-1, 3, -1, -1)).latent_dist
    assert torch.equal(mean, theirs.mode()) and torch.equal(logvar, theirs.logvar)
    assert decode(vae, mean).shape == x.shape
    assert torch.equal(draw((mean, logvar), torch.zeros_like(mean)), mean)


def test_the_divergence_of_the_loss_is_that_of_diffusers_per_value_of_the_image():
    vae = build_autoencoder(channels=(8, 8, 16), blocks=1, latent_channels=4, middle_attention=True)
    x = torch.rand(2, 32, 32) * 2 - 1
    output, moments, _ = Reconstruction(vae)(x, torch.randn(2, 4, 8, 8))
    kl = vae.encode(x[:, None].expand(-1, 3, -1, -1)).latent_dist.kl().mean() / (3 * 32 * 32)
    with_kl = reconstruction_loss(x, output, moments, kl_weight=1.0)
    without = reconstruction_loss(x, output, moments, kl_weight=0.0)
    assert (with_kl - without).item() == pytest.approx(kl.item(), rel=1e-4)
    assert without.item() == pytest.approx((output - x[:, None]).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("prefix", ["", "visual.", "cond_stage_model.model.visual."])
def test_clip_weights_load_from_either_naming_with_sizes_read_from_the_file(tmp_path, prefix):
    tower = RadiographEncoder(SMALL_TOWER)
    state = {prefix + name: value for name, value in tower.tower.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "clip.pt")
    loaded = load_radiograph_encoder(tmp_path / "clip.pt")
    y = torch.rand(2, 40, 40) * 2 - 1
    assert loaded.sizes == SMALL_TOWER
    assert torch.equal(loaded.eval()(y), tower.eval()(y)) and loaded(y).shape == (2, 1, 16)


def test_a_file_without_clip_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty.safetensors").write_bytes(b"")
    save_weights(tmp_path / "other.safetensors", torch.nn.Linear(2, 2))
    for name in ("absent.pt", "empty.safetensors", "other.safetensors"):
        with pytest.raises(InputError, match=name) as told:
            load_radiograph_encoder(tmp_path / name)
        assert "\n" not in str(told.value)
