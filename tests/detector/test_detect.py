"""Boxes from scores: on films that a made-up network looks at, so every number is known."""

import numpy as np
import pytest
import torch
from torch import nn

from xrmri.detector.detect import Detector, find_knees, load_detector, with_fibula
from xrmri.detector.letterbox import letterbox
from xrmri.records import KneeBox, Radiograph


class Answers(nn.Module):
    """A network that gives the same boxes whatever it sees, and the same reversed on the mirror image."""

    def __init__(self, *rows, size=100):
        super().__init__()
        self.rows = torch.tensor(rows, dtype=torch.float32)
        self.stride = torch.full((len(rows),), float(size))  # a grid of one cell for each box
        self.size, self.seen = size, None

    def forward(self, images):
        self.seen = images
        reversed_rows = self.rows.clone()
        reversed_rows[:, 0] = self.size - reversed_rows[:, 0]
        return torch.stack((self.rows.T, reversed_rows.T)), {}


class BrighterHalf(nn.Module):
    """A classifier that takes the brighter half of a crop for the one with the fibula."""

    def forward(self, crops):
        half = crops.shape[-1] // 2
        return 20 * (crops[..., :half].mean(dim=(1, 2, 3)) - crops[..., half:].mean(dim=(1, 2, 3)))


def detector(*rows, size=100):
    return Detector(network=Answers(*rows, size=size), fibula=BrighterHalf(), size=size, channels=1, device="cpu")


def film(height=200, width=400, side=None):
    pixels = np.random.default_rng(0).random((height, width), dtype=np.float32)
    return Radiograph(pixels=pixels, side=side, spacing_mm=None)


LEFT_HALF, RIGHT_HALF = (25, 50, 20, 20, 0.7), (75, 50, 20, 20, 0.9)


def test_knees_come_from_image_left_to_right_with_their_scores_and_no_side_yet():
    found = find_knees(detector(RIGHT_HALF, LEFT_HALF), film(), min_score=0.25)
    assert [box.side for box in found] == ["", ""]
    assert [round(box.score, 3) for box in found] == [0.7, 0.9]


def test_the_fibula_is_looked_for_on_the_crop_of_each_box_and_on_its_mirror_image():
    pixels = np.zeros((200, 400), dtype=np.float32)
    pixels[80:140, 30:60] = 1  # bright towards image left in the first box, towards image right in the second
    pixels[80:140, 340:370] = 1
    boxes = [KneeBox(side="", score=0.9, corners=corners) for corners in ((35, 75, 105, 145), (295, 75, 365, 145))]
    told = with_fibula(detector(LEFT_HALF), Radiograph(pixels=pixels, side=None, spacing_mm=None), boxes)
    assert told[0].fibula_left > 0.99
    assert told[1].fibula_left < 0.01
    assert [box.corners for box in told] == [box.corners for box in boxes]
    assert with_fibula(detector(LEFT_HALF), film(), []) == []


def test_boxes_come_back_in_film_pixels_through_the_margins_of_the_letterbox():
    found = find_knees(detector(LEFT_HALF), film(), min_score=0.25)
    # 400 columns became 100, 200 rows became 50 below a margin of 25
    assert found[0].corners == pytest.approx((60, 60, 140, 140))


def test_a_film_of_oblong_pixels_is_shown_as_the_body_is():
    tall = Radiograph(pixels=film(100, 200).pixels, side=None, spacing_mm=(0.4, 0.2))
    # 100 rows of 0.4 mm are as long as 200 columns of 0.2 mm: the square is filled, and the way back stretches
    found = find_knees(detector((25, 50, 20, 20, 0.7)), tall, min_score=0.25)
    assert found[0].corners == pytest.approx((30, 40, 70, 60))


def test_a_box_below_the_smallest_score_is_no_knee():
    assert find_knees(detector(LEFT_HALF), film(), min_score=0.71) == []


def test_of_overlapping_boxes_the_best_stays_and_those_apart_all_stay():
    near, far = (28, 52, 20, 20, 0.5), (50, 80, 20, 20, 0.3)
    found = find_knees(detector(near, LEFT_HALF, far, RIGHT_HALF), film(), min_score=0.25)
    assert [round(box.score, 3) for box in found] == [0.7, 0.3, 0.9]


def test_of_several_classes_the_best_score_counts():
    assert find_knees(detector((25, 50, 20, 20, 0.3, 0.9)), film(), min_score=0.25)[0].score == pytest.approx(0.9)


def test_a_colour_network_sees_the_grey_film_three_times():
    colour = Detector(network=Answers(LEFT_HALF), fibula=BrighterHalf(), size=100, channels=3, device="cpu")
    find_knees(colour, film(), min_score=0.25)
    assert colour.network.seen.shape == (2, 3, 100, 100)
    assert torch.equal(colour.network.seen[:, 0], colour.network.seen[:, 2])


def test_a_letterbox_keeps_proportions_and_spans_0_to_1_whatever_the_units():
    pixels = np.linspace(1000, 3000, 300 * 150, dtype=np.float32).reshape(300, 150)
    box = letterbox(pixels, 64)
    assert box.image.shape == (64, 64)
    assert (box.scale, box.left, box.top) == ((64 / 300, 64 / 300), 16, 0)
    corners = np.array((10.0, 20.0, 30.0, 50.0))
    assert box.back(box.there(corners)) == pytest.approx(corners)
    assert box.image.min() == 0.0
    assert box.image.max() == 1.0
    assert np.array_equal(box.image[:, :16], np.zeros((64, 16)))


def test_a_blank_film_makes_a_black_letterbox():
    assert letterbox(np.full((30, 40), 7.0), 32).image.max() == 0.0


def test_the_bundled_network_finds_on_the_mirror_image_of_a_film_the_mirrored_boxes():
    bundled = load_detector()
    pixels = np.random.default_rng(0).random((256, 200)).astype(np.float32)
    pixels[60:200, 40:160] += np.hanning(140)[:, None] * np.hanning(120)
    here, there = (
        find_knees(bundled, Radiograph(pixels=np.ascontiguousarray(shown), side=None, spacing_mm=None), min_score=1e-4)
        for shown in (pixels, pixels[:, ::-1])
    )
    assert len(here) == len(there) > 0
    for one, other in zip(here, reversed(there), strict=True):
        x0, y0, x1, y1 = other.corners
        assert one.corners == pytest.approx((200 - x1, y0, 200 - x0, y1), abs=0.1)
        assert one.score == pytest.approx(other.score, abs=1e-4)
