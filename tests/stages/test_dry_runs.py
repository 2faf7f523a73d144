"""A dry run writes nothing and refuses what the command itself would refuse, with the same words."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.made_facts import record_dataset
from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, Phantom, TrainLdm, TrainVae
from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.facts.folders import read_autoencoder_facts, write_autoencoder_facts
from xrmri.stages import detect_knee, phantom, train_ldm, train_vae

RUN, DRY = Execution(device="cpu"), Execution(device="cpu", dry_run=True)
VAE = TrainVae.load(preset="tiny", max_steps=1)
LDM = TrainLdm.load(preset="tiny", latent_scale=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/ and vae/, of coronal FLASH."""
    root = tmp_path_factory.mktemp("made")
    make_dataset(root / "dataset")
    assert train_vae.run(root / "dataset", root / "vae", VAE, RUN)["status"] == "finished"
    return root


def refusals(train):
    """What the dry run and the run itself say, each in one line."""
    said = []
    for execution in (DRY, RUN):
        with pytest.raises(XrmriError) as told:
            train(execution)
        said.append((type(told.value), str(told.value)))
    assert said[0] == said[1] and "\n" not in said[0][1]
    return said[0]


def of(vae, folder, **changed):
    """The same autoencoder, which says otherwise of what it learnt from."""
    shutil.copytree(vae, folder)
    write_autoencoder_facts(folder, replace(read_autoencoder_facts(vae), **changed))
    return folder


def test_an_autoencoder_of_another_plane_or_size_is_refused_alike(made, tmp_path):
    sagittal = of(made / "vae", tmp_path / "sagittal", plane="sagittal")
    kind, words = refusals(lambda how: train_ldm.run(made / "dataset", sagittal, tmp_path / "o", LDM, execution=how))
    assert kind is InconsistentError and "holds coronal slices" in words and "trained on sagittal ones" in words
    larger = make_dataset(tmp_path / "larger", size=64)
    _, words = refusals(lambda how: train_ldm.run(larger, made / "vae", tmp_path / "o", LDM, execution=how))
    assert "images of 64 pixels" in words and not (tmp_path / "o").exists()


def test_an_autoencoder_of_another_contrast_is_told_and_one_that_does_not_say_is_taken(made, tmp_path, caplog):
    t1 = of(made / "vae", tmp_path / "t1", sequence="T1", plane=None)
    with caplog.at_level(logging.WARNING):
        told = train_ldm.run(made / "dataset", t1, tmp_path / "o", LDM, execution=DRY)
    assert told["status"] == "dry run" and f"{t1} knows T1, {made / 'dataset'} holds FLASH" in caplog.text


@pytest.mark.parametrize("stage", ["vae", "ldm"])
def test_a_dataset_that_is_damaged_or_lacks_a_split_is_refused_alike(made, tmp_path, stage):
    def train(dataset, how):
        if stage == "vae":
            return train_vae.run(dataset, tmp_path / "o", VAE, how)
        return train_ldm.run(dataset, made / "vae", tmp_path / "o", LDM, execution=how)

    damaged = tmp_path / "damaged"
    shutil.copytree(made / "dataset", damaged)
    with (damaged / "pairs-00000-of-00001.h5").open("ab") as shard:
        shard.write(b"more")
    assert "pairs-00000-of-00001.h5" in refusals(lambda how: train(damaged, how))[1]
    one = tmp_path / "one"
    shutil.copytree(made / "dataset", one)
    table = (one / "index.csv").read_text(encoding="utf-8").replace(",val,", ",train,")
    (one / "index.csv").write_text(table, encoding="utf-8")
    record_dataset(one, slices=6, size=32)
    assert "has no pair in its val split" in refusals(lambda how: train(one, how))[1]
    assert "nowhere" in refusals(lambda how: train(tmp_path / "nowhere", how))[1]


def test_what_lies_in_the_output_folder_is_refused_alike_and_finished_work_is_already_done(made, tmp_path):
    other = replace(VAE, learning_rate=0.5)
    _, words = refusals(lambda how: train_vae.run(made / "dataset", made / "vae", other, how))
    assert "holds a run with other settings (learning_rate was" in words
    assert train_vae.run(made / "dataset", made / "vae", VAE, DRY)["status"] == "already done"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    kind, words = refusals(lambda how: phantom.run(tmp_path / "mine", Phantom(participants=1, matrix=32), how))
    assert kind is InputError and "is not empty and was not written by xrmri" in words
    _, words = refusals(lambda how: train_vae.run(made / "dataset", tmp_path / "mine" / "notes.txt" / "o", VAE, how))
    assert "cannot be written" in words


def test_a_weightless_token_is_told_by_a_dry_run_which_counts_all_the_same(made, tmp_path, caplog):
    clip = replace(LDM, radiograph_token="clip")
    with caplog.at_level(logging.WARNING):
        told = train_ldm.run(made / "dataset", made / "vae", tmp_path / "o", clip, execution=DRY)
    assert told["parameters"]["radiograph_encoder"] > 300_000_000
    with pytest.raises(InputError) as refused:
        train_ldm.run(made / "dataset", made / "vae", tmp_path / "o", clip, execution=RUN)
    assert f"the training itself is refused: {refused.value}" in caplog.text


def test_the_only_film_that_shows_no_knee_is_refused_alike(tmp_path):
    grain = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(grain).save(tmp_path / "film.png")
    run = detect_knee.run
    _, words = refusals(lambda how: run([tmp_path / "film.png"], tmp_path / "o", detect_knee.DetectKnee(), how))
    assert "film.png" in words and not (tmp_path / "o").exists()


def test_a_dry_run_of_generate_refuses_files_that_are_not_its_own(xrmri, tmp_path):
    grain = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(grain).save(tmp_path / "knee.png")
    (tmp_path / "taken.nii.gz").write_text("mine")
    said = [
        xrmri("generate", tmp_path / "knee.png", "--as-is", "-o", tmp_path / "taken.nii.gz", *how)
        for how in (("--dry-run",), ())
    ]
    assert [one.code for one in said] == [2, 2] and said[0].err == said[1].err
    assert "taken.nii.gz exists and was not written by xrmri" in said[0].err
