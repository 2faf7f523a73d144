"""The numbers of the anatomy: measured on a knee of boxes whose sizes are known, and on four drawn people."""

import numpy as np
import pytest

from xrmri.likeness.limit import ENOUGH, Limit
from xrmri.likeness.tissue_statistics import LIMITS, measure_tissues, tissue_limits
from xrmri.likeness.volume_statistics import KEPT, windowed
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.flash import render_flash, render_labels
from xrmri.phantom.tissue import Tissue

MM = 160 / 256


def boxes() -> np.ndarray:
    """A limb 128 pixels wide whose condyles lie 32 apart from kept slice 10 to 22, under a femur from 23 to 48."""
    labels = np.zeros((80, 256, 256), dtype=np.uint8)
    kept = labels[KEPT]
    kept[:, :, 64:192] = Tissue.FAT
    kept[0, :128, 64:192] = Tissue.MUSCLE
    kept[30, 200:, 64:192] = Tissue.MUSCLE
    kept[10:23, 80:120, 80:112] = kept[10:23, 80:120, 144:176] = Tissue.FEMUR
    kept[23:49, 80:120, 80:176] = Tissue.FEMUR
    kept[20:40, 124:128, 80:176] = Tissue.CARTILAGE
    kept[10:40, 132:160, 80:176] = Tissue.TIBIA
    kept[10:20, 140:160, 38:78] = Tissue.FIBULA
    return labels


def test_sizes_of_boxes_are_measured_to_the_pixel() -> None:
    labels = boxes()
    volume = np.full((50, 256, 256), 30, dtype=np.float32)
    volume[labels[KEPT] == Tissue.MUSCLE], volume[labels[KEPT] == Tissue.CARTILAGE] = 100, 145
    volume[:, :, 66] = volume[:, :, 189] = 93  # the third pixel of the limb
    measured = measure_tissues(volume, labels)
    assert measured.keys() == LIMITS.keys()
    expected = {
        "mottle of marrow": 0.0,
        "muscle in the limb at slice 0": 0.5,
        "limb width at slice 12, mm": (128 + 26 * 20 / 256) * MM,  # where the fibula stands out
        "limb width at slice 49, mm": 128 * MM,
        "femur width at slice 47, mm": 96 * MM,
        "femur depth, mm": 39 * 1.5,
        "last slice of separate condyles": 22,
        "notch width at slice 18, mm": 32 * MM,
        "cartilage to muscle": 1.45,
        "skin, of 255": 93,
        "fibula width, mm": 40 * MM,
        "fibula to tibia, mm": 2 * MM,
    }
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value, rel=0.02), name


def test_mottle_is_the_deviation_of_blocks_and_not_of_pixels() -> None:
    labels = boxes()
    random = np.random.default_rng(1)
    pixels = 50 + 8 * random.standard_normal((50, 256, 256), dtype=np.float32)
    blocks = 50 + 8 * np.repeat(np.repeat(random.standard_normal((50, 64, 64), dtype=np.float32), 4, 1), 4, 2)
    assert measure_tissues(pixels, labels)["mottle of fat"] == pytest.approx(0.16 / 4, rel=0.05)
    assert measure_tissues(blocks, labels)["mottle of fat"] == pytest.approx(0.16, rel=0.05)


def test_a_knee_without_a_bone_has_no_number_for_it() -> None:
    labels = boxes()
    labels[labels == Tissue.FIBULA] = Tissue.FAT
    measured = measure_tissues(np.full((50, 256, 256), 30, dtype=np.float32), labels)
    assert np.isnan(measured["fibula to tibia, mm"])
    reached = {
        limit.name: limit
        for limit in tissue_limits([measured, measure_tissues(np.ones((50, 256, 256), dtype=np.float32), boxes())])
    }
    assert reached["fibula to tibia, mm"].measured == pytest.approx(2 * MM)


def test_few_people_cannot_fail_and_an_error_is_that_of_the_mean() -> None:
    knees = [dict.fromkeys(LIMITS, value) for value in (1.0, 3.0, 5.0, 7.0)]
    reached = {limit.name: limit for limit in tissue_limits(knees)}
    assert reached.keys() == LIMITS.keys() | {"limb width between people, mm"}
    wide = reached["limb width at slice 12, mm"]
    assert (wide.measured, wide.error) == (4.0, pytest.approx(np.std([1, 3, 5, 7], ddof=1) / 2))
    assert wide.verdict == "too few to judge" and not wide.met
    assert tissue_limits(knees * (ENOUGH // 4))[3].verdict == "FAIL"
    assert Limit(name="x", measured=2, low=1, high=3, people=1).verdict == "pass"


def test_four_people_have_the_anatomy_of_real_knees() -> None:
    measured = []
    for index in range(4):
        person = draw_participant(11, index)
        volume, labels = windowed(render_flash(person, 256).voxels), render_labels(person, 256)
        flip = slice(None, None, 1 if person.imaged_side == "right" else -1)
        measured.append(measure_tissues(volume[:, :, flip], labels[:, :, flip]))
    missed = [limit.sentence() for limit in tissue_limits(measured) if not limit.met]
    assert len(missed) <= 2, missed  # all are met by 40; so few people may fall a little outside
