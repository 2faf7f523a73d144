"""What a DICOM file tells: a film's pixels and spacing, an MR slice and where it lies.

Allow-list: only the tags named here are read, so nothing that identifies a person can leave this module
except PatientID, which makes the participant key.
"""

import logging
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from struct import error as StructError
from typing import Any

import numpy as np
from PIL import Image as Picture
from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_partial, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from xrmri.data.archive import the_only_content
from xrmri.data.plain_dicom import plain_labels, plain_tags
from xrmri.data.quiet import quiet
from xrmri.errors import InputError
from xrmri.limits import MOST_BYTES, MOST_PIXELS, open_regular, require_pixels

LABEL_BYTES = 2**14
"""The labels of a file lie within this many bytes (choice: OAI's lie within 2,000)."""
_LABELS = ("PatientID", "SeriesDescription", "StudyDescription")
_JPEG_2000 = b"\xff\x4f\xff\x51"
"""How its codestream begins; width and height follow."""
_META_BYTES = 2**13
"""The file meta information lies within this many bytes (choice: it has some 300)."""
_LAST_LABEL = 0x0020_0011  # SeriesNumber
_LABEL_TAGS: list[BaseTag | int] = [*map(Tag, _LABELS), Tag(_LAST_LABEL), Tag("SpecificCharacterSet")]
_HEADER_TAGS = ["EchoTime", "Rows", "Columns", "PixelSpacing",
                "ImagerPixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"]  # fmt: skip
_PIXEL_TAGS = ["SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "BitsAllocated",
               "BitsStored", "HighBit", "PixelRepresentation", "PixelData"]  # fmt: skip
# What pydicom and its decoders raise on damaged files; they share no base class.
_DAMAGE = (InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError,
           NotImplementedError, RuntimeError, StructError, IndexError, OverflowError, zlib.error, MemoryError,
           RecursionError, Picture.DecompressionBombError)  # fmt: skip
# Every OAI film has an illegal character set; pydicom says so as a warning and again in its log.
logging.getLogger("pydicom").setLevel(logging.ERROR)
Picture.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """What the first tags of a file say about its series; empty or 0 where they say nothing."""

    participant: str
    description: str
    study: str
    """StudyDescription."""
    series_number: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Header:
    """The tags of one file that the pipeline uses; None where the file lacks them."""

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
    tags: Dataset | Mapping[str, object]
    """By keyword; a mapping where the file is plain."""

    def pixels(self) -> np.ndarray:
        """(H, W), the stored integers, read-only; InputError when they are damaged."""
        try:
            if self._is_plain():
                return self._plain_pixels()
            assert isinstance(self.tags, Dataset)
            frames, samples = (max(1, int(self.tags.get(tag) or 1)) for tag in ("NumberOfFrames", "SamplesPerPixel"))
            require_pixels((*self.header.shape, frames * samples), "the image")
            _require_small_codestream(self.tags.get("PixelData"))
            with quiet():
                pixels = self.tags.pixel_array
        except _DAMAGE as error:
            raise InputError(f"pixels cannot be decoded ({' '.join(str(error).split())[:120]})") from error
        if pixels.ndim != 2:
            raise InputError(f"pixels have the shape {pixels.shape}: one grey image is needed")
        return np.asarray(pixels)

    def _is_plain(self) -> bool:
        """Whether the pixels are one grey image of two bytes each, as scanners store them."""
        meta = getattr(self.tags, "file_meta", None)
        syntax = meta.get("TransferSyntaxUID") if meta else None
        plain = (
            syntax in (None, "", ImplicitVRLittleEndian, ExplicitVRLittleEndian)
            and (self.tags.get("BitsAllocated"), self.tags.get("SamplesPerPixel") or 1) == (16, 1)
            and str(self.tags.get("NumberOfFrames") or 1) == "1"
        )
        if not plain and not isinstance(self.tags, Dataset):
            raise ValueError("neither one grey image nor two bytes a pixel")
        return plain

    def _plain_pixels(self) -> np.ndarray:
        """Plain pixels without a copy."""
        data: Any = self.tags.get("PixelData")
        rows, columns = self.header.shape
        held, needed = len(data) if isinstance(data, bytes | memoryview) else 0, rows * columns * 2
        if held < needed or not needed:
            raise ValueError(f"{held} bytes where {rows} x {columns} pixels need {needed}")
        kind = "<i2" if self.tags.get("PixelRepresentation") == 1 else "<u2"
        return np.frombuffer(data, kind, rows * columns).reshape(rows, columns)


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM does, with or without the preamble; OSError where it cannot be opened."""
    with open_regular(file) as stream:
        start = stream.read(132)
    return start[128:] == b"DICM" or start[:2] in (b"\x02\x00", b"\x08\x00")


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silence pydicom; not to be entered from several threads, because the filters of a process are shared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_labels(content: bytes) -> Labels:
    """The labels of a file from its first bytes, under `no_warnings`; InputError when it is not DICOM."""
    try:
        dataset = plain_labels(content) or read_partial(
            BytesIO(content), _after_labels, force=True, specific_tags=_LABEL_TAGS
        )
        number = _numbers(dataset, "SeriesNumber", 1)
        texts = [str(dataset.get(tag) or "").strip(" \0") for tag in _LABELS]
    except _DAMAGE as error:
        raise InputError(f"not a DICOM file ({' '.join(str(error).split())[:120]})") from error
    if not dataset:
        raise InputError("not a DICOM file (it has no tags)")
    participant, description, study = texts
    return Labels(
        participant=participant,
        description=description,
        study=study,
        series_number=int(number[0]) if number else 0,
    )


def parse(content: bytes) -> Image:
    """A file's bytes as an image whose pixels are not yet decoded; InputError when they are not DICOM."""
    plain = plain_tags(content)
    if plain is not None and (plain.get("BitsAllocated"), plain.get("SamplesPerPixel", 1)) == (16, 1):
        tags: Dataset | Mapping[str, object] = plain
    else:
        tags = _parse(BytesIO(content), _HEADER_TAGS + _PIXEL_TAGS)
    try:
        return Image(header=_header(tags), tags=tags)
    except _DAMAGE as error:
        raise InputError(f"not a DICOM image ({' '.join(str(error).split())[:120]})") from error


def read_film(file: Path) -> tuple[np.ndarray, tuple[float, float] | None]:
    """A radiograph: (H, W) float32 with bone bright, and its spacing in mm or None.

    MONOCHROME1 films are inverted, so that high values are bone whatever the file says.
    """
    try:
        image = parse(the_only_content(file))
        pixels = image.pixels().astype(np.float32)
    except InputError as error:
        raise InputError(f"{file} cannot be read as a DICOM image: {error}") from error
    if image.tags.get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = pixels.max() - pixels
    return pixels, image.header.spacing_mm


def _after_labels(tag: BaseTag, vr: str | None, length: int) -> bool:
    """Whether a tag comes after all labels: tags stand in the order of their numbers."""
    return tag > _LAST_LABEL


def _parse(source: BytesIO, tags: list[str]) -> Dataset:
    """A dataset with the named tags alone."""
    with no_warnings():
        try:
            _require_modest(source)
            dataset = dcmread(source, force=True, specific_tags=tags)
        except _DAMAGE as error:
            raise InputError(f"not a DICOM file ({' '.join(str(error).split())[:120]})") from error
        return dataset


def _require_small_codestream(data: object) -> None:
    """Refuse JPEG 2000 whose own header claims what no image has, whatever the tags say."""
    place = data.find(_JPEG_2000) if isinstance(data, bytes) else -1
    if place >= 0:
        assert isinstance(data, bytes)
        sides = (int.from_bytes(data[at : at + 4], "big") for at in (place + 12, place + 8))
        require_pixels(sides, "the image")


def _require_modest(source: BytesIO) -> None:
    """Refuse a deflated file that would unpack to more than any has; pydicom unpacks all of it at once."""
    if DeflatedExplicitVRLittleEndian.encode() not in source.getbuffer()[:_META_BYTES].tobytes():
        return
    read_preamble(source, force=True)
    _read_file_meta_info(source)
    unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(source.read(), MOST_BYTES + 1)
    source.seek(0)
    if len(unpacked) > MOST_BYTES:
        raise InputError(f"it unpacks to more than {MOST_BYTES // 2**20} MiB")


def _header(dataset: Dataset | Mapping[str, object]) -> Header:
    """The tags of a dataset as plain values."""
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise InputError("not a DICOM image: it has no rows and columns")
    spacing = _numbers(dataset, "ImagerPixelSpacing", 2) or _numbers(dataset, "PixelSpacing", 2)
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    position = _numbers(dataset, "ImagePositionPatient", 3)
    echo_time = _numbers(dataset, "EchoTime", 1)
    return Header(
        echo_time_ms=echo_time[0] if echo_time else None,
        shape=(rows, columns),
        spacing_mm=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        orientation=np.array(orientation).reshape(2, 3) if orientation else None,
        position_mm=np.array(position) if position else None,
    )


def _numbers(dataset: Dataset | Mapping[str, object], tag: str, count: int) -> list[float]:
    """The numbers of a tag, written as a list, one value or a string; [] when there are not `count` of them."""
    try:
        value = dataset.get(tag)
    except _DAMAGE:
        return []
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = value.replace("\\", " ").replace(",", " ").strip("[]() ").split()
    parts: list[Any] = list(value) if isinstance(value, Sequence) or hasattr(value, "__iter__") else [value]
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else []
