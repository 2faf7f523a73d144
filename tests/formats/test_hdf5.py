"""An HDF5 file that is more than a flat list of arrays is refused before a number is read."""

import errno
import io
import zlib

import h5py
import numpy as np
import pytest

from tests.faults.hdf5 import REPLACEMENTS, make_pipe, replace_array
from xrmri.errors import InconsistentError
from xrmri.formats.chunks import FILTERS, fletcher32, packed
from xrmri.formats.hdf5 import TEXT, _Disk, new_h5, open_h5, read, unreadable


@pytest.fixture
def shard(tmp_path):
    """A file with one array of three rows."""
    with h5py.File(tmp_path / "a.h5", "w") as content:
        content.create_dataset("mri", data=np.ones((3, 5, 16, 16), "<u2"), chunks=(1, 1, 16, 16), compression="gzip")
    (tmp_path / "secret.h5").write_bytes((tmp_path / "a.h5").read_bytes())
    return tmp_path / "a.h5"


def refusal(file) -> str:
    with pytest.raises(InconsistentError) as refused:
        open_h5(file, "build it again")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_an_honest_file_is_opened(shard):
    with open_h5(shard, "build it again") as content:
        assert np.array_equal(content["mri"][2], np.ones((5, 16, 16)))


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_whatever_is_no_plain_array_is_refused_on_opening(shard, kind):
    replace_array(shard, "mri", kind, shard.with_name("secret.h5"))
    said = refusal(shard)
    assert said.startswith(f"{shard} is not as xrmri writes it ('mri' ") and said.endswith("): build it again")


def test_all_filters_that_a_dataset_is_written_with_may_stand_together(shard):
    with h5py.File(shard, "r+") as content:
        content.create_dataset("row", data=np.arange(9), chunks=(3,), compression="gzip", shuffle=True, fletcher32=True)
    with open_h5(shard, "build it again") as content:
        assert content["row"][:].tolist() == list(range(9))


def test_a_filter_that_would_load_a_plug_in_is_refused(shard):
    with h5py.File(shard, "r+") as content:
        del content["mri"]
        content.create_dataset("mri", (3, 5), "<u2", chunks=(1, 5), compression="lzf")
    assert "'mri' is packed by something else" in refusal(shard)


def test_a_pipe_is_refused_and_not_waited_for(shard):
    make_pipe(shard)
    assert refusal(shard) == f"{shard} cannot be read: not a regular file; build it again"


def test_a_file_that_is_not_there_or_cut_off_is_told(shard):
    shard.write_bytes(shard.read_bytes()[:-100])
    assert refusal(shard) == f"{shard} is damaged, or not HDF5: build it again"
    shard.unlink()
    assert "No such file" in refusal(shard)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"shape": (3, 5), "dtype": "<u2"}, "lies in one piece"),
        ({"shape": (3, 5), "dtype": "<u2", "external": [("elsewhere.raw", 0, 30)]}, "lies in another file"),
        ({"shape": (3,), "dtype": h5py.string_dtype(), "chunks": (1,)}, "holds neither numbers nor short texts"),
        ({"shape": (3, 2**20, 2**20), "dtype": "<u2", "chunks": (1, 8, 8)}, "claims 2,199,023,255,552 bytes a row"),
        ({"shape": (3, 4), "dtype": "<f8", "chunks": (1, 2**20), "maxshape": (3, None)}, ""),
    ],
)
def test_what_is_odd_about_an_array_is_told(tmp_path, given, why):
    with h5py.File(tmp_path / "a.h5", "w") as content:
        content.create_dataset("odd", **given)
    if why:
        assert f"('odd' {why})" in refusal(tmp_path / "a.h5")
    else:
        open_h5(tmp_path / "a.h5", "build it again").close()


class _Slow(io.BytesIO):
    """A disk that takes three bytes at a time, and none after so many."""

    most = 1 << 30

    def write(self, data) -> int:
        if self.tell() >= self.most:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data[:3]))

    def truncate(self, size=None) -> int:
        if (self.tell() if size is None else size) > self.most:
            raise OSError(errno.EFBIG, "File too large")
        return super().truncate(size)


def test_a_disk_that_takes_little_at_a_time_gets_all_of_it():
    disk = _Disk(_Slow())
    assert disk.write(memoryview(b"0123456789")) == 10
    assert (disk.tell(), disk.error) == (10, None)
    assert disk.seek(2) == 2 and disk.seek(-1, 2) == 9
    buffer = bytearray(5)
    assert disk.readinto(memoryview(buffer)) == 1 and buffer[:1] == b"9"


def test_a_full_disk_is_kept_as_the_first_error_and_the_place_goes_on():
    stream = _Slow()
    stream.most = 3
    disk = _Disk(stream)
    assert disk.write(memoryview(b"0123456789")) == 10
    assert disk.error.errno == errno.ENOSPC and disk.tell() == 10
    assert disk.truncate(100) == 100 and disk.truncate() == 0
    assert disk.error.errno == errno.ENOSPC  # the first


def test_what_a_file_system_does_not_give_is_no_damage():
    now = str(unreadable("a.h5", OSError(errno.EIO, "Input/output error"), "is damaged"))
    assert now == "a.h5 cannot be read now (Input/output error): run the same command again once it can"
    assert str(unreadable("a.h5", OSError("bad object header"), "is damaged")) == "a.h5 is damaged"
    assert str(unreadable("a.h5", KeyError("x"), "is damaged")) == "a.h5 is damaged"


def test_a_new_file_is_what_is_read_back_with_texts_of_64_letters(tmp_path):
    with new_h5(tmp_path / "a.h5") as content:
        content.create_dataset("name", data=np.array([b"x" * 70]), dtype=TEXT, chunks=(1,))
    with open_h5(tmp_path / "a.h5", "build it again") as content:
        assert content["name"][0] == b"x" * 64


PIXELS = np.arange(64, dtype="<u2").reshape(8, 8)


def chunk_of(content: bytes) -> bytes:
    """A chunk that unpacks to these bytes, under a true checksum."""
    data = zlib.compress(content)
    return data + fletcher32(data).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("chunk", "passed_over"),
    [
        (chunk_of(b"\1" * 20), 0),
        (chunk_of(b"\1" * 129), 0),
        (chunk_of(bytes(2**26)), 0),
        (b"\1" * 20, 7),
        (zlib.compress(b"\1" * 128), 4),
        (None, 0),
    ],
    ids=["too short", "too long", "64 MiB in 64 kB", "not packed", "no checksum", "never written"],
)
def test_a_chunk_that_is_not_of_its_size_is_damage_and_no_leftover_of_memory(tmp_path, chunk, passed_over):
    with h5py.File(tmp_path / "a.h5", "w") as content:
        array = content.create_dataset("mri", (2, 8, 8), "<u2", chunks=(1, 8, 8), **FILTERS)
        array.id.write_direct_chunk((0, 0, 0), packed(PIXELS))
        if chunk is not None:
            array.id.write_direct_chunk((1, 0, 0), chunk, filter_mask=passed_over)
    with open_h5(tmp_path / "a.h5", "build it again") as content:
        assert np.array_equal(read(content["mri"], 0), PIXELS)
        with pytest.raises((ValueError, RuntimeError, OSError)):
            read(content["mri"], 1)
        with pytest.raises((ValueError, RuntimeError, OSError)):
            read(content["mri"])


def test_chunks_of_any_shape_and_without_filters_are_read_as_they_are(tmp_path):
    values = np.arange(7 * 9, dtype="<f8").reshape(7, 9)
    with h5py.File(tmp_path / "a.h5", "w") as content:
        content.create_dataset("plain", data=values, chunks=(2, 4))
        content.create_dataset("packed", data=values, chunks=(3, 5), **FILTERS)
        content.create_dataset("none", (0, 9), "<f8", chunks=(1, 9), maxshape=(None, 9), **FILTERS)
    with open_h5(tmp_path / "a.h5", "build it again") as content:
        for name in ("plain", "packed"):
            assert np.array_equal(read(content[name]), values) and np.array_equal(read(content[name], 6), values[6])
            assert read(content[name], 3, 8) == values[3, 8]
        assert read(content["none"]).shape == (0, 9)


def test_what_is_packed_twice_or_in_another_order_is_refused_on_opening(tmp_path):
    for name, filters in (("twice", ["set_deflate", "set_deflate"]), ("turned", ["set_fletcher32", "set_deflate"])):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((1, 8))
        for one in filters:
            getattr(plan, one)(*[4] * (one == "set_deflate"))
        with h5py.File(tmp_path / f"{name}.h5", "w") as content:
            h5py.h5d.create(content.id, b"mri", h5py.h5t.STD_U16LE, h5py.h5s.create_simple((2, 8)), plan)
        assert "('mri' is packed by something else)" in refusal(tmp_path / f"{name}.h5")
