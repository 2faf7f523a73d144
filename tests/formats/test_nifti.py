"""A volume keeps its voxels and its place in NIfTI, as SimpleITK and nibabel read it."""

import errno
import json
import struct
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from xrmri.errors import InputError
from xrmri.formats import nifti
from xrmri.formats.nifti import geometry_of, read_place, read_sidecar, read_volume, sidecar_file, write_volume
from xrmri.geometry import Geometry
from xrmri.records import Volume

WORDS = "xrmri synthetic; not for diagnosis"
SPACING_MM = (1.5, 0.625, 0.6)


def knee(dtype=np.int16, side="right"):
    voxels = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype)
    return Volume(voxels=voxels, geometry=Geometry.centred("coronal", voxels.shape, SPACING_MM), side=side)


def write_with(file, *changes):
    """The knee in a file whose header holds something else: (place, format, number) of each change."""
    write_volume(file, knee(), WORDS)
    content = bytearray(file.read_bytes())
    for place, form, number in changes:
        struct.pack_into(form, content, place, number)
    file.write_bytes(content)


def test_nibabel_reads_a_coronal_volume_with_the_axes_left_inferior_anterior(tmp_path):
    volume = knee()
    write_volume(tmp_path / "knee.nii.gz", volume, WORDS)
    image = nibabel.load(tmp_path / "knee.nii.gz")
    assert image.shape == (6, 5, 4)
    assert nibabel.aff2axcodes(image.affine) == ("L", "I", "A")
    assert np.array_equal(np.asarray(image.dataobj), volume.voxels.transpose(2, 1, 0))


def test_the_header_tells_spacing_units_type_and_what_the_file_is(tmp_path):
    write_volume(tmp_path / "knee.nii.gz", knee(), WORDS)
    header = nibabel.load(tmp_path / "knee.nii.gz").header
    assert header.get_zooms() == pytest.approx((0.6, 0.625, 1.5))
    assert header.get_xyzt_units()[0] == "mm"
    assert header.get_data_dtype() == np.int16
    assert header["descrip"].item().decode() == WORDS
    assert header["qform_code"] == header["sform_code"] == 1
    assert np.allclose(header.get_qform(), header.get_sform(), atol=1e-5)


@pytest.mark.parametrize("mirror", [False, True])
def test_nibabel_simpleitk_and_the_volume_put_every_voxel_in_the_same_place(tmp_path, mirror):
    volume = knee()
    oblique = np.eye(4)
    angle = 0.2
    oblique[:3, :3] = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    oblique[:3, 3] = 11, -22, 33
    geometry = Geometry(affine=oblique @ volume.geometry.affine, shape=(4, 5, 6))
    geometry = geometry.flipped(2) if mirror else geometry
    write_volume(tmp_path / "knee.nii.gz", Volume(voxels=volume.voxels, geometry=geometry, side="right"), WORDS)
    image, itk = nibabel.load(tmp_path / "knee.nii.gz"), sitk.ReadImage(str(tmp_path / "knee.nii.gz"))
    for s, h, w in [(0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (2, 3, 1)]:
        ours = (geometry.affine @ [s, h, w, 1])[:3]
        assert np.allclose(image.affine @ [w, h, s, 1], [*ours, 1], atol=1e-4)
        assert np.allclose(np.array(itk.TransformIndexToPhysicalPoint((w, h, s))) * [-1, -1, 1], ours, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_a_volume_read_back_is_the_volume_written(tmp_path, dtype):
    volume = knee(dtype)
    write_volume(tmp_path / "knee.nii", volume, WORDS)
    again = read_volume(tmp_path / "knee.nii")
    assert again.voxels.dtype == dtype
    assert np.array_equal(again.voxels, volume.voxels)
    assert np.allclose(again.geometry.affine, volume.geometry.affine, atol=1e-5)


def test_the_side_is_the_one_the_sidecar_tells(tmp_path):
    write_volume(tmp_path / "a.b.nii.gz", knee(), WORDS)
    assert read_volume(tmp_path / "a.b.nii.gz").side == "unknown"
    assert sidecar_file(tmp_path / "a.b.nii.gz") == tmp_path / "a.b.json"
    (tmp_path / "a.b.json").write_text(json.dumps({"side": "left", "seed": 3}))
    assert read_volume(tmp_path / "a.b.nii.gz").side == "left"
    assert read_sidecar(tmp_path / "a.b.nii.gz")["seed"] == 3


def test_the_same_volume_gives_the_same_bytes_and_leaves_no_partial_file(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(tmp_path / name, knee(), WORDS)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz"]


def test_a_description_longer_than_the_header_holds_is_refused(tmp_path):
    with pytest.raises(ValueError, match="79 bytes"):
        write_volume(tmp_path / "a.nii.gz", knee(), "x" * 80)
    write_volume(tmp_path / "a.nii.gz", knee(), "x" * 79)
    assert nibabel.load(tmp_path / "a.nii.gz").header["descrip"].item().decode() == "x" * 79


def test_a_file_that_is_missing_not_nifti_cut_off_or_not_three_dimensional_is_told_in_one_line(tmp_path):
    (tmp_path / "words.nii.gz").write_text("these are words")
    (tmp_path / "empty.nii").write_bytes(b"")
    nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)).to_filename(tmp_path / "four.nii")
    nibabel.Nifti1Image(np.zeros((3, 3), np.int16), np.eye(4)).to_filename(tmp_path / "two.nii")
    write_volume(tmp_path / "whole.nii", knee(), WORDS)
    write_volume(tmp_path / "whole.nii.gz", knee(), WORDS)
    (tmp_path / "cut.nii").write_bytes((tmp_path / "whole.nii").read_bytes()[:-1])
    (tmp_path / "cut.nii.gz").write_bytes((tmp_path / "whole.nii.gz").read_bytes()[:-9])
    for name, words in {
        "missing.nii.gz": "is not a file",
        "words.nii.gz": "cannot be read as NIfTI",
        "empty.nii": "cannot be read as NIfTI",
        "cut.nii": "is cut off",
        "cut.nii.gz": "is cut off",
        "four.nii": "3 x 3 x 3 x 2",
        "two.nii": "3 x 3",
    }.items():
        with pytest.raises(InputError, match=words) as caught:
            read_volume(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8"])
def test_voxels_that_are_not_numbers_are_told_and_not_read_as_zeros(tmp_path, kind):
    voxels = np.ones((3, 4, 5))
    voxels[1, 2, 3], voxels[0, 0, 0] = np.nan, np.inf
    header = nibabel.Nifti1Header(endianness=kind[0])
    header.set_data_dtype(np.dtype(kind))
    nibabel.Nifti1Image(voxels, np.eye(4), header).to_filename(tmp_path / "holes.nii")
    with pytest.raises(InputError, match="has 2 voxels that are not finite numbers"):
        read_volume(tmp_path / "holes.nii")
    nibabel.Nifti1Image(np.ones((3, 4, 5)), np.eye(4), header).to_filename(tmp_path / "whole.nii")
    assert (read_volume(tmp_path / "whole.nii").voxels == 1).all()


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        write_volume(tmp_path / "nowhere" / "a.nii.gz", knee(), WORDS)
    with pytest.raises(InputError, match="cannot be written"):
        write_volume(tmp_path / "a.txt", knee(), WORDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("magic", [b"n+1\0", b"ni1\0"])
@pytest.mark.parametrize(
    ("place", "number", "refused"),
    [
        (108, 100.0, True),
        (108, 351.0, True),
        (108, 353.0, True),  # one byte of the voxels is missing then
        (108, float(2**40), True),
        (112, float("nan"), True),
        (116, float("inf"), True),
        (112, 1.0, False),
    ],
)
def test_a_place_of_voxels_or_a_scale_that_cannot_be_is_refused(tmp_path, magic, place, number, refused):
    write_with(tmp_path / "a.nii", (344, "4s", magic), (place, "<f", number))
    if refused:
        with pytest.raises(InputError):
            read_volume(tmp_path / "a.nii")
    elif magic[1:2] == b"+":
        assert np.array_equal(read_volume(tmp_path / "a.nii").voxels, knee().voxels)


@pytest.mark.parametrize("magic", [b"n+1\0", b"ni1\0"])
def test_voxels_that_begin_with_the_file_would_be_read_from_within_the_header_and_are_refused(tmp_path, magic):
    write_with(tmp_path / "a.nii", (344, "4s", magic), (108, "<f", 0.0))
    with pytest.raises(InputError, match="has its voxels at byte 0, scaled by 1|cannot be read as NIfTI"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize("of_end", [8, 5, 4, 1])
def test_a_packed_volume_whose_checksum_or_length_is_another_is_refused(tmp_path, of_end):
    write_volume(tmp_path / "a.nii.gz", knee(), WORDS)
    content = bytearray((tmp_path / "a.nii.gz").read_bytes())
    content[-of_end] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(InputError, match="a.nii.gz cannot be read as NIfTI: copy or write it again"):
        read_volume(tmp_path / "a.nii.gz")


def test_axes_that_lie_in_one_plane_or_are_no_numbers_are_no_geometry():
    image = SimpleNamespace(GetSpacing=lambda: (1, 1, 1), GetOrigin=lambda: (0, 0, 0), GetSize=lambda: (2, 3, 4))
    for axes in ((1, 0, 0, 0, 1, 0, 0, 0, 0), (1, 1, 0, 1, 1, 0, 0, 0, 1), (NAN, 0, 0, 0, 1, 0, 0, 0, 1)):
        image.GetDirection = lambda axes=axes: axes
        with pytest.raises(InputError, match="its axes lie in one plane, or are no numbers"):
            geometry_of(image)
    image.GetDirection = lambda: (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert geometry_of(image).shape == (4, 3, 2)


def test_a_mebibyte_may_follow_the_voxels_and_no_more(tmp_path):
    write_volume(tmp_path / "a.nii", knee(), WORDS)
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").write_bytes(content + b"\0" * (2**20 - 1))
    assert np.array_equal(read_volume(tmp_path / "a.nii").voxels, knee().voxels)
    (tmp_path / "a.nii").write_bytes(content + b"\0" * 2**20)
    with pytest.raises(InputError, match="holds far more than its header tells of"):
        read_volume(tmp_path / "a.nii")


def test_a_volume_that_was_not_written_whole_is_an_error_of_the_disk_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti, "unpacked", lambda file, most: b"\0" * 400)
    with pytest.raises(OSError) as told:
        write_volume(tmp_path / "a.nii", knee(), WORDS)
    assert told.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("at", "numbers", "said"),
    [
        (80, (NAN,), "has voxels of nan x 0.625 x 1.5 in its header"),
        (84, (0.0,), "has voxels of 0.6 x 0 x 1.5 in its header"),
        (84, (-1.0,), "has voxels of 0.6 x -1 x 1.5 in its header"),
        (88, (INF,), "has voxels of 0.6 x 0.625 x inf in its header"),
        (88, (1001.0,), "has voxels of 1001 mm: write it again with their true size"),
        (256, (NAN,), "has a place that is no number in its header"),
        (276, (INF,), "has a place that is no number in its header"),
        (280, (NAN,), "has a place that is no number in its header"),
        (324, (NAN,), "has a place that is no number in its header"),
    ],
)
def test_a_size_or_a_place_of_voxels_that_cannot_be_is_refused_where_itk_takes_another(tmp_path, at, numbers, said):
    write_with(tmp_path / "a.nii", (at, "<f", *numbers))
    for read in (read_volume, read_place):
        with pytest.raises(InputError) as told:
            read(tmp_path / "a.nii")
        assert said in str(told.value) and str(tmp_path / "a.nii") in str(told.value)


@pytest.mark.parametrize(("code_at", "number_at"), [(252, 256), (254, 280)])
def test_a_place_that_no_code_vouches_for_may_hold_anything(tmp_path, code_at, number_at):
    write_with(tmp_path / "a.nii", (number_at, "<f", NAN), (code_at, "<h", 0))
    volume = read_volume(tmp_path / "a.nii")
    assert volume.geometry.spacing_mm == pytest.approx(SPACING_MM) and np.array_equal(volume.voxels, knee().voxels)


def test_a_voxel_may_have_a_metre_and_no_more(tmp_path):
    write_with(tmp_path / "a.nii", (88, "<f", 1000.0), (254, "<h", 0))  # the qform counts
    assert read_volume(tmp_path / "a.nii").geometry.spacing_mm[0] == 1000


def test_a_scale_that_makes_voxels_larger_than_any_number_is_told(tmp_path):
    write_with(tmp_path / "a.nii", (112, "<f", 1e38))
    with pytest.raises(InputError, match="scales its voxels beyond all numbers"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 5.0), (1e-30, 0.0)])
def test_a_scale_that_itk_takes_for_another_is_refused_and_none_is_none(tmp_path, slope, intercept):
    write_with(tmp_path / "a.nii", (112, "<f", slope), (116, "<f", intercept))
    with pytest.raises(InputError, match=f"has voxels times {slope:g} plus {intercept:g} in its header"):
        read_volume(tmp_path / "a.nii")
    write_with(tmp_path / "a.nii", (112, "<f", 0.0), (116, "<f", 0.0))
    assert np.array_equal(read_volume(tmp_path / "a.nii").voxels, knee().voxels)


def test_a_header_before_nifti_does_not_tell_a_place_whatever_stands_where_nifti_has_its_codes(tmp_path):
    write_with(tmp_path / "a.nii", (344, "4s", bytes(4)))
    with pytest.raises(InputError, match="does not tell where its voxels lie"):
        read_place(tmp_path / "a.nii")
