"""PNG, JPEG and TIFF as a viewer shows them, with every grey level that they hold.

A viewer turns a picture as its EXIF says, knows which end of a TIFF's values is white, and hides what is transparent.
Pillow reads what has 8 bits a colour; what has more goes through tifffile and imagecodecs, because Pillow keeps the
high byte alone.
"""

import contextlib
import logging
from io import BytesIO
from pathlib import Path
from struct import error as StructError

import numpy as np
from PIL import Image, UnidentifiedImageError

from xrmri.data.grey import luma
from xrmri.data.quiet import quiet
from xrmri.errors import InputError, said
from xrmri.limits import MOST_BYTES, MOST_PIXELS, read_whole, require_pixels

_FORMATS = ("PNG", "JPEG", "TIFF")
_KINDS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"RIFF": "a WebP",
    b"%PDF": "a PDF",
    b"\0\0\0\x0cjP": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 codestream",
    b"\x1f\x8b": "packed by gzip",
    b"PK\x03\x04": "a zip archive",
    b"\x5c\x01\0\0": "a NIfTI header",
}
"""How files begin that people hand in for a picture."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MANY_BITS = {2: "RGB", 4: "grey with alpha", 6: "RGBA"}
"""Colour types of a PNG whose 16 bits Pillow cuts to 8."""
_ORIENTATION = 0x0112
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
"""PhotometricInterpretation of TIFF."""
# What Pillow, tifffile and their codecs let out on damaged pictures; they share no base class.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, RuntimeError, ArithmeticError, MemoryError,
           AttributeError, StructError, ImportError)  # fmt: skip
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def read_picture(file: Path) -> np.ndarray:
    """Grey values of a picture.

    Args:
        file: PNG, JPEG or TIFF; colours become grey, what is transparent becomes 0.

    Returns:
        (H, W) float32 in the file's own units.

    Raises:
        InputError: of another kind, of several images, damaged, or too large.
    """
    content = read_whole(file, MOST_BYTES)
    try:
        with quiet():
            pixels = _of_tiff(content, file) if content.startswith(_TIFF) else _of_png_or_jpeg(content, file)
    except UnidentifiedImageError as error:
        kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), "not an image")
        raise InputError(f"{file} is {kind}: give a radiograph (DICOM, PNG, JPEG or TIFF)") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{file} has too many pixels: more than {MOST_PIXELS:,} are not read") from error
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as an image ({said(error)}): is it complete?") from error
    if not np.isfinite(pixels).all():
        raise InputError(f"{file} has pixels that are not numbers: give another radiograph")
    return pixels


def _of_png_or_jpeg(content: bytes, file: Path) -> np.ndarray:
    with Image.open(BytesIO(content), formats=_FORMATS) as picture:
        require_pixels(picture.size[::-1], str(file))
        picture.load()
        grey = _high(content) if _has_many_bits(content) else _grey(picture)
        return _upright(grey, _told_orientation(picture))


def _has_many_bits(content: bytes) -> bool:
    """Whether a picture is a PNG with 16 bits of each of several colours."""
    return content.startswith(b"\x89PNG") and content[24] == 16 and content[25] in _MANY_BITS


def _high(content: bytes) -> np.ndarray:
    import imagecodecs

    return _of_channels(np.asarray(imagecodecs.png_decode(content)), has_alpha=content[25] in (4, 6))


def _grey(picture: Image.Image) -> np.ndarray:
    """Grey of what Pillow reads as it is."""
    if picture.has_transparency_data:
        picture = picture.convert("LA" if picture.mode in ("L", "LA") else "RGBA")
        return _of_channels(np.asarray(picture), has_alpha=True)
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float32)
    return np.asarray(picture.convert("L"), dtype=np.float32)


def _of_channels(samples: np.ndarray, *, has_alpha: bool) -> np.ndarray:
    """Grey of (H, W, C) samples, of which the last may say how much of the others is seen."""
    colours = samples[..., :-1] if has_alpha else samples
    grey = luma(colours) if colours.shape[-1] > 2 else colours[..., 0].astype(np.float32)
    if not has_alpha:
        return grey
    opaque = np.iinfo(samples.dtype).max if samples.dtype.kind == "u" else 1
    return np.asarray(grey * (samples[..., -1].astype(np.float32) / np.float32(opaque)))


def _of_tiff(content: bytes, file: Path) -> np.ndarray:
    """What tifffile reads; palettes and colours of printing are left to Pillow."""
    import tifffile

    with tifffile.TiffFile(BytesIO(content)) as tiff:
        if len(tiff.pages) != 1:
            raise InputError(f"{file} holds {len(tiff.pages)} images: give a file with one radiograph")
        page = tiff.pages.first
        require_pixels((page.imagelength, page.imagewidth, page.samplesperpixel), str(file))
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
            return _of_png_or_jpeg(content, file)
        kind = f"{page.dtype or 'unknown numbers'} compressed as {getattr(page.compression, 'name', page.compression)}"
        try:
            if any(
                start + size > len(content) for start, size in zip(page.dataoffsets, page.databytecounts, strict=True)
            ):
                raise ValueError("it is cut off")
            samples = np.asarray(page.asarray())
            if not samples.size:
                raise ValueError("there is nothing in it")
        except _DAMAGE as error:
            raise InputError(f"{file} is a TIFF of {kind}, which cannot be read ({said(error)})") from error
        if samples.dtype.kind == "c" or samples.ndim > 3:
            raise InputError(f"{file} is a TIFF of {kind}: give one of grey values")
        if samples.ndim > 2 and "S" in page.axes:
            samples = np.moveaxis(samples, page.axes.index("S"), -1)
            grey = _of_channels(samples, has_alpha=bool(page.extrasamples))
        else:
            grey = samples.astype(np.float32)
        if page.photometric == _WHITE_IS_ZERO:
            grey = (np.iinfo(samples.dtype).max if samples.dtype.kind == "u" else grey.max()) - grey
        return _upright(grey, page.tags.valueof(_ORIENTATION, 1))


def _told_orientation(picture: Image.Image) -> int:
    """How EXIF says that a picture was held; 1 where it says nothing, or is damaged."""
    with contextlib.suppress(*_DAMAGE):
        return int(picture.getexif().get(_ORIENTATION, 1))
    return 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W) turned and mirrored back from one of the eight ways in which EXIF says that they may lie."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
