"""A volume is scored as it was drawn or not at all; one of somebody else's is taken as it is."""

import gzip
import json
import math

import nibabel
import pytest

from tests.stages.made_cohort import blurred, generate, pair_id, write_cohort
from xrmri.data.drawn import require_as_drawn
from xrmri.errors import InconsistentError, InputError
from xrmri.evaluation.comparison import window_of
from xrmri.generation.claim import claimed, is_whole, read_claim
from xrmri.storage.files import sha256, write_json

ADVICE = "generate the volume again, or copy it and its sidecar again"


@pytest.fixture
def drawn(tmp_path):
    """A volume with the sidecar that xrmri writes, and the run.json of its folder."""
    file = generate(tmp_path / "volumes", 1, blurred(1))
    sidecar = file.with_name(f"{pair_id(1)}.json")
    told = json.loads(sidecar.read_bytes()) | {"synthetic": True}
    sidecar.unlink()
    content = file.read_bytes()
    file.unlink()
    with claimed(sidecar, told, [file]):
        file.write_bytes(content)
    outputs = {one.name: sha256(one) for one in (file, sidecar)}
    record = {"command": "generate", "config": {}, "inputs": {}, "outputs": outputs, "status": "finished"}
    write_json(file.with_name("run.json"), record)
    return file, sidecar


def _brighter(file):
    image = nibabel.load(file)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata() * 1.1, image.affine), file)


def _sloped(file):
    content = bytearray(gzip.decompress(file.read_bytes()))
    content[112:116] = b"\0\0\0@"  # 2.0
    file.write_bytes(gzip.compress(bytes(content)))


def test_a_volume_as_it_was_drawn_is_taken(drawn):
    require_as_drawn(drawn[0])
    assert is_whole(drawn[1])


@pytest.mark.parametrize("change", [_brighter, _sloped])
@pytest.mark.parametrize("alone", [False, True])
def test_voxels_that_changed_are_told_by_the_sidecar_and_by_run_json(drawn, change, alone):
    file, sidecar = drawn
    change(file)
    if alone:
        file.with_name("run.json").unlink()
    with pytest.raises(InconsistentError) as told:
        require_as_drawn(file)
    assert str(told.value) == f"{file} is not as it was written, changed or damaged: {ADVICE}"
    assert not is_whole(sidecar)


@pytest.mark.parametrize("edit", [{"window": [0, 500]}, {"window": [0, math.inf]}, {"trained_on": "patients"}])
def test_an_edited_sidecar_is_told_and_is_no_finished_work(drawn, edit):
    file, sidecar = drawn
    sidecar.write_text(json.dumps(json.loads(sidecar.read_bytes()) | edit))
    with pytest.raises(InconsistentError, match="is not as it was written, edited or damaged"):
        require_as_drawn(file)
    assert not is_whole(sidecar)


def test_a_sidecar_that_is_gone_is_told(drawn):
    drawn[1].unlink()
    with pytest.raises(InconsistentError) as told:
        require_as_drawn(drawn[0])
    assert str(told.value) == f"{drawn[1]} is missing: {ADVICE}"


def test_a_strangers_volume_is_taken_but_not_a_window_that_cannot_be(tmp_path):
    file = generate(tmp_path / "volumes", 1, blurred(1), window=(0, 2000))
    require_as_drawn(file)
    assert window_of(file, (0, 1)) == (0, 2000)
    for window in ([0, math.inf], [math.nan, 1], [5, 5], [9, 1], "x", 3, None, "12", [False, True], [0, 10**400]):
        write_json(file.with_name(f"{pair_id(1)}.json"), {"window": window})
        with pytest.raises(InputError, match="the window in its sidecar is"):
            window_of(file, (0, 1))


def test_evaluate_leaves_a_changed_volume_out_and_says_so(xrmri, drawn, tmp_path):
    write_cohort(tmp_path / "dataset")
    for number in (2, 3):
        generate(tmp_path / "volumes", number, blurred(number))
    _brighter(drawn[0])
    ended = xrmri("evaluate", tmp_path / "volumes", tmp_path / "dataset", "--quick", "--workers", 1,
                  "-o", tmp_path / "evaluation")  # fmt: skip
    told = f"warning: {pair_id(1)} is left out: {drawn[0].name} is not as it was written"
    assert ended.code == 0 and told in ended.err
    told = (tmp_path / "evaluation" / "volumes.csv").read_text(encoding="utf-8")
    assert "is not as it was written" in told


def test_evaluate_tells_of_two_volumes_of_one_pair_and_of_sidecars_that_are_gone(xrmri, tmp_path):
    write_cohort(tmp_path / "dataset")
    files = [generate(tmp_path / "volumes" / "a", number, blurred(number)) for number in (1, 2, 3)]
    generate(tmp_path / "volumes" / "b", 2, blurred(2, seed=9))
    files[0].with_name(f"{pair_id(1)}.json").unlink()
    ended = xrmri("evaluate", tmp_path / "volumes", tmp_path / "dataset", "--quick", "--workers", 1,
                  "-o", tmp_path / "evaluation")  # fmt: skip
    assert ended.code == 0
    name = f"{pair_id(2)}.nii.gz"
    both = f"{pair_id(2)} is left out: 2 files that differ name this pair: a/{name}, b/{name}"
    assert both in ended.err
    assert f"1 of 3 volumes have no sidecar, {pair_id(1)}.nii.gz first: they are scored over the window of" in ended.err


@pytest.mark.parametrize("name", ["thesis.docx", "", "..", "../a_mri.png", "a_dicom/..", "a_dicom/1/2", "/etc/passwd"])
def test_a_sidecar_that_lists_what_is_not_of_its_volume_is_no_sidecar_of_ours_and_claims_nothing(tmp_path, name):
    thesis, sidecar = tmp_path / "thesis.docx", tmp_path / "a.json"
    thesis.write_text("mine")
    write_json(sidecar, {"synthetic": True, "outputs": {"a.nii.gz": "", name: ""}})
    assert read_claim(sidecar) == {} and not is_whole(sidecar)
    with pytest.raises(InputError, match="a.json exists and was not written by xrmri"), claimed(sidecar, {}, []):
        pass
    assert thesis.read_text(encoding="utf-8") == "mine"
    write_json(sidecar, {"synthetic": True, "outputs": {"a_std.nii.gz": "", "a_dicom/001.dcm": ""}})
    assert read_claim(sidecar)["outputs"] == {"a_std.nii.gz": "", "a_dicom/001.dcm": ""}
