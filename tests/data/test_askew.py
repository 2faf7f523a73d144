"""Even corners of a turned picture are told from air beside a leg, and filled as its last pixels go on."""

import csv

import numpy as np
import pytest
from PIL import Image

from xrmri.data.askew import filled_corners, turned_picture

SIZE = 224


def stripes():
    """Grey from 60 to 200, brighter to the right; no pixel as dark as a corner."""
    return np.tile(np.linspace(60, 200, SIZE), (SIZE, 1)).astype(np.uint8)


@pytest.mark.parametrize("degrees", [-15, -6, 3, 8])
@pytest.mark.parametrize("wide", [False, True])
def test_the_angle_is_found_within_a_degree_and_no_corner_stays_even(degrees, wide):
    picture = np.asarray(Image.fromarray(stripes()).rotate(degrees, Image.Resampling.BILINEAR, expand=wide))
    found = turned_picture(picture)
    assert abs(np.rad2deg(found.angle) + degrees) < 1  # PIL turns against the clock
    filled = filled_corners(picture)
    assert filled.shape == picture.shape and filled.dtype == picture.dtype and filled.min() >= 50
    inside = found.beyond(*np.mgrid[: picture.shape[0], : picture.shape[1]][::-1]) < -4
    assert np.array_equal(filled[inside], picture[inside]) and inside.mean() > 0.6


@pytest.mark.parametrize(
    "picture",
    [
        stripes(),
        np.pad(stripes(), 30),  # margins
        np.where(np.abs(np.arange(SIZE) - 112) < 80, stripes(), 0),  # air on both sides
        np.where(np.arange(SIZE) + np.arange(SIZE)[:, None] > 90, stripes(), 0),  # one corner cut off
        np.zeros((SIZE, SIZE), np.uint8),
    ],
    ids=["whole", "margins", "air", "one corner", "blank"],
)
def test_what_was_not_turned_is_left_as_it_is(picture):
    assert turned_picture(picture) is None and filled_corners(picture) is picture


def test_none_of_a_hundred_public_crops_counts_as_turned(real_data):
    with (real_data / "knee_xray" / "labels.csv").open(encoding="utf-8", newline="") as stream:
        files = [real_data / "knee_xray" / row["file"] for row in csv.DictReader(stream)][::4]
    found = [file.name for file in files if turned_picture(np.asarray(Image.open(file).convert("L")))]
    assert len(files) == 106 and not found
