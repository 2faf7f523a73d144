"""A model folder is used as it was written or not at all; it makes the networks of this project, in its sizes."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tests.faults.hdf5 import make_pipe
from tests.faults.models import WRONG_CONFIGS, change_json, copied_model, flip_a_bit, record_model_again
from tests.faults.refusal import refusal
from xrmri.errors import InconsistentError
from xrmri.generation.deliver import deliver
from xrmri.pretrained import BUNDLED_LDM

KNEE = BUNDLED_LDM.parent.parent / "samples" / "knee.png"
REMEDY = "copy the folder again, or train again"
FILES = ("vae/config.json", "vae/diffusion_pytorch_model.safetensors", "unet/config.json",
         "unet/diffusion_pytorch_model.safetensors", "unet/guidance.safetensors")  # fmt: skip


@pytest.fixture
def theirs(tmp_path):
    return copied_model(BUNDLED_LDM, tmp_path / "theirs")


@pytest.fixture
def draw(xrmri, tmp_path):
    return lambda folder: xrmri("generate", KNEE, "--model", folder, "-q", "-o", tmp_path / "a.nii.gz")


@pytest.mark.parametrize("kind", WRONG_CONFIGS)
def test_a_config_that_asks_for_another_network_is_one_line(draw, theirs, tmp_path, kind):
    network, changes, said = WRONG_CONFIGS[kind]
    file = theirs / network / "config.json"
    change_json(file, changes)
    ended = draw(theirs)
    assert ended.code == 3 and refusal(ended) == f"{file} is not as it was written, changed or damaged: {REMEDY}"
    record_model_again(theirs)
    ended = draw(theirs)
    assert ended.code == 3 and refusal(ended).startswith(f"{file}: {said}")
    assert not (tmp_path / "a.nii.gz").exists()


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_of_a_model_is_told(draw, theirs, name):
    flip_a_bit(theirs / name)
    ended = draw(theirs)
    assert ended.code == 3
    assert refusal(ended) == f"{theirs / name} is not as it was written, changed or damaged: {REMEDY}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_told(draw, theirs, name):
    (theirs / name).unlink()
    ended = draw(theirs)
    assert ended.code == 3 and refusal(ended) == f"{theirs / name} is missing: {REMEDY}"


@pytest.mark.parametrize(
    "edit",
    [{"window": [0, 100]}, {"latent_scale": 1.4}, {"trained_on": "patients"}, {"noise_length_mm": 9}, {"x": 1}],
)
def test_an_edited_description_is_told(draw, theirs, edit):
    change_json(theirs / "xrmri.json", edit)
    ended = draw(theirs)
    assert ended.code == 3 and "xrmri.json is not as it was written, edited or damaged" in refusal(ended)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"window": [300.0, 0.0]}, "window must rise"),
        ({"window": [float("nan"), 1.0]}, "window[0] must be a number"),
        ({"latent_scale": 0}, "latent_scale must be at least"),
        ({"image_size": 10**5}, "image_size must be 8 to 4096"),
        ({"latent_channels": 10**5}, "latent_channels must be 1 to 4096"),
        ({"config": {"max_steps": "many"}}, "config.max_steps must be a whole number, not"),
        ({"config": {"channels": 5}}, "config.channels must be a list, not 5"),
        ({"schedule": {"timesteps": 10**9, "beta_start": 0, "beta_end": 1, "prediction": "v"}}, "schedule.timesteps"),
    ],
)
def test_numbers_that_cannot_be_are_told_though_the_seal_is_true(draw, theirs, edit, said):
    record_model_again(theirs, **edit)
    ended = draw(theirs)
    assert ended.code == 3 and said in refusal(ended)


def test_no_text_takes_from_a_model_that_its_knees_are_synthetic(draw, theirs):
    record_model_again(theirs, trained_on="acquired images", is_synthetic=False)
    ended = draw(theirs)
    assert ended.code == 3
    assert "was trained on synthetic knees, and xrmri.json says it was not" in refusal(ended)


def test_the_facts_of_another_model_beside_these_weights_are_refused(draw, theirs):
    content = json.loads((theirs / "xrmri.json").read_bytes())
    record_model_again(theirs, config=content["config"] | {"channels": [64, 128, 256]}, feature_slots=10)
    ended = draw(theirs)
    assert ended.code == 3 and "guidance.safetensors does not fit" in refusal(ended)


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", "unet/one_more.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_among_the_weights_is_refused_and_not_read_without_end(draw, theirs, name, kind):
    (theirs / name).unlink(missing_ok=True)
    make_pipe(theirs / name) if kind == "pipe" else (theirs / name).symlink_to("/dev/zero")
    ended = draw(theirs)
    assert ended.code == 2 and refusal(ended) == f"{theirs / name} cannot be read: not a regular file"


def test_a_model_that_draws_no_numbers_is_told_and_nothing_is_written():
    """Weights may all be finite and draw infinity."""
    drawn = SimpleNamespace(volumes=[np.zeros((2, 3, 3)), np.full((2, 3, 3), np.nan)], deviation=None)
    with pytest.raises(InconsistentError, match="the model draws what is no number"):
        deliver(drawn, None, None, config=None, model=None)
