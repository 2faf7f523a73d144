"""A drawn volume as a DICOM series of classic MR images, one file a slice, that no viewer can take for a patient's.

The same volume and words always give the same bytes: no date, no random number. Nothing of the radiograph's header is
here to be copied.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import DSfloat

from xrmri.errors import InputError
from xrmri.geometry import lps_or_ras
from xrmri.records import LEFT, RIGHT, Volume
from xrmri.storage.files import complete_or_absent

_SPACE = uuid5(NAMESPACE_URL, "xrmri synthetic DICOM")
_LATERALITY = {RIGHT: "R", LEFT: "L"}
_DARKEST_WINDOW = 1.0
_LONGEST_TEXT = 64
"""Letters of a description (VR LO)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesWords:
    """What the files of a series say besides voxels and geometry."""

    identity: str
    """Digest of all that the volume depends on; identifiers are made of it, the same for every volume of one study."""
    number: int
    """Of the series in its study, from 1."""
    description: str
    """What viewers show first."""
    comment: str
    derivation: str
    """How the volume came about."""
    window: tuple[float, float]
    """Intensities to show as black and white."""
    version: str
    """Of this program."""
    side_is_known: bool = True


def slice_file(folder: Path, place: int) -> Path:
    """The file of a slice, counted from 0."""
    return folder / f"{place + 1:04d}.dcm"


def write_series(folder: Path, volume: Volume, words: SeriesWords) -> None:
    """Write a volume as a DICOM series, each file complete or absent.

    Args:
        folder: made where it is not there.
        volume: (S, H, W) intensities from 0 to 65535, rounded here; its axes may run anywhere.
        words: what the files say.

    Raises:
        InputError: the folder cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error
    shared = _shared(volume, words)
    for place in range(len(volume.voxels)):
        with complete_or_absent(slice_file(folder, place)) as partial:
            dcmwrite(partial, _slice(shared, volume, place, words), enforce_file_format=True)


def _shared(volume: Volume, words: SeriesWords) -> Dataset:
    """Everything that the files of a series have in common."""
    _, rows, columns = volume.voxels.shape
    slice_mm, row_mm, column_mm = volume.geometry.spacing_mm
    _, row, column = (lps_or_ras(axis) for axis in (volume.geometry.affine[:3, :3] / volume.geometry.spacing_mm).T)
    low, high = words.window
    file = Dataset()
    file.SpecificCharacterSet = "ISO_IR 192"
    file.ImageType = ["DERIVED", "SECONDARY", "OTHER", "SYNTHETIC"]
    file.SOPClassUID = MRImageStorage
    for name in ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate",
                 "PatientSex", "PositionReferenceIndicator", "PatientPosition", "ScanOptions", "MRAcquisitionType",
                 "RepetitionTime", "EchoTime", "EchoTrainLength"):  # fmt: skip
        setattr(file, name, None)
    file.Modality, file.Manufacturer, file.ManufacturerModelName = "MR", "xrmri", "xrmri"
    file.SoftwareVersions = words.version
    file.StudyDescription = "Synthetic knee MRI, not for diagnosis"
    file.SeriesDescription = words.description[:_LONGEST_TEXT]
    file.DerivationDescription = words.derivation
    file.PatientName, file.PatientID = "SYNTHETIC^NOT FOR DIAGNOSIS", f"XRMRI-{words.identity[:12].upper()}"
    file.BodyPartExamined = "KNEE"
    file.ScanningSequence, file.SequenceVariant = "RM", "NONE"  # "research mode": no sequence of a scanner
    file.SliceThickness = file.SpacingBetweenSlices = _decimal(slice_mm)
    file.StudyInstanceUID = _uid(words.identity, "study")
    file.SeriesInstanceUID = _uid(words.identity, f"series {words.number}")
    file.FrameOfReferenceUID = _uid(words.identity, "frame of reference")
    file.StudyID, file.SeriesNumber = "1", words.number
    file.Laterality = _LATERALITY.get(volume.side) if words.side_is_known else None
    file.ImageOrientationPatient = [_decimal(value) for value in (*column, *row)]
    file.ImageComments = words.comment
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.Rows, file.Columns = rows, columns
    file.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.BurnedInAnnotation, file.LossyImageCompression = "NO", "00"
    file.WindowCenter = _decimal((low + high) / 2)
    file.WindowWidth = _decimal(max(high - low, _DARKEST_WINDOW))
    return file


def _slice(shared: Dataset, volume: Volume, place: int, words: SeriesWords) -> Dataset:
    """The file of one slice."""
    file = Dataset(shared)
    file.SOPInstanceUID = _uid(words.identity, f"series {words.number} slice {place}")
    file.InstanceNumber = place + 1
    file.ImagePositionPatient = [_decimal(value) for value in lps_or_ras(volume.geometry.at((place, 0, 0)))]
    pixels = np.rint(volume.voxels[place]).clip(0, np.iinfo(np.uint16).max)
    file.PixelData = pixels.astype("<u2").tobytes()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = MRImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    file.file_meta.ImplementationClassUID = UID(f"2.25.{_SPACE.int}")
    file.file_meta.ImplementationVersionName = f"XRMRI_{words.version}"[:16]
    return file


def _uid(identity: str, part: str) -> UID:
    """An identifier of its own, the same whenever the same volume is drawn."""
    return UID(f"2.25.{uuid5(_SPACE, f'{identity} {part}').int}")


def _decimal(value: float) -> DSfloat:
    """A number as DICOM writes it: at most 16 letters."""
    return DSfloat(float(value), auto_format=True)
