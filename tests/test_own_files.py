"""No command replaces or removes a file that it did not write, and one process works in a folder at a time."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xrmri.config import Phantom
from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.runs.folder import begin
from xrmri.runs.holding import SILENT_S, held, here, hold
from xrmri.runs.record import read_record

CONFIG = Phantom.load()


def finish(folder):
    with begin(folder, CONFIG, {}):
        (folder / "result.csv").write_text("done")
        (folder / "cache").mkdir()
        (folder / "cache" / "numbers").write_text("1, 2")
    return folder


def again(folder, *, force=False):
    return begin(folder, CONFIG, {}, force=force)


def names(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_force_removes_what_the_record_lists_and_nothing_else(tmp_path):
    out = finish(tmp_path / "out")
    (out / "slurm-1.out").write_text("a batch system may write here")
    with again(out, force=True):
        assert names(out) == ["run.json", "run.lock", "slurm-1.out"]


@pytest.mark.parametrize("force", [True, False])
def test_a_file_of_somebody_elses_is_named_and_stays(tmp_path, force):
    out = finish(tmp_path / "out")
    (out / "result.csv").unlink()  # so that there is work to do
    (out / "mine.png").write_text("mine")
    before = names(out)
    with pytest.raises(InputError, match=r"mine\.png was not written by `xrmri phantom`: move it away"):
        again(out, force=force)
    assert names(out) == before


def test_force_believes_no_forged_record(tmp_path):
    out, other = tmp_path / "out", tmp_path / "thesis.txt"
    out.mkdir()
    (out / "mine.txt").write_text("years of work")
    other.write_text("more years")
    forged = {"command": "phantom", "status": "finished", "config": {}, "inputs": {}, "outputs": {}}
    (out / "run.json").write_text(json.dumps(forged))
    with pytest.raises(InputError, match="lists no files: remove the folder yourself"):
        again(out, force=True)
    (out / "mine.txt").unlink()
    (out / "run.json").write_text(json.dumps(forged | {"files": ["../thesis.txt", str(other)]}))
    with pytest.raises(InputError, match="which is not in its folder: remove the folder"):
        again(out, force=True)
    assert other.read_text(encoding="utf-8") == "more years"


def test_force_after_a_kill_leaves_the_folder_to_its_owner(tmp_path):
    run = again(tmp_path / "out")
    run.write()
    run.lock.release()  # as good as killed
    (tmp_path / "out" / "half.csv").write_text("")
    with pytest.raises(InputError, match="its run was killed and lists no files"):
        again(tmp_path / "out", force=True)
    assert again(tmp_path / "out") is not None


def test_nothing_is_written_or_removed_through_a_link(tmp_path):
    out, elsewhere = finish(tmp_path / "out"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "numbers").write_text("mine")
    (out / "cache" / "numbers").unlink()
    (out / "cache").rmdir()
    (out / "cache").symlink_to(elsewhere)
    (out / "result.csv").unlink()
    for force in (True, False):
        with pytest.raises(InputError, match="cache is a link to another folder"):
            again(out, force=force)
    assert (elsewhere / "numbers").read_text(encoding="utf-8") == "mine"


def test_an_output_folder_may_itself_be_a_link_and_stays_one(tmp_path):
    finish(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with again(tmp_path / "link", force=True) as run:
        (run.folder / "result.csv").write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "result.csv").read_text(encoding="utf-8") == "new"


def test_already_done_means_that_every_byte_is_as_written(tmp_path):
    out = finish(tmp_path / "out")
    assert again(out) is None
    (out / "result.csv").write_text("dOne")
    with pytest.raises(InconsistentError, match=r"result\.csv has changed since it was written: .* --force"):
        again(out)


def test_large_outputs_are_read_again_only_once_they_were_touched(tmp_path, monkeypatch):
    monkeypatch.setattr("xrmri.runs.outputs._HASHED_BYTES", 2)
    out = finish(tmp_path / "out")
    kept = (out / "result.csv").stat()
    (out / "result.csv").write_text("dOne")
    with pytest.raises(InconsistentError):
        again(out)
    os.utime(out / "result.csv", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert again(out) is None  # the price: who turns back the clock is believed


def test_what_a_killed_process_left_half_written_goes_and_is_never_a_result(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(StoppedEarly), again(out):
        raise StoppedEarly("killed")
    (out / "figures").mkdir()
    (out / "figures" / "psnr.host-12.partial.png").write_bytes(b"half")
    (out / "9000001.host-12.partial").mkdir()
    (out / "9000001.host-12.partial" / "001").write_bytes(b"half")
    with again(out):
        assert not list(out.rglob("*.partial*"))
        (out / "late.host-13.partial.csv").write_text("half")
    assert read_record(out).outputs == {} and names(out) == ["run.json"]


def test_a_second_process_is_told_who_is_at_work_and_a_dead_one_stops_nobody(tmp_path):
    out = tmp_path / "out"
    run = again(out)
    run.write()
    with pytest.raises(InputError, match=f"out is being worked on by process {os.getpid()} on "):
        again(out)
    lock = out / "run.lock"
    dead = json.loads(lock.read_bytes()) | {"began": "1"}  # the same number, but another process
    lock.write_text(json.dumps(dead))
    with again(out):
        assert json.loads(lock.read_bytes())["pid"] == os.getpid()
    assert not lock.exists()


def test_a_process_of_another_machine_counts_as_dead_once_it_is_silent(tmp_path):
    lock = tmp_path / "run.lock"
    lock.write_text(json.dumps({"place": "node17 pid:[1]", "pid": 1, "began": "1"}))
    with pytest.raises(InputError, match="by process 1 on node17"):
        hold(tmp_path)
    long_ago = time.time() - SILENT_S - 1
    os.utime(lock, (long_ago, long_ago))
    hold(tmp_path).release()


@pytest.mark.parametrize("text", ["", '{"place": "a", "pi', "[" * 100_000, '{"place": 1, "pid": "x", "began": []}',
                                  '{"place": "a", "pid": 99999999999999999999, "began": ""}'])  # fmt: skip
def test_a_lock_cut_off_by_a_full_disk_being_written_or_made_by_nobody_is_not_taken_at_once(tmp_path, text):
    lock = tmp_path / "run.lock"
    lock.write_text(text)
    with pytest.raises(InputError, match="by another process"):
        hold(tmp_path)
    os.utime(lock, (0, 0))
    hold(tmp_path).release()


def test_shares_stand_beside_each_other_but_not_beside_the_whole(tmp_path):
    first = hold(tmp_path, "0-of-2")
    second = hold(tmp_path, "1-of-2")
    with pytest.raises(InputError, match="is being worked on"):
        hold(tmp_path, "0-of-2")
    with pytest.raises(InputError, match="is being worked on"):
        hold(tmp_path)
    first.release()
    second.release()
    whole = hold(tmp_path)
    with pytest.raises(InputError, match="is being worked on"):
        hold(tmp_path, "0-of-2")
    whole.release()
    assert not list(tmp_path.iterdir()) and here()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder in which a person has a radiograph, its grades and other files of the same name."""
    monkeypatch.chdir(tmp_path)
    pixels = (np.random.default_rng(0).random((224, 224)) * 255).astype(np.uint8)
    for name in ("knee.png", "a.png", "a_mri.png"):
        Image.fromarray(pixels).save(name)
    Path("knee.json").write_text('{"kl": 2}')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["knee.png", "--features", "knee.json", "-o", "knee.nii.gz"], "knee.json would replace the input knee.json"),
        (["knee.png", "-o", "knee.nii.gz"], "knee.png would replace the input knee.png: .*such as knee_mri.nii.gz"),
        (["a.png"], "a_mri.png exists and was not written by xrmri: move it away"),
        (["a.png", "--sweep", "V00XRKL", "-o", "b.nii.gz"], "b_V00XRKL-4-minus-0.png exists and was not written"),
        (["a.png", "-o", "linked.nii.gz"], "linked.png would replace the input a.png"),
        (["a.png", "-o", ".nii.gz"], "-o .nii.gz has no name before its ending: give one"),
    ],
)
@pytest.mark.parametrize("force", [True, False])
def test_generate_replaces_neither_its_inputs_nor_what_it_did_not_write(desk, xrmri, chain, arguments, words, force):
    (desk / "b_V00XRKL-4-minus-0.png").write_text("mine")
    (desk / "linked.png").symlink_to("a.png")
    before = {file.name: file.read_bytes() for file in desk.iterdir()}
    model = ["--as-is", "--model", chain.ldm, "--preset", "tiny", "--no-progress"]
    said = xrmri("generate", *arguments, *model, *["--force"] * force)
    assert said.code == 2 and len(said.err.splitlines()) == 1 and re.search(words, said.err), said
    assert {file.name: file.read_bytes() for file in desk.iterdir()} == before


def test_force_draws_over_an_earlier_volume_and_takes_away_what_is_of_it_alone(desk, xrmri, chain):
    draw = ["generate", "a.png", "-o", "v.nii.gz", "--model", chain.ldm, "--preset", "tiny", "--no-progress"]
    assert xrmri(*draw, "--samples", 2).code == 0
    assert (desk / "v_sample-2.nii.gz").exists()
    assert "was drawn with other settings" in xrmri(*draw).err
    assert xrmri(*draw, "--force").code == 0
    assert sorted(file.name for file in desk.glob("v*")) == ["v.json", "v.nii.gz", "v.png"]
    flipped = bytearray((desk / "v.nii.gz").read_bytes())
    flipped[-9] ^= 1
    (desk / "v.nii.gz").write_bytes(flipped)
    assert "already done" not in xrmri(*draw).err and "already done" in xrmri(*draw).err


def test_a_volume_that_another_command_draws_is_not_drawn_at_the_same_time(desk, xrmri, chain):
    draw = ["generate", "a.png", "-o", "v.nii.gz", "--model", chain.ldm, "--preset", "tiny", "--no-progress", "-q"]
    before = {file.name: file.read_bytes() for file in desk.iterdir()}
    with held(desk, "v"):
        said = xrmri(*draw)
        assert said.code == 2 and len(said.err.splitlines()) == 1
        assert said.err.startswith(f"xrmri: v is being worked on by process {os.getpid()} on ")
    assert {file.name: file.read_bytes() for file in desk.iterdir()} == before
    with held(desk, "w"):  # of another volume beside it
        assert xrmri(*draw).code == 0


def test_what_a_command_reads_may_not_lie_in_its_output_folder(chain, xrmri, tmp_path):
    shutil.copytree(chain.knees, tmp_path / "kn")
    crop = next((tmp_path / "kn").glob("*.png"))
    said = xrmri("detect-knee", crop, "-o", tmp_path / "kn", "--side", "right", "--force")
    assert said.code == 2 and "lies in -o" in said.err and crop.exists()


@pytest.fixture(scope="module")
def own_chain(chain, tmp_path_factory):
    """A copy of the chain that a test may damage."""
    return type(chain)(shutil.copytree(chain.root, tmp_path_factory.mktemp("own") / "chain"))


@pytest.mark.parametrize("stage", ["knees", "dataset", "vae", "ldm", "volumes", "evaluation", "oai"])
def test_a_flipped_byte_in_any_finished_folder_is_found_by_the_same_command(own_chain, xrmri, monkeypatch, stage):
    folder = getattr(own_chain, stage)
    record = json.loads((folder / "run.json").read_bytes())
    monkeypatch.chdir(own_chain.root)
    name = max(record["outputs"], key=lambda name: (folder / name).stat().st_size)
    file = folder / name
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    try:
        file.write_bytes(flipped)
        said = xrmri(*record["command_line"][1:])
        assert said.code == 3 and len(said.err.splitlines()) == 1, said
        assert f"{name} has changed since it was written" in said.err and "--force" in said.err
    finally:
        file.write_bytes(whole)
