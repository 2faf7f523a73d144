"""Beyond one volume: another series' grid, a reading at every grade, pictures to look at, and a cohort in shards."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from tests.forked import on_two_processes
from tests.generation.made_model import SIZE, made_bundle, made_model
from tests.made_facts import MODEL_FACTS
from tests.stages.made_dataset import make_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.generation.job import Job
from xrmri.generation.share import Share, Undrawn, read_share
from xrmri.models.bundle import save_bundle
from xrmri.report.three_planes import NIIVUE_SHA256

FAST = ["--device", "cpu", "--no-progress", "--steps", "2", "--num-slices", "5"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return made_model(tmp_path_factory.mktemp("model") / "ldm")


@pytest.fixture(scope="module")
def knee(tmp_path_factory):
    y, x = np.mgrid[:224, :224] / 224
    pixels = ((0.3 + 0.5 * np.exp(-((x - 0.35) ** 2 + (y - 0.4) ** 2) / 0.05) + 0.2 * y) * 255).astype(np.uint8)
    file = tmp_path_factory.mktemp("knee") / "knee.png"
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def generate(xrmri, model):
    def call(*arguments, code=0):
        said = xrmri("generate", *arguments, "--model", model, *FAST)
        assert said.code == code, said.err
        return said

    return call


def voxels(file):
    return np.asarray(nibabel.load(file).dataobj, dtype=int)


def reference(file, size=(40, 36, 30), spacing=(1.0, 2.0, 2.5)):
    image = sitk.Image(*size, sitk.sitkInt16)
    image.SetSpacing(spacing)
    image.SetOrigin((12.0, -30.0, 45.0))
    sitk.WriteImage(image, str(file))
    return file


def test_like_gives_the_volume_the_grid_of_another_series_with_the_knee_in_its_middle(generate, knee, tmp_path):
    like = reference(tmp_path / "scan.nii.gz")
    generate(knee, "-o", tmp_path / "a.nii.gz", "--like", like)
    generate(knee, "-o", tmp_path / "own.nii.gz")
    found, wanted = nibabel.load(tmp_path / "a.nii.gz"), nibabel.load(like)
    assert found.shape == wanted.shape == (40, 36, 30)
    assert np.allclose(found.affine, wanted.affine, atol=1e-4)
    own = nibabel.load(tmp_path / "own.nii.gz")
    # The middle voxels of both grids are the same place of the knee.
    centre = sitk.ReadImage(str(tmp_path / "own.nii.gz"), sitk.sitkFloat32)
    shift = found.affine @ [19.5, 17.5, 14.5, 1] - own.affine @ [(SIZE - 1) / 2, (SIZE - 1) / 2, 2, 1]
    place = (found.affine @ [20, 18, 15, 1] - shift)[:3] * [-1, -1, 1]
    index = centre.TransformPhysicalPointToContinuousIndex(place.tolist())
    expected = centre.EvaluateAtContinuousIndex(index)
    assert found.get_fdata()[20, 18, 15] == pytest.approx(expected, abs=1.0)
    told = json.loads((tmp_path / "a.json").read_bytes())
    assert told["like"]["file"] == "scan.nii.gz" and told["position"].startswith("in the middle")


def test_like_takes_a_folder_with_one_dicom_series_and_refuses_one_without(generate, knee, tmp_path):
    (tmp_path / "series").mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(4):
        image = sitk.Image(20, 24, sitk.sitkUInt16) + number
        tags = {
            "0020|000e": "1.2.3.4", "0020|000d": "1.2.3", "0008|0060": "MR", "0028|0030": "1.5\\1.5",
            "0020|0013": str(number + 1), "0020|0032": f"5\\6\\{3 * number}", "0020|0037": "1\\0\\0\\0\\1\\0",
        }  # fmt: skip
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        image.SetSpacing((1.5, 1.5))
        writer.SetFileName(str(tmp_path / "series" / f"{number}.dcm"))
        writer.Execute(image)
    generate(knee, "-o", tmp_path / "a.nii.gz", "--like", tmp_path / "series")
    found = nibabel.load(tmp_path / "a.nii.gz")
    assert found.shape == (20, 24, 4)
    assert np.allclose(found.header.get_zooms(), (1.5, 1.5, 3.0))
    said = generate(knee, "-o", tmp_path / "b.nii.gz", "--like", tmp_path, code=2)
    assert "no DICOM series" in said.err and not (tmp_path / "b.nii.gz").exists()


def test_a_sweep_draws_each_grade_from_the_same_noise_and_the_difference_of_the_outermost(generate, knee, tmp_path):
    said = generate(knee, "-o", tmp_path / "a.nii.gz", "--sweep", "kl", "--json")
    assert said.result["sweep"] == "V00XRKL" and said.err.count("is drawn as a right knee") == 1
    drawn = [voxels(tmp_path / f"a_V00XRKL-{grade}.nii.gz") for grade in range(5)]
    difference = voxels(tmp_path / "a_V00XRKL-4-minus-0.nii.gz")
    assert np.array_equal(difference, drawn[4] - drawn[0]) and np.abs(difference).max() > 0
    generate(knee, "-o", tmp_path / "set.nii.gz", "--set", "kl=4")
    assert np.array_equal(voxels(tmp_path / "set.nii.gz"), drawn[4])
    told = json.loads((tmp_path / "a_V00XRKL-4-minus-0.json").read_bytes())
    assert told["synthetic"] is True and told["minuend"] == "a_V00XRKL-4.nii.gz"
    width, height = Image.open(tmp_path / "a_V00XRKL-4-minus-0.png").size
    assert width > 1200 and height > 6 * 208  # a row for each grade, and one for the difference
    assert told["largest_change"] > 0.001
    assert "already done" in generate(knee, "-o", tmp_path / "a.nii.gz", "--sweep", "kl").err
    assert "V00XRKL" in generate(knee, "-o", tmp_path / "b.nii.gz", "--sweep", "girth", code=2).err


def test_gif_and_html_show_every_slice_and_the_page_needs_no_network(generate, knee, tmp_path):
    import base64
    import re

    generate(knee, "-o", tmp_path / "a.nii.gz", "--gif", "--html")
    assert Image.open(tmp_path / "a.gif").n_frames == 5 + 3
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert base64.b64encode((tmp_path / "a.nii.gz").read_bytes()).decode() in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page)
    assert "default-src 'none'" in page and "not for diagnosis" in page
    assert "Image left is" not in page  # it would be true of some of the three planes only
    told = json.loads((tmp_path / "a.json").read_bytes())
    assert set(told["outputs"]) == {"a.nii.gz", "a.png", "a.gif", "a.html"}


def test_a_picture_asked_for_later_is_the_same_and_nothing_is_drawn_again(generate, knee, tmp_path, monkeypatch):
    dataset = make_dataset(tmp_path / "dataset", pairs=8, size=SIZE)
    generate(knee, "-o", tmp_path / "once.nii.gz", "--gif", "--html", "--samples", "2")
    generate(knee, "-o", tmp_path / "a.nii.gz", "--samples", "2")
    generate(dataset, "--split", "train", "-o", tmp_path / "out")
    monkeypatch.setattr(Job, "draw", lambda *given: pytest.fail("it was drawn again"))
    before = (tmp_path / "a.nii.gz").stat().st_mtime_ns
    said = generate(knee, "-o", tmp_path / "a.nii.gz", "--samples", "2", "--gif", "--html", "--json")
    assert said.result["status"] == "finished" and (tmp_path / "a.nii.gz").stat().st_mtime_ns == before
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "once.gif").read_bytes()
    assert "sample 1 of 2: one of the knees that fit" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert set(json.loads((tmp_path / "a.json").read_bytes())["outputs"]) >= {"a.nii.gz", "a.png", "a.gif", "a.html"}
    assert "already done" in generate(knee, "-o", tmp_path / "a.nii.gz", "--samples", "2", "--gif", "--html").err
    generate(dataset, "--split", "train", "-o", tmp_path / "out", "--gif")
    assert len(list((tmp_path / "out").glob("*.gif"))) == 6
    assert "5.gif" in json.loads((tmp_path / "out" / "run.json").read_bytes())["outputs"]
    assert "already done" in generate(dataset, "--split", "train", "-o", tmp_path / "out", "--gif").err


def test_a_picture_of_all_grades_says_what_it_shows_and_of_which_knee(generate, knee, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("xrmri.generation.sweep.write_effect", lambda file, *_, **words: drawn.append(words))
    monkeypatch.setattr("xrmri.generation.claim.sha256", lambda file: "0")
    generate(knee, "-o", tmp_path / "a.nii.gz", "--sweep", "V00XRJSM", "--samples", "2", "--side", "left")
    ((words),) = drawn
    assert words["title"].startswith("a, left knee: V00XRJSM at each grade, all else the same")
    shown, *doubts, by = words["note"].splitlines()  # a doubt, should there be one, has a line of its own
    assert len(doubts) <= 1
    assert shown.startswith("Shown: sample 1 of 2: one of the knees that fit. Image left is the patient's right.")
    assert by.startswith("Drawn by xrmri") and by.endswith("Not for diagnosis.")
    told = json.loads((tmp_path / "a_V00XRJSM-3-minus-0.json").read_bytes())
    assert told["kind"] == "sample 1 of 2: one of the knees that fit" and told["side"] == "left"


def test_a_dry_run_of_a_sweep_names_every_file(generate, knee, tmp_path):
    said = generate(knee, "-o", tmp_path / "a.nii.gz", "--sweep", "kl", "--dry-run").out + "\n"
    assert "It would draw every grade of V00XRKL.\n" in said and "[" not in said
    for name in ("a_V00XRKL-0.nii.gz", "a_V00XRKL-4.png", "a_V00XRKL-4-minus-0.nii.gz", "a_V00XRKL-4-minus-0.png"):
        assert f"  {tmp_path / name}\n" in said
    assert not list(tmp_path.iterdir())


def test_several_volumes_are_not_written_under_the_name_of_one(generate, knee, tmp_path):
    other = tmp_path / "other.png"
    other.write_bytes(knee.read_bytes())
    for asked in ([knee, other], [knee, "--both"], [make_dataset(tmp_path / "dataset", size=SIZE)]):
        told = generate(*asked, "-o", tmp_path / "a.nii.gz", code=2).err
        assert "a.nii.gz names one volume, where there may be several: give a folder" in told
    assert not (tmp_path / "a.nii.gz").exists()
    told = generate(knee, "--both", "--sweep", "kl", code=2).err
    assert "--sweep takes one knee, and -o a .nii.gz file: give --side, and radiographs one by one" in told
    told = generate(knee, other, other, "-o", tmp_path / "out", code=2).err
    assert "two radiographs have the same name, other: rename one" in told
    told = generate(tmp_path, "-o", tmp_path / "out", code=2).err
    assert f"{tmp_path} is a folder, and no dataset: give radiographs, such as all its {tmp_path / '*.png'}" in told


def test_a_picture_of_somebody_elses_is_not_replaced_by_one_asked_for_later(generate, knee, tmp_path):
    generate(knee, "-o", tmp_path / "a.nii.gz")
    (tmp_path / "a.gif").write_bytes(b"mine")
    said = generate(knee, "-o", tmp_path / "a.nii.gz", "--gif", code=2)
    assert "was not written by xrmri" in said.err and (tmp_path / "a.gif").read_bytes() == b"mine"


def test_a_sweep_of_a_reading_that_the_model_is_not_told_says_that_it_changes_nothing(xrmri, model, knee, tmp_path):
    deaf = tmp_path / "deaf"
    facts = replace(MODEL_FACTS, denoiser=replace(MODEL_FACTS.denoiser, hidden_slots=tuple(range(65))))
    deaf.mkdir()
    save_bundle(deaf, replace(made_bundle(), facts=facts), card="# Made for a test\n")
    said = xrmri("generate", knee, "-o", tmp_path / "a.nii.gz", "--sweep", "V00XRJSM", "--model", deaf, *FAST)
    assert said.code == 0 and "--sweep V00XRJSM changes nothing that can be seen (0.0000 of the window)" in said.err
    assert json.loads((tmp_path / "a_V00XRJSM-3-minus-0.json").read_bytes())["largest_change"] == 0


def test_a_model_of_another_plane_than_the_datasets_is_refused_before_anything_is_drawn(xrmri, tmp_path):
    sagittal, dataset = tmp_path / "sagittal", make_dataset(tmp_path / "dataset", pairs=4, size=SIZE)
    sagittal.mkdir()
    bundle = replace(made_bundle(), facts=replace(MODEL_FACTS, plane="sagittal"))
    save_bundle(sagittal, bundle, card="# Made for a test\n")
    said = xrmri("generate", dataset, "--model", sagittal, "-o", tmp_path / "volumes", *FAST)
    assert said.code == 3 and not (tmp_path / "volumes").exists()
    assert f"{dataset} holds coronal slices, the model 'sagittal' draws sagittal ones" in said.err


def test_the_viewers_script_is_the_one_npm_has():
    import hashlib
    from importlib import resources

    script = (resources.files("xrmri.report") / "assets" / "niivue.umd.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == NIIVUE_SHA256
    assert b"</script" not in script


def test_shards_of_a_cohort_draw_what_one_process_draws_and_the_last_one_finishes_the_folder(
    generate, model, tmp_path, monkeypatch
):
    dataset = make_dataset(tmp_path / "dataset", pairs=8, size=SIZE)
    generate(dataset, "--split", "train", "-o", tmp_path / "whole")
    out = tmp_path / "shared"
    said = generate(dataset, "--split", "train", "-o", out, "--shard", "0/2", "--json")
    assert said.result["counts"] == {"asked": 3, "drawn": 3, "rejected": 0}
    assert json.loads((out / "run.json").read_bytes())["status"] == "running"
    assert "already done" in generate(dataset, "--split", "train", "-o", out, "--shard", "0/2").err
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    generate(dataset, "--split", "train", "-o", out)
    record = json.loads((out / "run.json").read_bytes())
    assert record["status"] == "finished" and record["counts"] == {"asked": 6, "drawn": 6, "rejected": 0}
    for number in range(6):
        assert (out / f"{number}.nii.gz").read_bytes() == (tmp_path / "whole" / f"{number}.nii.gz").read_bytes()
    assert (out / "rejected.csv").read_text(encoding="utf-8").splitlines() == ["name,reason"]


def test_a_resubmitted_part_of_an_array_keeps_its_numbers_in_the_whole(generate, model, tmp_path, monkeypatch):
    dataset, out = make_dataset(tmp_path / "dataset", pairs=8, size=SIZE), tmp_path / "volumes"

    def task(number, count, least):
        for name, value in {"ID": number, "COUNT": count, "MIN": least}.items():
            monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
        return generate(dataset, "--split", "train", "-o", out, "--json").result["counts"]["asked"]

    assert task(0, 3, 0) == 2
    assert [task(number, 2, 1) for number in (1, 2)] == [2, 2]
    assert len(list(out.glob("*.nii.gz"))) == 6
    assert json.loads((out / "run.json").read_bytes())["status"] == "finished"


def test_two_launched_processes_share_a_cohort_and_a_task_of_an_array_between_them(tmp_path):
    launched = [{"RANK": str(rank), "WORLD_SIZE": "2"} for rank in (0, 1)]
    assert [read_share(None, own, tmp_path) for own in launched] == [Share(number=n, count=2) for n in (0, 1)]
    assert read_share("2/3", launched[1], tmp_path) == Share(number=5, count=6)
    array = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "0"}
    assert read_share(None, array | launched[1], tmp_path) == Share(number=3, count=6)
    assert read_share(None, {}, tmp_path) is None and read_share("0/1", {}, tmp_path) == Share(number=0, count=1)


def test_what_shares_left_word_of_is_put_together_or_told_to_be_damaged(tmp_path):
    one, other = Share(number=0, count=2), Share(number=1, count=2)
    one.mark_done(tmp_path, {"a": "no knee"}, ())
    assert one.is_done(tmp_path) and not other.is_done(tmp_path) and one.left_out_by_all(tmp_path) is None
    other.mark_done(tmp_path, {"b": InputError("no side")}, ())
    assert one.left_out_by_all(tmp_path) == Undrawn(rejected={"a": "no knee", "b": "no side"})
    mark = tmp_path / "shards" / "1-of-2.json"
    mark.write_text('{"b": "by an earlier version"}')
    assert one.left_out_by_all(tmp_path) == Undrawn(rejected={"a": "no knee", "b": "by an earlier version"})
    for text, words in (('{"b": 7}', "rejected.b must be a text, not 7"), ("[", "is not JSON"), ("[]", "holds \\[]")):
        mark.write_text(text)
        with pytest.raises(InconsistentError, match=f"1-of-2.json.* {words}.*: remove it and run that share again"):
            one.left_out_by_all(tmp_path)


def test_a_share_that_could_not_open_something_is_drawn_again_once_that_opens(tmp_path):
    one, other, lost = Share(number=0, count=2), Share(number=1, count=2), tmp_path / "lost.h5"
    one.mark_done(tmp_path, {"a": "cannot be read"}, [str(lost)])
    other.mark_done(tmp_path, {}, ())
    assert one.is_done(tmp_path) and other.is_done(tmp_path)
    assert one.left_out_by_all(tmp_path) == Undrawn(rejected={"a": "cannot be read"}, unopened=(str(lost),))
    lost.write_text("back")
    assert not one.is_done(tmp_path) and other.is_done(tmp_path)


def test_volumes_drawn_by_two_launched_processes_are_those_of_one(generate, model, tmp_path):
    dataset = make_dataset(tmp_path / "dataset", pairs=8, size=SIZE)
    generate(dataset, "--split", "train", "-o", tmp_path / "one")
    command = ["generate", dataset, "--model", model, "--split", "train", *FAST, "-q", "-o", tmp_path / "two"]
    assert on_two_processes(*command).returncode == 0
    assert json.loads((tmp_path / "two" / "run.json").read_bytes())["status"] == "finished"
    for name in (f"{number}.nii.gz" for number in range(6)):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_shard_that_does_not_exist_and_one_of_a_radiograph_are_refused(generate, knee, tmp_path):
    dataset = make_dataset(tmp_path / "dataset", size=SIZE)
    assert "such as 0/4" in generate(dataset, "-o", tmp_path / "out", "--shard", "2/2", code=2).err
    assert "belong to a dataset" in generate(knee, "-o", tmp_path / "a.nii.gz", "--shard", "0/2", code=2).err
