"""A model with an anchor: it learns from others than it shows, and resumes to the same bytes."""

import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, TrainLdm, TrainVae
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.facts.folders import read_dataset_facts, read_model_facts, write_dataset_facts
from xrmri.learning.anchor import LearntAnchor, coarse_volume, sizes_for
from xrmri.learning.anchors import Anchors, folds
from xrmri.learning.warp import Warps, warped, warped_labels
from xrmri.models.bundle import condition_of, load_bundle
from xrmri.models.weights import WEIGHTS
from xrmri.stages import train_ldm, train_vae
from xrmri.storage.files import sha256

ON_CPU = Execution(device="cpu")
ANCHORED = TrainLdm.load(
    preset="tiny", anchor=True, anchor_steps=6, anchor_batch_size=4, anchor_learning_rate=3e-3, validate_steps=2
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, cohort/, vae/ and ldm/ with an anchor in two folds."""
    root = tmp_path_factory.mktemp("anchored")
    make_dataset(root / "dataset")
    make_dataset(root / "cohort", pairs=16, seed=1)
    train_vae.run(root / "dataset", root / "vae", TrainVae.load(preset="tiny"), ON_CPU)
    train_ldm.run(root / "dataset", root / "vae", root / "ldm", ANCHORED, execution=ON_CPU)
    return root


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """A cohort that has nobody of the dataset."""
    return make_strangers(tmp_path_factory.mktemp("strangers"))


@pytest.fixture(scope="module")
def first(made, strangers):
    """A model whose anchor has met these strangers alone."""
    out = made / "first"
    train_ldm.run(made / "dataset", made / "vae", out, ANCHORED, execution=ON_CPU, anchor_dataset=strangers)
    return out


def weights(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.glob("*/*.safetensors")}


def test_the_model_holds_its_anchor_and_says_what_it_learnt_from(made):
    facts = read_model_facts(made / "ldm")
    assert facts.anchor.pairs == 6 and facts.anchor.r2 < 1
    assert {"anchor/config.json", "anchor/diffusion_pytorch_model.safetensors"} <= set(facts.files)
    for part in ("fold-0", "fold-1", "final"):
        assert (made / "ldm" / "anchor-training" / part / "metrics.jsonl").is_file()


def test_the_folds_part_people_and_cover_everyone_once(made):
    data = open_dataset(made / "dataset")
    parts = folds(data, data.pairs("train"), 2)
    assert sorted(row for part in parts for row in part) == list(range(6)) and min(map(len, parts)) == 3


def test_what_the_denoiser_is_shown_changes_with_depth_and_readings(made):
    model = load_bundle(made / "ldm")
    y, features = np.zeros((32, 32), np.float32), np.zeros(65, np.float32)
    with torch.inference_mode():
        told = condition_of(model, y, features)
        read = condition_of(model, y, np.eye(65, dtype=np.float32)[3])
        at = told.at(torch.tensor([0.0, 0.1, 0.2, 1.0]))
    assert told.concat.shape == (6, 16, 8, 8) and at.concat.shape == (4, 16, 8, 8)
    assert torch.equal(at.concat[0], told.concat[0]) and torch.equal(at.concat[3], told.concat[-1])
    assert torch.allclose(at.concat[1], (told.concat[0] + told.concat[1]) / 2, atol=1e-6)
    assert not torch.equal(read.concat, told.concat)


def test_a_coarse_volume_keeps_first_and_last_slice_and_the_window(made):
    data = open_dataset(made / "dataset")
    coarse = coarse_volume(data, "2", sizes_for(data, (8,), features=1))
    assert coarse.shape == (6, 32, 32) and coarse.min() >= -1 and coarse.max() <= 1
    whole = np.clip(data.volume("2") / 700, 0, 1) * 2 - 1
    assert coarse[5].mean() == pytest.approx(whole[5].mean(), abs=1e-4)


def test_film_and_volume_are_warped_alike():
    picture = torch.rand(1, 40, 40) * 2 - 1
    warp = torch.tensor([[[0.99, -0.05, 0.1], [0.05, 1.02, -0.1]]])
    film, volume = picture[:, None], picture[:, None].expand(-1, 3, -1, -1)
    moved = warped(film, warp)
    assert torch.equal(moved[0, 0], warped(volume, warp)[0, 2]) and not torch.allclose(moved, film, atol=0.1)
    assert torch.allclose(warped(film, torch.eye(2, 3)[None]), film, atol=1e-5)


def test_labels_go_where_their_slice_goes():
    labels = torch.zeros(1, 40, 40, dtype=torch.uint8)
    labels[:, 10:20, 14:30] = 7
    warp = torch.from_numpy(Warps(turn_degrees=6.0, stretch=0.08, shift=0.06).draw(np.random.default_rng(3)))[None]
    there = warped_labels(labels, warp)[0] == 7
    as_slice = warped(labels[:, None] / 7.0 * 2 - 1, warp)[0, 0] > 0
    assert (there != as_slice).float().mean() < 0.01 and 100 < there.sum() < 220


@pytest.mark.parametrize("part", ["anchor", "ldm"])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(made, tmp_path, part):
    seen = []

    def interrupt(step, done, total, note):
        if note.startswith("loss") and not seen and (("anchor" in step) == (part == "anchor")) and done == 3:
            seen.append(step)
            os.kill(os.getpid(), signal.SIGTERM)

    again = make_dataset(tmp_path / "dataset"), made / "vae", tmp_path / "ldm"
    with pytest.raises(StoppedEarly):
        train_ldm.run(*again, ANCHORED, execution=Execution(device="cpu", progress=interrupt))
    assert train_ldm.run(*again, ANCHORED, execution=ON_CPU)["status"] == "finished"
    assert weights(tmp_path / "ldm") == weights(made / "ldm")


def test_an_anchor_learns_from_a_cohort_of_its_own_without_those_it_is_shown_to(made, tmp_path):
    out, cohort = tmp_path / "ldm", {"anchor_dataset": made / "cohort"}
    train_ldm.run(made / "dataset", made / "vae", out, ANCHORED, execution=ON_CPU, **cohort)
    facts = read_model_facts(out).anchor
    assert facts.pairs == 12 - 8  # p0 to p7 are in both
    assert not (out / "anchor-training" / "fold-0").exists()
    assert (
        train_ldm.run(made / "dataset", made / "vae", out, ANCHORED, execution=ON_CPU, **cohort)["status"]
        == "already done"
    )


def test_a_cohort_without_an_anchor_or_of_another_kind_is_refused(made, tmp_path):
    plain = TrainLdm.load(preset="tiny")
    with pytest.raises(InputError, match="set anchor = true"):
        train_ldm.run(
            made / "dataset", made / "vae", tmp_path / "a", plain, execution=ON_CPU, anchor_dataset=made / "cohort"
        )
    with pytest.raises(InconsistentError, match="nobody for the anchor"):
        train_ldm.run(
            made / "dataset", made / "vae", tmp_path / "b", ANCHORED, execution=ON_CPU, anchor_dataset=made / "dataset"
        )


def test_an_anchor_that_was_exchanged_is_refused(made, tmp_path):
    shutil.copytree(made / "ldm", tmp_path / "ldm")
    file = tmp_path / "ldm" / "anchor" / "diffusion_pytorch_model.safetensors"
    save_file({name: value + 1e-3 for name, value in load_file(file).items()}, file)
    with pytest.raises(InconsistentError, match="anchor"):
        load_bundle(tmp_path / "ldm")


def test_an_anchor_goes_on_from_that_of_an_earlier_model(made, strangers, first, tmp_path):
    still = replace(ANCHORED, anchor_steps=1, anchor_learning_rate=1e-9, max_steps=0)
    train_ldm.run(
        made / "dataset", made / "vae", tmp_path / "ldm", still, execution=ON_CPU, init=first, anchor_dataset=strangers
    )
    before, after = (load_file(folder / "anchor" / WEIGHTS) for folder in (first, tmp_path / "ldm"))
    assert max(float((before[name] - after[name]).abs().max()) for name in before if name != "deviation") < 1e-6


def test_errors_of_latents_count_more_where_the_template_changes(made, first, tmp_path):
    anchor = load_bundle(made / "ldm").anchor
    anchors = Anchors(final=LearntAnchor(network=anchor, r2=0.0), of_pairs={}, facts=None)
    edges = anchors.edges(8.0, (4, 8, 8))
    assert edges.shape == (anchor.sizes.depths, 8, 8) and float(edges.mean()) == pytest.approx(1, abs=1e-5)
    steep = anchor.template.diff(dim=1).abs().mean(dim=(0, 2))  # of each row
    rows = edges.mean(dim=(0, 2))
    steepest, flattest = int(steep.argmax()) * 8 // len(steep), int(steep.argmin()) * 8 // len(steep)
    assert rows[steepest] > 1.2 * rows[flattest]
    weighted = replace(ANCHORED, anchor_steps=0, edge_weight=8.0, max_steps=1)
    plain, losses = replace(weighted, edge_weight=0.0), []
    for config, out in ((weighted, "weighted"), (plain, "plain")):
        train_ldm.run(made / "dataset", made / "vae", tmp_path / out, config, execution=ON_CPU, init=first)
        losses.append(json.loads((tmp_path / out / "metrics.jsonl").read_bytes().splitlines()[0])["loss"])
    assert losses[0] != losses[1]
    with pytest.raises(InputError, match="edge_weight must be 0 to 1000"):
        replace(ANCHORED, edge_weight=-1.0)


def test_an_anchor_of_no_steps_is_taken_as_it_is(made, strangers, first, tmp_path):
    here, given = (made / "dataset", made / "vae"), {"execution": ON_CPU, "init": first}
    kept = replace(ANCHORED, anchor_steps=0, max_steps=1)
    train_ldm.run(*here, tmp_path / "ldm", kept, **given)
    before, after = (folder / "anchor" / WEIGHTS for folder in (first, tmp_path / "ldm"))
    assert before.read_bytes() == after.read_bytes()
    assert read_model_facts(tmp_path / "ldm").anchor == read_model_facts(first).anchor
    with pytest.raises(InputError, match="learns nothing from --anchor-dataset"):
        train_ldm.run(*here, tmp_path / "second", kept, **given, anchor_dataset=strangers)
    with pytest.raises(InputError, match="give a model that has one"):
        train_ldm.run(*here, tmp_path / "second", kept, execution=ON_CPU)


def test_an_anchor_that_has_learnt_from_those_it_would_be_shown_is_refused(made, tmp_path):
    with pytest.raises(InconsistentError, match="its own people"):
        train_ldm.run(made / "dataset", made / "vae", tmp_path / "ldm", ANCHORED, execution=ON_CPU, init=made / "ldm")
    assert not (tmp_path / "ldm").exists()


def test_it_learns_on_made_knees(made, strangers, tmp_path):
    config = TrainLdm.load(
        preset="tiny", anchor=True, anchor_steps=100, anchor_batch_size=4, validate_steps=50, max_steps=0
    )
    train_ldm.run(
        made / "dataset", made / "vae", tmp_path / "ldm", config, execution=ON_CPU, anchor_dataset=strangers
    )
    assert read_model_facts(tmp_path / "ldm").anchor.r2 > 0.3


def make_strangers(folder):
    """A cohort of other people: the blobs of both lie where the film shows them."""
    made = make_dataset(folder / "strangers", pairs=40, seed=2)
    table = pd.read_csv(made / "index.csv", dtype=str)
    table["participant"] = "x" + table["participant"]
    table.to_csv(made / "index.csv", index=False, lineterminator="\n")
    write_dataset_facts(made, replace(read_dataset_facts(made), index_sha256=sha256(made / "index.csv")))
    return made
