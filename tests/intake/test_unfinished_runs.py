"""What a run has left for itself to go on with is taken as it was written, or told: no part of it is used damaged."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from tests.building.test_record import record
from tests.faults.models import flip_a_bit
from xrmri.building.lacking import LACKING, lacking, note_lacking
from xrmri.building.record import read_shard_record, write_shard_record
from xrmri.building.shard import require_same_template
from xrmri.config import TrainVae
from xrmri.errors import InconsistentError
from xrmri.generation.share import Share
from xrmri.learning.best import best_weights, keep_best, read_best, take_best
from xrmri.learning.encoding import encoded
from xrmri.storage.files import sha256
from xrmri.training.pace import DECIDED, Pace

COUNT = 11


def edit(file, **changed):
    file.write_text(json.dumps(json.loads(file.read_bytes()) | changed))


def test_an_edited_record_of_a_shard_is_told_and_one_of_an_earlier_version_has_no_seal(tmp_path):
    file = tmp_path / "x.json"
    write_shard_record(file, record())
    pairs = json.loads(file.read_bytes())["pairs"]
    edit(file, pairs=[pairs[0] | {"side": "left"}])
    with pytest.raises(InconsistentError, match=r"x\.json is not as it was written, .*: remove it and build the shard"):
        read_shard_record(file)
    content = json.loads(file.read_bytes())
    del content["seal"]
    file.write_text(json.dumps(content))
    assert read_shard_record(file).pairs[0].side == "left"


def test_an_edited_list_of_what_a_frame_lacks_is_told(tmp_path):
    note_lacking(tmp_path, ("oai/1",))
    edit(tmp_path / LACKING, unopened=[])
    with pytest.raises(InconsistentError, match="is not as it was written"):
        lacking(tmp_path)


def test_an_edited_word_of_a_share_is_told(tmp_path):
    share = Share(number=0, count=1)
    share.mark_done(tmp_path, {"a_mri": "damaged"}, ["a.png"])
    assert share.left_out_by_all(tmp_path).rejected == {"a_mri": "damaged"}
    edit(tmp_path / "shards" / "0-of-1.json", rejected={})
    with pytest.raises(InconsistentError, match=r"0-of-1\.json is not as .*: remove it and run that share again"):
        share.left_out_by_all(tmp_path)


@pytest.mark.parametrize(
    ("edited", "said"),
    [({"steps": 40}, "is not as it was written"), ({"steps": True}, "steps must be a whole number, not true"),
     ({"steps": -1}, "steps must be at least 0"), ({"steps": 1e400}, "steps must be a whole number")],
)  # fmt: skip
def test_an_edited_number_of_steps_ends_no_training_early(tmp_path, edited, said):
    config = TrainVae(max_steps=400, finish_minutes=1)
    pace = Pace(tmp_path, 0, processes=1)
    pace._decide(300)
    assert pace.resolved(config, 60).max_steps == 300
    edit(tmp_path / DECIDED, **edited)
    with pytest.raises(InconsistentError, match=f"{said}.*: remove it"):
        pace.resolved(config, 60)


def test_a_shard_that_lies_in_another_frame_than_the_template_there_is_told(tmp_path):
    file = tmp_path / "template.nii.gz"
    file.write_bytes(b"one frame")
    before = sha256(file)
    require_same_template(before, tmp_path)
    require_same_template(None, tmp_path)
    file.write_bytes(b"another")
    with pytest.raises(InconsistentError, match=r"template\.nii\.gz is not as it was written, .*: put it back, or rem"):
        require_same_template(before, tmp_path)


class _StopError(Exception):
    """Somebody pulled the plug."""


def items(numbers):
    return torch.tensor([[float(number), 0.5] for number in numbers])


@pytest.fixture
def grown(tmp_path):
    """An array that grew to 8 of 11 items."""

    def until_8(numbers, read):
        if numbers.start == 8:
            raise _StopError
        return read

    with pytest.raises(_StopError):
        encoded(tmp_path / "a.npy", COUNT, items, make=until_8, tell=lambda *_: None)
    return tmp_path / "a.growing"


def go_on(grown):
    """What the array is in the end, and from which items on it was made."""
    asked = []

    def make(numbers, read):
        asked.append(numbers.start)
        return read

    whole = encoded(grown.with_name("a.npy"), COUNT, items, make=make, tell=lambda *_: None)
    assert sorted(file.name for file in grown.parent.iterdir()) == ["a.npy", "a.sha256"]
    return np.array(whole), asked


def test_an_array_goes_on_where_it_stopped(grown):
    whole, asked = go_on(grown)
    assert np.array_equal(whole[:, 0], np.arange(COUNT)) and asked == [8]


@pytest.mark.parametrize(
    ("place", "first"), [(20, 0), (127, 0), (128, 0), (140, 0), (144, 4), (159, 4)]
)  # a header of 128 bytes, and two steps of 16
def test_what_was_damaged_of_an_array_that_grows_is_made_again_from_there_on(grown, place, first):
    content = bytearray(grown.read_bytes())
    assert len(content) == 160
    content[place] ^= 1
    grown.write_bytes(content)
    whole, asked = go_on(grown)
    assert np.array_equal(whole[:, 0], np.arange(COUNT)) and asked[0] == first


@pytest.mark.parametrize("kept", [0, 5, 12, 23, 24])
def test_checksums_that_were_cut_off_cost_the_steps_that_they_were_of(grown, kept):
    sums = grown.with_suffix(".sums")
    assert sums.stat().st_size == 24
    sums.write_bytes(sums.read_bytes()[:kept])
    whole, asked = go_on(grown)
    assert np.array_equal(whole[:, 0], np.arange(COUNT)) and asked[0] == 4 * (kept // 12)


def test_a_step_that_was_written_and_not_summed_up_is_made_again(grown):
    grown.write_bytes(grown.read_bytes() + b"\1" * 16)
    whole, asked = go_on(grown)
    assert np.array_equal(whole[:, 0], np.arange(COUNT)) and asked == [8]


@pytest.fixture
def kept(tmp_path):
    """Six weights worth 0.25, in a file."""
    network = nn.Linear(2, 2)
    nn.init.constant_(network.weight, 0.5)
    keep_best(network, tmp_path / "best.safetensors", 0.25)
    return tmp_path / "best.safetensors"


def test_the_best_weights_come_back_with_what_they_are_worth(kept):
    network = nn.Linear(2, 2)
    take_best(network, kept)
    assert read_best(kept).r2 == 0.25 and set(network.weight.ravel().tolist()) == {0.5}


def test_no_byte_of_the_best_weights_can_change_unseen(kept):
    whole = kept.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 4
        kept.write_bytes(changed)
        with pytest.raises(InconsistentError, match=f"remove {kept.parent}, and it is learnt again"):
            best_weights(kept)
    kept.write_bytes(whole)
    assert set(best_weights(kept)) == {"weight", "bias"}


def test_the_best_weights_of_another_network_are_told(kept):
    with pytest.raises(InconsistentError, match="is of another network"):
        take_best(nn.Linear(3, 2), kept)


def test_the_best_weights_of_an_earlier_version_have_no_digest(kept):
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, kept, metadata={"r2": "0.125"})
    assert read_best(kept).r2 == 0.125 and set(best_weights(kept)) == {"weight", "bias"}
    flip_a_bit(kept, 0.01)
    with pytest.raises(InconsistentError, match="cannot be read"):
        best_weights(kept)
