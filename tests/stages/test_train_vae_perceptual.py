"""train-vae with the perceptual term: it is minimised, it is no part of the model, and its file is checked."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from tests.models.test_perceptual import made_network
from tests.stages.made_dataset import make_dataset
from tests.stages.test_training import rows
from xrmri.config import Execution, TrainVae
from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.runs.record import read_record
from xrmri.stages import train_vae
from xrmri.storage.files import sha256
from xrmri.training.checkpoint import latest_checkpoint

PLAIN = TrainVae.load(preset="tiny", precision="fp32", max_steps=6, validate_steps=6)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, vgg16.pth, and vae/ trained with it in one go."""
    root = tmp_path_factory.mktemp("made")
    make_dataset(root / "dataset")
    torch.save(made_network().state_dict(), root / "vgg16.pth")
    train(root, root / "vae", settings(root))
    return root


def settings(root, file="vgg16.pth"):
    return replace(PLAIN, perceptual_weight=1.0, perceptual_network=str(root / file))


def train(root, out, config, progress=lambda *_: None):
    return train_vae.run(root / "dataset", out, config, Execution(device="cpu", progress=progress))


def test_the_term_is_in_the_loss_and_its_network_neither_in_the_model_nor_in_a_checkpoint(made, tmp_path):
    train(made, tmp_path / "plain", PLAIN)
    first, without = rows(made / "vae")[0]["loss"], rows(tmp_path / "plain")[0]["loss"]
    assert first > without + 0.1
    states = [latest_checkpoint(folder) for folder in (made / "vae", tmp_path / "plain")]
    assert states[0].weights.keys() == states[1].weights.keys()
    assert states[0].optimiser["state"].keys() == states[1].optimiser["state"].keys()
    assert any(not torch.equal(states[0].weights[name], states[1].weights[name]) for name in states[0].weights)
    assert read_record(made / "vae").inputs["perceptual_network"] == sha256(made / "vgg16.pth")


def test_stopped_and_resumed_it_ends_with_the_same_bytes(made, tmp_path):
    def interrupt(step, done, total, note):
        if note.startswith("loss") and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedEarly, match="after step 2 of 6"):
        train(made, tmp_path / "vae", settings(made), interrupt)
    assert train(made, tmp_path / "vae", settings(made))["status"] == "finished"
    name = "diffusion_pytorch_model.safetensors"
    assert (tmp_path / "vae" / name).read_bytes() == (made / "vae" / name).read_bytes()
    assert rows(tmp_path / "vae") == rows(made / "vae")


def test_it_does_not_go_on_with_other_weights_under_the_same_name(made, tmp_path):
    torch.save(made_network().state_dict(), tmp_path / "vgg16.pth")
    config = replace(settings(tmp_path), max_steps=0)
    train(made, tmp_path / "vae", config)
    torch.save(made_network(seed=1).state_dict(), tmp_path / "vgg16.pth")
    with pytest.raises(InputError, match="input perceptual_network has changed"):
        train(made, tmp_path / "vae", config)


def test_a_wrong_file_is_refused_in_one_line_before_anything_is_written(made, tmp_path):
    state = made_network().state_dict()
    name = "features.28.weight"
    torch.save(state | {name: torch.full_like(state[name], float("nan"))}, tmp_path / "poisoned.pth")
    save_file({one: value for one, value in state.items() if one != name}, tmp_path / "lacking.safetensors")
    torch.save({"classifier.0.bias": torch.ones(3)}, tmp_path / "other.pth")
    (tmp_path / "cut.pth").write_bytes((made / "vgg16.pth").read_bytes()[:50_000])
    for file, kind, words in (
        ("absent.pth", InputError, "is not a file"),
        ("cut.pth", InputError, "cannot be read"),
        ("other.pth", InputError, "holds no VGG-16"),
        ("lacking.safetensors", InconsistentError, "another network than VGG-16"),
        ("poisoned.pth", InconsistentError, f"{name} holds numbers that are not finite"),
    ):
        with pytest.raises(kind, match=f"perceptual_network .*{file}.*{words}") as told:
            train(made, tmp_path / "out", settings(tmp_path, file))
        assert "\n" not in str(told.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"perceptual_weight": 1.0}, "need each other"),
        ({"perceptual_network": "vgg16.pth"}, "need each other"),
        ({"perceptual_weight": -1.0}, "must be at least 0, not -1.0"),
        ({"perceptual_weight": 1.0, "perceptual_network": "vgg16.pth", "crop": 8}, "a crop of at least 16, not 8"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given, words):
    with pytest.raises(InputError, match=words):
        TrainVae.load(**given)
