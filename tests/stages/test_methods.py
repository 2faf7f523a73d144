"""--method, ablations, targets and --init as the command sees them: trained, saved, drawn with, or refused."""

import csv
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, Generate, TrainLdm, TrainVae
from xrmri.data.features import feature_set
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import read_model_facts
from xrmri.generation.machine import draw_volume
from xrmri.generation.sampling import resolved
from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.bundle import load_bundle
from xrmri.models.unet import build_unet
from xrmri.models.zero123_names import AUTOENCODER, UNET, autoencoder_name, unet_name
from xrmri.stages import train_ldm, train_vae

ON_CPU = Execution(device="cpu")
LDM = TrainLdm.load(preset="tiny", max_steps=1, precision="fp32", picture_steps=1)
VAE = TrainVae.load(preset="tiny", max_steps=1, precision="fp32", picture_steps=1)
SLICES = Generate.load(preset="tiny", num_slices=3, steps=2, noise_length_mm=6.0)
SIZES = {"channels": (32, 64), "blocks": 1, "attention": (False, True), "context_width": 16, "latent_channels": 4,
         "norm_groups": 32}  # fmt: skip
VAE_SIZES = {"channels": (32, 32, 64), "blocks": 1, "latent_channels": 4, "middle_attention": True, "norm_groups": 32}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, vae/ and public.ckpt."""
    root = tmp_path_factory.mktemp("made")
    make_dataset(root / "dataset")
    train_vae.run(root / "dataset", root / "vae", VAE, ON_CPU)
    torch.save({"state_dict": public_state()}, root / "public.ckpt")
    return root


def public_state():
    """A small checkpoint in Zero-1-to-3's layout, without CLIP and average."""
    torch.manual_seed(5)
    state = {"betas": torch.zeros(1000)}
    state |= {"cc_projection.weight": torch.eye(16, 20).flip(1), "cc_projection.bias": torch.ones(16)}
    for name, value in build_unet(heads=2, **SIZES).state_dict().items():
        state[UNET + unet_name(name, blocks=1, attention=SIZES["attention"])] = value
    for name, value in build_autoencoder(**VAE_SIZES).state_dict().items():
        linear = value.ndim == 2
        state[AUTOENCODER + autoencoder_name(name, levels=3)] = value[..., None, None] if linear else value
    return state


def train(made, out, config=LDM, init=None, vae="vae"):
    train_ldm.run(made / "dataset", made / vae, out, config, execution=ON_CPU, init=init)
    return load_bundle(out)


def drawn(bundle, *, radiograph=0.0, grade=0):
    y, r = np.full((32, 32), radiograph, np.float32), np.zeros(65, np.float32)
    r[:10] = grade
    return draw_volume(bundle, (y, r), resolved(SLICES, bundle.facts))


@pytest.mark.parametrize(("method", "told"), [("ldm", set()), ("cola-diff", {"y"}), ("x-diffusion", {"y"})])
def test_a_compared_method_trains_saves_and_draws_from_its_own_conditions(made, tmp_path, method, told):
    bundle = train(made, tmp_path / "ldm", replace(LDM, method=method, radiograph_token="clip" if not told else "none"))
    assert bundle.facts.denoiser.method == method and bundle.radiograph_encoder is None
    plain = drawn(bundle)
    assert plain.shape == (3, 32, 32) and np.isfinite(plain).all()
    assert np.array_equal(drawn(bundle, grade=1), plain)
    assert np.array_equal(drawn(bundle, radiograph=0.9), plain) == (not told)
    assert not np.array_equal(plain[0], plain[2])


@pytest.mark.parametrize("without", [("features",), ("concat",), ("V00XROSFM", "XROSFL"), ("clip",)])
def test_an_ablation_travels_with_the_model(made, tmp_path, without):
    bundle = train(made, tmp_path / "ldm", replace(LDM, without=without))
    hidden = {"features": 65, "concat": 0, "V00XROSFM": 8, "clip": 0}[without[0]]
    assert len(bundle.denoiser.hidden.slots) == hidden == len(read_model_facts(tmp_path / "ldm").denoiser.hidden_slots)
    if hidden == 8:
        assert feature_set("full").names[:2] == ("V00XROSFM", "V00XROSFL")
    if hidden == 65:
        assert np.array_equal(drawn(bundle, grade=1), drawn(bundle))
    if without == ("concat",):
        assert np.array_equal(drawn(bundle, radiograph=0.9), drawn(bundle))


@pytest.mark.parametrize(
    "options",
    [
        {"prediction": "v", "zero_terminal_snr": True, "min_snr": 5.0},
        {"timestep_map": "match-snr", "halves": "joint"},
        {"guidance": "time", "halves": "swapped", "checkpointing": True},
    ],
)
def test_targets_and_ablations_go_through_training_and_drawing(made, tmp_path, options):
    bundle = train(made, tmp_path / "ldm", replace(LDM, **options))
    assert {name: bundle.facts.config[name] for name in options} == options
    assert np.isfinite(drawn(bundle)).all()


def test_checkpointing_changes_no_number(made, tmp_path):
    for name, checkpointing in (("kept", False), ("again", True)):
        train(made, tmp_path / name, replace(LDM, checkpointing=checkpointing))
    found = [(tmp_path / name / "unet/diffusion_pytorch_model.safetensors").read_bytes() for name in ("kept", "again")]
    assert found[0] == found[1]


def test_pictures_show_held_out_knees_in_rows_of_slices(made, tmp_path):
    from PIL import Image

    train(made, tmp_path / "ldm")
    with Image.open(tmp_path / "ldm/samples/step-0000001.png") as picture:
        assert picture.size == (6 * 32, 3 * 32) and picture.mode == "L"
    with Image.open(made / "vae/samples/step-0000001.png") as picture:
        assert picture.size[1] == 4 * 32


def test_both_trainings_start_from_a_public_checkpoint_with_its_sizes_and_an_account(made, tmp_path):
    nothing = {"max_steps": 0, "picture_steps": 0}
    file = made / "public.ckpt"
    train_vae.run(made / "dataset", tmp_path / "vae", replace(VAE, **nothing), ON_CPU, init=file)
    config = replace(LDM, **nothing, guidance="context")
    train_ldm.run(made / "dataset", tmp_path / "vae", tmp_path / "ldm", config, execution=ON_CPU, init=file)
    bundle, state = load_bundle(tmp_path / "ldm"), public_state()
    assert tuple(bundle.denoiser.unet.config.block_out_channels) == (32, 64)
    assert torch.equal(bundle.denoiser.unet.conv_in.weight, state[UNET + "input_blocks.0.0.weight"])
    assert torch.equal(bundle.vae.quant_conv.weight, state[AUTOENCODER + "quant_conv.weight"])
    assert torch.equal(bundle.denoiser.guidance.depth.bias, torch.ones(16) + torch.eye(16, 20).flip(1)[:, 18])
    assert read_model_facts(tmp_path / "ldm").config["channels"] == [32, 64]
    for folder in ("vae", "ldm"):
        with (tmp_path / folder / "init.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        assert {row["tensor"] for row in rows} - {""} == set(state)
    with pytest.raises(InconsistentError, match=r'guidance = "time" passes the token on.*--init-partial'):
        train_ldm.run(
            made / "dataset",
            tmp_path / "vae",
            tmp_path / "other",
            replace(LDM, guidance="time"),
            execution=ON_CPU,
            init=file,
        )
    assert not (tmp_path / "other").exists()
    again = train_ldm.run(made / "dataset", tmp_path / "vae", tmp_path / "ldm", config, execution=ON_CPU, init=file)
    assert again["status"] == "already done"


def test_a_bad_start_is_one_line_and_leaves_an_earlier_model_alone(made, tmp_path):
    state, lacking, poisoned = public_state(), public_state(), public_state()
    del lacking[UNET + "out.2.bias"]
    poisoned[UNET + "out.2.bias"] = torch.full((4,), float("nan"))
    wide = {name: value.repeat(2, 1, 1, 1) if name == UNET + "out.2.weight" else value for name, value in state.items()}
    for name, content in (("lacking", lacking), ("poisoned", poisoned), ("wide", wide)):
        torch.save({"state_dict": content}, tmp_path / f"{name}.ckpt")
    (tmp_path / "cut.ckpt").write_bytes((tmp_path / "lacking.ckpt").read_bytes()[:50_000])
    train(made, tmp_path / "ldm")
    before = {file: file.read_bytes() for file in (tmp_path / "ldm").rglob("*") if file.is_file()}
    again = replace(LDM, guidance="context")
    for name, kind, words in (
        ("lacking", InconsistentError, "--init-partial"),
        ("poisoned", InconsistentError, "not finite"),
        ("wide", InconsistentError, "8 channels"),
        ("cut", InputError, "cannot be read"),
        ("absent", InputError, "neither a checkpoint nor a folder"),
    ):
        with pytest.raises(kind, match=words) as told:
            train_ldm.run(
                made / "dataset", made / "vae", tmp_path / "ldm", again, execution=replace(ON_CPU, force=True),
                init=tmp_path / f"{name}.ckpt",
            )  # fmt: skip
        assert "\n" not in str(told.value)
    assert before == {file: file.read_bytes() for file in (tmp_path / "ldm").rglob("*") if file.is_file()}
    train(made, tmp_path / "partial", replace(again, init_partial=True), tmp_path / "lacking.ckpt")


def test_a_model_of_another_autoencoder_or_guidance_is_no_start(made, tmp_path):
    train(made, tmp_path / "ldm")
    train_vae.run(made / "dataset", tmp_path / "other", replace(VAE, seed=3), ON_CPU)
    with pytest.raises(InconsistentError, match="vae_sha256.*mean something else"):
        train_ldm.run(
            made / "dataset", tmp_path / "other", tmp_path / "new", LDM, execution=ON_CPU, init=tmp_path / "ldm"
        )
    with pytest.raises(InconsistentError, match="guidance context, this training has time"):
        train_ldm.run(
            made / "dataset",
            made / "vae",
            tmp_path / "new",
            replace(LDM, guidance="time"),
            execution=ON_CPU,
            init=tmp_path / "ldm",
        )
    assert not (tmp_path / "new").exists()


def test_a_scale_far_from_the_latents_is_told(made, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("xrmri"), "propagate", True)  # the command line sends it to stderr alone
    train(made, tmp_path / "ldm", replace(LDM, latent_scale=100.0))
    assert "where 1 is meant" in caplog.text


def test_an_unknown_reading_or_an_impossible_ablation_is_refused(made, tmp_path):
    with pytest.raises(InputError, match="there is no reading 'XRNONE'"):
        train(made, tmp_path / "ldm", replace(LDM, without=("XRNONE",)))
    with pytest.raises(InputError, match="halves is of --method xray2mri"):
        replace(LDM, method="ldm", halves="joint")
    with pytest.raises(InputError, match="zero_terminal_snr needs prediction v"):
        replace(LDM, zero_terminal_snr=True)
