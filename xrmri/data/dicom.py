"""What a DICOM file tells: a film's pixels and spacing, an MR slice and where it lies.

Allow-list: only the tags named here are read, so nothing that identifies a person can leave this module
except PatientID, which makes the participant key.
"""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from xrmri.errors import InputError

_HEADER_TAGS = ["PatientID", "SeriesDescription", "SeriesNumber", "EchoTime", "Rows", "Columns", "PixelSpacing",
                "ImagerPixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"]  # fmt: skip
_PIXEL_TAGS = ["SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "BitsAllocated",
               "BitsStored", "HighBit", "PixelRepresentation", "PixelData"]  # fmt: skip
# What pydicom and its decoders raise on damaged files; they share no base class.
_DAMAGE = (InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError,
           NotImplementedError, RuntimeError)  # fmt: skip
# Every OAI film has an illegal character set; pydicom says so as a warning and again in its log.
logging.getLogger("pydicom").setLevel(logging.ERROR)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Header:
    """The tags of one file that the pipeline uses; None where the file lacks them."""

    participant: str
    description: str
    series_number: int
    echo_time_ms: float | None
    shape: tuple[int, int]
    """Rows, columns."""
    spacing_mm: tuple[float, float] | None
    """Row and column spacing."""
    orientation: np.ndarray | None
    """(2, 3) directions of growing column and growing row, LPS."""
    position_mm: np.ndarray | None
    """(3,) centre of the first pixel, LPS."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Image:
    """One file: its header, and its pixels once decoded."""

    header: Header
    dataset: Dataset

    def pixels(self) -> np.ndarray:
        """(H, W), the stored integers; InputError when they are damaged."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                pixels = self.dataset.pixel_array
            except _DAMAGE as error:
                raise InputError(f"pixels cannot be decoded ({' '.join(str(error).split())[:120]})") from error
        if pixels.ndim != 2:
            raise InputError(f"pixels have the shape {pixels.shape}: one grey image is needed")
        return np.asarray(pixels)


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM does, with or without the preamble."""
    with file.open("rb") as stream:
        start = stream.read(132)
    return start[128:] == b"DICM" or start[:2] in (b"\x02\x00", b"\x08\x00")


def read_header(file: Path) -> Header:
    """The header of a file, without its pixels; InputError when it is not DICOM."""
    return _header(_parse(file, _HEADER_TAGS, stop_before_pixels=True))


def parse(content: bytes) -> Image:
    """A file's bytes as an image whose pixels are not yet decoded; InputError when they are not DICOM."""
    dataset = _parse(BytesIO(content), _HEADER_TAGS + _PIXEL_TAGS, stop_before_pixels=False)
    return Image(header=_header(dataset), dataset=dataset)


def read_film(file: Path) -> tuple[np.ndarray, tuple[float, float] | None]:
    """A radiograph: (H, W) float32 with bone bright, and its spacing in mm or None.

    MONOCHROME1 films are inverted, so that high values are bone whatever the file says.
    """
    try:
        image = parse(file.read_bytes())
        pixels = image.pixels().astype(np.float32)
    except (OSError, InputError) as error:
        raise InputError(f"{file} cannot be read as a DICOM image: {error}") from error
    if image.dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = pixels.max() - pixels
    return pixels, image.header.spacing_mm


def _parse(source: Path | BytesIO, tags: list[str], *, stop_before_pixels: bool) -> Dataset:
    """A dataset with the named tags alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(source, stop_before_pixels=stop_before_pixels, force=True, specific_tags=list(tags))
        except _DAMAGE as error:
            raise InputError(f"not a DICOM file ({' '.join(str(error).split())[:120]})") from error
        if "Rows" not in dataset or "Columns" not in dataset:
            raise InputError("not a DICOM image: it has no rows and columns")
        return dataset


def _header(dataset: Dataset) -> Header:
    """The tags of a dataset as plain values."""
    spacing = _numbers(dataset, "ImagerPixelSpacing", 2) or _numbers(dataset, "PixelSpacing", 2)
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    position = _numbers(dataset, "ImagePositionPatient", 3)
    echo_time = _numbers(dataset, "EchoTime", 1)
    number = _numbers(dataset, "SeriesNumber", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        participant, description = (str(dataset.get(tag) or "").strip() for tag in ("PatientID", "SeriesDescription"))
    return Header(
        participant=participant,
        description=description,
        series_number=int(number[0]) if number else 0,
        echo_time_ms=echo_time[0] if echo_time else None,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        spacing_mm=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        orientation=np.array(orientation).reshape(2, 3) if orientation else None,
        position_mm=np.array(position) if position else None,
    )


def _numbers(dataset: Dataset, tag: str, count: int) -> list[float]:
    """The numbers of a tag, written as a list, one value or a string; [] when there are not `count` of them."""
    try:
        value = dataset.get(tag)
    except _DAMAGE:
        return []
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = value.replace("\\", " ").replace(",", " ").strip("[]() ").split()
    parts = list(value) if isinstance(value, Sequence) or hasattr(value, "__iter__") else [value]
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else []
