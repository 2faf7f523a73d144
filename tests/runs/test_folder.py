"""The run folder knows whether the same command has anything left to do, and files are complete or absent."""

import json

import pytest

from xrmri.config import Phantom, TrainLdm
from xrmri.errors import InputError, Signalled, StoppedEarly
from xrmri.runs.folder import begin, fingerprint
from xrmri.runs.record import read_record, require_finished
from xrmri.storage.files import complete_or_absent


def finish(folder, **settings):
    run = begin(folder, Phantom.load(**settings), {"nothing": "0"})
    with run:
        (folder / "result.txt").write_text("done")


def test_the_same_command_again_has_nothing_to_do_and_other_settings_are_refused_by_name(tmp_path):
    finish(tmp_path / "out", participants=3)
    assert begin(tmp_path / "out", Phantom.load(participants=3), {"nothing": "0"}) is None
    with pytest.raises(InputError, match="participants was 3, now 4"):
        begin(tmp_path / "out", Phantom.load(participants=4), {"nothing": "0"})
    with pytest.raises(InputError, match="input nothing has changed"):
        begin(tmp_path / "out", Phantom.load(participants=3), {"nothing": "1"})


def test_a_setting_that_changes_no_result_may_change_where_a_run_goes_on(tmp_path):
    with pytest.raises(StoppedEarly), begin(tmp_path, TrainLdm.load(), {}):
        raise StoppedEarly("saved")
    again = begin(tmp_path, TrainLdm.load(shard_optimiser=True), {})
    assert again.record.config["shard_optimiser"] is True
    with pytest.raises(InputError, match="seed was 0, now 1"):
        begin(tmp_path, TrainLdm.load(shard_optimiser=True, seed=1), {})


def test_force_clears_a_run_of_the_same_command_only(tmp_path):
    finish(tmp_path / "out")
    assert begin(tmp_path / "out", Phantom.load(participants=4), {}, force=True) is not None
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="was not written by xrmri"):
        begin(tmp_path / "mine", Phantom.load(), {}, force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_finished_folder_that_lost_a_file_goes_on(tmp_path):
    finish(tmp_path / "out")
    (tmp_path / "out" / "result.txt").unlink()
    assert begin(tmp_path / "out", Phantom.load(), {"nothing": "0"}) is not None


@pytest.mark.parametrize(
    ("error", "status"), [(None, "finished"), (StoppedEarly("saved"), "stopped"), (ValueError("bug"), "failed")]
)
def test_the_record_says_how_a_run_ended(tmp_path, error, status):
    run = begin(tmp_path / "out", Phantom.load(), {})
    try:
        with run:
            (tmp_path / "out" / "a.txt").write_text("a")
            if error:
                raise error
    except (StoppedEarly, ValueError):
        pass
    record = read_record(tmp_path / "out")
    assert record.status == status
    assert ("a.txt" in (record.outputs or {})) == (error is None)


def test_a_run_that_is_stopped_while_its_outputs_are_hashed_says_so_and_goes_on(tmp_path, monkeypatch):
    def signalled(folder):
        raise Signalled("SIGTERM")

    with monkeypatch.context() as patch, pytest.raises(Signalled), begin(tmp_path / "out", Phantom(), {}):
        (tmp_path / "out" / "a.txt").write_text("a")
        patch.setattr("xrmri.runs.folder.results", signalled)
    record = read_record(tmp_path / "out")
    assert (record.status, record.files, record.outputs) == ("stopped", ("a.txt",), None)
    with begin(tmp_path / "out", Phantom(), {}):
        pass
    assert read_record(tmp_path / "out").status == "finished"


def test_a_block_that_fails_leaves_no_file_and_keeps_the_old_one(tmp_path):
    file = tmp_path / "a.nii.gz"
    file.write_text("old")
    with pytest.raises(ValueError), complete_or_absent(file) as partial:
        partial.write_text("half")
        raise ValueError
    assert file.read_text(encoding="utf-8") == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.nii.gz"]


def test_a_fingerprint_follows_content_and_not_place(tmp_path):
    for name, text in [("a", "same"), ("b", "same"), ("c", "other")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text(text * 3)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b") != fingerprint(tmp_path / "c")


def test_an_unfinished_stage_is_refused_with_what_to_do(tmp_path):
    finish(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_bytes())
    (tmp_path / "out" / "run.json").write_text(json.dumps({**record, "status": "stopped"}))
    with pytest.raises(Exception, match="run `xrmri phantom` again to go on") as caught:
        require_finished(tmp_path / "out", "phantom")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"command": "phantom"}', "config is missing"),
        ('{"command": "phantom", "config": {}, "inputs": {}, "status": "done"}', "status must be one of running"),
        ('{"command": "phantom", "config": {}, "inputs": [], "status": "finished"}', "inputs must be an object"),
        ('{"command": 3, "config": {}, "inputs": {}, "status": "finished"}', "command must be a text, not 3"),
        ('{"command": "a", "command": "b"}', "gives 'command' twice"),
    ],
)
def test_a_damaged_record_is_told_in_one_line_with_what_to_do(tmp_path, text, words):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="remove the folder and run the command again") as told:
        read_record(tmp_path)
    assert words in str(told.value) and str(tmp_path / "run.json") in str(told.value) and "\n" not in str(told.value)


def test_the_run_json_of_another_program_is_none_of_ours(tmp_path):
    (tmp_path / "run.json").write_text('{"epochs": 3}')
    assert read_record(tmp_path) is None
    with pytest.raises(InputError, match="is not empty and was not written by xrmri"):
        begin(tmp_path, Phantom.load(), {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seconds": -1}, "seconds must be at least 0, not -1"),
        ({"shares": 0}, "shares must be at least 1, not 0"),
        ({"outputs": {"../a.txt": ""}}, 'it lists "../a.txt", which is not in its folder'),
        ({"files": ["a/../../b"]}, 'it lists "a/../../b", which is not in its folder'),
        ({"files": ["/etc/passwd"]}, 'it lists "/etc/passwd", which is not in its folder'),
        ({"files": ["a\0b"]}, "which is no text"),
        ({"unopened": ["a\ud800b"]}, "which is no text"),
    ],
)
def test_a_record_of_what_no_run_has_is_told_before_a_file_is_looked_at(tmp_path, change, words):
    finish(tmp_path / "out")
    file = tmp_path / "out" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change))
    for force in (False, True):
        with pytest.raises(InputError) as told:
            begin(tmp_path / "out", Phantom.load(), {"nothing": "0"}, force=force)
        assert words in str(told.value) and str(file) in str(told.value)
