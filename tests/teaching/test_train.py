"""A training of seconds on plates made here: it ends, it goes on, and it says how good it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from xrmri.detector.detect import load_detector
from xrmri.teaching import train as training_module
from xrmri.teaching.evaluation import iou, judge
from xrmri.teaching.films import Material, TrainingFilm
from xrmri.teaching.plates import Plate, PlateJoint
from xrmri.teaching.train import Teaching, train

TINY = Teaching(films=6, batch_size=2, warmup=1, size=64, plates=1, test_plates=1, fibula_steps=2)


@pytest.fixture
def plates(monkeypatch):
    """One plate with two bright squares, instead of the phantom's."""
    pixels = np.full((200, 300), 0.1, dtype=np.float32)
    pixels[80:140, 40:100] = pixels[80:140, 200:260] = 0.8
    left = PlateJoint(corners=(40, 80, 100, 140), fibula="left")
    joints = (left, PlateJoint(corners=(200, 80, 260, 140), fibula="right"))
    made = Plate(pixels=pixels, joints=joints)
    monkeypatch.setattr(training_module, "render_plates", lambda *_, **__: [made])
    monkeypatch.setattr(training_module, "_TEST_FILMS", 2)
    return made


def learn(out, training=TINY):
    train(out, training, joints=None, workers=1, save_minutes=9)
    return (out / "detector.safetensors").read_bytes()


def test_a_training_leaves_weights_a_description_and_a_card_with_figures(tmp_path, plates):
    learn(tmp_path)
    assert load_detector(tmp_path).size == 64
    figures = json.loads((tmp_path / "architecture.json").read_bytes())["figures"]
    assert figures["phantom films"]["films"] == 1
    assert figures["films without a knee"]["films"] == 2
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| phantom films | 1 |" in card
    assert "none were given" in card
    assert (tmp_path / "detector.safetensors").stat().st_size < 8_000_000


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path, plates, monkeypatch):
    whole = learn(tmp_path / "whole")
    real, steps = training_module._step, []

    def stop_at_the_third(state, *rest):
        steps.append(state.step)
        if len(steps) == 3:
            raise KeyboardInterrupt
        loss = real(state, *rest)
        state.save(tmp_path / "parts" / "checkpoint.pt")
        return loss

    monkeypatch.setattr(training_module, "_step", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "parts")
    monkeypatch.setattr(training_module, "_step", real)
    assert torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["step"] == 2
    assert learn(tmp_path / "parts") == whole


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, plates):
    learn(tmp_path)
    with pytest.raises(training_module.InputError, match="batch_size was 2, now 3"):
        learn(tmp_path, replace(TINY, batch_size=3))


def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_hundredth():
    training = Teaching(films=1600, batch_size=16, warmup=10, learning_rate=1.0)
    rates = [training_module._learning_rate(training, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(0.98, abs=0.01)
    assert rates[100] == pytest.approx(0.01)


def test_every_fifth_participant_of_the_real_joints_is_kept_for_judging(tmp_path, plates, monkeypatch):
    from xrmri.teaching.plates import RealJoint

    joints = [
        RealJoint(participant=str(9_000_000 + number), fibula=side, pixels=np.zeros((8, 8), dtype=np.float32))
        for number in range(10)
        for side in ("left", "right")
    ]
    monkeypatch.setattr(training_module, "read_joints", lambda _: joints)
    seen, unseen = training_module._material(tmp_path, tmp_path, TINY, 1)
    assert isinstance(seen, Material)
    assert (len(seen.joints), len(unseen.joints)) == (16, 4)
    assert {one.participant for one in seen.joints} & {one.participant for one in unseen.joints} == set()


def test_overlap_of_two_boxes():
    assert iou(np.array((0, 0, 10, 10)), np.array((0, 0, 10, 10))) == 1.0
    assert iou(np.array((0, 0, 10, 10)), np.array((5, 0, 15, 10))) == pytest.approx(1 / 3)
    assert iou(np.array((0, 0, 10, 10)), np.array((20, 0, 30, 10))) == 0.0


def test_figures_of_a_detector_that_finds_both_knees_on_one_film_of_two(monkeypatch):
    from xrmri.records import KneeBox
    from xrmri.teaching import evaluation

    boxes = np.array(((10.0, 10, 20, 20), (50, 10, 60, 20)))
    films = [TrainingFilm(pixels=np.zeros((40, 80)), boxes=boxes, fibulas=("left", "right")) for _ in range(2)]
    both = [KneeBox(side="", score=0.9, corners=(10, 10, 20, 20), fibula_left=0.9),
            KneeBox(side="", score=0.9, corners=(50, 10, 60, 22.5), fibula_left=0.1)]  # fmt: skip
    answers = iter((both, both[:1]))
    monkeypatch.setattr(evaluation, "with_fibula", lambda detector, film, boxes: boxes)
    monkeypatch.setattr(evaluation, "find_knees", lambda *_, **__: next(answers))
    assert judge(None, films) == {"films": 2, "found": 1, "iou": 1.0, "told": 1, "mirrored": None}


def test_a_mirrored_film_of_one_knee_counts_when_it_is_refused_by_its_fibula(monkeypatch):
    from xrmri.records import KneeBox
    from xrmri.teaching import evaluation

    film = TrainingFilm(pixels=np.zeros((40, 80)), boxes=np.array(((30.0, 10, 50, 30),)), fibulas=("right",))
    as_it_is = [KneeBox(side="", score=0.9, corners=(30, 10, 50, 30), fibula_left=0.05)]
    turned = [KneeBox(side="", score=0.9, corners=(30, 10, 50, 30), fibula_left=0.95)]
    answers = iter((as_it_is, turned))
    monkeypatch.setattr(evaluation, "with_fibula", lambda detector, film, boxes: boxes)
    monkeypatch.setattr(evaluation, "find_knees", lambda *_, **__: next(answers))
    assert judge(None, [film]) == {"films": 1, "found": 1, "iou": 1.0, "told": 1, "mirrored": 1}


def test_a_training_can_begin_with_the_weights_of_another_and_says_so(tmp_path, plates):
    learn(tmp_path / "one")
    begun = training_module._begin(replace(TINY, init=str(tmp_path / "one")), tmp_path / "none.pt")
    there = load_detector(tmp_path / "one").network.state_dict()
    for name, value in begun.network.state_dict().items():
        assert torch.equal(value, there[name]), name
    learn(tmp_path / "two", replace(TINY, init=str(tmp_path / "one")))
    assert f"init {tmp_path / 'one'}" in (tmp_path / "two" / "README.md").read_text(encoding="utf-8")
