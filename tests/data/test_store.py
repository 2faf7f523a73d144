"""What is written to a dataset is what is read back, in any process, and damage is told in one line."""

import json
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest

from tests.made_facts import DATASET_FACTS, record_dataset
from xrmri.data.features import feature_set, one_hot
from xrmri.data.store import INDEX_COLUMNS, StoredPair, new_shard, open_dataset, write_index
from xrmri.errors import InconsistentError, InputError
from xrmri.runs.seals import sealed
from xrmri.storage.typed import content_of

LACKING = json.dumps(sealed(content_of(replace(DATASET_FACTS, shards={"pairs-00007-of-00009.h5": ""})))).encode()

SHARD = "pairs-00000-of-00001.h5"
GRADES = {"V00XRKL": 3, "V00XRJSM": 0, "V00XROSFM": None}


def pair(number):
    """A pair of noise."""
    generator = np.random.default_rng(number)
    return StoredPair(
        pair_id=f"900000{number}_00m_left",
        mri=generator.integers(0, 4096, (5, 16, 16)).astype(np.uint16),
        radiograph=generator.integers(0, 65536, (16, 16)).astype(np.uint16),
        grades=GRADES,
        affine=np.vstack([generator.random((3, 4)), (0, 0, 0, 1)]),
        window=(3.5, 900.0),
    )


@pytest.fixture
def folder(tmp_path):
    """A dataset of three pairs."""
    rows = []
    with new_shard(tmp_path / SHARD, slices=5, size=16, features="full") as shard:
        for number in range(3):
            row = {name: "" for name in INDEX_COLUMNS} | {"participant": f"900000{number}", "shard": SHARD}
            row |= {"side": "left"}
            pair_id = pair(number).pair_id
            split = ("train", "train", "test")[number]
            rows.append(row | {"pair_id": pair_id, "row": shard.append(pair(number)), "split": split, "kl": None})
    write_index(tmp_path / "index.csv", rows)
    record_dataset(tmp_path, slices=5, size=16)
    return tmp_path


def test_every_array_comes_back_as_it_went_in(folder):
    dataset = open_dataset(folder)
    assert len(dataset) == 3 and dataset.pairs("test") == ["9000002_00m_left"] and len(dataset.pairs()) == 3
    for number, pair_id in enumerate(dataset.pairs()):
        stored = pair(number)
        assert np.array_equal(dataset.volume(pair_id), stored.mri) and dataset.volume(pair_id).dtype == np.uint16
        assert np.array_equal(dataset.slice(pair_id, 4), stored.mri[4])
        assert np.array_equal(dataset.radiograph(pair_id), stored.radiograph)
        assert np.array_equal(dataset.geometry(pair_id).affine, stored.affine)
        assert dataset.window(pair_id) == (3.5, 900.0)
        assert np.array_equal(dataset.features(pair_id), one_hot(GRADES, feature_set("full")))


def test_a_grade_that_nobody_read_is_none_and_grade_0_is_0(folder):
    grades = open_dataset(folder).grades("9000000_00m_left")
    assert (grades["V00XRKL"], grades["V00XRJSM"], grades["V00XROSFM"], grades["V00XRCHM"]) == (3, 0, None, None)
    assert len(grades) == 19


def test_an_open_dataset_goes_to_another_process_without_its_files(folder):
    dataset = open_dataset(folder)
    dataset.slice("9000000_00m_left", 0)
    copy = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(copy.volume("9000001_00m_left"), dataset.volume("9000001_00m_left"))


def test_a_shard_that_was_not_finished_is_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_shard(tmp_path / SHARD, slices=5, size=16, features="full") as shard:
        shard.append(pair(0))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_the_same_pairs_give_the_same_bytes(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / SHARD
    with new_shard(other, slices=5, size=16, features="full") as shard:
        for number in range(3):
            shard.append(pair(number))
    assert other.read_bytes() == (folder / SHARD).read_bytes()


def test_what_is_no_dataset_is_refused_with_what_to_do(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    for wrong, said in ((empty, "has no dataset.json"), (empty / "none", "is not a folder")):
        with pytest.raises(InputError, match=said):
            open_dataset(wrong)
    with pytest.raises(InputError, match="has no pair 'x'"):
        open_dataset(folder).volume("x")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("dataset.json", b"{", "is not JSON"),
        ("dataset.json", b'{"schema": 9, "shards": {}}', "has schema 9, this version reads 1"),
        ("dataset.json", LACKING, "lacks pairs-00007-of-00009.h5"),
        ("index.csv", b"", "is not as it was written, changed or damaged"),
        (SHARD, b"not HDF5", "is not as it was written, changed or damaged: build the dataset again"),
    ],
)
def test_damage_is_told_in_one_line_with_exit_code_3(folder, file, content, said):
    (folder / file).write_bytes(content)
    with pytest.raises(InconsistentError) as refusal:
        open_dataset(folder).volume("9000000_00m_left")
    assert said in str(refusal.value) and "\n" not in str(refusal.value) and refusal.value.exit_code == 3


def test_one_flipped_byte_of_pixels_is_noticed_by_the_hash_of_the_shard_and_by_the_checksum_of_the_slice(folder):
    with h5py.File(folder / SHARD) as shard:
        chunk = shard["mri"].id.get_chunk_info_by_coord((1, 2, 0, 0))
    content = bytearray((folder / SHARD).read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    (folder / SHARD).write_bytes(bytes(content))
    with pytest.raises(InconsistentError, match="is not as it was written, changed or damaged"):
        open_dataset(folder).slice("9000001_00m_left", 1)
    record_dataset(folder, slices=5, size=16)  # which leaves the checksums of HDF5 to tell
    dataset = open_dataset(folder)
    dataset.slice("9000001_00m_left", 1)
    with pytest.raises(InconsistentError, match="mri of 9000001_00m_left cannot be read"):
        dataset.slice("9000001_00m_left", 2)


@pytest.mark.parametrize("name", ["window", "grades"])
def test_one_flipped_byte_of_what_is_read_on_opening_is_one_line_though_the_hash_is_true(folder, name):
    with h5py.File(folder / SHARD) as shard:
        chunk = shard[name].id.get_chunk_info(0)
    content = bytearray((folder / SHARD).read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    (folder / SHARD).write_bytes(bytes(content))
    record_dataset(folder, slices=5, size=16)
    with pytest.raises(InconsistentError, match=f"{SHARD} is damaged: build the dataset again with --force"):
        open_dataset(folder).check()
