"""A FLASH series is put in order by where its slices lie, and refused with a reason when it cannot be."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from xrmri.data.reference import read_reference
from xrmri.data.volume import intensity_window, mirrored_volume, read_series, to_unit, windowed_slices
from xrmri.errors import InputError
from xrmri.formats.series_folder import the_series_in
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


def with_two(change: str) -> list[Dataset]:
    """A series with something else about its last two files: without them it is a whole one of four slices."""
    files = datasets()
    for file in files[4:]:
        if change == "shape":
            file.Rows, file.PixelData = 8, file.PixelData[: len(file.PixelData) // 2]
        elif change == "pixels":
            file.PixelSpacing = [0.6, 0.6]
        elif change == "turned":
            file.ImageOrientationPatient = [0.9950, 0.0998, 0, 0, 0, -1]
        elif change == "nowhere":
            del file.ImagePositionPatient
        elif change == "afar":
            file.ImagePositionPatient = [1e30, *file.ImagePositionPatient[1:]]
        elif change == "long":
            file.ImageOrientationPatient = [10, 0, 0, 0, 0, -10]
        elif change == "series":
            file.SeriesInstanceUID = "1.2.3"
        elif change == "intercept":
            file.RescaleSlope, file.RescaleIntercept = "1", "500"
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


MIXED = "mixed slices: 2 of 6 have another shape, pixel size or direction, such as 005"
LOST = "no geometry: 2 of 6 slices do not tell where they lie, such as 005"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("shape", MIXED),
        ("pixels", MIXED),
        ("turned", MIXED),
        ("nowhere", LOST),
        ("afar", LOST),
        ("long", LOST),
        ("series", "several series: slices of 2 series stand behind one another: part them"),
        ("intercept", "uneven scale: RescaleIntercept 0 to 500 over the slices"),
    ],
)
def test_slices_that_do_not_fit_the_others_are_told_and_not_left_out(tmp_path, change, said):
    files = sorted(written(tmp_path / "series", with_two(change)))
    with pytest.raises(InputError) as refusal:
        read_series(files, "right", None)
    assert str(refusal.value) == said
    assert len(read_series(files[:4], "right", None).voxels) == 4


def test_a_picture_of_another_shape_without_a_place_is_no_slice(tmp_path):
    screen = datasets()[0]
    del screen.ImagePositionPatient
    screen.Rows, screen.PixelData = 8, screen.PixelData[: len(screen.PixelData) // 2]
    assert len(read_series(written(tmp_path / "series", [*datasets(), screen]), "right", None).voxels) == 6


@pytest.mark.parametrize(("times", "apart"), [(1e-6, "1.5e-06"), (100, "150")])
def test_slices_closer_or_further_apart_than_any_are_told(tmp_path, times, apart):
    files = datasets()
    for file in files:
        file.ImagePositionPatient = [0, float(file.ImagePositionPatient[1]) * times, 0]
    with pytest.raises(InputError, match=f"odd spacing: {apart} mm between slices"):
        read_series(written(tmp_path / "series", files), "right", None)
    with pytest.raises(InputError, match="slice count: 1 of one plane, where a volume needs two or more"):
        read_series(written(tmp_path / "one", files[:1]), "right", None)


def test_files_of_one_name_in_several_folders_all_count_in_the_hash(tmp_path):
    def laid(folder: Path, files: list[Dataset]) -> str:
        for number, dataset in enumerate(files):
            (folder / str(number)).mkdir(parents=True)
            save(dataset, folder / str(number) / "000")
        return read_series(sorted(folder.glob("*/000")), "right", 6).sha256

    other = datasets()
    other[0].PixelData = other[0].PixelData[::-1]
    assert laid(tmp_path / "a", datasets()) == laid(tmp_path / "b", datasets()) != laid(tmp_path / "c", other)


@pytest.mark.parametrize("name", ["006", "006.gz", "077"])
@pytest.mark.parametrize("content", [b"", bytes(5000), b"\x1f\x8b" + bytes(99)])
def test_what_was_the_last_slice_of_a_folder_is_told_and_not_passed_over(tmp_path, name, content):
    folder = tmp_path / "series"
    written(folder, datasets())
    (folder / "006").unlink()
    (folder / "readme.txt").write_text("no slice")
    assert len(the_series_in(folder, "").files) == 5 and read_reference(folder).voxels.shape == (5, 16, 16)
    (folder / name).write_bytes(content)
    said = f"unreadable slice: {name} is called like the slices beside it, and is no DICOM file: copy or unpack it"
    for read in (lambda: the_series_in(folder, ""), lambda: read_reference(folder)):
        with pytest.raises(InputError, match=said):
            read()


def test_a_slice_that_is_a_dead_link_is_told(tmp_path):
    written(tmp_path, datasets())
    (tmp_path / "006").rename(tmp_path / "elsewhere")
    (tmp_path / "006").symlink_to("gone")
    (tmp_path / "elsewhere").unlink()
    with pytest.raises(InputError, match="unreadable slice: 006 is called like"):
        the_series_in(tmp_path, "")


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
