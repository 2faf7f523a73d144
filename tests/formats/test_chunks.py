"""A chunk packed here is read by HDF5 as if HDF5 had written it."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrmri.formats.chunks import FILTERS, fletcher32, packed


def stored(values: np.ndarray, tmp_path) -> h5py.Dataset:
    file = h5py.File(tmp_path / "x.h5", "w")
    data = file.create_dataset("x", values.shape, values.dtype, chunks=values.shape, **FILTERS)
    data.id.write_direct_chunk((0,) * values.ndim, packed(values))
    file.close()
    return h5py.File(tmp_path / "x.h5")["x"]


@pytest.mark.parametrize("kind", ["noise", "zeros", "ramp", "full"])
def test_hdf5_reads_back_what_was_packed(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 65536, (31, 37))
    values = {"noise": noise, "zeros": noise * 0, "ramp": np.sort(noise), "full": noise * 0 + 65535}[kind].astype("<u2")
    data = stored(values, tmp_path)
    assert np.array_equal(data[:], values)
    assert (data.compression, data.compression_opts, data.shuffle, data.fletcher32) == ("gzip", 4, True, True)


@given(st.binary(min_size=1, max_size=3000))
def test_the_checksum_is_that_of_hdf5(data):
    with h5py.File("x", "w", driver="core", backing_store=False) as file:
        values = np.frombuffer(data, np.uint8)
        dataset = file.create_dataset("x", data=values, chunks=values.shape, fletcher32=True)
        _, raw = dataset.id.read_direct_chunk((0,))
    assert fletcher32(data) == int.from_bytes(raw[-4:], "little")


def test_a_changed_byte_is_noticed(tmp_path):
    values = np.arange(1000, dtype="<u2")
    chunk = bytearray(packed(values))
    chunk[-10] ^= 1
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("x", values.shape, values.dtype, chunks=values.shape, **FILTERS)
        data.id.write_direct_chunk((0,), bytes(chunk))
    with h5py.File(tmp_path / "x.h5") as file, pytest.raises(OSError):
        file["x"][:]
