"""Patterns tell an anchor what it missed of people whom it had not met: what readings say, and no more."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.nn.functional import avg_pool2d

from tests.stages.made_dataset import make_dataset
from tests.stages.test_anchor import ANCHORED, ON_CPU, make_strangers
from xrmri.config import TrainVae
from xrmri.data.features import feature_set, slots_of
from xrmri.data.slices import seen_knee
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import read_model_facts
from xrmri.generation.model import find_model
from xrmri.learning.missed import SeenTwice, judge, learn_patterns, with_less, with_patterns
from xrmri.models.anchor import Anchor, AnchorSizes, load_anchor, without_patterns
from xrmri.models.bundle import load_bundle, save_bundle
from xrmri.stages import learn_patterns as program
from xrmri.stages import train_ldm, train_vae

FULL = feature_set("full")
SIZES = AnchorSizes(depths=4, pixels=32, features=FULL.slots, widths=(8, 8))
CYST = "V00XRCYTM"


def looks(people=120, *, effect=0.0, along=0.0, seed=0):
    """Knees of which an anchor missed noise, a blob where a cyst was read, and a pattern that follows what is told."""
    numbers = np.random.default_rng(seed)
    r = np.zeros((people, FULL.slots), np.float32)
    for name in FULL.names:
        slots = slots_of([name], FULL)
        r[np.arange(people), numbers.choice(slots[: 2 if name == CYST else None], people)] = 1
    told = torch.from_numpy(numbers.normal(size=(people, 256)).astype(np.float32))
    blob, stripe = torch.zeros(4, 32, 32), torch.zeros(4, 32, 32)
    blob[2:4, 8:12, 8:16], stripe[:, 20:22] = effect, along
    has = torch.from_numpy(r[:, slots_of([CYST], FULL)[1]])
    missed = has[:, None, None, None] * blob + told[:, 0, None, None, None] * stripe
    missed = (missed + torch.from_numpy(numbers.normal(0, 0.1, size=missed.shape)).float()).half()
    less = torch.from_numpy(np.stack([with_less(one, FULL, numbers) for one in r]))
    names = tuple(f"p{number}" for number in range(people))
    features = torch.cat([torch.from_numpy(r), less])
    return SeenTwice(torch.cat([told, told]), features, torch.cat([missed, missed]), names * 2)


def test_a_sign_that_changes_voxels_has_a_pattern_of_its_own_there_and_nowhere_else():
    found = learn_patterns(looks(effect=0.3), FULL, Anchor(SIZES))
    assert found.signs == (CYST,)
    own = found.patterns[-1]
    assert torch.allclose(own[1, 8:12, 2:4], torch.tensor(0.3), atol=0.07)
    elsewhere = own.clone()
    elsewhere[1, 8:12, 2:4] = 0
    assert (elsewhere != 0).float().mean() < 0.002
    assert found.weight[-1].count_nonzero() == 1  # grade 1 of the cyst
    assert found.weight[-1, 256 + slots_of([CYST], FULL)[1]] == 1


def test_noise_alone_has_no_sign_and_tells_nothing_of_people_left_out():
    judged = judge(looks(), FULL, Anchor(SIZES))
    assert learn_patterns(looks(), FULL, Anchor(SIZES)).signs == () and -0.02 < judged.share < 0.001
    assert torch.allclose(judged.deviation.mean(), torch.tensor(0.1), atol=0.004)


def test_what_follows_the_told_numbers_is_told_of_people_left_out_as_far_as_the_prior_lets_it():
    knees = looks(400, along=0.5)
    there, noise = float(knees.missed.double().square().mean()), 0.1**2
    share = judge(knees, FULL, Anchor(SIZES)).share
    prior = 320 / (320 + 5_000)  # 320 of 400 people have taught each fit
    assert share == pytest.approx((1 - (1 - prior) ** 2) * (there - noise) / there, abs=0.03)


def test_where_the_rows_of_the_mean_knee_change_the_network_is_left_alone():
    anchor = Anchor(SIZES)
    mean = torch.zeros(4, 32, 32)
    mean[:, 21:] = 1
    told = {}
    for name, template in (("flat", torch.zeros_like(mean)), ("edge", mean)):
        anchor.begin_at(template)
        told[name] = learn_patterns(looks(800, along=0.3), FULL, anchor).told_of(looks(800, along=0.3))
    flat, edge = (told[name][:, :, 20:22].abs().mean() for name in ("flat", "edge"))
    assert flat > 0.04 and edge < 0.1 * flat


def test_signs_need_knees_of_whom_everything_was_read():
    knees = looks(effect=0.3)
    features = knees.features.clone()
    features[:, slots_of(["V00XROSFM"], FULL)] = 0
    assert learn_patterns(knees._replace(features=features), FULL, Anchor(SIZES)).signs == ()


def test_an_anchor_with_patterns_expects_what_it_did_and_what_they_tell():
    torch.manual_seed(0)
    bare = Anchor(SIZES).eval().requires_grad_(False)
    knees = looks(effect=0.3, along=0.5)
    found = learn_patterns(knees, FULL, bare)
    richer = with_patterns(bare, found)
    y, features = torch.randn(4, 32, 32), knees.features[:4]
    shown = SeenTwice(bare.told(y, features), features, knees.missed[:4], knees.people[:4])
    assert torch.allclose(richer(y, features), bare(y, features) + found.told_of(shown), atol=1e-5)
    assert torch.equal(without_patterns(richer)(y, features), bare(y, features))
    assert richer.sizes.patterns == len(found.patterns) == 6 + 1 + 1


def test_less_is_nothing_or_the_grade_and_the_person_or_not():
    r = np.ones(FULL.slots + 6, np.float32)
    kinds = {tuple(with_less(r, FULL, np.random.default_rng(seed))) for seed in range(40)}
    assert sorted(sum(kind) for kind in kinds) == [0, 5, 6, 11]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, strangers/ and ldm/ whose anchor learnt from dataset/."""
    root = tmp_path_factory.mktemp("missed")
    make_dataset(root / "dataset")
    make_strangers(root)
    train_vae.run(root / "dataset", root / "vae", TrainVae.load(preset="tiny"), ON_CPU)
    train_ldm.run(root / "dataset", root / "vae", root / "ldm", ANCHORED, execution=ON_CPU)
    return root


def learn(made, *folders):
    return subprocess.run(
        [sys.executable, "-m", "xrmri.stages.learn_patterns", *map(str, folders)],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip


def test_the_program_gives_a_model_patterns_that_tell_of_others_what_it_missed(made):
    def squares(data):
        anchor, view = load_anchor(made / "ldm" / "anchor"), find_model(made / "ldm").view
        total = 0.0
        for pair_id in data.pairs("test") + data.pairs("val"):
            y, r = seen_knee(data, pair_id, view)
            volume = torch.from_numpy(np.clip(data.volume(pair_id) / 700, 0, 1) * 2 - 1).float()
            expected = anchor(torch.from_numpy(y)[None], torch.from_numpy(r)[None])[0]
            total += float((avg_pool2d(expected - volume, 4)).square().sum())
        return total

    own, others = open_dataset(made / "dataset"), open_dataset(made / "strangers")
    before = squares(own)
    done = learn(made, made / "ldm", made / "strangers")
    assert done.returncode == 0, done.stderr
    pairs = sum(len(others.pairs(split)) for split in ("train", "val", "test"))
    facts = read_model_facts(made / "ldm")
    assert done.stdout.startswith(f"{pairs} pairs: patterns tell ") and facts.anchor.patterns.pairs == pairs
    assert 0 < facts.anchor.patterns.share < 1 and squares(own) < before
    assert f"{pairs} pairs of other people" in (made / "ldm" / "README.md").read_text(encoding="utf-8")
    weights = (made / "ldm" / "anchor" / "diffusion_pytorch_model.safetensors").read_bytes()
    assert program.run(made / "ldm", made / "strangers", ON_CPU) == facts.anchor.patterns  # already done
    assert (made / "ldm" / "anchor" / "diffusion_pytorch_model.safetensors").read_bytes() == weights
    assert json.loads((made / "ldm" / "run.json").read_bytes())["status"] == "finished"


def test_a_model_with_patterns_goes_on_learning_from_its_network_alone(made, tmp_path):
    program.run(made / "ldm", made / "strangers", ON_CPU)
    more = replace(ANCHORED, anchor_steps=2)
    train_ldm.run(
        made / "strangers", made / "vae", tmp_path / "ldm", more, execution=ON_CPU, init=made / "ldm",
        anchor_dataset=make_dataset(tmp_path / "cohort", pairs=16, seed=5),
    )  # fmt: skip
    assert load_anchor(tmp_path / "ldm" / "anchor").sizes.patterns == 0


def test_people_it_has_met_other_slices_and_models_without_anchor_are_refused_in_one_line(made, tmp_path):
    with pytest.raises(InputError, match="give people whom it has not met"):
        program.run(made / "ldm", made / "dataset", ON_CPU)
    other = make_dataset(tmp_path / "other", pairs=8, slices=5)
    with pytest.raises(InputError, match="slices 5, the model 6"):
        program.run(made / "ldm", other, ON_CPU)
    with pytest.raises((InputError, InconsistentError)):
        program.run(made / "vae", made / "strangers", ON_CPU)


def test_patterns_take_8_bits_in_a_model_of_16_and_the_network_none_less(made, tmp_path):
    program.run(made / "ldm", made / "strangers", ON_CPU)
    model = load_bundle(made / "ldm")
    save_bundle(tmp_path, model, card="", dtype=torch.float16)
    with safe_open(tmp_path / "anchor" / "diffusion_pytorch_model.safetensors", framework="pt") as file:
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}
    assert {name for name, kind in kinds.items() if kind == "F8_E4M3"} == {"patterns", "deviation"}
    assert kinds["template"] == kinds["shares.weight"] == "F16"
    exact, rough = model.anchor.patterns, load_anchor(tmp_path / "anchor").patterns
    assert torch.allclose(rough, exact, rtol=2**-4, atol=2**-10)
