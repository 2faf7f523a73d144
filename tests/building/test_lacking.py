"""A frame that was made while a training volume could not be opened does not stay: nothing of the trouble is kept."""

import shutil
from pathlib import Path

import pytest

from xrmri.building import frame
from xrmri.building.lacking import LACKING
from xrmri.runs.record import read_record

TINY = ["--preset", "tiny", "--device", "cpu", "--workers", "1", "--no-progress", "-q", "--frame", "knee", "--json"]


@pytest.fixture
def release(chain, tmp_path):
    shutil.copytree(chain.oai, tmp_path / "oai")
    return tmp_path / "oai"


@pytest.fixture
def away_while_the_frame_is_made(release, monkeypatch):
    """A block in which one series of the training split cannot be found while the frame is made; and which."""
    make = frame.make_frame
    gone = []

    def made_without(candidates, config, execution):
        splits = frame.planned_split_of(candidates, config)
        series = next(one.flash.path for one in candidates if splits[one.flash.participant] == "train")
        gone.append(series)
        aside = series.with_name("away")
        series.rename(aside)
        try:
            return make(candidates, config, execution)
        finally:
            aside.rename(series)

    with monkeypatch.context() as patch:
        patch.setattr(frame, "make_frame", made_without)
        yield patch, gone


def content(out: Path) -> dict[str, bytes]:
    names = ("template.nii.gz", "index.csv", "rejected.csv", "dataset.json")
    return {file.name: file.read_bytes() for file in [*(out / name for name in names), *out.glob("pairs-*")]}


def test_a_frame_that_lacks_a_volume_is_made_anew_by_the_same_command(
    release, chain, xrmri, tmp_path, away_while_the_frame_is_made
):
    patch, gone = away_while_the_frame_is_made
    out = tmp_path / "disturbed"
    (tmp_path / "few.toml").write_text("shares = [0.3, 0.1, 0.6]\n")
    build = ["build-dataset", release, "--knees", chain.knees, "--config", tmp_path / "few.toml", *TINY]
    said = xrmri(*build, "-o", out)
    assert said.code == 0 and said.result["counts"]["pairs"] == 10
    series = gone[0]
    warning = f"the frame lacks 1 training volumes that cannot be opened, the first {series.resolve()}: run the same"
    assert warning in said.err
    assert read_record(out).unopened == (str(series.resolve()),) and (out / LACKING).is_file()
    patch.undo()
    assert xrmri(*build, "-o", tmp_path / "whole").code == 0
    before, whole = content(out), content(tmp_path / "whole")
    assert before["template.nii.gz"] != whole["template.nii.gz"]
    again = xrmri(*build, "-o", out)
    assert (again.code, again.result["status"], again.err) == (0, "finished", "")
    assert content(out) == whole and not (out / LACKING).exists()
    assert xrmri(*build, "-o", out).result["status"] == "already done"


@pytest.mark.heavy
def test_shards_that_lie_in_another_frame_are_not_merged(
    release, chain, xrmri, tmp_path, away_while_the_frame_is_made
):
    patch, _ = away_while_the_frame_is_made
    out = tmp_path / "dataset"
    build = ["build-dataset", release, "--knees", chain.knees, *TINY, "-o", out]
    assert xrmri(*build, "--shard", "0/2").code == 0 and (out / LACKING).is_file()
    patch.undo()
    assert xrmri(*build, "--shard", "1/2").code == 0 and not (out / LACKING).exists()
    merged = xrmri("build-dataset", out, "--merge")
    assert merged.code == 3 and "has been made anew since: build it again with --shard 0/2" in merged.err
    assert xrmri(*build, "--shard", "0/2").result["status"] == "finished"
    assert xrmri(*build, "--shard", "1/2").result["status"] == "already done"
    assert xrmri("build-dataset", out, "--merge").code == 0
