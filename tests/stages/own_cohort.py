"""A cohort of somebody's own: six knees as NIfTI, MHA, DICOM and .npy, every voxel as bright as its place says."""

import csv

import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from xrmri.formats.nifti import to_image
from xrmri.geometry import PLANES, Geometry
from xrmri.records import Volume

SHAPE, SPACING_MM = (24, 48, 40), (3.8, 2.0, 2.0)
COLUMNS = ("participant", "visit", "side", "radiograph", "mri", "crop", "kl", "age", "sex", "bmi", "split")
TURN = 0.1
"""Radians by which the series are turned about the long axis, as real ones are."""


def oblique(plane="coronal", shape=SHAPE, spacing_mm=SPACING_MM):
    """A geometry of a plane, a little turned and off the origin."""
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]]
    turn[:3, 3] = 12.5, -7.25, 3.0
    return Geometry(affine=turn @ Geometry.centred(plane, shape, spacing_mm).affine, shape=shape)


def brightness(place_mm, person=0):
    """What a knee shows at a place in RAS mm, (..., 3)."""
    return 1000 + 20 * person + place_mm @ (3.0, 4.0, 2.0)


def knee(person=0, geometry=None):
    """The MRI of a person."""
    geometry = geometry or oblique()
    places = np.moveaxis(np.indices(geometry.shape), 0, -1) @ geometry.affine[:3, :3].T + geometry.affine[:3, 3]
    voxels = np.rint(brightness(places, person)).astype(np.uint16)
    return Volume(voxels=voxels, geometry=geometry, side="unknown")


def write_image(file, volume, axes=(0, 1, 2), flips=()):
    """A NIfTI or MHA with its axes in another order and direction."""
    volume = volume.permuted(axes)
    for axis in flips:
        volume = volume.flipped(axis)
    sitk.WriteImage(to_image(volume), str(file))


def write_dicom(folder, volume, description="COR T1 TSE", number=3):
    """A DICOM series as scanners write it, files in no order and called anything."""
    folder.mkdir(parents=True, exist_ok=True)
    geometry, lps = volume.geometry, np.diag([-1.0, -1.0, 1.0])
    _, row, column = (lps @ geometry.affine[:3, axis] / geometry.spacing_mm[axis] for axis in range(3))
    series, count = generate_uid(entropy_srcs=[description, str(folder)])[:50], len(volume.voxels)
    for place, pixels in enumerate(volume.voxels):
        file = Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = MRImageStorage
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = f"{series}.{place}"
        file.SeriesInstanceUID, file.SeriesNumber, file.SeriesDescription = series, number, description
        file.PatientID, file.Modality, file.EchoTime = "hospital number", "MR", "20"
        file.Rows, file.Columns = pixels.shape
        file.PixelSpacing = list(geometry.spacing_mm[1:])
        file.ImageOrientationPatient = [f"{value:.12f}" for value in (*column, *row)]
        file.ImagePositionPatient = [f"{value:.10f}" for value in lps @ geometry.at((place, 0, 0))]
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
        file.PixelData = pixels.astype("<u2").tobytes()
        pydicom.dcmwrite(folder / f"IMG{(place * 7) % count:04d}", file, enforce_file_format=True)


def write_enhanced(file, volume, description="COR T1 TSE"):
    """A DICOM of one file with all slices, in no order; where each lies stands in its functional groups."""
    file.parent.mkdir(parents=True, exist_ok=True)
    geometry, lps, count = volume.geometry, np.diag([-1.0, -1.0, 1.0]), len(volume.voxels)
    _, row, column = (lps @ geometry.affine[:3, axis] / geometry.spacing_mm[axis] for axis in range(3))
    measures, lying, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = list(geometry.spacing_mm[1:])
    lying.ImageOrientationPatient = [f"{value:.12f}" for value in (*column, *row)]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [lying]
    places, groups = [(place * 7) % count for place in range(count)], []
    for place in places:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [f"{value:.10f}" for value in lps @ geometry.at((place, 0, 0))]
        group.PlanePositionSequence = [position]
        groups.append(group)
    content = Dataset()
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.file_meta.MediaStorageSOPClassUID = content.SOPClassUID = EnhancedMRImageStorage
    content.file_meta.MediaStorageSOPInstanceUID = content.SOPInstanceUID = "1.2.3.4"
    content.SeriesInstanceUID, content.SeriesNumber, content.SeriesDescription = "1.2.3", 3, description
    content.PatientID, content.Modality = "hospital number", "MR"
    content.NumberOfFrames, content.Rows, content.Columns = volume.voxels.shape
    content.SamplesPerPixel, content.PhotometricInterpretation = 1, "MONOCHROME2"
    content.BitsAllocated, content.BitsStored, content.HighBit, content.PixelRepresentation = 16, 12, 11, 0
    content.SharedFunctionalGroupsSequence, content.PerFrameFunctionalGroupsSequence = [shared], groups
    content.PixelData = volume.voxels[places].astype("<u2").tobytes()
    pydicom.dcmwrite(file, content, enforce_file_format=True)


def write_joint(file, person=0):
    """A cropped joint as a PNG."""
    rows, columns = np.mgrid[:96, :96]
    grey = 40 + person * 5 + rows + (columns > 48) * 60 + ((rows // 8 + columns // 8) % 2) * 10
    Image.fromarray(grey.astype(np.uint8)).save(file)


def write_manifest(file, rows, separator=",", encoding="utf-8"):
    """A table of rows, each a dict; columns as the first has them."""
    with file.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


def lay_cohort(root):
    """Six knees in every kind of file, and the rows that name them; three participants are in the training split."""
    (root / "mri").mkdir(parents=True)
    (root / "films").mkdir()
    rows = []
    for person in range(6):
        write_joint(root / "films" / f"{person}.png", person)
        rows.append(dict(participant=f"P{person}", visit="", side=("right", "L")[person % 2],
                         radiograph=f"films/{person}.png", mri=f"mri/{person}.nii.gz", crop="joint", kl=person % 5,
                         age=50 + person, sex=("female", "male")[person % 2], bmi="27.5",
                         split=("train", "train", "train", "val", "test", "test")[person]))  # fmt: skip
    write_image(root / "mri" / "0.nii.gz", knee(0))
    write_image(root / "mri" / "1.nii.gz", knee(1), axes=(1, 0, 2), flips=(0, 2))  # as converters to RAS store it
    write_image(root / "mri" / "2.mha", knee(2), axes=(2, 1, 0), flips=(1,))
    write_dicom(root / "mri" / "three" / "deeper", knee(3))
    write_image(root / "mri" / "4.nii.gz", knee(4))
    write_image(root / "mri" / "5.nii", knee(5))
    rows[2]["mri"], rows[3]["mri"], rows[5]["mri"] = "mri/2.mha", "mri/three", "mri/5.nii"
    assert set(PLANES) == {"coronal", "sagittal", "axial"}
    return rows
