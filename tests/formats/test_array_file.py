"""A .npy file is the numbers that its header tells of, or one line: that header is Python, and may say anything."""

import pickle
import struct

import numpy as np
import pytest

from xrmri.data.volume_file import count_slices, read_volume_file
from xrmri.errors import UnusableError
from xrmri.geometry import Lying

NUMBERS = np.arange(256, dtype="<u2").reshape(4, 8, 8)
HEADER = "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 8, 8), }\n"
LYING = Lying(spacing_mm=(1.5, 0.5, 0.5))


def written(file, header: str, numbers: bytes = NUMBERS.tobytes()):
    file.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + numbers)
    return file


def refusal(file) -> str:
    """What both readers say."""
    with pytest.raises(UnusableError) as read:
        read_volume_file(file, "right", "coronal", LYING)
    with pytest.raises(UnusableError) as counted:
        count_slices(file, "coronal", LYING)
    assert str(read.value) == str(counted.value) and "\n" not in str(read.value)
    return str(read.value)


def test_an_honest_array_is_read_in_either_order_of_its_numbers(tmp_path):
    kinds = {"c.npy": NUMBERS, "f.npy": np.asfortranarray(NUMBERS), "big.npy": NUMBERS.astype(">u2")}
    for name, numbers in kinds.items():
        np.save(tmp_path / name, numbers)
        series = read_volume_file(tmp_path / name, "right", "coronal", LYING)
        assert np.array_equal(series.volume.voxels, NUMBERS) and count_slices(tmp_path / name, "coronal", LYING) == 4


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("(4", "(-4"),
        HEADER.replace("(4", "(True"),
        HEADER.replace("(4", f"({2**80}"),
        HEADER.replace("(4", f"({2**62}"),
        HEADER.replace("<u2", "|O"),
        HEADER.replace("False", "None"),
        "{'descr': (\n",
        "'''abc\n",
        "  if x:\n a\n   b\n",
        "{[]: 1}\n",
        "-" * 9000 + "1\n",
        "[" * 9000 + "\n",
        "__import__('os').system('touch ran')\n",
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_header_that_is_no_array_of_numbers_is_one_line(tmp_path, monkeypatch, header):
    monkeypatch.chdir(tmp_path)
    said = "unreadable volume: a.npy is not a .npy array of numbers"
    assert refusal(written(tmp_path / "a.npy", header)) == said
    assert not (tmp_path / "ran").exists()


def test_numbers_that_the_header_does_not_tell_of_are_told(tmp_path):
    held = refusal(written(tmp_path / "a.npy", HEADER, NUMBERS.tobytes() * 2))
    assert held == "unreadable volume: a.npy holds 512 bytes more than its header tells of: write it again"
    assert "is not a .npy array" in refusal(written(tmp_path / "a.npy", HEADER, NUMBERS.tobytes()[:-1]))


def test_other_files_of_numpy_and_pickles_are_told(tmp_path):
    np.savez(tmp_path / "a.npz", NUMBERS, NUMBERS)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    assert refusal(tmp_path / "a.npy") == "unreadable volume: a.npy holds several arrays (.npz): give one as .npy"
    (tmp_path / "b.npy").write_bytes(pickle.dumps(NUMBERS))
    assert "is not a .npy array" in refusal(tmp_path / "b.npy")
