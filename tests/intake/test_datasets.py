"""A dataset is used as it was written or not at all, and what it says must be possible."""

import json
import shutil

import pytest

from tests.faults.datasets import SHARDS, TABLES, change_shard, change_table, record_again
from tests.faults.hdf5 import REPLACEMENTS, make_pipe, replace_array
from tests.faults.models import flip_a_bit
from tests.faults.refusal import refusal
from tests.generation.made_model import made_model
from tests.stages.made_dataset import SHARD, make_dataset
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError
from xrmri.storage.files import sha256

REMEDY = "build the dataset again with --force"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_dataset(folder / "dataset")
    made_model(folder / "ldm")
    return folder


@pytest.fixture
def dataset(made, tmp_path):
    return shutil.copytree(made / "dataset", tmp_path / "dataset")


@pytest.fixture
def draw(xrmri, made, tmp_path):
    """Draw the test pairs of a dataset with a small model."""

    def call(folder):
        options = ("--model", made / "ldm", "--num-slices", 3, "--steps", 2, "--device", "cpu", "--workers", 1)
        return xrmri("generate", folder, *options, "--split", "train", "-o", tmp_path / "deep" / "out")

    return call


def test_a_whole_dataset_is_drawn_from(draw, dataset, tmp_path):
    assert draw(dataset).code == 0 and len(list((tmp_path / "deep" / "out").glob("*.nii.gz"))) == 6


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_that_was_edited_is_told_and_so_is_what_it_says(draw, dataset, tmp_path, kind):
    change, said = TABLES[kind]
    change_table(dataset, change)
    ended = draw(dataset)
    assert ended.code == 3
    assert refusal(ended) == f"{dataset / 'index.csv'} is not as it was written, changed or damaged: {REMEDY}"
    record_again(dataset)
    ended = draw(dataset)
    assert ended.code == 3 and said in refusal(ended) and refusal(ended).endswith(REMEDY)
    assert [item.name for item in tmp_path.iterdir()] == ["dataset"]  # and nothing beside it, or above


def test_last_lines_that_are_gone_are_told(draw, dataset):
    change_table(dataset, lambda rows: rows.pop())
    assert "is not as it was written" in refusal(draw(dataset))
    record_again(dataset)
    assert draw(dataset).code == 3 and "mri is (8, 6, 32, 32)" in refusal(draw(dataset))


@pytest.mark.parametrize("kind", SHARDS)
def test_a_shard_with_true_checksums_is_told_and_so_is_what_it_says(draw, dataset, kind):
    change, said = SHARDS[kind]
    file = change_shard(dataset, change)
    assert refusal(draw(dataset)) == f"{file} is not as it was written, changed or damaged: {REMEDY}"
    record_again(dataset)
    ended = draw(dataset)
    assert ended.code == 3 and refusal(ended).startswith(f"{file} is not as dataset.json says ({said}")


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_a_shard_that_points_elsewhere_is_refused_though_its_hash_is_true(draw, dataset, made, kind):
    replace_array(dataset / SHARD, "radiograph", kind, made / "dataset" / SHARD)
    record_again(dataset)
    ended = draw(dataset)
    assert ended.code == 3 and f"{dataset / SHARD} is not as xrmri writes it ('radiograph' " in refusal(ended)


def test_a_shard_that_is_a_pipe_is_not_waited_for(draw, dataset):
    make_pipe(dataset / SHARD)
    ended = draw(dataset)
    assert ended.code == 3 and f"lacks {SHARD}" in refusal(ended)


def test_a_shard_named_as_a_path_is_refused(draw, dataset, tmp_path):
    shutil.copy(dataset / SHARD, tmp_path / "secret.h5")
    content = json.loads((dataset / "dataset.json").read_bytes())
    (dataset / "dataset.json").write_text(json.dumps(content | {"shards": {"../secret.h5": ""}}))
    record_again(dataset)
    ended = draw(dataset)
    assert ended.code == 3 and "names the shard '../secret.h5', which is no file name" in refusal(ended)


@pytest.mark.parametrize("edit", [{"origin": "patients"}, {"slices": 3}, {"is_synthetic": False}, {"split_seed": 9}])
def test_an_edited_description_is_told(draw, dataset, edit):
    content = json.loads((dataset / "dataset.json").read_bytes())
    (dataset / "dataset.json").write_text(json.dumps(content | edit))
    ended = draw(dataset)
    assert ended.code == 3
    assert refusal(ended) == f"{dataset / 'dataset.json'} is not as it was written, edited or damaged: {REMEDY}"


def test_no_text_takes_from_synthetic_knees_that_they_are(draw, dataset):
    content = json.loads((dataset / "dataset.json").read_bytes())
    content |= {"origin": "acquired images", "is_synthetic": False}
    (dataset / "dataset.json").write_text(json.dumps(content))
    record_again(dataset)
    ended = draw(dataset)
    assert ended.code == 3 and "its knees are synthetic, dataset.json says they are not" in refusal(ended)


def test_large_shards_are_not_hashed_again_until_they_are_touched(dataset, monkeypatch):
    hashed = []
    monkeypatch.setattr("xrmri.runs.seals.sha256", lambda file: hashed.append(file.name) or sha256(file))
    open_dataset(dataset).check()
    assert hashed == ["index.csv", SHARD]  # a small dataset costs nothing
    monkeypatch.setattr("xrmri.runs.outputs._HASHED_BYTES", 0)
    open_dataset(dataset).check()
    assert hashed[2:] == ["index.csv"]
    flip_a_bit(dataset / SHARD, 0.5)
    with pytest.raises(InconsistentError, match=f"{SHARD} is not as it was written"):
        open_dataset(dataset).check()


def test_a_flipped_bit_anywhere_in_a_shard_is_told(draw, dataset):
    flip_a_bit(dataset / SHARD, 0.5)
    ended = draw(dataset)
    assert ended.code == 3 and f"{dataset / SHARD} is not as it was written" in refusal(ended)
