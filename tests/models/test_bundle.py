"""A model folder: what is written is what is read, and damage is told."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.made_facts import DENOISER, MODEL_FACTS
from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.models.autoencoder import build_autoencoder, encode
from xrmri.models.bundle import Model, condition_of, in_precision, load_bundle, save_bundle
from xrmri.models.radiograph_encoder import RadiographEncoder, TowerSizes
from xrmri.models.unet import Denoiser, build_unet
from xrmri.models.weights import load_weights, read_tensors

FOUR_BITS = torch.float4_e2m1fn_x2
FACTS = replace(MODEL_FACTS, denoiser=replace(DENOISER, guidance="time", feature_slots=5), radiograph_token="clip")


@pytest.fixture
def bundle():
    torch.manual_seed(0)
    vae = build_autoencoder(channels=(8, 8, 16), blocks=1, latent_channels=4, middle_attention=True)
    unet = build_unet(
        channels=(16, 32), blocks=1, attention=(False, True), heads=2, context_width=16, latent_channels=4
    )
    tower = RadiographEncoder(TowerSizes(image=28, patch=14, width=64, layers=1, heads=1, output=16))
    denoiser = Denoiser(unet, features=5, guidance="time")
    for network in (vae, denoiser, tower):
        network.requires_grad_(False).eval()
    return Model(vae=vae, denoiser=denoiser, radiograph_encoder=tower, facts=FACTS)


def knee():
    return np.random.default_rng(0).uniform(-1, 1, (32, 32)).astype(np.float32), np.zeros(5, np.float32)


def ask(bundle):
    """What the U-Net says of noisy latents, and the noise that it means."""
    torch.manual_seed(3)
    condition = condition_of(bundle, np.zeros((32, 32), np.float32), knee()[1]).at(torch.tensor([0.0, 1.0]))
    z_t = torch.randn(2, 4, 8, 8)
    said = bundle.denoiser(z_t, bundle.schedule.told(torch.tensor([40, 40])), **condition._asdict())
    return said.float(), bundle.predict_noise(z_t, 40, condition)


def test_a_model_made_ready_to_draw_answers_as_before_but_for_rounding(bundle):
    with torch.no_grad():  # a new U-Net attends to nothing
        for weight in bundle.denoiser.parameters():
            weight.add_(0.05 * torch.randn(weight.shape))
    before = ask(bundle)[0]
    assert torch.allclose(ask(in_precision(bundle, "fp32"))[0], before, atol=1e-5 * before.abs().max().item())
    assert torch.allclose(ask(in_precision(bundle, "bf16"))[0], before, atol=0.05 * before.abs().max().item())


def test_a_saved_model_answers_like_the_one_in_memory(bundle, tmp_path):
    save_bundle(tmp_path, bundle, card="# A card\n")
    loaded = load_bundle(tmp_path)
    assert torch.equal(ask(loaded)[0], ask(bundle)[0])
    assert loaded.latent_shape == (4, 8, 8) and loaded.schedule.timesteps == 100
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# A card\n"
    assert not list(tmp_path.rglob("*partial*")) and not list(tmp_path.rglob("*.pt"))
    assert oct((tmp_path / "unet/guidance.safetensors").stat().st_mode)[-3:] == "644"


def test_half_the_bytes_on_disk_come_back_as_float32_within_float16_rounding(bundle, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "half").mkdir()
    save_bundle(tmp_path / "full", bundle, card="")
    save_bundle(tmp_path / "half", bundle, card="", dtype=torch.float16)
    sizes = [sum(f.stat().st_size for f in (tmp_path / name).rglob("*.safetensors")) for name in ("full", "half")]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.1)
    loaded = load_bundle(tmp_path / "half")
    assert {parameter.dtype for parameter in loaded.denoiser.parameters()} == {torch.float32}
    assert torch.allclose(ask(loaded)[0], ask(bundle)[0], atol=2e-2)


def test_diffusers_reads_both_networks_by_itself(bundle, tmp_path):
    from diffusers.models import AutoencoderKL, UNet2DConditionModel

    save_bundle(tmp_path, bundle, card="")
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    vae = AutoencoderKL.from_pretrained(tmp_path / "vae")
    assert torch.equal(unet.conv_in.weight, bundle.denoiser.unet.conv_in.weight)
    assert torch.equal(vae.quant_conv.weight, bundle.vae.quant_conv.weight)


def test_a_velocity_is_turned_into_the_noise_it_means(bundle):
    said, noise = ask(bundle)
    torch.manual_seed(3)
    z_t, abar = torch.randn(2, 4, 8, 8), bundle.schedule.abar[40].float()
    assert torch.allclose(noise, abar.sqrt() * said + (1 - abar).sqrt() * z_t, atol=1e-6)


def test_slices_are_scaled_on_the_way_in_and_back_on_the_way_out_and_radiographs_are_not(bundle):
    latent, _ = encode(bundle.vae, torch.from_numpy(knee()[0])[None])
    assert torch.equal(condition_of(bundle, *knee()).concat, latent)
    wanted = bundle.vae.decode(latent).sample.mean(dim=1).clamp(-1, 1)
    assert torch.allclose(bundle.decode(latent * bundle.facts.latent_scale), wanted, atol=1e-5)


def test_a_dropped_condition_is_zeros_and_an_expanded_one_repeats(bundle):
    condition = condition_of(bundle, *knee())
    dropped, several = condition.without_radiograph(), condition.at(torch.tensor([0.0, 0.5, 1.0]))
    assert not dropped.concat.any() and not dropped.token.any()
    assert torch.equal(several.token[2], condition.token[0]) and several.concat.shape[0] == 3


def damage(name):
    def truncate(folder):
        file = folder / "unet" / "diffusion_pytorch_model.safetensors"
        file.write_bytes(file.read_bytes()[:1000])

    def poison(folder):
        from safetensors.torch import load_file, save_file

        state = load_file(folder / "unet/guidance.safetensors")
        next(iter(state.values()))[0] = float("nan")
        save_file(state, folder / "unet/guidance.safetensors")

    return {
        "truncated": truncate,
        "not finite": poison,
        "missing": lambda folder: (folder / "vae/config.json").unlink(),
        "no json": lambda folder: (folder / "xrmri.json").write_text("{"),
        "other network": lambda folder: (folder / "unet/config.json").write_text(
            (folder / "unet/config.json").read_text(encoding="utf-8").replace("32", "64")
        ),
        "other version": lambda folder: (folder / "xrmri.json").write_text(json.dumps({"format": 99})),
    }[name]


@pytest.mark.parametrize("kind", ["truncated", "not finite", "missing", "no json", "other network", "other version"])
def test_a_damaged_folder_is_told_in_one_line(bundle, tmp_path, kind):
    save_bundle(tmp_path, bundle, card="")
    damage(kind)(tmp_path)
    with pytest.raises(InconsistentError, match=str(tmp_path)) as told:
        load_bundle(tmp_path)
    assert "\n" not in str(told.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="give a folder with a trained model") as told:
        load_bundle(tmp_path)
    assert isinstance(told.value, XrmriError)


def test_a_checkpoint_of_an_old_torch_whose_version_is_odd_is_read_without_a_remark_of_torch(tmp_path, recwarn):
    file = tmp_path / "old.ckpt"
    torch.save({"weight": torch.ones(3)}, file, _use_new_zipfile_serialization=False)
    content = file.read_bytes()
    file.write_bytes(content[:1] + bytes([142]) + content[2:])
    assert read_tensors(file, "--init")["weight"].tolist() == [1, 1, 1]
    assert not recwarn.list


def test_weights_of_kinds_that_are_no_weights_are_told(tmp_path):
    file = tmp_path / "a.safetensors"
    for kind, held in ((torch.float64, ""), (torch.float8_e5m2, ""), (torch.int8, "int8"), (FOUR_BITS, "float4")):
        bits = torch.ones(4, dtype=torch.uint8) if kind == FOUR_BITS else torch.ones(4)
        save_file({"weight": (bits.view(kind) if kind == FOUR_BITS else bits.to(kind))[None, :1]}, file)
        network = torch.nn.Linear(1, 1, bias=False)
        if not held:
            load_weights(file, network)
            assert network.weight.item() == 1
        else:
            with pytest.raises(InconsistentError, match=f"a.safetensors: weight holds torch.{held}"):
                load_weights(file, network)
    with pytest.raises(InputError, match="--init .*: weight holds torch.float4.*, which is not read: give float32"):
        read_tensors(file, "--init")
