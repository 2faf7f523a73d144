"""A folder laid out as BIDS is a cohort: its names and tables make the rows that a person would have written."""

import csv

import pytest

from tests.conftest import TINY
from tests.stages.own_cohort import knee, write_image, write_joint
from tests.stages.test_own_cohort import rejected
from tests.test_cli import one_line
from xrmri.data.store import open_dataset
from xrmri.storage.files import sha256


def write_tsv(file, rows):
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def study(tmp_path):
    """Four participants, two with sessions; a left and a right knee of the first on one film without a side."""
    root, splits = tmp_path / "study", ("train", "train", "val", "test")
    for person in range(4):
        session = "" if person < 2 else "ses-24m"
        label = f"sub-P{person}" + f"_{session}" * bool(session)
        folder = root / f"sub-P{person}" / session
        for name in ("anat", "xray"):
            (folder / name).mkdir(parents=True)
        side = ("side-right", "hemi-L")[person % 2]
        write_image(folder / "anat" / f"{label}_{side}_acq-cor_T1w.nii.gz", knee(person))
        write_joint(folder / "xray" / f"{label}{'' if person == 0 else '_' + side}_xray.png", person)
    write_image(root / "sub-P0" / "anat" / "sub-P0_side-left_acq-cor_T1w.nii.gz", knee(7))
    told = {"sex": "F", "bmi": "n/a", "crop": "joint"}
    people = [{"participant_id": f"sub-P{n}", "age": 50 + n, "split": splits[n]} | told for n in range(4)]
    write_tsv(root / "participants.tsv", people)
    read = [{"participant_id": f"sub-P{n}", "session_id": "" if n < 2 else "ses-24m", "side": "RL"[n % 2], "KL": n}
            for n in range(4)]  # fmt: skip
    write_tsv(root / "phenotype" / "readings.tsv", read)
    return root


def built(xrmri, study, *options):
    out = study.parent / "dataset"
    return out, xrmri("build-dataset", study, "-o", out, *TINY, *options)


def test_names_and_tables_of_a_bids_folder_make_the_pairs(xrmri, study):
    (study / "sub-P3" / "ses-24m" / "anat" / "sub-P3_ses-24m_T1w.nii.gz").write_bytes(b"no side")
    visits = [{"session_id": f"ses-{month}", "age": age, "bmi": 28.5} for month, age in (("00m", 53), ("24m", 55))]
    write_tsv(study / "sub-P3" / "sub-P3_sessions.tsv", visits)
    out, said = built(xrmri, study)
    assert said.code == 0, said.err
    data = open_dataset(out)
    assert data.pairs() == ["P0_00m_left", "P0_00m_right", "P1_00m_left", "P2_24m_right", "P3_24m_left"]
    assert data.pairs("val") == ["P2_24m_right"] and data.pairs("test") == ["P3_24m_left"]
    assert [data.grades(pair_id)["V00XRKL"] for pair_id in data.pairs()] == [None, 0, 1, 2, 3]
    assert data.covariates("P2_24m_right") == {"age": 52.0, "sex": "female", "bmi": None}
    assert data.covariates("P3_24m_left") == {"age": 55.0, "sex": "female", "bmi": 28.5}
    ((series, reason),) = rejected(study).items()
    assert series == "sub-P3/ses-24m/anat/sub-P3_ses-24m_T1w.nii.gz" and "nothing stands in side" in reason


def test_maps_beside_an_mri_are_none_and_of_several_radiographs_the_one_that_a_table_names_counts(xrmri, study):
    first = study / "sub-P1" / "anat" / "sub-P1_hemi-L_acq-cor_T1w.nii.gz"
    for suffix in ("desc-bone_mask", "desc-bone_dseg", "desc-bone_probseg"):
        (first.parent / f"sub-P1_hemi-L_acq-cor_{suffix}.nii.gz").write_bytes(first.read_bytes())
    film = study / "sub-P1" / "xray" / "sub-P1_hemi-L_xray.png"
    write_joint(film.with_name("sub-P1_hemi-L_acq-lateral_xray.png"), 77)
    out, said = built(xrmri, study, "--dry-run", "--json")
    assert said.code == 0 and said.result["counts"]["pairs"] == 5 and "several MRI" not in said.err
    told = "some knees have several radiographs, such as sub-P1_hemi-L_acq-lateral_xray.png and sub-P1_hemi-L_xray.png"
    assert f"{told}: the first by name counts; a column radiograph in phenotype names one" in said.err
    named = {"participant_id": "P1", "side": "left", "radiograph": film.relative_to(study).as_posix()}
    write_tsv(study / "phenotype" / "views.tsv", [named])
    out, said = built(xrmri, study)
    assert said.code == 0, said.err
    data = open_dataset(out)
    assert data.index.at["P1_00m_left", "source_radiograph_sha256"] == sha256(film)


def test_a_table_that_calls_people_otherwise_than_the_folders_is_told(xrmri, study):
    write_tsv(study / "participants.tsv", [{"participant_id": n, "age": 50} for n in range(4)])
    _, said = built(xrmri, study, "--dry-run")
    told = "study/participants.tsv tells of none of the people there: it calls them 0, 1, the folders P0, P1"
    assert told in said.err
    assert "readings.tsv tells of none" not in said.err


def test_of_several_mri_of_a_knee_the_one_that_is_wanted_counts_and_else_the_first_is_told(xrmri, study):
    write_image(study / "sub-P1" / "anat" / "sub-P1_hemi-L_acq-sag_PDw.nii.gz", knee(1))
    _, said = built(xrmri, study, "--dry-run", "--json", "--series", "acq-cor")
    assert said.result["counts"]["pairs"] == 5 and "several MRI" not in said.err
    _, said = built(xrmri, study, "--dry-run", "--json")
    assert said.result["counts"]["pairs"] == 5
    assert "some knees have several MRI, such as sub-P1_hemi-L_acq-cor_T1w.nii.gz and" in said.err
    told = one_line(built(xrmri, study, "--series", "FLAIR")[1])
    assert "none of its MRI is called 'FLAIR': it has sub-P0_side-left_acq-cor_T1w.nii.gz" in told


def test_a_template_of_another_contrast_is_told_in_one_line(xrmri, study, chain):
    carrier = study.parent / "carrier"
    carrier.mkdir()
    (carrier / "template.nii.gz").write_bytes(b"")
    (carrier / "dataset.json").write_bytes((chain.dataset / "dataset.json").read_bytes())
    _, said = built(xrmri, study, "--frame", "knee", "--template", carrier)
    assert said.code == 2  # it is no template, but is told to be another's before
    assert f"--template {carrier} is of another contrast: it is the mean of FLASH" in said.err
