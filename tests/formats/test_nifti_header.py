"""What the first bytes of a NIfTI file say, byte by byte, in both orders."""

import gzip
import struct

import nibabel
import numpy as np
import pytest

from xrmri.formats.nifti_header import HEADER_BYTES, byte_order, is_packed, no_place, tells_place, unpacked, why_not

SHEARED = "its axes are not at right angles (sheared): resample it onto a grid whose axes are"
PLAIN = "copy or write it again"


def header(order: str = "<", *, affine: np.ndarray | None = None, sform: int = 1, qform: int = 0) -> bytearray:
    made = nibabel.Nifti1Header(endianness=order)
    made.set_data_shape((4, 5, 6))
    made.set_sform(np.diag([2.0, 3, 4, 1]) if affine is None else affine, code=sform)
    made["qform_code"] = qform
    made["vox_offset"] = 352
    return bytearray(made.binaryblock + b"\0" * 4)


def kept(tmp_path, content: bytes, name: str = "a.nii"):
    file = tmp_path / name
    file.write_bytes(bytes(content))
    return file


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_order_of_bytes_is_the_one_it_was_written_in_whatever_the_first_number_is(order):
    content = header(order)
    assert byte_order(content) == order
    content[:4] = b"\0\0\0\0"  # spoilt: the number of dimensions still tells
    assert byte_order(content) == order
    for dimensions in (1, 7):
        content[40:42] = struct.pack(f"{order}h", dimensions)
        assert byte_order(content) == order


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_analyze_wrote_behind_the_first_number_is_no_part_of_it(tmp_path, order):
    content = header(order)
    content[4:8], content[40:42] = b"dsr ", b"\0\0"
    assert byte_order(content) == order
    assert why_not(kept(tmp_path, content)) == PLAIN


@pytest.mark.parametrize("order", ["<", ">"])
def test_sizes_and_places_that_cannot_be_are_told_where_a_code_vouches_for_them(order):
    assert no_place(header(order)) == ""
    for at, number, told in [
        (80, 0.0, "voxels of 0 x 1 x 1"),
        (84, -3.0, "voxels of 1 x -3 x 1"),
        (88, float("inf"), "voxels of 1 x 1 x inf"),
        (280, float("nan"), "a place that is no number"),
        (324, float("inf"), "a place that is no number"),
        (276, float("nan"), ""),  # of the qform, whose code is 0
        (92, float("nan"), ""),  # of time
    ]:
        content = header(order)
        struct.pack_into(f"{order}f", content, at, number)
        assert no_place(content) == told
    content = header(order, sform=0, qform=1)
    struct.pack_into(f"{order}f", content, 280, float("nan"))
    assert no_place(content) == ""
    struct.pack_into(f"{order}f", content, 276, float("nan"))
    assert no_place(content) == "a place that is no number"


def test_axes_in_another_order_and_of_several_sizes_are_at_right_angles(tmp_path):
    affine = np.array([[0, 0, -0.6, 9], [1.5, 0, 0, 8], [0, 0.3, 0, 7], [0, 0, 0, 1]])
    assert why_not(kept(tmp_path, header(affine=affine))) == PLAIN


def test_a_header_of_eight_dimensions_is_none_of_little_ends():
    content = header("<")
    content[:4], content[40:42] = b"\0\0\0\0", struct.pack("<h", 8)
    assert byte_order(content) == ">"
    content[:4] = struct.pack("<i", 540)
    assert byte_order(content) == "<"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("codes", "told"), [((0, 0), False), ((1, 0), True), ((0, 2), True)])
def test_a_place_is_told_by_either_code(order, codes, told):
    assert tells_place(header(order, qform=codes[0], sform=codes[1])) is told


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_reason_not_to_read_a_file_is_its_own(tmp_path, order):
    assert why_not(kept(tmp_path, header(order))) == PLAIN
    assert why_not(kept(tmp_path, header(order)[: HEADER_BYTES - 1])).startswith("it is cut off")
    assert why_not(kept(tmp_path, header(order), "a.nii.gz")) == "it is not packed by gzip: name it .nii"
    assert why_not(kept(tmp_path, gzip.compress(header(order)))) == "it is packed by gzip: name it .nii.gz"
    assert why_not(kept(tmp_path, gzip.compress(header(order)), "a.nii.gz")) == PLAIN
    other = header(order)
    other[:4] = struct.pack(f"{order}i", 540)
    assert why_not(kept(tmp_path, other)) == "it is NIfTI-2: convert it to NIfTI-1"
    other[:4] = struct.pack(f"{order}i", 349)
    assert why_not(kept(tmp_path, other)) == "it does not begin as NIfTI does: give a NIfTI file"


@pytest.mark.parametrize("order", ["<", ">"])
def test_axes_that_are_not_at_right_angles_are_told_from_a_thousandth_on(tmp_path, order):
    for lean, said in ((0.0, PLAIN), (5e-4, PLAIN), (2e-3, SHEARED), (0.5, SHEARED)):
        for row, column in ((0, 1), (1, 2), (2, 0)):
            affine = np.diag([1.0, 1, 1, 1])
            affine[:3, 3] = (90, -60, 40)
            affine[row, column] = lean
            assert why_not(kept(tmp_path, header(order, affine=affine))) == said
    leaning = np.diag([1.0, 1, 1, 1])
    leaning[0, 1] = 0.5
    assert why_not(kept(tmp_path, header(order, affine=leaning, sform=0))) == PLAIN  # nobody goes by it
    leaning[2, 2] = 0
    assert why_not(kept(tmp_path, header(order, affine=leaning))) == PLAIN  # no axis at all is another fault


def test_so_many_bytes_are_unpacked_and_what_follows_the_gzip_is_passed_over(tmp_path):
    content = np.random.default_rng(0).bytes(300_000)
    packed = kept(tmp_path, gzip.compress(content), "a.nii.gz")
    assert is_packed(packed) and unpacked(packed, 10**6) == content
    assert unpacked(packed, 100_000) == content[:100_000]
    assert unpacked(kept(tmp_path, gzip.compress(content) + b"rubbish"), 10**6) == content
    assert unpacked(kept(tmp_path, gzip.compress(content)[:-50]), 10**6) == b""
    assert unpacked(kept(tmp_path, b"\x1f\x8bno gzip"), 10**6) == b""
    assert unpacked(tmp_path / "none", 10) == b""
    plain = kept(tmp_path, content, "b.nii")
    assert not is_packed(plain) and unpacked(plain, 7) == content[:7]
