"""An MHA is read as ITK wrote it, and leads nowhere else."""

import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from xrmri.data.volume_file import count_slices, read_volume_file
from xrmri.errors import InputError, UnusableError
from xrmri.formats.metaimage import metaimage_place, read_metaimage
from xrmri.formats.nifti import from_image

VOXELS = np.random.default_rng(3).integers(0, 90, (6, 9, 8))
LOCAL = "ElementDataFile = LOCAL"
TURNED = (0.8, -0.6, 0.0, 0.0, 0.0, 1.0, -0.6, -0.8, 0.0)


def write(file, dtype="int16", *, packed=False):
    image = sitk.GetImageFromArray(VOXELS.astype(dtype))
    image.SetDirection(TURNED)
    image.SetSpacing((0.6, 0.7, 1.5))
    image.SetOrigin((1.25, -2.5, 3.1))
    sitk.WriteImage(image, str(file), useCompression=packed)
    return file


def with_line(file, name, text):
    """The file with one of its lines changed, or one more before the last."""
    head, _, rest = write(file).read_bytes().partition(LOCAL.encode() + b"\n")
    lines = dict(line.split(" = ", 1) for line in head.decode().splitlines()) | {"ElementDataFile": "LOCAL"}
    last = lines.pop("ElementDataFile")
    lines |= {name: text} if name != "ElementDataFile" else {}
    lines["ElementDataFile"] = text if name == "ElementDataFile" else last
    file.write_bytes("".join(f"{one} = {said}\n" for one, said in lines.items()).encode() + rest)
    return file


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
)
def test_every_voxel_and_its_place_are_those_that_itk_reads(tmp_path, dtype, packed):
    file = write(tmp_path / "a.mha", dtype, packed=packed)
    of_itk, ours = from_image(sitk.ReadImage(str(file)), "unknown"), read_metaimage(file)
    assert ours.voxels.dtype == of_itk.voxels.dtype and np.array_equal(ours.voxels, of_itk.voxels)
    assert np.array_equal(ours.geometry.affine, of_itk.geometry.affine) and ours.geometry.shape == (6, 9, 8)
    assert np.array_equal(metaimage_place(file).affine, of_itk.geometry.affine)


@pytest.mark.parametrize(
    "lines",
    ["Comment = ElementDataFile = LOCAL\nElementDataFile = {}", "ElementDataFile = {}\nElementDataFile = LOCAL",
     "ElementDataFile = LIST\n{}", "ElementDataFile = LOCAL.raw"],
)  # fmt: skip
def test_voxels_of_another_file_are_not_read(tmp_path, lines):
    (tmp_path / "else").mkdir()
    for other in (tmp_path / "else" / "secret.raw", tmp_path / "LOCAL.raw"):
        other.write_bytes(np.full_like(VOXELS, 7, np.int16).tobytes())
    file = write(tmp_path / "a.mha")
    file.write_bytes(file.read_bytes().replace(LOCAL.encode(), lines.format(tmp_path / "else/secret.raw").encode()))
    for read in (lambda: count_slices(file, "coronal"), lambda: read_volume_file(file, "right", "coronal")):
        with pytest.raises(UnusableError, match="it keeps its voxels elsewhere"):
            read()


def test_packed_voxels_whose_length_is_not_told_or_told_wrong_are_all_read(tmp_path):
    for told in ("", "CompressedDataSize = 20\n"):
        file = with_line(tmp_path / "a.mha", "CompressedData", "True")
        head, _, voxels = file.read_bytes().partition(LOCAL.encode() + b"\n")
        file.write_bytes(head + f"{told}{LOCAL}\n".encode() + zlib.compress(voxels))
        assert np.array_equal(read_metaimage(file).voxels, VOXELS)


@pytest.mark.parametrize("written", ["ElementDataFile=LOCAL", "ElementDataFile  =  LOCAL", "ElementDataFile = LOCAL\r"])
def test_blanks_in_the_header_and_its_length_mean_nothing(tmp_path, written):
    file = write(tmp_path / "a.mha")
    long = f"Comment = {'a' * 5000}\n{written}".encode()
    file.write_bytes(file.read_bytes().replace(LOCAL.encode(), long))
    assert np.array_equal(read_metaimage(file).voxels, VOXELS)


def test_voxels_at_the_end_with_the_high_byte_first_and_a_scale_are_followed(tmp_path):
    file = with_line(tmp_path / "a.mha", "HeaderSize", "-1")
    head, _, _ = file.read_bytes().partition(LOCAL.encode())
    head = head.replace(b"MSB = False", b"MSB = True") + b"ElementToIntensityFunctionSlope = -2\n"
    file.write_bytes(head + LOCAL.encode() + b"\njunk" + VOXELS.astype(">i2").tobytes())
    assert np.array_equal(read_metaimage(file).voxels, -2.0 * VOXELS)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("NDims", "99", "not one volume of three dimensions"),
        ("ElementNumberOfChannels", "3", "not one volume of three dimensions"),
        ("HeaderSize", "40", "begin within its header"),
        ("ElementType", "MET_STRING", "no binary numbers"),
        ("BinaryData", "False", "no binary numbers"),
        ("DistanceUnits", "um", "not count in millimetres"),
        ("ElementSpacing", "-0.6 0.7 1.5", "voxels of -0.6 x 0.7 x 1.5 mm"),
        ("ElementSpacing", "0.6 0.7 1001", "voxels of 0.6 x 0.7 x 1001 mm"),
        ("ElementSpacing", "", "3 numbers for ElementSpacing"),
        ("TransformMatrix", "1 0 0 0.3 0 -1 0 1 0", "not at right angles"),
        ("TransformMatrix", "2 0 0 0 0 -2 0 2 0", "not of length 1"),
        ("DimSize", "-8 9 6", "holds -8 x 9 x 6"),
        ("DimSize", "99999 99999 99999", "more than 67,108,864 are not read"),
        ("ElementType", "MET_CHAR", "is damaged"),  # half as many bytes as there are
        ("ElementType", "MET_FLOAT", "is damaged"),
    ],
)
def test_a_header_that_is_no_volume_is_told_by_what_is_odd(tmp_path, name, text, said):
    with pytest.raises(InputError, match=said):
        read_metaimage(with_line(tmp_path / "a.mha", name, text))


def test_a_line_that_says_two_things_is_refused_and_one_that_repeats_itself_is_not(tmp_path):
    file = with_line(tmp_path / "a.mha", "Comment", "x\nDimSize = 9 8 6")
    with pytest.raises(InputError, match="it gives DimSize twice"):
        read_metaimage(file)
    assert metaimage_place(with_line(tmp_path / "a.mha", "Comment", "x\nDimSize = 8 9 6")).shape == (6, 9, 8)


def test_intensities_further_apart_than_any_number_do_not_become_black(tmp_path):
    image = sitk.GetImageFromArray((VOXELS - 45.0) * 3.9e306)
    image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
    image.SetSpacing((0.6, 0.6, 1.5))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    with pytest.raises(UnusableError, match="differ by more than any number"):
        read_volume_file(tmp_path / "a.mha", "right", "coronal")
