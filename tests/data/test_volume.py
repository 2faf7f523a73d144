"""A FLASH series is put in order by where its slices lie, and refused with a reason when it cannot be."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from xrmri.data.volume import intensity_window, mirrored_volume, read_series, to_unit, windowed_slices
from xrmri.errors import InputError
from xrmri.geometry import Geometry
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.dicom_series import flash_files, locator_files, save
from xrmri.phantom.flash import MrSeries
from xrmri.phantom.release import place

SHAPE = (6, 16, 16)
VOXELS = np.random.default_rng(0).integers(1, 4096, SHAPE).astype(np.uint16)
AFFINE = Geometry.centred("coronal", SHAPE, (1.5, 0.5, 0.5)).affine
FLASH = MrSeries(voxels=VOXELS, affine_ras=AFFINE)


def datasets(index: int = 0, flash: MrSeries = FLASH) -> list[Dataset]:
    """The series of one participant."""
    return list(flash_files(flash, place(draw_participant(0, index)).flash))


def written(folder: Path, files: list[Dataset]) -> list[Path]:
    """The series on disk."""
    folder.mkdir(exist_ok=True)
    for number, dataset in enumerate(files, start=1):
        save(dataset, folder / f"{number:03d}")
    return list(folder.iterdir())


def test_slices_run_to_the_front_whatever_the_order_of_the_files(tmp_path):
    directions = set()
    for index in range(8):
        files = datasets(index)
        directions.add(files[0].ImagePositionPatient[1] > files[-1].ImagePositionPatient[1])
        volume = read_series(written(tmp_path / str(index), files), "right", 6).volume
        assert np.array_equal(volume.voxels, VOXELS)
        assert np.allclose(volume.geometry.affine, AFFINE)
    assert directions == {True, False}


@pytest.mark.parametrize("axis", [1, 2])
def test_rows_run_down_and_columns_to_the_left_whatever_the_orientation(tmp_path, axis):
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, SHAPE[axis] - 1
    turned = MrSeries(voxels=np.flip(VOXELS, axis), affine_ras=AFFINE @ flip)
    volume = read_series(written(tmp_path / "series", datasets(flash=turned)), "right", 6).volume
    assert np.array_equal(volume.voxels, VOXELS) and np.allclose(volume.geometry.affine, AFFINE)


def test_a_file_of_another_plane_is_left_out(tmp_path):
    sagittal = list(locator_files(FLASH, place(draw_participant(0, 0)).flash))[1]
    files = written(tmp_path / "series", [sagittal, *datasets()])
    assert np.array_equal(read_series(files, "right", 6).volume.voxels, VOXELS)


def with_one(change: str) -> list[Dataset]:
    """A series with something wrong in its third file."""
    files = datasets()
    if change == "missing":
        del files[2]
    elif change == "zero":
        files[2].PixelData = bytes(len(files[2].PixelData))
    elif change == "truncated":
        files[2].PixelData = files[2].PixelData[:-100]
    elif change == "echo":
        files[2].EchoTime = "20"
    elif change == "repeated":
        files[2].ImagePositionPatient = files[3].ImagePositionPatient
    elif change == "nowhere":
        for file in files:
            del file.ImagePositionPatient
    return files


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("missing", "slice count: 5 of one plane, not 6"),
        ("zero", "all-zero slice: 003"),
        ("truncated", "unreadable slice: 003"),
        ("echo", "several echoes"),
        ("repeated", "repeated positions"),
        ("nowhere", "no geometry"),
    ],
)
def test_a_series_that_cannot_be_used_says_why(tmp_path, change, said):
    with pytest.raises(InputError) as refusal:
        read_series(written(tmp_path / "series", with_one(change)), "right", 6)
    assert str(refusal.value).startswith(said) and "\n" not in str(refusal.value)


def test_a_gap_and_a_sagittal_stack_and_garbage_are_refused(tmp_path):
    gap = datasets()
    del gap[2]
    with pytest.raises(InputError, match=r"uneven spacing: 1\.50 to 3\.00 mm"):
        read_series(written(tmp_path / "gap", gap), "right", 5)
    turned = MrSeries(voxels=VOXELS, affine_ras=AFFINE @ np.eye(4)[[1, 0, 2, 3]])
    with pytest.raises(InputError, match="other plane"):
        read_series(written(tmp_path / "sagittal", datasets(flash=turned)), "right", 6)
    (tmp_path / "001").write_bytes(b"garbage")
    with pytest.raises(InputError, match="unreadable slice: 001"):
        read_series([tmp_path / "001"], "right", 6)


def test_resizing_keeps_the_field_of_view_where_it_is(tmp_path):
    volume = read_series(written(tmp_path / "series", datasets()), "right", 6).volume
    small = windowed_slices(volume, 1, 5, 8)
    assert small.voxels.shape == (4, 8, 8) and small.geometry.spacing_mm == pytest.approx((1.5, 1, 1))
    corners = [volume.geometry.affine @ (1, -0.5, -0.5, 1), small.geometry.affine @ (0, -0.5, -0.5, 1)]
    assert np.allclose(*corners)
    assert small.voxels[0, 0, 0] == np.rint(VOXELS[1, :2, :2].mean())


def test_a_field_of_view_that_is_not_square_gets_margins_and_an_odd_one_is_refused(tmp_path):
    affine = Geometry.centred("coronal", (6, 12, 16), (1.5, 0.5, 0.5)).affine
    flash = MrSeries(voxels=VOXELS[:, :12], affine_ras=affine)
    series = read_series(written(tmp_path / "series", datasets(flash=flash)), "right", 6)
    small = windowed_slices(series, 1, 5, 8)
    assert small.geometry.spacing_mm == pytest.approx((1.5, 1, 1))
    assert not small.voxels[:, 0].any() and not small.voxels[:, -1].any()
    assert small.voxels[0, 1, 0] == np.rint(VOXELS[1, :2, :2].mean())
    assert np.allclose(affine @ (1, 0.5, 0.5, 1), small.geometry.affine @ (0, 1, 0, 1))
    narrow = MrSeries(voxels=VOXELS[:, :6], affine_ras=affine)
    series = read_series(written(tmp_path / "narrow", datasets(flash=narrow)), "right", 6)
    with pytest.raises(InputError, match="odd field of view: 3 x 8 mm"):
        windowed_slices(series, 1, 5, 8)


def test_the_window_is_what_numpy_says_whatever_the_values():
    generator = np.random.default_rng(0)
    for highest in (1, 3, 500, 65535):
        voxels = generator.integers(0, highest + 1, (5, 7, 11)).astype(np.uint16)
        if voxels.min() < voxels.max():
            assert intensity_window(voxels) == pytest.approx(np.percentile(voxels, (0.5, 99.5)))


def test_a_mirrored_volume_keeps_every_voxel_where_it_is(tmp_path):
    volume = read_series(written(tmp_path / "series", datasets()), "left", 6).volume
    mirror = mirrored_volume(volume)
    assert mirror.voxels[2, 3, 0] == volume.voxels[2, 3, 15] and mirror.side == "left"
    assert np.allclose(mirror.geometry.affine @ (2, 3, 0, 1), volume.geometry.affine @ (2, 3, 15, 1))


def test_the_window_maps_to_minus_1_and_1():
    voxels = np.arange(1001, dtype=np.uint16)
    window = intensity_window(voxels)
    assert window == pytest.approx((5, 995))
    assert to_unit(np.array([0, 5, 500, 995, 1000]), window) == pytest.approx([-1, -1, 0, 1, 1])


def test_a_real_series_of_two_echoes_is_refused(real_data):
    files = sorted((real_data / "dicom_mr_mese").rglob("*.dcm"))
    assert len(files) == 48
    with pytest.raises(InputError):
        read_series(files, "right", 48)
