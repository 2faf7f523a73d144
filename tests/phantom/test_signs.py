"""The sign map shows each sign where its reading says, and a sign changes the knee there and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.disease import GRADE_LIMITS
from xrmri.phantom.flash import render_labels
from xrmri.phantom.signs import SIGN_CODES, render_signs
from xrmri.phantom.tissue import Tissue

HEALTHY = dict.fromkeys(GRADE_LIMITS, 0)
PLATEAU_ROW, MIDDLE_COLUMN = 63, 63.5


def person(**grades: int) -> Participant:
    """A person whose right knee is imaged and has these grades."""
    drawn = draw_participant(1, 0)
    return replace(drawn, imaged_side="right", right=replace(drawn.right, grades=HEALTHY | grades))


@pytest.fixture(scope="module")
def healthy() -> np.ndarray:
    return render_labels(person(), 128)


@pytest.mark.parametrize("variable", SIGN_CODES)
def test_a_sign_lies_in_its_compartment_and_its_bone(variable: str) -> None:
    signs = render_signs(person(**{variable: GRADE_LIMITS[variable]}), 128)
    assert set(np.unique(signs)) == {0, SIGN_CODES[variable]}
    _, row, column = np.argwhere(signs).mean(axis=0)
    assert (column > MIDDLE_COLUMN) == (variable[-1] == "M")  # image left is lateral in a right knee
    if variable[:4] in ("XROS", "XRSC", "XRCY"):
        assert (row < PLATEAU_ROW) == (variable[4] == "F")


@pytest.mark.parametrize("variable", ["XRJSM", "XROSTM", "XROSFL", "XRSCFM", "XRATTL"])
def test_a_higher_grade_takes_more_room(variable: str) -> None:
    sizes = [np.count_nonzero(render_signs(person(**{variable: grade}), 128)) for grade in range(4)]
    assert sizes[0] == 0 and sizes[1] > 0
    assert sizes[2] > 1.2 * sizes[1] and sizes[3] > 1.2 * sizes[2]


@pytest.mark.parametrize("variable", ["XRSCTM", "XRSCFL", "XRCYFM", "XRCYTL", "XRCHM", "XRCHL"])
def test_a_lesion_changes_the_tissue_in_its_mask_and_nowhere_else(variable: str, healthy: np.ndarray) -> None:
    sick = person(**{variable: GRADE_LIMITS[variable]})
    assert np.array_equal(render_labels(sick, 128) != healthy, render_signs(sick, 128) == SIGN_CODES[variable])


@pytest.mark.parametrize("variable", ["XROSFM", "XROSFL", "XROSTM", "XROSTL"])
def test_an_osteophyte_changes_the_tissue_within_10_mm_of_its_mask(variable: str, healthy: np.ndarray) -> None:
    sick = person(**{variable: 3})
    mask = render_signs(sick, 128) == SIGN_CODES[variable]
    away_mm = distance_transform_edt(~mask, sampling=(1.5, 1.25, 1.25))[render_labels(sick, 128) != healthy]
    assert len(away_mm) > 100 and away_mm.max() < 10 and np.percentile(away_mm, 90) < 5


@pytest.mark.parametrize("variable", ["XRJSM", "XRJSL", "XRATTM", "XRATTL"])
def test_narrowing_and_attrition_leave_muscle_fat_fibula_and_patella_alone(variable: str, healthy: np.ndarray) -> None:
    sick = render_labels(person(**{variable: 3}), 128)
    kept = (Tissue.FIBULA, Tissue.PATELLA, Tissue.SKIN, Tissue.VESSEL, Tissue.AIR)
    for tissue in kept:
        assert np.count_nonzero((sick == tissue) != (healthy == tissue)) <= 0.02 * np.count_nonzero(healthy == tissue)
    opposite = np.s_[:, PLATEAU_ROW:, :58] if variable[-1] == "M" else np.s_[:, PLATEAU_ROW:, 70:]
    tibia = [(labels == Tissue.TIBIA)[opposite] for labels in (sick, healthy)]
    assert np.count_nonzero(tibia[0] != tibia[1]) <= 0.01 * np.count_nonzero(tibia[1])


def test_the_signs_of_a_left_knee_are_the_mirror_image_and_a_rescan_moves_them() -> None:
    right = person(XRCYTM=1, XROSTM=2)
    left = replace(right, imaged_side="left", left=replace(right.right, side="left"))
    signs = render_signs(right, 128)
    assert np.array_equal(render_signs(left, 128), signs[:, :, ::-1])
    again = render_signs(right, 128, scan=1)
    assert not np.array_equal(again, signs)
    assert np.count_nonzero(again) == pytest.approx(np.count_nonzero(signs), rel=0.25)
