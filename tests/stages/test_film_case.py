"""A film given to generate: the knee that is meant is found and told apart as detect-knee does."""

import numpy as np
import pytest
from PIL import Image
from xrmri.cli.options import Common

from xrmri.config import DetectKnee
from xrmri.data.features import feature_set
from xrmri.data.radiograph import read_radiograph
from xrmri.data.view import View
from xrmri.detector import detect, sides
from xrmri.detector.sides import Look
from xrmri.errors import InputError
from xrmri.generation.case import case_of_radiograph
from xrmri.generation.film import knee_on_film
from xrmri.generation.inputs import GenerateInputs
from xrmri.records import KneeBox

VIEW = View(pixels=32, slice_mm=160.0, grid="crop", features=feature_set("full"))
AT_LEFT, AT_RIGHT = (150, 300, 350, 500), (650, 300, 850, 500)


@pytest.fixture
def meant(tmp_path, monkeypatch):
    """The knee meant on a film, with a detector that sees what the test says."""
    file = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (800, 1000)).astype(np.uint8)).save(file)

    def on_film(*boxes, side=None, fibula_left=0.5, faint=0.9):
        scores = [0.9, faint][: len(boxes)]
        found = [
            KneeBox(side="", score=score, corners=box, fibula_left=fibula_left)
            for box, score in zip(boxes, scores, strict=True)
        ]
        monkeypatch.setattr(sides, "with_fibula", lambda detector, film, boxes: boxes)
        return knee_on_film(file, Look(detector=None, film=read_radiograph(file), boxes=found), side, DetectKnee())

    return on_film


@pytest.mark.parametrize(("side", "corners"), [("right", AT_LEFT), ("left", AT_RIGHT)])
def test_of_two_knees_the_one_asked_for_is_drawn_and_image_left_is_the_right_one(meant, side, corners):
    chosen = meant(AT_LEFT, AT_RIGHT, side=side)
    assert (chosen.side, chosen.corners) == (side, corners)


def test_a_film_of_two_knees_asks_which_is_meant(meant):
    with pytest.raises(InputError, match="say --side left or --side right"):
        meant(AT_LEFT, AT_RIGHT)


def test_a_film_of_one_knee_is_of_the_side_that_is_said_unless_its_fibula_contradicts(meant):
    assert meant(AT_LEFT, side="left").side == "left"
    with pytest.raises(InputError, match="not a left knee, or mirrored"):
        meant(AT_LEFT, side="left", fibula_left=0.99)
    with pytest.raises(InputError, match="give --side left or --side right"):
        meant(AT_LEFT)


def test_a_film_on_which_the_other_knee_is_faint_asks_which_is_meant(meant):
    with pytest.raises(InputError, match=r"one knee surely \(score 0\.90\) and perhaps another \(0\.26\): say --side"):
        meant(AT_LEFT, AT_RIGHT, faint=0.26, fibula_left=0.98)
    assert meant(AT_LEFT, AT_RIGHT, faint=0.26, fibula_left=0.98, side="right").corners == AT_LEFT
    for elsewhere, score in ((AT_RIGHT, 0.01), ((650, 300, 700, 350), 0.26), ((200, 300, 400, 500), 0.26)):
        assert meant(AT_LEFT, elsewhere, faint=score, fibula_left=0.98).side == "right"


def test_a_film_without_a_knee_is_refused_with_the_score(meant):
    with pytest.raises(InputError, match=r"best score, 0\.00"):
        meant(side="left")


def test_what_a_config_file_says_of_detect_knee_reaches_the_detector_that_generate_asks(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text("seed = 5\n[detect-knee]\nmin_score = 0.77\nbox_scale = 1.5\n")
    detection = Common(config=tmp_path / "mine.toml", seed=3).settings_of(DetectKnee)
    assert detection == DetectKnee(min_score=0.77, box_scale=1.5)
    asked, looks, file = {}, [], tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1500, 1600)).astype(np.uint8)).save(file)
    knee = KneeBox(side="left", score=0.9, corners=(400, 400, 600, 600))
    monkeypatch.setattr(detect, "load_detector", lambda _: None)
    monkeypatch.setattr(sides, "find_knees", lambda *_, **__: looks.append(1) or [knee])
    monkeypatch.setattr(
        sides, "see_knees", lambda *_, **how: asked.update(how) or sides.Seen(knees=(knee,), left_out=(), boxes=())
    )
    case = case_of_radiograph(file, GenerateInputs(side="left", detection=detection), {}, VIEW)
    assert asked["min_score"] == 0.77 and looks == [1]
    assert case.source["detect_knee"]["box_scale"] == 1.5
    plain = case_of_radiograph(file, GenerateInputs(side="left"), {}, VIEW)
    assert "detect_knee" not in plain.source and not np.array_equal(plain.crop, case.crop)
