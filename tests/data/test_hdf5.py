"""An HDF5 file that is more than a flat list of arrays is refused before a number is read."""

import h5py
import numpy as np
import pytest

from tests.faults.hdf5 import REPLACEMENTS, make_pipe, replace_array
from xrmri.data.hdf5 import open_h5
from xrmri.errors import InconsistentError


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
