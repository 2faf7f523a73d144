"""The DICOM files of a synthetic film and of MR series, with headers like those of OAI.

Every file says that it is synthetic. UIDs follow from seed and participant, so the same run writes the same bytes.
"""

import hashlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import DSfloat

from xrmri.geometry import lps_or_ras
from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.film import Film
from xrmri.phantom.flash import MrSeries
from xrmri.phantom.version import RELEASE

SYNTHETIC = "xrmri synthetic phantom"
_WHITE = 4095
_IMPLEMENTATION = "2.25.160394861265372909461157241205137291773"  # ours, so that pydicom's version is not in the bytes
logging.getLogger("pydicom").setLevel(logging.ERROR)  # the films have an illegal character set on purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesFacts:
    """What the files of one series share."""

    participant: Participant
    date: str
    """yyyymmdd."""
    barcode: str
    """Twelve digits."""
    number: int
    """SeriesNumber."""
    study: str
    """StudyDescription."""
    description: str
    """SeriesDescription."""
    taken: tuple[str, ...] = ()
    """Which scan of which twin an MR is, where it is not the first; every one has UIDs of its own."""


def film_file(film: Film, facts: SeriesFacts) -> Dataset:
    """The radiograph: half of the films are MONOCHROME1, and spacing stands in either tag."""
    generator = stream("film header", facts.participant.seed, facts.participant.index)
    dataset = _file(facts, 1, ComputedRadiographyImageStorage, "CR")
    inverted = bool(generator.random() < 0.5)
    _put_pixels(dataset, _WHITE - film.pixels if inverted else film.pixels)
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    spacing = "ImagerPixelSpacing" if generator.random() < 0.6 else "PixelSpacing"
    setattr(dataset, spacing, [_ds(film.spacing_mm)] * 2)
    if generator.random() < 0.12:  # as in OAI: a film of both knees that claims to show one
        dataset.Laterality = "L" if generator.random() < 0.5 else "R"
    dataset.ClinicalTrialTimePointID = "0"
    dataset.ClinicalTrialTimePointDescription = "Screening Visit"
    dataset.ViewPosition = "PA"
    dataset.SpecificCharacterSet = "ISO_2022_IR_6"  # illegal, and what OAI's films carry
    return dataset


def flash_files(flash: MrSeries, facts: SeriesFacts) -> Iterator[Dataset]:
    """The slices in file order, which runs to the front for some participants and to the back for others."""
    facts = _taken(facts, flash.scan)
    order = np.arange(len(flash.voxels))
    if stream("file order", facts.participant.seed, facts.participant.index).random() < 0.5:
        order = order[::-1]
    yield from _coronals(facts, flash, order.tolist(), timing=("20", "7.57", "12"))


def iw_files(iw: MrSeries, facts: SeriesFacts) -> Iterator[Dataset]:
    """The slices from behind to the front."""
    facts = _taken(facts, iw.scan)
    for dataset in _coronals(facts, iw, range(len(iw.voxels)), timing=("3700", "29", "180")):
        dataset.MRAcquisitionType, dataset.ScanningSequence, dataset.SequenceVariant = "2D", "SE", "SK"
        yield dataset


def mpr_files(mpr: MrSeries, facts: SeriesFacts) -> Iterator[Dataset]:
    """A sagittal image that shows where the slices lie, as OAI's reformats begin with one, and then the slices."""
    facts = _taken(facts, mpr.scan)
    to_slice, to_row, to_column, start = mpr.affine_ras[:3].T
    middle = mpr.voxels.shape[2] // 2
    reference = _slice(
        facts, 1, mpr.voxels[:, :, middle].T, start + middle * to_column, to_row=to_row, to_column=to_slice
    )
    reference.SliceThickness = "1.5"
    reference.RepetitionTime, reference.EchoTime, reference.FlipAngle = "16.3", "4.7", "25"
    yield reference
    yield from _coronals(facts, mpr, range(len(mpr.voxels)), timing=("16.3", "4.7", "25"), first=2)


def locator_files(flash: MrSeries, facts: SeriesFacts) -> Iterator[Dataset]:
    """Three planes through the middle of the volume, every second pixel."""
    facts = _taken(facts, flash.scan)
    to_slice, to_row, to_column, start = flash.affine_ras[:3].T
    slices, rows, columns = (length // 2 for length in flash.voxels.shape)
    planes = (
        (flash.voxels[slices, ::2, ::2], start + slices * to_slice, 2 * to_row, 2 * to_column),
        (flash.voxels[::2, ::2, columns].T, start + columns * to_column, 2 * to_row, 2 * to_slice),
        (flash.voxels[::2, rows, ::2], start + rows * to_row, 2 * to_slice, 2 * to_column),
    )
    for number, (pixels, origin, down, across) in enumerate(planes, start=1):
        dataset = _slice(facts, number, pixels, origin, to_row=down, to_column=across)
        dataset.SliceThickness = "6"
        dataset.RepetitionTime, dataset.EchoTime, dataset.FlipAngle = "15", "5", "40"
        yield dataset


def save(dataset: Dataset, file: Path | BytesIO) -> None:
    """Write one file in explicit VR little endian."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(file, enforce_file_format=True)


def _encoded(dataset: Dataset) -> bytes:
    """The file of a dataset: what is read of it again and not touched is written as it stands, which is faster."""
    file = BytesIO()
    save(dataset, file)
    return file.getvalue()


def _taken(facts: SeriesFacts, scan: int) -> SeriesFacts:
    """What the files of an MR series share, told which scan of which twin it is."""
    numbers = {"scan": scan, "twin": facts.participant.twin}
    return replace(facts, taken=tuple(f"{name} {number}" for name, number in numbers.items() if number))


def _coronals(
    facts: SeriesFacts, series: MrSeries, order: Sequence[int], *, timing: tuple[str, str, str], first: int = 1
) -> Iterator[Dataset]:
    """The slices of a volume in an order, numbered from `first`; timing: repetition and echo time in ms, flip angle."""
    _, to_row, to_column, _ = series.affine_ras[:3].T
    shared = None
    for number, index in enumerate(order, start=first):
        origin = series.geometry.at((index, 0, 0))
        if shared is None:
            whole = _slice(facts, number, series.voxels[index], origin, to_row=to_row, to_column=to_column)
            whole.SliceThickness = _ds(series.geometry.spacing_mm[0])
            whole.RepetitionTime, whole.EchoTime, whole.FlipAngle = timing
            shared = _encoded(whole)
        dataset = dcmread(BytesIO(shared))
        _number(dataset, facts, number)
        dataset.ImagePositionPatient = [_ds(value) for value in lps_or_ras(origin)]
        dataset.PixelData = _bytes_of(series.voxels[index])
        yield dataset


def _slice(
    facts: SeriesFacts,
    number: int,
    pixels: np.ndarray,
    origin: np.ndarray,
    *,
    to_row: np.ndarray,
    to_column: np.ndarray,
) -> Dataset:
    """One MR image; origin, and the steps to the next row and column, in RAS mm."""
    dataset = _file(facts, number, MRImageStorage, "MR")
    _put_pixels(dataset, pixels)
    dataset.PhotometricInterpretation = "MONOCHROME2"
    across, down = (lps_or_ras(step) / np.linalg.norm(step) for step in (to_column, to_row))
    dataset.ImageOrientationPatient = [_ds(value) for value in (*across, *down)]
    dataset.ImagePositionPatient = [_ds(value) for value in lps_or_ras(origin)]
    dataset.PixelSpacing = [_ds(float(np.linalg.norm(step))) for step in (to_row, to_column)]
    dataset.FrameOfReferenceUID = _uid(facts, "frame")
    dataset.MRAcquisitionType, dataset.ScanningSequence, dataset.SequenceVariant = "3D", "GR", "SP"
    dataset.MagneticFieldStrength = "2.89362001419067"
    return dataset


def _file(facts: SeriesFacts, number: int, kind: str, modality: str) -> Dataset:
    """What every file has."""
    participant = facts.participant
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    dataset.file_meta.ImplementationVersionName = "XRMRI"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(kind)
    dataset.StudyInstanceUID = _uid(facts, facts.study)
    dataset.SeriesInstanceUID = _uid(facts, facts.barcode)
    dataset.StudyDate = dataset.SeriesDate = facts.date
    dataset.StudyTime = "120000"
    dataset.Modality = modality
    dataset.Manufacturer = "xrmri"
    dataset.ManufacturerModelName = "synthetic phantom"
    dataset.SoftwareVersions = f"release {RELEASE}"
    dataset.PatientID = dataset.PatientName = participant.participant
    dataset.PatientSex = participant.sex[0].upper()
    dataset.PatientAge = f"{participant.age_years:03d}Y"
    dataset.AccessionNumber = facts.barcode
    dataset.StudyDescription = facts.study
    dataset.SeriesDescription = facts.description
    dataset.SeriesNumber = facts.number
    dataset.BodyPartExamined = "KNEE"
    dataset.ImageComments = SYNTHETIC
    _number(dataset, facts, number)
    return dataset


def _number(dataset: Dataset, facts: SeriesFacts, number: int) -> None:
    """Say which file of its series it is."""
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(_uid(facts, facts.barcode, number))
    dataset.InstanceNumber = number


def _put_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    """Store (H, W) uint16 of twelve bits."""
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = _bytes_of(pixels)


def _bytes_of(pixels: np.ndarray) -> bytes:
    return np.ascontiguousarray(pixels, dtype="<u2").tobytes()


def _uid(facts: SeriesFacts, *parts: object) -> str:
    """A UID that depends on cohort, participant and parts alone."""
    text = repr((facts.participant.seed, facts.participant.index, *parts, *facts.taken))
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])}"


def _ds(value: float) -> DSfloat:
    """A number in the sixteen characters that DICOM allows; -0 is 0."""
    return DSfloat(float(value) + 0.0, auto_format=True)
