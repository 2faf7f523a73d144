"""train-vae with the adversarial term: trained beside the autoencoder, kept in checkpoints, no part of the model."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from tests.forked import on_two_processes
from tests.stages.made_dataset import make_dataset
from tests.stages.test_train_vae_perceptual import PLAIN, rows, train
from xrmri.config import Execution, TrainVae
from xrmri.errors import InputError, StoppedEarly
from xrmri.facts.folders import read_autoencoder_facts
from xrmri.models.weights import WEIGHTS
from xrmri.stages import train_vae
from xrmri.training.checkpoint import latest_checkpoint

TERM = replace(PLAIN, adversarial_weight=0.1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, plain/ without the term, and vae/ with it, each in one go."""
    root = tmp_path_factory.mktemp("made")
    make_dataset(root / "dataset")
    train(root, root / "plain", PLAIN)
    train(root, root / "vae", TERM)
    return root


def files(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))


def discriminators(folder):
    weights = latest_checkpoint(folder).weights
    return {name: value for name, value in weights.items() if name.startswith("discriminator.")}


def test_the_model_has_the_tensors_of_one_trained_without_and_other_numbers(made):
    plain, with_term = (load_file(made / name / WEIGHTS) for name in ("plain", "vae"))
    assert with_term.keys() == plain.keys() and files(made / "vae") == files(made / "plain")
    assert any(not torch.equal(with_term[name], plain[name]) for name in plain)
    dry = Execution(device="cpu", dry_run=True)
    counted = [train_vae.run(made / "dataset", made / "new", config, dry)["parameters"] for config in (PLAIN, TERM)]
    assert counted[0] == counted[1]


def test_the_discriminator_is_trained_and_kept_in_the_checkpoint(made, tmp_path):
    train(made, tmp_path / "one", replace(TERM, max_steps=1))
    before, after = discriminators(tmp_path / "one"), discriminators(made / "vae")
    assert len(before) == 10 and not discriminators(made / "plain")
    assert all(not torch.equal(before[name], after[name]) for name in before)


def test_a_frozen_encoder_stays_as_it_is_while_the_decoder_learns(made, tmp_path):
    frozen = replace(TERM, frozen_encoder=True)
    train_vae.run(made / "dataset", tmp_path / "vae", frozen, Execution(device="cpu"), init=made / "plain")
    before, after = (load_file(folder / WEIGHTS) for folder in (made / "plain", tmp_path / "vae"))
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if name.startswith(("encoder.", "quant_conv."))} and len(same) > 10
    facts = [read_autoencoder_facts(folder) for folder in (made / "plain", tmp_path / "vae")]
    assert facts[0].latent_std == facts[1].latent_std
    with pytest.raises(InputError, match="--init VAE as it is: give one"):
        train_vae.run(made / "dataset", tmp_path / "new", frozen, Execution(device="cpu"))


def test_its_loss_is_a_measure_and_no_part_of_the_validation_loss(made, tmp_path):
    for name, config in (("plain", PLAIN), ("vae", TERM)):
        train(made, tmp_path / name, replace(config, max_steps=0))
    start, without = (read_autoencoder_facts(tmp_path / name) for name in ("vae", "plain"))
    assert start.validation_loss == without.validation_loss
    assert start.discriminator_loss == pytest.approx(1, abs=0.05) and without.discriminator_loss is None
    assert rows(made / "vae")[-1]["discriminator_loss"] < 0.9
    assert rows(made / "vae")[0]["loss"] == pytest.approx(rows(made / "plain")[0]["loss"] + 1, abs=0.02)  # hinge


def test_without_it_no_discriminator_is_built(made, tmp_path, monkeypatch):
    monkeypatch.setattr("xrmri.stages.train_vae.PatchDiscriminator", None)
    train(made, tmp_path / "vae", PLAIN)
    assert (tmp_path / "vae" / WEIGHTS).read_bytes() == (made / "plain" / WEIGHTS).read_bytes()
    assert rows(tmp_path / "vae") == rows(made / "plain")


def test_stopped_and_resumed_it_ends_with_the_same_bytes(made, tmp_path):
    def interrupt(step, done, total, note):
        if note.startswith("loss") and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedEarly, match="after step 2 of 6"):
        train(made, tmp_path / "vae", TERM, interrupt)
    assert train(made, tmp_path / "vae", TERM)["status"] == "finished"
    assert (tmp_path / "vae" / WEIGHTS).read_bytes() == (made / "vae" / WEIGHTS).read_bytes()
    assert rows(tmp_path / "vae") == rows(made / "vae")
    wanted = discriminators(made / "vae")
    assert all(torch.equal(value, wanted[name]) for name, value in discriminators(tmp_path / "vae").items())


def same_within_rounding(one, other):
    states = [latest_checkpoint(folder).weights for folder in (one, other)]
    return all(torch.allclose(states[0][name], states[1][name], atol=2e-4) for name in states[0])


def test_parts_of_a_batch_add_up_to_the_batch(made, tmp_path):
    train(made, tmp_path / "vae", replace(TERM, micro_batch=3))
    assert same_within_rounding(tmp_path / "vae", made / "vae")


def test_two_processes_train_what_one_does(made, tmp_path):
    (tmp_path / "settings.toml").write_text("[train-vae]\nadversarial_weight = 0.1\nvalidate_steps = 6\n")
    arguments = ["--preset", "tiny", "--config", tmp_path / "settings.toml", "--device", "cpu", "--precision", "fp32"]
    said = on_two_processes(
        "train-vae", made / "dataset", "-o", tmp_path / "vae", *arguments, "--max-steps", "6", "--no-progress"
    )
    assert said.returncode == 0, said.stderr
    for found, wanted in zip(rows(tmp_path / "vae"), rows(made / "vae"), strict=True):
        assert found == pytest.approx(wanted, rel=1e-3)
    assert same_within_rounding(tmp_path / "vae", made / "vae")


def test_the_command_takes_it_from_a_file_and_refuses_a_negative_weight_in_one_line(made, tmp_path, xrmri):
    file = tmp_path / "settings.toml"
    arguments = ["--preset", "tiny", "--config", file, "--device", "cpu", "--no-progress"]
    file.write_text("[train-vae]\nadversarial_weight = -0.1\n")
    refused = xrmri("train-vae", made / "dataset", "-o", tmp_path / "vae", *arguments)
    assert refused.code == 2 and refused.out == "" and not (tmp_path / "vae").exists()
    assert refused.err.count("\n") == 1 and "adversarial_weight must be at least 0, not -0.1" in refused.err
    file.write_text("[train-vae]\nadversarial_weight = 0.1\n")
    assert xrmri("train-vae", made / "dataset", "-o", tmp_path / "vae", *arguments).code == 0
    assert "discriminator_loss" in rows(tmp_path / "vae")[-1]


def test_a_crop_that_holds_no_patch_is_refused():
    with pytest.raises(InputError, match="adversarial_weight needs a crop of at least 24, not 16"):
        TrainVae.load(adversarial_weight=0.1, crop=16)
    assert TrainVae.load(adversarial_weight=0.1, crop=24).crop == 24
