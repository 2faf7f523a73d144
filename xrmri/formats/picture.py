"""PNG, JPEG and TIFF as a viewer shows them, with every grey level that they hold.

A viewer turns a picture as its EXIF says, makes its pixels square, knows which end of a TIFF's values is white, and
hides what is transparent.
"""

import logging
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from xrmri.errors import InputError, said
from xrmri.formats.pillow_picture import read_by_pillow
from xrmri.formats.quiet import quiet
from xrmri.formats.samples import DAMAGE
from xrmri.formats.tiff import TIFF_STARTS, read_tiff
from xrmri.records import Radiograph
from xrmri.storage.limits import MOST_BYTES, MOST_PIXELS, read_whole

log = logging.getLogger(__name__)

_KINDS = (
    (0, b"\xff\xd8\xff", "a JPEG of a rare kind (of 12 bits, lossless, or JPEG-LS)"),
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (8, b"WEBP", "a WebP"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyp", "a video"),
    (0, b"\0\0\0\x0cjP", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\x1f\x8b", "packed by gzip"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"\x5c\x01\0\0", "a NIfTI header"),
    (0, b"NRRD", "an NRRD volume"),
    (0, b"ObjectType", "a MetaImage volume"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"<", "a page of HTML, SVG or XML"),
)
"""Where and how files begin that people hand in for a picture."""


def read_picture(file: Path) -> Radiograph:
    """A radiograph as a picture shows it.

    Args:
        file: PNG, JPEG or TIFF; colours become grey, what is transparent becomes 0.

    Returns:
        pixels in the file's own units; no spacing, because dots to an inch are those of paper.

    Raises:
        InputError: of another kind, of several images, damaged, or too large.
    """
    content = read_whole(file, MOST_BYTES)
    try:
        with quiet():
            is_tiff = content.startswith(TIFF_STARTS)
            picture = (read_tiff if is_tiff else read_by_pillow)(content, file)
    except UnidentifiedImageError as error:
        kind = next((kind for at, start, kind in _KINDS if content.startswith(start, at)), "not an image")
        raise InputError(f"{file} is {kind}: give a radiograph (DICOM, PNG, JPEG or TIFF)") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{file} has too many pixels: more than {MOST_PIXELS:,} are not read") from error
    except DAMAGE as error:
        raise InputError(f"{file} cannot be read as an image ({said(error)}): is it complete?") from error
    if not np.isfinite(picture.pixels).all():
        raise InputError(f"{file} has pixels that are not numbers: give another radiograph")
    if picture.pixel_aspect != 1:
        told = "%s says that its pixels are %.2f times as high as wide: the knee is made as high as that"
        log.warning(told, file, picture.pixel_aspect)
    return picture
