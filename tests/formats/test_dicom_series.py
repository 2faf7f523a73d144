"""A drawn series has what PS3.3 wants of a classic MR image, and lies where its volume does, in every plane."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from xrmri.formats.dicom_series import SeriesWords, write_series
from xrmri.formats.nifti import geometry_of
from xrmri.geometry import PLANES, Geometry
from xrmri.records import LEFT, RIGHT, Volume

VALUED = """SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality
    FrameOfReferenceUID ScanningSequence SequenceVariant ImagePositionPatient ImageOrientationPatient PixelSpacing
    SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
    PixelData""".split()
"""Type 1 in the modules of the MR Image IOD, and the 1C that its pixels ask for."""
THERE = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
    AccessionNumber SeriesNumber PositionReferenceIndicator Manufacturer InstanceNumber SliceThickness ScanOptions
    MRAcquisitionType EchoTime EchoTrainLength RepetitionTime PatientPosition Laterality""".split()
"""Type 2, and the 2C that hold of a knee: there, though some are empty."""


def drawn(folder, plane, side, identity="a" * 64):
    """A volume of numbers of its own, a little turned, and its files."""
    geometry = Geometry.centred(plane, (4, 6, 5), (3.1, 1.25, 1.1))
    tilt = np.eye(4)
    tilt[:3, :3] = np.array(sitk.VersorTransform((0.3, 0.2, 0.5), 0.2).GetMatrix()).reshape(3, 3)
    voxels = np.random.default_rng(0).integers(0, 900, (4, 6, 5)).astype(np.float32)
    volume = Volume(voxels=voxels, geometry=Geometry(affine=tilt @ geometry.affine, shape=(4, 6, 5)), side=side)
    words = SeriesWords(identity=identity, number=1, description="SYNTHETIC", comment="synthetic", derivation="drawn",
                        window=(0.0, 900.0), version="1")  # fmt: skip
    write_series(folder, volume, words)
    return volume, sorted(folder.glob("*.dcm"))


@pytest.mark.parametrize("side", [LEFT, RIGHT])
@pytest.mark.parametrize("plane", PLANES)
def test_itk_and_pydicom_find_the_voxels_where_the_volume_has_them(tmp_path, plane, side):
    volume, files = drawn(tmp_path / "s", plane, side)
    series = sitk.ReadImage([str(file) for file in files])
    assert geometry_of(series).affine == pytest.approx(volume.geometry.affine, abs=1e-4)
    assert np.array_equal(sitk.GetArrayFromImage(series), volume.voxels)
    for place, file in enumerate(files):
        header = pydicom.dcmread(file)
        across, down = np.array(header.ImageOrientationPatient).reshape(2, 3)
        down_mm, across_mm = header.PixelSpacing
        last = np.array(header.ImagePositionPatient) + across * across_mm * 4 + down * down_mm * 5
        assert last * (-1, -1, 1) == pytest.approx(volume.geometry.at((place, 5, 4)), abs=1e-4)
        assert np.array_equal(header.pixel_array, volume.voxels[place])
        assert header.Laterality == side[0].upper()


def test_every_attribute_that_the_mr_image_iod_needs_is_there(tmp_path):
    _, files = drawn(tmp_path / "s", "coronal", RIGHT)
    header = pydicom.dcmread(files[2])
    assert not [name for name in VALUED if name not in header or header[name].is_empty]
    assert not [name for name in THERE if name not in header]
    assert header.ImageType[0] in ("ORIGINAL", "DERIVED") and header.ScanningSequence in ("SE", "IR", "GR", "EP", "RM")
    uids = [header[name].value for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")]
    assert all(uid.is_valid and len(uid) <= 64 for uid in uids) and len(set(uids)) == 3
    assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID


def test_identifiers_and_bytes_follow_from_what_was_drawn_and_from_nothing_else(tmp_path):
    one, again, other = (
        [file.read_bytes() for file in drawn(tmp_path / name, "axial", LEFT, identity=identity)[1]]
        for name, identity in (("one", "a" * 64), ("again", "a" * 64), ("other", "b" * 64))
    )
    assert one == again and not {*one} & {*other}
    studies = [pydicom.dcmread(tmp_path / name / "0001.dcm").StudyInstanceUID for name in ("one", "again", "other")]
    assert studies[0] == studies[1] != studies[2]
