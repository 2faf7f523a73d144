"""What a DICOM file tells: a film's pixels and spacing, an MR slice and where it lies.

Only the tags that dicom_tags allows and the labels here are read, so nothing that identifies a person can leave this
module except PatientID, which makes the participant key.
"""

import logging
import zlib
from collections.abc import Iterator
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
from pydicom.pixels.utils import pixel_array
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from xrmri.errors import InputError, said
from xrmri.formats.archive import the_only_content
from xrmri.formats.compressed import decoded, is_ours, require_decoder, require_small, require_whole_baseline
from xrmri.formats.dicom_tags import ALLOWED
from xrmri.formats.false_colours import shows_false_colours
from xrmri.formats.functional_groups import GROUPS, lifted, single_images
from xrmri.formats.grey import TABLES, bone_bright, slope_of
from xrmri.formats.header_numbers import Tags, aspect_of, integer, numbers, spacing_of, tells_spacing
from xrmri.formats.plain_dicom import plain_labels, plain_tags
from xrmri.formats.quiet import no_warnings, quiet
from xrmri.records import Radiograph
from xrmri.storage.limits import MOST_BYTES, MOST_PIXELS, open_regular, read_whole, require_pixels

log = logging.getLogger(__name__)

LABEL_BYTES = 2**14
"""The labels of a file lie within this many bytes (choice: OAI's lie within 2,000)."""
_LABELS = ("PatientID", "SeriesDescription", "StudyDescription", "SeriesInstanceUID")
_META_BYTES = 2**13
"""The file meta information lies within this many bytes (choice: it has some 300)."""
_LAST_LABEL = 0x0020_0011  # SeriesNumber
_LABEL_TAGS: list[BaseTag | int] = [*map(Tag, _LABELS), Tag(_LAST_LABEL), Tag("SpecificCharacterSet")]
_TOLD_LATER = ("PhotometricInterpretation", "PresentationLUTShape", *TABLES)
"""What is no number, and is asked for once the header is read."""
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
    series_uid: str = ""


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
    series_uid: str
    """SeriesInstanceUID; empty where it is not told."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Image:
    """One file: its header, and its pixels once decoded."""

    header: Header
    tags: Tags

    def pixels(self) -> np.ndarray:
        """(H, W), the stored integers, read-only; InputError when they are damaged, or not one grey image."""
        pixels = self.samples()
        if pixels.ndim != 2:
            raise InputError(f"pixels have the shape {pixels.shape}: one grey image is needed")
        return pixels

    def samples(self) -> np.ndarray:
        """The same, or (H, W, 3) of red, green and blue."""
        try:
            with no_warnings():
                return self._plain_pixels() if self._is_plain() else np.asarray(self._decoded())
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(f"pixels cannot be decoded ({said(error)})") from error

    def _decoded(self) -> np.ndarray:
        """What a decoder makes of them."""
        assert isinstance(self.tags, Dataset)
        frames, samples = (max(1, integer(self.tags, tag)) for tag in ("NumberOfFrames", "SamplesPerPixel"))
        require_pixels((*self.header.shape, frames * samples), "the image")
        if frames > 1:
            raise InputError(f"it holds {frames} images: one is needed")
        syntax = self._syntax()
        require_decoder(syntax)
        with quiet():
            if is_ours(syntax):
                pixels = decoded(self.tags)
            else:
                require_small(self.tags.get("PixelData"))
                require_whole_baseline(self.tags, syntax)
                words = samples == 1 and integer(self.tags, "BitsAllocated") in (8, 16, 32)
                pixels = pixel_array(self.tags, correct_unused_bits=not words)  # which believes in no other HighBit
        if pixels.dtype.kind not in "ui" or pixels.itemsize > 4 or pixels.ndim > 2:
            return pixels
        return self._of_stored_bits(pixels.astype(f"u{pixels.itemsize}", copy=False))

    def _syntax(self) -> str | None:
        meta = getattr(self.tags, "file_meta", None)
        return meta.get("TransferSyntaxUID") if meta else None

    def _is_plain(self) -> bool:
        """Whether the pixels are one grey image of two bytes each, as scanners store them."""
        plain = (
            self._syntax() in (None, "", ImplicitVRLittleEndian, ExplicitVRLittleEndian)
            and (self.tags.get("BitsAllocated"), self.tags.get("SamplesPerPixel") or 1) == (16, 1)
            and str(self.tags.get("NumberOfFrames") or 1) == "1"
        )
        if not plain and not isinstance(self.tags, Dataset):
            raise ValueError("neither one grey image nor two bytes a pixel")
        return plain

    def _plain_pixels(self) -> np.ndarray:
        """Plain pixels, without a copy where nothing but them stands in their words."""
        data: Any = self.tags.get("PixelData")
        rows, columns = self.header.shape
        held, needed = len(data) if isinstance(data, bytes | memoryview) else 0, rows * columns * 2
        if not needed <= held < 2 * needed:  # more is a second image, or rows that the header does not tell of
            raise ValueError(f"{held} bytes where {rows} x {columns} pixels need {needed}")
        return self._of_stored_bits(np.frombuffer(data, "<u2", rows * columns).reshape(rows, columns))

    def _of_stored_bits(self, words: np.ndarray) -> np.ndarray:
        """The BitsStored bits below HighBit of each word, with their sign; overlays stand in the others."""
        stored, high, width = integer(self.tags, "BitsStored"), integer(self.tags, "HighBit"), 8 * words.itemsize
        if not 0 < stored <= high + 1 <= width:
            stored, high = width, width - 1
        signed = self.tags.get("PixelRepresentation") == 1
        if high + 1 == stored and not signed and int(words.max()) >> stored == 0:
            return words
        moved = words << words.dtype.type(width - 1 - high)
        return np.asarray((moved.view(f"i{words.itemsize}") if signed else moved) >> (width - stored))


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM does, with or without the preamble; OSError where it cannot be opened."""
    with open_regular(file) as stream:
        start = stream.read(132)
    return start[128:] == b"DICM" or start[:2] in (b"\x02\x00", b"\x08\x00")


def read_labels(content: bytes) -> Labels:
    """The labels of a file from its first bytes, under `no_warnings`; InputError when it is not DICOM."""
    try:
        whole, wanted = BytesIO(content), _LABEL_TAGS
        dataset = plain_labels(content) or read_partial(whole, _after_labels, force=True, specific_tags=wanted)
        number = numbers(dataset, "SeriesNumber", 1)
        texts = [str(dataset.get(tag) or "").strip(" \0") for tag in _LABELS]
    except _DAMAGE as error:
        raise InputError(f"not a DICOM file ({said(error)})") from error
    if not dataset:
        raise InputError("not a DICOM file (it has no tags)")
    participant, description, study, series_uid = texts
    return Labels(
        participant=participant,
        description=description,
        study=study,
        series_number=int(number[0]) if number else 0,
        series_uid=series_uid,
    )


def parse(content: bytes) -> Image:
    """A file's bytes as an image whose pixels are not yet decoded; InputError when they are not DICOM."""
    with _damage_told():
        tags = _plain(content)
        return _image(lifted(_parse(BytesIO(content)), ALLOWED) if tags is None else tags)


def parse_all(content: bytes) -> list[Image]:
    """Every image of a file: each slice of an enhanced one, as in a classic file; InputError as of `parse`."""
    with _damage_told():
        tags = _plain(content)
        return [_image(one) for one in (single_images(_parse(BytesIO(content)), ALLOWED) if tags is None else [tags])]


def count_images(file: Path) -> int:
    """How many images a file says that it holds; InputError as of `parse`."""
    return max(1, integer(parse(read_whole(file)).tags, "NumberOfFrames"))


def read_film(file: Path) -> Radiograph:
    """A radiograph, with bone bright whatever the file says, and as wide as its header tells."""
    try:
        image = parse(the_only_content(file))
        with no_warnings():
            samples = image.samples()
            pixels, coloured = bone_bright(samples, image.tags), shows_false_colours(samples, image.tags)
    except InputError as error:
        raise InputError(f"{file} cannot be read as a DICOM image: {error}") from error
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as a DICOM image ({said(error)})") from error
    if slope_of(image.tags) < 0:
        log.warning("%s has a RescaleSlope of %g: its grey values are turned round", file, slope_of(image.tags))
    if image.header.spacing_mm is None and tells_spacing(image.tags):
        log.warning("%s has a pixel spacing that is no two lengths: it is read as if it told none", file)
    spacing_mm, aspect = image.header.spacing_mm, aspect_of(image.tags)
    return Radiograph(pixels=pixels, side=None, spacing_mm=spacing_mm, pixel_aspect=aspect, false_colours=coloured)


def _after_labels(tag: BaseTag, vr: str | None, length: int) -> bool:
    """Whether a tag comes after all labels: tags stand in the order of their numbers."""
    return tag > _LAST_LABEL


@contextmanager
def _damage_told() -> Iterator[None]:
    """Whatever pydicom thinks of a file is told as an InputError."""
    try:
        with no_warnings():
            yield
    except _DAMAGE as error:
        raise InputError(f"not a DICOM image ({said(error)})") from error


def _plain(content: bytes) -> Tags | None:
    """The tags of a file as scanners store one slice; None leaves it to pydicom."""
    plain = plain_tags(content) or {}
    one = (plain.get("BitsAllocated"), plain.get("SamplesPerPixel", 1)) == (16, 1)
    return plain if one and str(plain.get("NumberOfFrames") or 1) == "1" else None


def _parse(source: BytesIO) -> Dataset:
    """A dataset with the tags alone that the pipeline uses."""
    try:
        _require_modest(source)
        return dcmread(source, force=True, specific_tags=[*ALLOWED, *GROUPS])
    except _DAMAGE as error:
        raise InputError(f"not a DICOM file ({said(error)})") from error


def _image(tags: Tags) -> Image:
    for name in _TOLD_LATER:  # pydicom takes a value apart when it is asked for, and may fail then
        tags.get(name)
    return Image(header=_header(tags), tags=tags)


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


def _header(dataset: Tags) -> Header:
    """The tags of a dataset as plain values."""
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise InputError("not a DICOM image: it has no rows and columns")
    orientation = numbers(dataset, "ImageOrientationPatient", 6)
    position = numbers(dataset, "ImagePositionPatient", 3)
    echo_time = numbers(dataset, "EchoTime", 1) or numbers(dataset, "EffectiveEchoTime", 1)
    return Header(
        echo_time_ms=echo_time[0] if echo_time else None,
        shape=(rows, columns),
        spacing_mm=spacing_of(dataset),
        orientation=np.array(orientation).reshape(2, 3) if orientation else None,
        position_mm=np.array(position) if position else None,
        series_uid=str(dataset.get("SeriesInstanceUID") or "").strip(" \0"),
    )
