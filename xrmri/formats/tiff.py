"""TIFF as a viewer shows it: any numbers and compression, either end white, the page that is the picture.

Grey, red-green-blue and palettes keep every bit that they hold, by tifffile; colours of printing are left to Pillow.
"""

import contextlib
import logging
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import UnidentifiedImageError

from xrmri.errors import InputError, said
from xrmri.formats.false_colours import in_brief, in_false_colours
from xrmri.formats.grey import luma
from xrmri.formats.pillow_picture import read_by_pillow
from xrmri.formats.samples import DAMAGE, ORIENTATION, grey_of, pixel_aspect, upright
from xrmri.records import Radiograph
from xrmri.storage.limits import require_pixels

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR = 0, 1, 2, 3, 5, 6
"""PhotometricInterpretation."""
_ALPHAS = (1, 2)
"""ExtraSamples that say how much of a colour is seen; others are not shown."""
_ACROSS, _DOWN = 282, 283
"""XResolution and YResolution."""
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def read_tiff(content: bytes, file: Path) -> Radiograph:
    """The one picture of a TIFF.

    Args:
        content: its bytes.
        file: for messages.

    Raises:
        InputError: several pictures, of a kind that is not read, damaged, or too large.
        DAMAGE: what tifffile and Pillow say of damaged ones.
    """
    import tifffile

    with tifffile.TiffFile(BytesIO(content)) as tiff:
        page = _the_picture(tiff, file)
        require_pixels((page.imagedepth * page.imagelength, page.imagewidth, page.samplesperpixel), str(file))
        kind = f"{page.dtype or 'unknown numbers'} compressed as {getattr(page.compression, 'name', page.compression)}"
        if page.photometric in (_INKS, _YCBCR):
            with contextlib.suppress(UnidentifiedImageError):
                return read_by_pillow(content, file)
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE):
            colours = getattr(page.photometric, "name", page.photometric)
            raise InputError(f"{file} is a TIFF of {colours} in {kind}: give one of grey values")
        try:
            samples = _samples(page, len(content))
        except DAMAGE as error:
            raise InputError(f"{file} is a TIFF of {kind}, which cannot be read ({said(error)})") from error
        if samples.dtype.kind == "c" or samples.ndim != 3:
            raise InputError(f"{file} is a TIFF of {kind}: give one of grey values")
        if samples.shape[-1] > 2 and page.photometric != _RGB:
            raise InputError(f"{file} holds {samples.shape[-1]} images: give a file with one radiograph")
        shown = upright(_shown(page, samples), page.tags.valueof(ORIENTATION, 1), _told_aspect(page))
        return replace(shown, false_colours=_is_in_false_colours(page, samples))


def _the_picture(tiff: Any, file: Path) -> Any:
    """The page that is neither a small copy of another nor a mask."""
    pages = [page for page in tiff.pages if not (page.is_reduced or page.is_mask)]
    if len(pages) != 1:
        raise InputError(f"{file} holds {len(tiff.pages)} images: give a file with one radiograph")
    return pages[0]


def _samples(page: Any, size: int) -> np.ndarray:
    """(H, W, C) as stored in a file of so many bytes; what tifffile says, or ValueError, where it is damaged."""
    parts = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(start + length > size for start, length in parts):
        raise ValueError("it is cut off")
    samples = np.asarray(page.asarray())
    if not samples.size:
        raise ValueError("there is nothing in it")
    return np.moveaxis(samples, page.axes.index("S"), -1) if "S" in page.axes else samples[..., None]


def _shown(page: Any, samples: np.ndarray) -> np.ndarray:
    """Grey of what is seen of a page: (H, W) float32."""
    if page.photometric == _PALETTE:
        return luma(np.moveaxis(page.colormap, 0, -1)[samples[..., 0]])
    colours = 3 if page.photometric == _RGB else 1
    alphas = [colours + place for place, kind in enumerate(page.extrasamples) if kind in _ALPHAS]
    grey = grey_of(samples, colours=colours, alpha=alphas[0] if alphas else None)
    if page.photometric != _WHITE_IS_ZERO:
        return grey
    return np.asarray((np.iinfo(samples.dtype).max if samples.dtype.kind == "u" else grey.max()) - grey)


def _is_in_false_colours(page: Any, samples: np.ndarray) -> bool:
    """Whether a table made the colours of a page of greys."""
    if page.photometric == _PALETTE:
        return in_false_colours(np.moveaxis(page.colormap, 0, -1)[in_brief(samples)[..., 0]])
    return page.photometric == _RGB and in_false_colours(samples[..., :3])


def _told_aspect(page: Any) -> float:
    """Height of a pixel over its width; 1 where the resolutions are damaged."""
    with contextlib.suppress(*DAMAGE):
        across, down = (above / below for above, below in (page.tags.valueof(tag, (1, 1)) for tag in (_ACROSS, _DOWN)))
        return pixel_aspect(across, down)
    return 1.0
