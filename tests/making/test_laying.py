"""Knees laid onto a template without SimpleITK lie where SimpleITK lays them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xrmri.config import BuildDataset, Execution
from xrmri.data.registration import Lattice, Template, register
from xrmri.making.cohort import mean_knee, scanned
from xrmri.making.laying import _places, _sampled, laid, pose_onto
from xrmri.making.people import CohortPlan
from xrmri.phantom.anatomy import draw_participant

CONFIG = BuildDataset(size=64)
MM = np.array([1.5, 2.5, 2.5])


@pytest.fixture(scope="module")
def template():
    """The mean of six knees: (50, 64, 64)."""
    return mean_knee(CohortPlan(seed=9, count=6, matrix=128), CONFIG, Execution(workers=1)).voxels


def knee(number):
    person = draw_participant(8, number)
    return scanned(person, person.imaged_side, 128, CONFIG, margin=8)


def difference(one, other):
    """Millimetres and degrees between two poses."""
    between = np.linalg.inv(one) @ other
    turn = Rotation.from_matrix(between[:3, :3]).magnitude()
    return np.linalg.norm(between[:3, 3]), np.degrees(turn)


def test_the_pose_is_that_of_the_registration(template):
    lattice = Lattice(shape=template.shape, spacing_mm=tuple(MM))
    apart = []
    for number in range(4):
        volume = knee(number).voxels.astype(np.float32)
        theirs = register(volume, Lattice(shape=volume.shape, spacing_mm=tuple(MM)),
                          Template(voxels=template, lattice=lattice))  # fmt: skip
        apart.append(difference(theirs.matrix, pose_onto(volume, MM, template, MM)))
    assert np.median(apart, axis=0) == pytest.approx((0, 0), abs=0.5)


def test_a_planted_pose_is_found_to_a_tenth_of_a_millimetre():
    planted = np.eye(4)
    planted[:3, :3] = Rotation.from_rotvec([2.0, -1.5, 1.0], degrees=True).as_matrix()
    planted[:3, 3] = 1.5, -2.0, 1.0
    volume, shape = knee(2).voxels.astype(np.float32), (50, 52, 52)  # what is seen of it lies inside of it
    seen = _sampled(volume, MM, planted @ _places(shape, MM)).reshape(shape)
    millimetres, degrees = difference(planted, pose_onto(volume, MM, seen, MM))
    assert millimetres < 0.1 and degrees < 0.1


def test_what_is_laid_has_the_slices_of_the_template_and_correlates_more_than_as_drawn(template):
    volume = knee(1)
    found = laid(volume, template)
    assert found.voxels.shape == (50, 64, 64) and found.voxels.dtype == np.uint16
    assert found.geometry.spacing_mm == pytest.approx(tuple(MM))
    before, after = (np.corrcoef(one.ravel(), template.ravel())[0, 1] for one in (volume.voxels[8:-8], found.voxels))
    assert after > before + 0.005
