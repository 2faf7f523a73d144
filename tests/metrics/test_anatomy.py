"""Sizes of the knee measured on a FLASH are those of the phantom's label map, within a pixel."""

import numpy as np
import pytest

from xrmri.metrics.anatomy import (
    FEMUR_MM,
    LATERAL,
    MEDIAL,
    TIBIA_MM,
    JointLines,
    bone_width_mm,
    find_joint,
    outline_distance_mm,
)
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.flash import render_flash, render_labels
from xrmri.phantom.tissue import Tissue

PIXEL_MM = 1.25
SPACING_MM = (1.5, PIXEL_MM, PIXEL_MM)
BONE = (Tissue.CORTEX, Tissue.FEMUR, Tissue.TIBIA, Tissue.SCLEROSIS, Tissue.CYST, Tissue.CALCIFICATION)
BRIGHT = (Tissue.CARTILAGE, Tissue.FLUID)
PEOPLE = 6


@pytest.fixture(scope="module")
def knees():
    """(volume in [0, 1], labels), kept slices of right-looking knees."""
    found = []
    for index in range(PEOPLE):
        person = draw_participant(11, index)
        flash, labels = render_flash(person, 128).voxels[13:63], render_labels(person, 128)[13:63]
        if person.imaged_side == "left":
            flash, labels = flash[..., ::-1], labels[..., ::-1]
        found.append((np.clip(flash / np.quantile(flash, 0.997), 0, 1), labels))
    return found


def true_joint(labels, seen):
    """The same columns in the label map: where bone ends above and begins below the place that was found."""
    femur, tibia, bright = (np.full(seen.femur_mm.shape, np.nan) for _ in range(3))
    wide = labels.shape[2] // len(seen.across_mm)
    for s, c in zip(*np.nonzero(np.isfinite(seen.femur_mm)), strict=True):
        middle = int((seen.femur_mm[s, c] + seen.tibia_mm[s, c]) / 2 / PIXEL_MM)
        columns = labels[s, :, c * wide : (c + 1) * wide].T
        ends = []
        for column in columns:
            bone = np.isin(column, BONE)
            above, below = np.flatnonzero(bone[: middle + 1]), np.flatnonzero(bone[middle:]) + middle
            if len(above) and len(below):
                between = column[above[-1] + 1 : below[0]]
                ends.append((above[-1] + 1, below[0], np.isin(between, BRIGHT).sum()))
        if ends:
            femur[s, c], tibia[s, c], bright[s, c] = np.mean(ends, axis=0) * PIXEL_MM
    return JointLines(femur_mm=femur, tibia_mm=tibia, bright_mm=bright, slices=seen.slices, across_mm=seen.across_mm)


def true_width_mm(labels, seen, rows_mm, bone):
    first, last = (round((seen.level_mm + mm) / PIXEL_MM) for mm in rows_mm)
    middle, found = round(seen.middle_mm / PIXEL_MM), []
    for row in labels[seen.slices, first:last].reshape(-1, labels.shape[2]):
        own = np.flatnonzero(row == bone)
        if own.size and own[0] < middle < own[-1]:
            left, right = own[0], own[-1]
            while row[left - 1] == Tissue.CORTEX:
                left -= 1
            while row[right + 1] == Tissue.CORTEX:
                right += 1
            found.append(right - left + 1)
    return float(np.median(found)) * PIXEL_MM


@pytest.mark.parametrize("side", [LATERAL, MEDIAL])
def test_joint_space_is_that_of_the_label_map_within_a_pixel(knees, side):
    for volume, labels in knees:
        seen = find_joint(volume, SPACING_MM)
        assert seen.space_mm(side) == pytest.approx(true_joint(labels, seen).space_mm(side), abs=PIXEL_MM)


def test_cartilage_is_that_of_the_label_map_within_a_pixel(knees):
    for volume, labels in knees:
        seen = find_joint(volume, SPACING_MM)
        assert seen.cartilage_mm == pytest.approx(true_joint(labels, seen).cartilage_mm, abs=PIXEL_MM)


@pytest.mark.parametrize(("rows_mm", "bone"), [(FEMUR_MM, Tissue.FEMUR), (TIBIA_MM, Tissue.TIBIA)])
def test_the_width_of_a_bone_is_that_of_the_label_map_within_a_pixel_in_the_median_and_two_in_all(knees, rows_mm, bone):
    errors = []
    for volume, labels in knees:
        seen = find_joint(volume, SPACING_MM)
        truth = true_width_mm(labels, seen, rows_mm, bone)
        errors.append(bone_width_mm(volume, seen, SPACING_MM, rows_mm) - truth)
    assert np.median(np.abs(errors)) < PIXEL_MM
    assert np.abs(errors).max() < 2 * PIXEL_MM


def test_a_knee_moved_by_3_pixels_has_the_same_sizes_and_an_outline_3_75_mm_away(knees):
    volume, _ = knees[0]
    seen, moved = find_joint(volume, SPACING_MM), find_joint(np.roll(volume, 3, axis=1), SPACING_MM, 0.5 + 3 / 128)
    assert outline_distance_mm(seen, moved) == pytest.approx(3 * PIXEL_MM, abs=1e-9)
    assert outline_distance_mm(seen, seen) == 0
    for side in (LATERAL, MEDIAL):
        assert moved.space_mm(side) == pytest.approx(seen.space_mm(side), abs=1e-9)


def test_a_volume_without_a_joint_has_no_sizes():
    seen = find_joint(0.5 + 0.1 * np.random.default_rng(0).random((20, 64, 64)), (1.5, 2.5, 2.5))
    assert np.isnan([seen.space_mm(LATERAL), seen.cartilage_mm, seen.level_mm, seen.middle_mm]).all()
    assert np.isnan(bone_width_mm(np.zeros((20, 64, 64)), seen, (1.5, 2.5, 2.5), FEMUR_MM))


def test_joints_narrow_with_their_grade_and_where_bone_lies_on_bone_no_9_mm_are_measured():
    found = {grade: [] for grade in range(4)}
    for index in range(400):
        person = draw_participant(12, index)
        grade = person.knee(person.imaged_side).grades["XRJSM"]
        if len(found[grade]) < 2:
            flash = render_flash(person, 128).voxels[13:63]
            flash = flash[..., ::-1] if person.imaged_side == "left" else flash
            seen = find_joint(np.clip(flash / np.quantile(flash, 0.997), 0, 1), SPACING_MM)
            found[grade].append(seen.space_mm(MEDIAL))
    assert np.median(found[0]) > 1.3 * np.median(found[1]) > 1.3 * 1.3 * np.nanmedian(found[2])
    assert len(found[3]) == 2 and np.isnan(found[3]).any() and not (np.array(found[3]) > 7).any()
