"""--dicom: an MR series that lies where the NIfTI does, and says in every file that nobody was scanned."""

import json
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from tests.conftest import TINY
from tests.test_cli import one_line
from xrmri.data.volume import read_series
from xrmri.formats.nifti import geometry_of

OWNER = "Somebody^Real"


@pytest.fixture
def film(tmp_path, chain):
    """A DICOM film of a person with a name."""
    source = pydicom.dcmread(next(file for file in sorted((chain.oai / "00m").rglob("001")) if is_film(file)))
    source.PatientName, source.PatientBirthDate, source.InstitutionName = OWNER, "19500101", "General Hospital"
    source.StudyDate, source.AccessionNumber, source.PatientSex = "20200202", "ACC12345", "F"
    source.save_as(tmp_path / "film.dcm")
    return tmp_path / "film.dcm"


def is_film(file):
    return "Knee" in str(pydicom.dcmread(file, stop_before_pixels=True).get("SeriesDescription", ""))


def drawn(xrmri, chain, out, *options, source=None):
    """The folder of the DICOM series of a knee, and the files in it."""
    knee = source or next(chain.knees.glob("*_left.png"), next(chain.knees.glob("*.png")))
    said = xrmri("generate", knee, "--model", chain.ldm, "-o", out, "--dicom", *options, *TINY)
    assert said.code == 0, said.err
    folder = out.with_name(out.name.removesuffix(".nii.gz") + "_dicom")
    return folder, sorted(folder.glob("*.dcm"))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_series_opens_in_itk_with_the_voxels_and_the_affine_of_the_nifti(xrmri, chain, tmp_path, side):
    folder, files = drawn(xrmri, chain, tmp_path / "knee.nii.gz", "--side", side)
    assert [file.name for file in files] == [f"{number:04d}.dcm" for number in range(1, 7)]
    nifti, series = sitk.ReadImage(str(tmp_path / "knee.nii.gz")), sitk.ReadImage([str(file) for file in files])
    assert geometry_of(series).affine == pytest.approx(geometry_of(nifti).affine, abs=1e-4)
    assert np.array_equal(sitk.GetArrayFromImage(series), sitk.GetArrayFromImage(nifti))
    ordered = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))  # as viewers order them
    places = [sorted(map(tuple, geometry_of(one).corners_mm.round(3).tolist())) for one in (ordered, nifti)]
    assert places[0] == places[1]
    assert read_series(files, side, 6).volume.geometry.orientation == "AIL"


def test_a_series_on_the_grid_of_an_oblique_reference_lies_on_it(xrmri, chain, tmp_path):
    turned = sitk.Image(40, 30, 9, sitk.sitkInt16)
    turned.SetSpacing((3.0, 2.5, 4.0))
    turned.SetOrigin((10.0, -20.0, 30.0))
    turned.SetDirection(sitk.VersorTransform((0.3, 0.2, 0.5), 0.4).GetMatrix())
    sitk.WriteImage(turned, str(tmp_path / "like.nii.gz"))
    _, files = drawn(xrmri, chain, tmp_path / "knee.nii.gz", "--side", "right", "--like", tmp_path / "like.nii.gz")
    assert len(files) == 9
    series = sitk.ReadImage([str(file) for file in files])
    assert geometry_of(series).affine == pytest.approx(geometry_of(turned).affine, abs=1e-4)


def test_every_file_says_that_it_is_synthetic_and_none_whose_film_it_was(xrmri, chain, tmp_path, film):
    _, files = drawn(xrmri, chain, tmp_path / "knee.nii.gz", "--side", "right", source=film)
    header = pydicom.dcmread(film)
    theirs = {str(header.get(name)) for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")}
    assert len(theirs) == 3
    uids = set()
    for file in files:
        data, content = pydicom.dcmread(file), file.read_bytes()
        assert list(data.ImageType)[:2] == ["DERIVED", "SECONDARY"] and data.Modality == "MR"
        assert data.SeriesDescription.startswith("SYNTHETIC, NOT FOR DIAGNOSIS") and len(data.SeriesDescription) <= 64
        assert data.PatientName == "SYNTHETIC^NOT FOR DIAGNOSIS" and data.BurnedInAnnotation == "NO"
        assert b"xrmri synthetic; not for diagnosis" in content and data.Laterality == "R"
        for secret in (*theirs, OWNER, "Somebody", "19500101", "General Hospital", "20200202", "ACC12345", "film"):
            assert secret.encode() not in content.replace(b"radiograph", b""), secret
        uids.add(data.SOPInstanceUID)
    assert len(uids) == 6


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="no dicom3tools on this machine")
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_validator_of_dicom_finds_no_error(xrmri, chain, tmp_path, film, side):
    _, files = drawn(xrmri, chain, tmp_path / "knee.nii.gz", "--side", side, "--as-is", source=film)
    for command in [["dcentvfy", *files], *(["dciodvfy", "-new", file] for file in files)]:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        told = (said.stdout + said.stderr).splitlines()
        assert not [line for line in told if line and "DICOMDIR" not in line and line != "MRImage"]


def test_the_same_command_gives_the_same_bytes_and_another_seed_another_study(xrmri, chain, tmp_path):
    one, other, third = (
        [file.read_bytes() for file in drawn(xrmri, chain, tmp_path / name / "a.nii.gz", "--seed", seed)[1]]
        for name, seed in (("first", 0), ("second", 0), ("third", 1))
    )
    assert one == other and one[0] != third[0]
    studies = {pydicom.dcmread(tmp_path / n / "a_dicom" / "0001.dcm").StudyInstanceUID for n in ("first", "third")}
    assert len(studies) == 2


def test_samples_mean_and_deviation_are_series_of_one_study(xrmri, chain, tmp_path):
    drawn(xrmri, chain, tmp_path / "k.nii.gz", "--samples", 2)
    headers = [pydicom.dcmread(tmp_path / f"k{name}_dicom" / "0003.dcm") for name in ("", "_sample-2", "_mean", "_std")]
    assert len({one.StudyInstanceUID for one in headers}) == 1
    assert [one.SeriesNumber for one in headers] == [1, 2, 3, 4]
    assert len({one.SeriesInstanceUID for one in headers}) == 4
    said = [one.SeriesDescription.split(": ")[1].split(",")[0] for one in headers]
    assert said == ["sample 1", "sample 2", "mean", "standard deviation"]


def test_the_sidecar_vouches_for_the_series_and_a_stranger_in_its_folder_is_left_alone(xrmri, chain, tmp_path):
    out = tmp_path / "knee.nii.gz"
    folder, files = drawn(xrmri, chain, out)
    listed = json.loads((tmp_path / "knee.json").read_bytes())["outputs"]
    assert {f"knee_dicom/{file.name}" for file in files} <= set(listed)
    again = ["generate", next(chain.knees.glob("*_left.png"), next(chain.knees.glob("*.png"))), "--model", chain.ldm]
    again += ["-o", out, "--dicom", *TINY]
    before = files[0].stat().st_mtime_ns
    assert "already done" in xrmri(*again, "--json").out and files[0].stat().st_mtime_ns == before
    files[2].unlink()
    assert xrmri(*again).code == 0 and files[2].is_file()
    shutil.rmtree(folder)
    assert xrmri(*again).code == 0 and len(list(folder.iterdir())) == 6
    (folder / "0007.dcm").write_text("mine")
    assert "0007.dcm exists and was not written by xrmri" in one_line(xrmri(*again, "--force"))
    assert (folder / "0007.dcm").read_text(encoding="utf-8") == "mine"
    (folder / "0007.dcm").unlink()
    fewer = xrmri(*again, "--force", "--num-slices", 4)
    assert fewer.code == 0 and len(list(folder.iterdir())) == 4


def test_a_dataset_gets_a_series_for_each_volume_and_a_cohort_by_them_is_synthetic(xrmri, chain, tmp_path):
    said = xrmri("generate", chain.dataset, "--model", chain.ldm, "--dicom", "-o", tmp_path / "volumes", *TINY)
    assert said.code == 0, said.err
    folders = sorted((tmp_path / "volumes").glob("*_dicom"))
    assert folders and len(folders) == len(list((tmp_path / "volumes").glob("*.nii.gz")))
    outputs = json.loads((tmp_path / "volumes" / "run.json").read_bytes())["outputs"]
    assert all(f"{folder.name}/0001.dcm" in outputs for folder in folders)
    row = f"P1,right,{next(chain.knees.glob('*.png'))},{folders[0]},joint"
    (tmp_path / "own.csv").write_text(f"participant,side,radiograph,mri,crop\n{row}\n")
    built = xrmri("build-dataset", "--manifest", tmp_path / "own.csv", "-o", tmp_path / "own", *TINY)
    assert built.code == 0, built.err
    facts = json.loads((tmp_path / "own" / "dataset.json").read_bytes())
    assert facts["is_synthetic"] and facts["slices"] == 4
