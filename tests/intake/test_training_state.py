"""A training goes on from what it saved, or says which file has changed and what to do."""

import json

import numpy as np
import pytest
import torch

from tests.faults.models import flip_a_bit
from xrmri.errors import InconsistentError
from xrmri.learning.encoding import encoded as kept_array
from xrmri.runs.seals import sealed
from xrmri.storage.files import sha256
from xrmri.training.checkpoint import Checkpoint, latest_checkpoint, save_checkpoint
from xrmri.training.tracking import read_metrics

REMEDY = "remove that folder, and the run goes on from the one before"


@pytest.fixture
def run(tmp_path):
    """A run folder with a checkpoint after step 7."""
    tensors = {"a": torch.arange(6.0).reshape(2, 3)}
    state = {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    checkpoint = Checkpoint(
        step=7, weights=tensors, average=tensors, optimiser=state, losses=(0.5, 0.25), scaler={"scale": 2.0}
    )
    save_checkpoint(tmp_path, checkpoint)
    return tmp_path


@pytest.fixture
def folder(run):
    return run / "checkpoints" / "step-0000007"


def test_a_checkpoint_comes_back_as_it_was(run):
    found = latest_checkpoint(run)
    assert found.step == 7 and found.losses == (0.5, 0.25) and found.scaler == {"scale": 2.0}
    assert torch.equal(found.average["a"], torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("name", ["weights.safetensors", "average.safetensors", "optimiser.pt"])
def test_one_flipped_bit_of_a_checkpoint_is_told(run, folder, name):
    flip_a_bit(folder / name)
    with pytest.raises(InconsistentError) as told:
        latest_checkpoint(run)
    assert f"{folder / name} is not as it was written" in str(told.value) and str(told.value).endswith(REMEDY)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"step": 2}, "is not as it was written, edited or damaged"),
        ({"step": -1}, "step must be at least 0"),
        ({"step": "x"}, "step must be a whole number"),
        ({"losses": "x"}, 'losses must be a list, not "x"'),
        ({"losses": [None]}, "losses[0] must be a number"),
        ({"files": []}, "files must be an object"),
    ],
)
def test_an_edited_state_is_told(run, folder, edit, said):
    content = json.loads((folder / "state.json").read_bytes()) | edit
    (folder / "state.json").write_text(json.dumps(content))
    with pytest.raises(InconsistentError) as told:
        latest_checkpoint(run)
    assert said in str(told.value) and "\n" not in str(told.value)
    if "not as it was" not in said:
        (folder / "state.json").write_text(json.dumps(sealed(content)))
        with pytest.raises(InconsistentError):
            latest_checkpoint(run)


def test_a_checkpoint_that_lies_under_the_name_of_another_step_is_told(run, folder):
    folder.rename(run / "checkpoints" / "step-0000009")
    with pytest.raises(InconsistentError, match=r"step-0000009 is damaged \(it is of step 7\): remove that folder"):
        latest_checkpoint(run)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", "\xff"])
def test_a_state_that_is_no_document_is_told(run, folder, text):
    (folder / "state.json").write_text(text, encoding="latin-1")
    with pytest.raises(InconsistentError, match="state.json"):
        latest_checkpoint(run)


@pytest.mark.parametrize("change", [flip_a_bit, lambda file: file.write_bytes(file.read_bytes()[:-8])])
def test_latents_that_changed_are_told_and_untouched_ones_are_taken_again(tmp_path, change):
    def made(numbers):
        return torch.tensor([float(number) for number in numbers])[:, None]

    def encoded():
        return kept_array(tmp_path / "slices.npy", 10, made, tell=lambda *_: None)

    assert np.array_equal(encoded()[:, 0], np.arange(10)) and np.array_equal(encoded(), encoded())
    change(tmp_path / "slices.npy")
    with pytest.raises(InconsistentError, match=f"remove {tmp_path}, and it is encoded again"):
        encoded()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((10, 1), np.float32), r"holds float32 of \(10, 1\), not 10 latents"),
        (np.zeros((9, 1), np.float16), r"holds float16 of \(9, 1\), not 10 latents"),
        (np.array(None), "is no array"),
        (b"PK\3\4", "is no array"),
        (b"", "is no array"),
    ],
)
def test_somebodys_array_is_no_latents_though_its_hash_lies_beside_it(tmp_path, array, said):
    file = tmp_path / "slices.npy"
    file.write_bytes(array) if isinstance(array, bytes) else np.save(file, array)
    (tmp_path / "slices.sha256").write_text(sha256(file))
    with pytest.raises(InconsistentError, match=f"{said}.*remove {tmp_path}, and it is encoded again"):
        kept_array(file, 10, lambda numbers: torch.zeros(len(numbers), 1), tell=lambda *_: None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"loss": 1}', "is no row of this training"),
        ('{"step": 2}', "is no row of this training"),
        ("[1]", "is no row of this training"),
        ("foreign", "is not JSON"),
        ('{"step": 9, "loss": 0.\x0c}', "is not JSON"),  # not the end of a line, as some readers of text have it
        ("[" * 100_000, "is nested more than 32 deep"),
        ('{"step": 9, "loss": "x"}', 'has loss "x", which is no number'),
        ('{"step": 9, "loss": true}', "has loss true, which is no number"),
        ('{"step": 9, "loss": 1' + "0" * 30 + "}", "has loss 1000"),
    ],
)
def test_a_foreign_row_in_the_metrics_is_told_and_a_cut_one_is_not(tmp_path, line, said):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 5, "loss": 0.5}\n{"step": 6, "lo')
    assert read_metrics(file) == [{"step": 5, "loss": 0.5}]
    file.write_text('{"step": 5, "loss": 0.5}\n' + line + "\n")
    with pytest.raises(InconsistentError) as told:
        read_metrics(file)
    assert f"{file}, line 2, {said}" in str(told.value) and str(told.value).endswith("remove that line")
