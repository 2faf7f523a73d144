"""What could not be opened is looked at again by the same command; what is damaged is not."""

import os
import shutil
from pathlib import Path

import pytest

from tests.stages.own_cohort import lay_cohort, write_manifest
from xrmri.cohorts.pairing import NOT_NEEDED
from xrmri.errors import InputError
from xrmri.evaluation.inputs import Inputs, to_look_at_again
from xrmri.runs.record import RunRecord, read_record, write_record
from xrmri.storage.trouble import is_passing, opens, same_throughout, to_open_again

TINY = ["--preset", "tiny", "--device", "cpu", "--workers", "1", "--no-progress", "-q"]


def away(path: Path):
    """Take a file or folder away; returns what puts it back."""
    aside = path.with_name(f".{path.name}-away")
    path.rename(aside)
    return lambda: aside.rename(path)


def test_what_opens_is_whole_and_can_be_read(tmp_path):
    (tmp_path / "001").write_text("a")
    assert opens(tmp_path) and opens(tmp_path / "001")
    assert not opens(tmp_path / "002")
    (tmp_path / "002").symlink_to("nowhere")
    assert not opens(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert not opens(tmp_path / "pipe")  # nor is it waited for
    error = ValueError("not an image")
    assert not is_passing(error, tmp_path / "001") and is_passing(error, tmp_path / "003")
    error.__cause__ = PermissionError(13, "Permission denied")
    assert is_passing(error, tmp_path / "001")


def test_what_a_disk_did_not_give_once_is_looked_at_again_though_it_opens_by_now(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("a")
    reads = [tmp_path / "a.png", None, tmp_path / "b.png"]
    damaged, troubled = InputError("not an image"), InputError("cannot be read now")
    troubled.__cause__ = OSError(5, "Input/output error")
    assert to_open_again([], reads) == to_open_again([damaged], reads) == ()
    assert to_open_again([damaged, troubled], reads) == (str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    (tmp_path / "b.png").unlink()
    assert to_open_again([troubled], reads) == (str(tmp_path / "b.png"),)
    assert to_open_again([], reads) == ()


@pytest.fixture
def release(chain, tmp_path):
    shutil.copytree(chain.oai, tmp_path / "oai")
    return tmp_path / "oai"


def lost_while_reading(monkeypatch, lost: list[Path]):
    """Take a series away once the release has been searched, and put it back when the command is over."""
    from xrmri.building import cohort

    search, back = cohort.search, []

    def searched(*given):
        found = search(*given)
        back.extend(away(path) for path in lost)
        return found

    monkeypatch.setattr(cohort, "search", searched)
    return back


def test_a_series_that_was_away_while_a_dataset_was_built_is_in_it_after_the_same_command(
    release, chain, xrmri, tmp_path, monkeypatch
):
    series = next(path for path in sorted(release.glob("00m/0.C.2/*/*/*")) if len(list(path.iterdir())) == 80)
    build = ["build-dataset", release, "--knees", chain.knees, "-o", tmp_path / "dataset", *TINY, "--max-rejected", 1]
    with monkeypatch.context() as patch:
        back = lost_while_reading(patch, [series])
        said = xrmri(*build, "--json")
        assert said.code == 0 and said.result["counts"]["pairs"] == 9, said
        assert read_record(tmp_path / "dataset").unopened
        [put_back() for put_back in back]
    assert xrmri(*build, "--json").result["counts"]["pairs"] == 10
    assert xrmri(*build, "--json").result["status"] == "already done"


def test_a_series_that_was_away_while_its_shard_was_built_is_named_by_merge_and_in_the_dataset_after_the_same_command(
    release, chain, xrmri, tmp_path, monkeypatch
):
    series = next(path for path in sorted(release.glob("00m/0.C.2/*/*/*")) if len(list(path.iterdir())) == 80)
    out = tmp_path / "dataset"
    build = ["build-dataset", release, "--knees", chain.knees, "-o", out, *TINY, "--max-rejected", 1, "--json"]
    pairs = []
    for number in (0, 1):
        with monkeypatch.context() as patch:
            back = lost_while_reading(patch, [series])
            pairs.append(xrmri(*build, "--shard", f"{number}/2").result["counts"]["pairs"])
            [put_back() for put_back in back]
    merged = xrmri("build-dataset", out, "--merge", "--max-rejected", 1, "--json")
    assert merged.result["counts"]["pairs"] == 9 == sum(pairs)
    assert f"--shard I/2, I being {pairs.index(4)}, and then --merge again" in merged.err
    assert str(series.resolve()) in read_record(out).unopened
    again = xrmri(*build, "--shards", 2)
    assert again.code == 0 and again.result["counts"]["pairs"] == 10, again
    assert xrmri(*build, "--shards", 2).result["status"] == "already done"
    assert xrmri("build-dataset", out, "--merge", "--json").err == ""


def test_a_series_that_a_sheet_lists_and_the_disk_lacks_is_in_the_dataset_once_it_is_there(
    release, chain, xrmri, tmp_path
):
    series = [path for path in sorted(release.glob("00m/0.C.2/*/*/*")) if len(list(path.iterdir())) == 80][:2]
    build = ["build-dataset", release, "--knees", chain.knees, "-o", tmp_path / "dataset", *TINY, "--max-rejected", 1]
    put_back, put_files_back = away(series[0]), away(series[1])
    series[1].mkdir()
    said = xrmri(*build, "--json")
    assert said.code == 0 and said.result["counts"]["reasons"] == {"no files": 1, "not on disk": 1, NOT_NEEDED: 2}
    assert xrmri(*build, "--json").result["status"] == "already done"
    put_back()
    assert xrmri(*build, "--json").result["counts"]["pairs"] == 9
    series[1].rmdir()
    put_files_back()
    assert xrmri(*build, "--json").result["counts"]["pairs"] == 10
    assert xrmri(*build, "--json").result["status"] == "already done"


def test_files_of_a_table_that_were_away_are_in_the_dataset_once_they_are_there_and_damaged_ones_stay_out(
    xrmri, tmp_path
):
    rows = lay_cohort(tmp_path)
    (tmp_path / "mri" / "0.nii.gz").write_bytes(b"no volume")
    write_manifest(tmp_path / "cohort.csv", rows)
    out = tmp_path / "dataset"
    build = ["build-dataset", "--manifest", tmp_path / "cohort.csv", "-o", out, *TINY, "--max-rejected", 1, "--json"]
    volume, film = away(tmp_path / "mri" / "4.nii.gz"), away(tmp_path / "films" / "1.png")
    assert xrmri(*build).result["counts"]["pairs"] == 3
    assert xrmri(*build).result["status"] == "already done"
    assert set(read_record(out).unopened) == {str(tmp_path / "mri" / "4.nii.gz"), str(tmp_path / "films" / "1.png")}
    for put_back, pairs in ((volume, 4), (film, 5)):
        put_back()
        assert xrmri(*build).result["counts"]["pairs"] == pairs
        assert xrmri(*build).result["status"] == "already done"
    whole = tmp_path / "whole"
    assert xrmri(*build[:4], whole, *build[5:]).code == 0
    assert read_record(whole).outputs == read_record(out).outputs


def test_volumes_and_the_model_that_were_away_are_what_the_same_evaluation_looks_for(tmp_path):
    volumes, model = tmp_path / "volumes", tmp_path / "ldm"
    volumes.mkdir()
    (volumes / "a.nii.gz").write_text("a")
    outputs = dict.fromkeys(("a.nii.gz", "b.nii.gz", "b.json", "b.png"), "")
    record = RunRecord(command="generate", config={}, inputs={}, status="finished", outputs=outputs, model=str(model))
    write_record(volumes, record)
    inputs, files = Inputs(volumes=volumes, dataset=tmp_path), {"a": [volumes / "a.nii.gz"]}
    gone = [model / "xrmri.json", volumes / "b.json", volumes / "b.nii.gz"]
    assert to_look_at_again(inputs, files, []) == tuple(map(str, gone))
    assert str(volumes / "a.nii.gz") in to_look_at_again(inputs, files, ["a"])
    model.mkdir()
    for path in gone:
        path.write_text("b")
    assert to_look_at_again(inputs, files, []) == ()


def test_a_film_that_goes_or_is_replaced_while_it_is_read_is_trouble_that_passes(tmp_path):
    film = tmp_path / "a.png"
    for change, words in ((film.unlink, "it went, or was replaced"), (lambda: film.write_text("another"), "it went")):
        film.write_text("one")
        with pytest.raises(InputError, match=f"{film} cannot be read: {words}") as told, same_throughout(film):
            change()
        assert is_passing(told.value, film)
    with same_throughout(film):
        film.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="No such file"), same_throughout(tmp_path / "none.png"):
        (tmp_path / "none.png").read_text(encoding="utf-8")
    with pytest.raises(FileNotFoundError), same_throughout(film):  # of something else: no word about the film
        (tmp_path / "model").read_text(encoding="utf-8")


def test_a_radiograph_that_was_away_is_drawn_by_the_same_command_and_a_damaged_one_is_not_tried_again(
    chain, xrmri, tmp_path
):
    crops = sorted(chain.knees.glob("*.png"))[:2]
    for name, crop in zip(("a.png", "b.png"), crops, strict=True):
        shutil.copy(crop, tmp_path / name)
    (tmp_path / "c.png").write_text("not an image")
    films = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    draw = ["generate", *films, "--side", "right", "--model", chain.ldm, "-o", tmp_path / "v", *TINY]
    put_back = away(tmp_path / "b.png")
    assert xrmri(*draw, "--json").result["counts"] == {"asked": 3, "drawn": 1, "rejected": 2}
    put_back()
    assert xrmri(*draw, "--json").result["counts"] == {"asked": 3, "drawn": 2, "rejected": 1}
    assert xrmri(*draw, "--json").result["status"] == "already done"
