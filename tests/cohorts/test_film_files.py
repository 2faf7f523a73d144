import errno
import os
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from xrmri.cohorts.film_files import find_films
from xrmri.data.radiograph import read_radiograph
from xrmri.errors import InputError


def dicom(file, description):
    """A DICOM file of four pixels."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    dataset.SeriesDescription, dataset.PatientID = description, "9000001"
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = np.arange(4, dtype=np.uint16).tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)
    return file


@pytest.mark.parametrize(
    ("description", "knees", "side"),
    [
        ("Bilateral PA Fixed Flexion Knee", 2, None),
        ("PA Fixed Flexion Left Knee ", 1, "left"),
        ("Some other film", None, None),
    ],
)
def test_a_file_promises_what_its_description_says(tmp_path, description, knees, side):
    (film,) = find_films([dicom(tmp_path / "001", description)])
    assert (film.name, film.knees, film.side) == ("001", knees, side)


def test_of_a_release_the_knee_films_are_taken_and_nothing_else(tmp_path):
    day = tmp_path / "00m" / "0.C.2" / "9000001" / "20050101"
    knee = dicom(day / "00000001" / "001", "Bilateral PA Fixed Flexion Knee")
    dicom(day / "00000002" / "001", "PA Bilateral Hand")
    (film,) = find_films([tmp_path])
    assert (film.file, film.name, film.knees) == (knee, "9000001-00m-00000001", 2)


def test_another_folder_is_walked_for_pictures_and_dicom_in_the_order_of_names(tmp_path):
    for name in ("b/one.PNG", "a/two.jpeg", "a/readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    dicom(tmp_path / "a" / "three", "")
    assert [film.name for film in find_films([tmp_path])] == ["a-three", "a-two", "b-one"]


def test_a_film_that_is_empty_or_packed_is_named_by_its_ending_and_left_for_its_reader_to_refuse(tmp_path):
    dicom(tmp_path / "a.dcm", "Bilateral PA Fixed Flexion Knee")
    others = {"b.dcm": b"", "c.DCM": b"cut", "d.dcm.gz": b"\x1f\x8b", "._a.dcm": b"x", "e.gz": b"x"}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    found = [film.file.name for film in find_films([tmp_path])]
    assert found == ["a.dcm", "b.dcm", "c.DCM", "d.dcm.gz"]
    for name in found[1:]:
        with pytest.raises(InputError, match=f"{name} "):
            read_radiograph(tmp_path / name)


def test_a_folder_without_films_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no film"):
        find_films([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        find_films([tmp_path / "none.png"])


def test_a_folder_that_cannot_be_entered_or_is_gone_by_then_is_named_and_the_films_beside_it_are_found(
    tmp_path, monkeypatch
):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "knee.png").write_bytes(b"x")
    scandir, seen = os.scandir, []

    def looked_into(folder):
        seen.append(folder)
        if folder == str(tmp_path / "b"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        entries = scandir(folder)
        if seen.count(str(tmp_path / "a")) == 2 and folder == seen[-1]:  # once to see that it is no release
            seen.clear()
            shutil.rmtree(tmp_path / "c")
        return entries

    monkeypatch.setattr(os, "scandir", looked_into)
    assert [film.file for film in find_films([tmp_path])] == [
        tmp_path / "a" / "knee.png", tmp_path / "b", tmp_path / "c",
    ]  # fmt: skip
    with pytest.raises(InputError, match="c does not exist"):
        read_radiograph(tmp_path / "c")
