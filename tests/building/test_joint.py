"""The joint on the radiograph of a pair is the same whichever way its greys run and however its pixels are shaped."""

import logging

import numpy as np
import pytest
from PIL import Image

from xrmri.building.joint import cut_of
from xrmri.cohorts.description import FILM, FLASH
from xrmri.cohorts.pairing import Candidate, Particulars
from xrmri.cohorts.release import Series
from xrmri.config import DetectKnee
from xrmri.pretrained import BUNDLED_DETECTOR

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"


def cut(file, **particulars):
    """The joint crop of a picture and its width in mm, as its owner says."""
    flash, film = (
        Series(path=file, visit="00m", participant="P1", date="", number="", description="", kind=kind, side="right")
        for kind in (FLASH, FILM)
    )
    pair = Candidate(flash=flash, film=film, grades={}, particulars=Particulars(**particulars))
    return cut_of(pair, None, device="cpu", detection=DetectKnee())(pair, file, "")


@pytest.mark.parametrize("how", [{"is_joint": True}, {"box": (26.0, 26.0, 198.0, 198.0)}])
def test_a_negative_of_a_joint_is_put_right_and_told(tmp_path, caplog, how):
    Image.fromarray(255 - np.asarray(Image.open(KNEE).convert("L"))).save(tmp_path / "n.png")
    with caplog.at_level(logging.WARNING, logger="xrmri"):
        plain, _ = cut(KNEE, **how)
        assert not caplog.text
        turned, _ = cut(tmp_path / "n.png", **how)
    assert "n.png shows bone dark: its greys are turned round" in caplog.text
    assert np.abs(turned.astype(int) - plain).max() <= 1


def test_a_joint_of_oblong_pixels_is_as_wide_as_it_is_high(tmp_path):
    square = Image.open(KNEE).convert("L")
    square.resize((square.width // 2, square.height), Image.Resampling.BOX).save(tmp_path / "a.png", dpi=(100, 200))
    plain, _ = cut(KNEE, is_joint=True)
    crop, width_mm = cut(tmp_path / "a.png", is_joint=True)
    assert crop.shape == plain.shape and width_mm is None
    assert np.corrcoef(crop.ravel(), plain.ravel())[0, 1] > 0.99


def test_the_width_of_a_joint_is_that_of_its_longer_side(tmp_path):
    Image.open(KNEE).convert("L").crop((0, 0, 200, 224)).save(tmp_path / "a.png")
    crop, width_mm = cut(tmp_path / "a.png", is_joint=True, pixel_mm=0.45)
    assert crop.shape == (224, 224) and width_mm == round(224 * 0.45, 2)
