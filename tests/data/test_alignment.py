"""A volume is found by its name and laid beside the acquired one by its affine, whatever its axes are."""

import numpy as np
import pytest

from xrmri.data.alignment import files_by_pair, laid_beside, matching_slices, unit_range
from xrmri.errors import InputError
from xrmri.geometry import Geometry
from xrmri.records import Volume

SHAPE = (4, 5, 6)
ACQUIRED = Geometry.centred("coronal", SHAPE, (1.5, 0.6, 0.7))
VOXELS = np.arange(120).reshape(SHAPE)


def turned(axes, flips):
    """The same volume with its axes in another order and direction, and an affine that says so."""
    voxels, affine = np.transpose(VOXELS, axes), ACQUIRED.affine[:, [*axes, 3]].copy()
    for axis in flips:
        voxels = np.flip(voxels, axis)
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
    return Volume(voxels=voxels, geometry=Geometry(affine=affine, shape=voxels.shape), side="right")


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (2,), (0, 1), (0, 1, 2)])
def test_axes_in_any_order_and_direction_come_out_as_the_acquired_ones(axes, flips):
    assert np.array_equal(laid_beside(turned(axes, flips), ACQUIRED), VOXELS)


def test_a_volume_elsewhere_tilted_or_of_another_size_is_refused_with_the_distance():
    volume = turned((0, 1, 2), ())
    moved = ACQUIRED.affine.copy()
    moved[2, 3] += 3
    with pytest.raises(InputError, match="up to 3.0 mm"):
        laid_beside(Volume(voxels=VOXELS, geometry=Geometry(affine=moved, shape=SHAPE), side="right"), ACQUIRED)
    with pytest.raises(InputError, match="has 5 x 6 pixels a slice where the acquired volume has 5 x 7"):
        laid_beside(volume, ACQUIRED.padded(2, 0, 1))
    mirrored = Volume(voxels=VOXELS[..., ::-1], geometry=ACQUIRED, side="right")
    assert np.array_equal(laid_beside(mirrored, ACQUIRED), VOXELS[..., ::-1])  # a lie about itself


@pytest.mark.parametrize(
    ("generated", "acquired", "expected"),
    [(4, 4, ([0, 1, 2, 3], [0, 1, 2, 3])), (2, 50, ([0, 1], [0, 49])), (99, 50, (range(0, 99, 2), range(50)))],
)
def test_slices_at_the_same_depth_are_matched_without_interpolation(generated, acquired, expected):
    ours, theirs = matching_slices(generated, acquired)
    assert (ours.tolist(), theirs.tolist()) == tuple(map(list, expected))


def test_a_pair_is_not_found_inside_a_longer_name(tmp_path):
    for name in ("12_R.nii.gz", "112_R.nii.gz", "sub-13_R_mri.nii", "14_R.nii.gz", "14_R_mean.nii.gz", "12_R.json"):
        (tmp_path / name).touch()
    found = files_by_pair(tmp_path, ["12_R", "13_R", "14_R", "15_R"])
    names = {pair: [file.name for file in files] for pair, files in found.items()}
    assert names == {"12_R": ["12_R.nii.gz"], "13_R": ["sub-13_R_mri.nii"], "14_R": ["14_R.nii.gz"]}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_the_window_maps_to_0_and_1_whatever_the_dtype(dtype):
    values = np.array([0, 50, 100, 150, 200], dtype)
    assert unit_range(values, (50, 150)).tolist() == [0, 0, 0.5, 1, 1]


def test_of_two_files_that_differ_both_are_told_copies_count_once_and_what_macos_leaves_is_passed_over(tmp_path):
    for name, content in (("a/1.nii.gz", b"one"), ("b/1.nii.gz", b"two"), ("a/2.nii.gz", b"x"), ("b/2.nii.gz", b"x")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "a" / "._3_L_mri.nii.gz").write_bytes(b"notes")
    (tmp_path / "a" / "3_L_mri.nii.gz").write_bytes(b"volume")
    found = files_by_pair(tmp_path, ["1", "2", "3_L"])
    names = {pair: [str(file.relative_to(tmp_path)) for file in files] for pair, files in found.items()}
    assert names == {"1": ["a/1.nii.gz", "b/1.nii.gz"], "2": ["a/2.nii.gz"], "3_L": ["a/3_L_mri.nii.gz"]}
