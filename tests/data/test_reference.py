"""A reference grid is where ITK and nibabel say, or is refused for the true reason."""

import gzip
import os
import shutil
from io import BytesIO

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread, dcmwrite

from tests.faults.refusal import refusal
from tests.stages.other_hand import Mr, mr_files
from tests.stages.own_cohort import knee, write_enhanced
from xrmri.data.reference import read_reference
from xrmri.formats.nifti import from_image, read_volume
from xrmri.pretrained import BUNDLED_DETECTOR

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
SERIES = mr_files(Mr(slices=8, backwards=True), "9000001")
AFFINE = np.array([[-3.5, 0, 0, 70], [0, 3.6, 0, -35], [0, 0, 3.4, -75], [0, 0, 0, 1.0]])
VOXELS = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(np.float32)


@pytest.fixture
def like(xrmri, tmp_path):
    """Ask for the grid of something; gives the outcome."""

    def call(path):
        return xrmri("generate", KNEE, "--like", path, "-o", tmp_path / "out.nii.gz", "--dry-run")

    return call


def series(folder, change=lambda number, content: content):
    """A folder with the series, each file changed by its number; one that becomes None is left out."""
    folder.mkdir()
    for number, (name, content) in enumerate(SERIES.items()):
        changed = change(number, content)
        if changed is not None:
            (folder / name).write_bytes(changed)
    return folder


def tagged(content, **tags):
    dataset = dcmread(BytesIO(content))
    for name, value in tags.items():
        setattr(dataset, name, value)
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def nifti(file, *, affine=AFFINE, codes=(1, 1), kind=nibabel.Nifti1Image, voxels=VOXELS):
    image = kind(voxels, affine)
    image.set_qform(affine if codes[0] else None, codes[0])
    image.set_sform(affine, codes[1])
    nibabel.save(image, file)
    return file


def test_a_series_lies_where_itk_says(tmp_path):
    folder = series(tmp_path / "a")
    (folder / "notes.txt").write_text("not a slice")
    ours = read_reference(folder).geometry
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    theirs = from_image(sitk.ReadImage(files), "right").geometry
    assert ours.shape == theirs.shape == (8, 32, 32)
    assert np.allclose(ours.affine, theirs.affine, atol=1e-4)


def test_a_series_in_one_file_lies_where_its_slices_say(tmp_path):
    write_enhanced(tmp_path / "a" / "1", knee())
    geometry, wanted = read_reference(tmp_path / "a").geometry, knee().geometry
    assert geometry.shape == wanted.shape
    assert geometry.spacing_mm == pytest.approx(wanted.spacing_mm, abs=1e-4)
    assert geometry.centre_mm == pytest.approx(wanted.centre_mm, abs=1e-4)
    assert np.abs(geometry.affine[:3, 1:3] - wanted.affine[:3, 1:3]).max() < 1e-4


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"NumberOfFrames": 99}, "it holds 92160 bytes where 99 images of 48 x 40 pixels need more"),
        ({"NumberOfFrames": 2**30}, "it says that it holds 1073741824 images: no series has more than 4096"),
        ({"PerFrameFunctionalGroupsSequence": None}, "no geometry: no file tells where its slice lies"),
    ],
)
def test_a_series_in_one_file_that_lacks_what_it_says_is_no_grid(like, tmp_path, tags, said):
    write_enhanced(tmp_path / "a" / "1", knee())
    (tmp_path / "a" / "1").write_bytes(tagged((tmp_path / "a" / "1").read_bytes(), **tags))
    ended = like(tmp_path / "a")
    assert ended.code == 2 and said in refusal(ended)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n, c: None if n == 3 else c, "uneven spacing: 1.50 to 3.00 mm between slices"),
        (lambda n, c: tagged(c, EchoTime=str(10 + 10 * (n % 2))), "several echoes: 10 to 20 ms"),
        (lambda n, c: tagged(c, ImageOrientationPatient=None), "no geometry: no file tells where its slice lies"),
        (lambda n, c: tagged(c, SeriesInstanceUID=f"1.2.{n % 2}"), "holds 2 DICOM series"),
        (lambda n, c: c if n == 0 else None, "slice count: 1, where a grid needs two or more"),
        (lambda n, c: None, "holds no DICOM series"),
    ],
)
def test_a_series_that_has_no_one_grid_is_refused_for_the_true_reason(like, tmp_path, change, said):
    ended = like(series(tmp_path / "a", change))
    assert ended.code == 2 and said in refusal(ended)


def test_a_radiograph_is_no_grid(like, tmp_path):
    from tests.formats.encoded import dicom

    (tmp_path / "a").mkdir()
    dicom(tmp_path / "a" / "1.dcm")
    ended = like(tmp_path / "a")
    assert ended.code == 2 and "no geometry" in refusal(ended)


def test_names_that_are_not_utf_8_are_read(tmp_path):
    folder = series(tmp_path / "a")
    os.rename(os.fsencode(folder / "003"), os.fsencode(folder) + b"/\xff")
    assert read_reference(folder).geometry.shape == (8, 32, 32)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
def test_a_nifti_file_lies_where_nibabel_says_whatever_its_voxels(tmp_path, name):
    nifti(tmp_path / "a.nii.gz", voxels=np.where(VOXELS == 7, np.nan, VOXELS))
    if name == "a.nii":
        (tmp_path / name).write_bytes(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    elif name != "a.nii.gz":
        shutil.copy(tmp_path / "a.nii.gz", tmp_path / name)
    geometry = read_reference(tmp_path / name).geometry
    assert geometry.shape == (6, 5, 4)
    assert np.allclose(geometry.affine[:, [2, 1, 0, 3]], AFFINE, atol=1e-5)


def test_what_follows_a_packed_volume_is_passed_over(tmp_path):
    file = nifti(tmp_path / "a.nii.gz")
    file.write_bytes(file.read_bytes() + b"garbage!")
    assert np.array_equal(read_volume(file).voxels, VOXELS.T)
    parts = gzip.decompress(nifti(tmp_path / "b.nii.gz").read_bytes())
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(parts[:400]) + gzip.compress(parts[400:]))
    assert np.array_equal(read_volume(tmp_path / "b.nii.gz").voxels, VOXELS.T)


def _sheared():
    affine = AFFINE.copy()
    affine[0, 1] = 0.7
    return affine


def test_a_nifti_file_that_cannot_be_a_grid_is_refused_for_the_true_reason(like, tmp_path):
    packed = nifti(tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "packed.nii").write_bytes(packed)
    (tmp_path / "plain.nii.gz").write_bytes(gzip.decompress(packed))
    (tmp_path / "cut.nii.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "text.nii").write_text("no volume" * 99)
    said = {
        tmp_path / "packed.nii": "it is packed by gzip: name it .nii.gz",
        tmp_path / "cut.nii.gz": "is cut off",
        tmp_path / "text.nii": "it does not begin as NIfTI does",
        nifti(tmp_path / "two.nii.gz", kind=nibabel.Nifti2Image): "it is NIfTI-2: convert it to NIfTI-1",
        nifti(tmp_path / "sheared.nii.gz", affine=_sheared(), codes=(0, 1)): "its axes are not at right angles",
        nifti(tmp_path / "nowhere.nii.gz", codes=(0, 0)): "does not tell where its voxels lie",
    }
    for file, reason in said.items():
        ended = like(file)
        assert ended.code == 2 and reason in refusal(ended), ended.err
