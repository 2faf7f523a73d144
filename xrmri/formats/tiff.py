"""TIFF as a viewer shows it: any numbers and compression, either end white, the page that is the picture.

Grey, red-green-blue and palettes keep every bit that they hold, by tifffile; colours of printing are left to Pillow.
"""

import contextlib
import logging
from dataclasses import replace
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, Literal

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
_MULTIPLIED, _ALPHAS = 1, (1, 2)
"""ExtraSamples that say how much of a colour is seen; others are not shown. Colours have the first in them already."""
_ACROSS, _DOWN = 282, 283
"""XResolution and YResolution."""
_MOST_PAGES = 4096
"""Of one file (choice: a scan of a knee has some hundreds)."""
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

    _require_end(content)
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


def _require_end(content: bytes) -> None:
    """ValueError for pages that lead back to one before, which tifffile follows for ever, or are more than any has."""
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"
    count, entry, link = (8, 20, 8) if 43 in content[2:4] else (2, 12, 4)  # the first are those of a BigTIFF
    seen: set[int] = set()
    at = int.from_bytes(content[link : 2 * link], order)
    while at and at + count <= len(content):
        if at in seen or len(seen) == _MOST_PAGES:
            raise ValueError("its pages have no end")
        seen.add(at)
        end = at + count + entry * int.from_bytes(content[at : at + count], order)
        at = int.from_bytes(content[end : end + link], order)


def _the_picture(tiff: Any, file: Path) -> Any:
    """The page that is neither a small copy of another nor a mask."""
    pages = [page for page in tiff.pages if not (page.is_reduced or page.is_mask)]
    if len(tiff.pages) == 1:
        return tiff.pages[0]
    if len(pages) != 1:
        raise InputError(f"{file} holds {len(tiff.pages)} images: give a file with one radiograph")
    return pages[0]


def _samples(page: Any, size: int) -> np.ndarray:
    """(H, W, C) as stored in a file of so many bytes; what tifffile says, or ValueError, where it is damaged."""
    parts = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(start + length > size for start, length in parts):
        raise ValueError("it is cut off")
    if len(page.dataoffsets) != prod(page.chunked):  # which would become black
        raise ValueError(f"it has {len(page.dataoffsets)} of {prod(page.chunked)} parts")
    if page.predictor != 1 and page.compression == 1:
        raise ValueError("it has a predictor without a compression")
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
    alpha = alphas[0] if alphas else None
    if alpha is not None and page.extrasamples[alpha - colours] == _MULTIPLIED:
        grey = grey_of(samples, colours=colours) * (samples[..., alpha] > 0)
    else:
        grey = grey_of(samples, colours=colours, alpha=alpha)
    if page.photometric != _WHITE_IS_ZERO:
        return grey
    whole = samples.dtype.kind == "u" and samples.dtype.itemsize <= 2  # float32 tells the greys of more no longer apart
    return np.asarray((np.iinfo(samples.dtype).max if whole else grey.max()) - grey)


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
