"""The FLASH volume: orientation, left and right, disease, statistics."""

from dataclasses import replace

import numpy as np
import pytest

from xrmri.likeness import volume_statistics as statistics
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.flash import MrSeries, render_flash, render_labels
from xrmri.phantom.tissue import Tissue

HEALTHY = dict.fromkeys(draw_participant(1, 0).right.grades, 0)


def person(**grades: int) -> Participant:
    """A person whose right knee is imaged and has these grades."""
    drawn = draw_participant(1, 0)
    return replace(drawn, imaged_side="right", right=replace(drawn.right, grades=HEALTHY | grades))


def mirrored(participant: Participant) -> Participant:
    """The same person with the right knee's anatomy on the left."""
    return replace(participant, imaged_side="left", left=replace(participant.right, side="left"))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return render_labels(person(), 128)


@pytest.fixture(scope="module")
def flash() -> MrSeries:
    return render_flash(person(), 128)


def test_the_same_person_gives_the_same_bytes(flash: MrSeries) -> None:
    again = render_flash(person(), 128)
    assert np.array_equal(again.voxels, flash.voxels) and np.array_equal(again.affine_ras, flash.affine_ras)
    assert flash.voxels.shape == (80, 128, 128) and flash.voxels.dtype == np.uint16


def test_a_left_knee_is_the_mirror_image_of_a_right_one(flash: MrSeries) -> None:
    left = render_flash(mirrored(person()), 128)
    assert np.array_equal(left.voxels, flash.voxels[:, :, ::-1])
    centre = np.array([39.5, 63.5, 63.5, 1.0])
    assert (flash.affine_ras @ centre)[0] == pytest.approx(-(left.affine_ras @ centre)[0])
    assert (flash.affine_ras @ centre)[0] > 60


def test_axes_run_backwards_to_forwards_down_and_right_to_left(flash: MrSeries) -> None:
    assert flash.affine_ras[:3, :3] == pytest.approx(np.array([[0, 0, -1.25], [1.5, 0, 0], [0, -1.25, 0]]))


def test_the_fibula_is_lateral_behind_and_below_and_the_patella_in_front(labels: np.ndarray) -> None:
    at = {t: np.argwhere(labels == t).mean(axis=0) for t in (Tissue.FIBULA, Tissue.TIBIA, Tissue.FEMUR, Tissue.PATELLA)}
    assert at[Tissue.FIBULA][2] < at[Tissue.TIBIA][2] - 15  # columns: image left is lateral in a right knee
    assert at[Tissue.FIBULA][0] < at[Tissue.TIBIA][0] - 4
    assert at[Tissue.FEMUR][1] < at[Tissue.TIBIA][1] - 40
    assert at[Tissue.PATELLA][0] > at[Tissue.FEMUR][0] + 15


def test_muscle_and_cartilage_are_bright_and_fat_and_marrow_dark(flash: MrSeries, labels: np.ndarray) -> None:
    mean = {
        t: float(flash.voxels[labels == t].mean())
        for t in (0, Tissue.FAT, Tissue.MUSCLE, Tissue.CARTILAGE, Tissue.FEMUR)
    }
    assert mean[Tissue.CARTILAGE] > mean[Tissue.MUSCLE] > 3 * mean[Tissue.FAT] > 3 * mean[Tissue.FEMUR] > 3 * mean[0]


def gap_mm(labels: np.ndarray, half: slice) -> float:
    """Least bone-to-bone distance in the middle slices of one half of the picture, mm."""
    gaps = []
    for picture in labels[38:46, :, half]:
        femur, tibia = picture == Tissue.FEMUR, picture == Tissue.TIBIA
        both = femur.any(axis=0) & tibia.any(axis=0)
        bottom = 127 - femur[::-1].argmax(axis=0)
        gaps.append((tibia.argmax(axis=0) - bottom)[both].min())
    return float(np.mean(gaps)) * 1.25


def test_medial_narrowing_thins_the_medial_joint_only(labels: np.ndarray) -> None:
    narrow = render_labels(person(XRJSM=3), 128)
    lateral, medial = slice(28, 56), slice(72, 100)
    assert gap_mm(labels, medial) - gap_mm(narrow, medial) > 2.0
    assert abs(gap_mm(labels, lateral) - gap_mm(narrow, lateral)) < 1.0


@pytest.fixture(scope="module")
def sick() -> np.ndarray:
    return render_labels(person(XRCYTM=1, XRSCTM=2, XRCHM=1, XROSTM=3), 128)


@pytest.mark.parametrize("tissue", [Tissue.CYST, Tissue.SCLEROSIS, Tissue.CALCIFICATION])
def test_a_medial_sign_shows_medially_where_it_is_graded(labels: np.ndarray, sick: np.ndarray, tissue: Tissue) -> None:
    assert not (labels == tissue).any()
    assert np.argwhere(sick == tissue).mean(axis=0)[2] > 66  # right half of a right knee


def test_a_medial_osteophyte_widens_the_tibia_medially(labels: np.ndarray, sick: np.ndarray) -> None:
    edges = [np.flatnonzero((v == Tissue.TIBIA).any(axis=(0, 1)))[[0, -1]] * 1.25 for v in (labels, sick)]
    assert edges[1][1] - edges[0][1] > 4.0
    assert abs(edges[1][0] - edges[0][0]) < 1.3


def test_a_rescan_is_close_but_not_the_same(flash: MrSeries) -> None:
    again = statistics.windowed(render_flash(person(), 128, scan=1).voxels)
    first = statistics.windowed(flash.voxels)
    other = statistics.windowed(render_flash(replace(draw_participant(1, 1), imaged_side="right"), 128).voxels)
    assert 17 < statistics.psnr_db(first, again) < 40
    assert statistics.psnr_db(first, again) > statistics.psnr_db(first, other) + 2


def test_statistics_are_in_the_range_of_two_real_knees() -> None:
    measured = statistics.measure(statistics.windowed(render_flash(person(), 256).voxels))
    assert 0.82 < measured.lag_correlation[0] < 0.93
    assert 0.3 < measured.lag_correlation[-1] < 0.55
    assert max(measured.mean_by_depth[1:4]) == 1.0
    assert 0.55 < measured.limb_share[2] < 0.95
