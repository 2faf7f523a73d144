"""An affine and a shape say where voxels lie, and stay true through flips, crops, margins and other sizes."""

import nibabel
import numpy as np
import pytest

from xrmri.geometry import PLANES, Geometry, lps_or_ras
from xrmri.records import Volume

SHAPE, SPACING_MM = (4, 6, 8), (3.0, 0.5, 0.36)


def knee(plane="coronal"):
    """A volume a little off axis, so that nothing holds by zeros alone."""
    geometry = Geometry.centred(plane, SHAPE, SPACING_MM)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    turn[:3, 3] = 11, -22, 33
    geometry = Geometry(affine=turn @ geometry.affine, shape=SHAPE)
    return Volume(voxels=np.arange(192).reshape(SHAPE), geometry=geometry, side="left")


@pytest.mark.parametrize(("plane", "across"), [("coronal", 2), ("sagittal", 0), ("axial", 2)])
def test_a_plane_is_laid_out_as_it_is_displayed_and_nibabel_says_the_same(plane, across):
    geometry = knee(plane).geometry
    assert geometry.orientation == PLANES[plane] == "".join(nibabel.aff2axcodes(geometry.affine))
    assert geometry.across == across and geometry.spacing_mm == pytest.approx(SPACING_MM)
    assert geometry.extent_mm == pytest.approx((9.0, 3.0, 2.88))
    assert geometry.centre_mm == pytest.approx((11, -22, 33))


def test_words_say_where_the_first_and_last_slice_and_the_left_edge_lie():
    coronal, sagittal = knee().geometry, knee("sagittal").geometry
    assert coronal.ends == ("posterior", "anterior") and coronal.image_left == "the patient's right"
    assert sagittal.ends == ("right", "left") and sagittal.image_left == "anterior"
    assert coronal.row_ends == sagittal.row_ends == ("superior", "inferior")
    assert coronal.flipped(2).image_left == "the patient's left"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flipped_volume_keeps_every_voxel_where_it_is(axis):
    volume = knee()
    flipped = volume.flipped(axis)
    for index in [(0, 0, 0), (3, 5, 7), (1, 4, 2)]:
        there = np.array(index)
        there[axis] = SHAPE[axis] - 1 - there[axis]
        assert flipped.voxels[tuple(there)] == volume.voxels[index]
        assert flipped.geometry.at(there) == pytest.approx(volume.geometry.at(index))
    assert np.allclose(flipped.flipped(axis).geometry.affine, volume.geometry.affine)


def test_a_permuted_volume_keeps_every_voxel_where_it_is():
    volume = knee()
    turned = volume.permuted((2, 0, 1))
    assert turned.geometry.shape == turned.voxels.shape == (8, 4, 6)
    assert turned.voxels[7, 3, 5] == volume.voxels[3, 5, 7]
    assert turned.geometry.at((7, 3, 5)) == pytest.approx(volume.geometry.at((3, 5, 7)))


def test_what_is_cut_off_and_what_is_added_moves_nothing():
    geometry = knee().geometry
    cropped, padded = geometry.cropped(1, 2, 5), geometry.padded(2, 3, -1)
    assert cropped.shape == (4, 3, 8) and padded.shape == (4, 6, 10)
    assert cropped.at((1, 0, 7)) == pytest.approx(geometry.at((1, 2, 7)))
    assert padded.at((1, 0, 3)) == pytest.approx(geometry.at((1, 0, 0)))


def test_another_number_of_slices_ends_in_the_same_slices_and_of_pixels_at_the_same_edges():
    geometry = knee().geometry
    other = geometry.resampled((10, 3, 16))
    assert other.extent_mm == pytest.approx(geometry.extent_mm) and other.spacing_mm == pytest.approx((1, 1, 0.18))
    for ours, theirs in (((0, -0.5, -0.5), (0, -0.5, -0.5)), ((9, 2.5, 15.5), (3, 5.5, 7.5))):
        assert other.at(ours) == pytest.approx(geometry.at(theirs))
    assert geometry.resampled(SHAPE).affine.tolist() == geometry.affine.tolist()


def test_one_slice_keeps_the_thickness_it_has_whatever_it_is_made_of_or_into():
    geometry = knee().geometry
    thick_mm = geometry.spacing_mm[0]
    assert geometry.resampled((1, *SHAPE[1:])).spacing_mm[0] == pytest.approx(thick_mm)
    assert geometry.cropped(0, 0, 1).resampled((5, *SHAPE[1:])).spacing_mm[0] == pytest.approx(thick_mm)


def test_corners_are_the_outermost_voxels_and_a_moved_volume_has_its_middle_elsewhere():
    geometry = knee().geometry
    assert geometry.corners_mm.shape == (8, 3) and geometry.corners_mm.mean(axis=0) == pytest.approx(geometry.centre_mm)
    assert geometry.corners_mm[-1] == pytest.approx(geometry.at((3, 5, 7)))
    assert geometry.centred_on(np.array([1.0, 2.0, 3.0])).centre_mm == pytest.approx((1, 2, 3))


def test_lps_and_ras_differ_in_two_signs_and_turning_twice_is_turning_none():
    assert lps_or_ras(np.array([1.0, 2.0, 3.0])).tolist() == [-1, -2, 3]
    assert np.array_equal(lps_or_ras(lps_or_ras(np.eye(3))), np.eye(3))


def test_voxels_of_another_shape_than_their_geometry_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Volume(voxels=np.zeros((2, 2, 2)), geometry=knee().geometry, side="left")
