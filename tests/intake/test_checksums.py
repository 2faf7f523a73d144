"""A file that carries a checksum is never read as something else than what was written: one flipped bit is told."""

import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from xrmri.data.radiograph import read_radiograph
from xrmri.data.volume_file import count_slices, read_volume_file
from xrmri.errors import InputError, UnusableError

BITS = 25


@pytest.fixture
def voxels():
    return np.random.default_rng(3).integers(0, 900, (6, 9, 8), dtype=np.int16)


def write_mha(file, voxels, *, packed):
    image = sitk.GetImageFromArray(voxels)
    image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
    image.SetSpacing((0.6, 0.6, 1.5))
    sitk.WriteImage(image, str(file), useCompression=packed)
    return file.read_bytes()


def with_a_bit_flipped(content: bytes, first: int, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    data[int(rng.integers(first, len(data)))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def test_a_packed_mha_is_read_as_it_was_packed_or_refused(tmp_path, voxels):
    file, rng = tmp_path / "a.mha", np.random.default_rng(0)
    whole = write_mha(file, voxels, packed=True)
    assert np.array_equal(np.sort(np.ravel(read_volume_file(file, "right", "coronal").voxels)), np.sort(voxels.ravel()))
    first = whole.index(b"ElementDataFile = LOCAL\n") + len(b"ElementDataFile = LOCAL\n")
    damaged = [with_a_bit_flipped(whole, first, rng) for _ in range(BITS)]
    damaged += [whole[:-1], whole[:first], whole[:first] + zlib.compress(voxels.tobytes()[:-2])]
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises(UnusableError, match="unreadable volume: a.mha is damaged: copy or write it again"):
            read_volume_file(file, "right", "coronal")


def test_a_plain_mha_holds_all_its_voxels_or_is_refused(tmp_path, voxels):
    file = tmp_path / "a.mha"
    whole = write_mha(file, voxels, packed=False)
    assert len(read_volume_file(file, "right", "coronal").voxels) == 6
    file.write_bytes(whole[:-1])
    with pytest.raises(UnusableError, match="a.mha is damaged"):
        read_volume_file(file, "right", "coronal")


def test_an_mha_whose_axes_lie_in_one_plane_is_refused_by_its_header(tmp_path, voxels):
    file = tmp_path / "a.mha"
    whole = write_mha(file, voxels, packed=False)
    start, end = whole.index(b"TransformMatrix = "), whole.index(b"\n", whole.index(b"TransformMatrix = "))
    file.write_bytes(whole[:start] + b"TransformMatrix = 1 0 0 0 1 0 0 0 0" + whole[end:])
    for read in (lambda: count_slices(file, "coronal"), lambda: read_volume_file(file, "right", "coronal")):
        with pytest.raises(UnusableError, match="unreadable volume: "):
            read()


def test_a_png_is_read_as_it_was_written_or_refused(tmp_path):
    file, rng = tmp_path / "a.png", np.random.default_rng(0)
    pixels = rng.integers(0, 65535, (40, 40), dtype=np.uint16)
    Image.fromarray(pixels).save(file)
    whole = file.read_bytes()
    for _ in range(BITS):
        file.write_bytes(with_a_bit_flipped(whole, 0, rng))
        try:
            assert np.array_equal(read_radiograph(file).pixels, pixels)
        except InputError as told:
            assert str(file) in str(told)
