"""Pixels of a DICOM file as archives compress them: JPEG lossless, JPEG-LS, JPEG of 12 bits, HTJ2K.

pydicom decodes the rest (RLE, baseline JPEG, JPEG 2000) with what it brings. A codestream has a header of its own,
which is looked at first: it may claim what no image has.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    HTJ2K,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from xrmri.errors import InputError
from xrmri.formats.pillow_picture import decoded_jpeg
from xrmri.formats.whole_jpeg import JPEG, require_whole
from xrmri.storage.limits import require_pixels
from xrmri.storage.names import printable

_CODECS = {
    JPEGExtended12Bit: "jpeg_decode",
    JPEGLossless: "jpeg_decode",
    JPEGLosslessSV1: "jpeg_decode",
    JPEGLSLossless: "jpegls_decode",
    JPEGLSNearLossless: "jpegls_decode",
    HTJ2K: "jpeg2k_decode",
    HTJ2KLossless: "jpeg2k_decode",
    HTJ2KLosslessRPCL: "jpeg2k_decode",
}
"""Which function of imagecodecs reads what."""
_TURNED_BY_HEADER = ("YBR_FULL", "YBR_FULL_422")
"""Colours that the header alone tells; a decoder of JPEG 2000 knows its own (YBR_RCT, YBR_ICT), and has turned them."""
_JPEG_END, _JPEG_2000 = b"\xff\xd9", b"\xff\x4f\xff\x51"
_SIZES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7))
"""Markers of a JPEG that tell its size; F7 is that of JPEG-LS."""


def is_ours(syntax: UID | str | None) -> bool:
    """Whether a transfer syntax is one that `decoded` reads."""
    return syntax in _CODECS


def require_decoder(syntax: UID | str | None) -> None:
    """Refuse a compression that nobody here reads.

    Raises:
        InputError: names it.
    """
    if not syntax or is_ours(syntax):
        return
    try:
        known = get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        known = False
    if not known:
        named = printable(UID(syntax).name)
        raise InputError(f"its pixels are stored as {named}, which is not read: export it uncompressed")


def decoded(tags: Dataset) -> np.ndarray:
    """The pixels of a file whose transfer syntax `is_ours`.

    Args:
        tags: with PixelData of one frame, Rows and Columns.

    Returns:
        (H, W), or (H, W, 3) as red, green and blue; unsigned, as the codestream holds them.

    Raises:
        ValueError, RuntimeError: cut off, damaged, or of another size than the tags say.
        InputError: of a size that no image has.
    """
    import imagecodecs

    frame = next(generate_frames(tags.PixelData, number_of_frames=1))
    require_small(frame)
    if frame.startswith(JPEG) and not frame.rstrip(b"\0").endswith(_JPEG_END):
        raise ValueError("the compressed image is cut off")
    decode: Callable[[bytes], Any] = getattr(imagecodecs, _CODECS[tags.file_meta.TransferSyntaxUID])
    pixels = np.asarray(decode(frame))
    if decode is imagecodecs.jpeg_decode:  # the others say so themselves
        require_whole(frame, pixels, lambda content: np.asarray(decode(content)))
    if pixels.shape[:2] != (tags.Rows, tags.Columns):
        held = " x ".join(map(str, pixels.shape[:2]))
        raise ValueError(f"the compressed image has {held} pixels where the header says {tags.Rows} x {tags.Columns}")
    colours = str(tags.get("PhotometricInterpretation") or "")
    if colours not in _TURNED_BY_HEADER or pixels.ndim < 3:
        return pixels
    return convert_color_space(pixels, colours, "RGB")


def require_whole_baseline(tags: Dataset, syntax: UID | str | None) -> None:
    """Refuse baseline JPEG of which a part is missing: pydicom reads it, and says nothing.

    Raises:
        ValueError, and what Pillow raises: it lacks something, or is damaged.
    """
    if syntax == JPEGBaseline8Bit:
        frame = next(generate_frames(tags.PixelData, number_of_frames=1)).rstrip(b"\0")
        require_whole(frame, decoded_jpeg(frame), decoded_jpeg)


def require_small(data: object) -> None:
    """Refuse a codestream whose own header claims what no image has, whatever the tags say.

    Args:
        data: bytes that hold one; anything else is passed over.

    Raises:
        InputError: it has too many pixels, or none.
    """
    if not isinstance(data, bytes):
        return
    place = data.find(_JPEG_2000)
    if place >= 0:
        require_pixels((int.from_bytes(data[at : at + 4], "big") for at in (place + 12, place + 8)), "the image")
    elif data.startswith(JPEG):
        require_pixels(_jpeg_shape(data), "the image")


def _jpeg_shape(data: bytes) -> tuple[int, int]:
    """Rows and columns that a JPEG's own header tells; ValueError where it tells none."""
    at = len(JPEG)
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _SIZES:
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + length if marker != 0xFF else 1  # which fills up
    raise ValueError("the compressed image does not tell its size")
