"""A film given to generate: the knee that is meant is found and told apart as detect-knee does."""

import numpy as np
import pytest
from PIL import Image

from xrmri.config import DetectKnee
from xrmri.data.radiograph import read_radiograph
from xrmri.detector import detect, sides
from xrmri.errors import InputError
from xrmri.generation.film import knee_on_film
from xrmri.records import KneeBox

AT_LEFT, AT_RIGHT = (150, 300, 350, 500), (650, 300, 850, 500)


@pytest.fixture
def meant(tmp_path, monkeypatch):
    """The knee meant on a film, with a detector that sees what the test says."""
    file = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (800, 1000)).astype(np.uint8)).save(file)

    def on_film(*boxes, side=None, fibula_left=0.5):
        found = [KneeBox(side="", score=0.9, corners=box, fibula_left=fibula_left) for box in boxes]
        monkeypatch.setattr(detect, "load_detector", lambda _: None)
        monkeypatch.setattr(sides, "find_knees", lambda *_, **__: found)
        monkeypatch.setattr(sides, "with_fibula", lambda detector, film, boxes: boxes)
        return knee_on_film(file, read_radiograph(file), side, DetectKnee())

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


def test_a_film_without_a_knee_is_refused_with_the_score(meant):
    with pytest.raises(InputError, match=r"best score, 0\.00"):
        meant(side="left")
