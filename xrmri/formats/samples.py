"""What the samples of a picture show: grey of colours, black where it is transparent, upright, its pixels' shape."""

from struct import error as StructError

import numpy as np

from xrmri.formats.grey import luma
from xrmri.records import Radiograph

ORIENTATION = 0x0112
"""The tag of EXIF and TIFF that says how a picture was held."""
# What Pillow, tifffile and their codecs let out on damaged pictures; they share no base class.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, RuntimeError, ArithmeticError, MemoryError,
          AttributeError, StructError, ImportError)  # fmt: skip
_SQUARE = 0.01
"""Pixels that are so much higher than wide are square: densities are rounded (choice)."""
_MOST_OBLONG = 3.0
"""Pixels that are higher or wider by more are a mistake in the file: those of a coarse fax have 2.1 (choice)."""


def grey_of(samples: np.ndarray, *, colours: int, alpha: int | None = None) -> np.ndarray:
    """Grey of what is seen of a picture.

    Args:
        samples: (H, W, C).
        colours: how many of the first channels are colours: 1 of grey, 3 of red, green and blue.
        alpha: the channel that says how much of the others is seen; None where all of it is.

    Returns:
        (H, W) float32 in the units of the samples; 0 where nothing is seen.
    """
    grey = luma(samples[..., :3]) if colours == 3 else samples[..., 0].astype(np.float32)
    if alpha is None:
        return grey
    opaque = np.iinfo(samples.dtype).max if samples.dtype.kind == "u" else 1
    return np.asarray(grey * (samples[..., alpha].astype(np.float32) / np.float32(opaque)))


def upright(pixels: np.ndarray, orientation: int, aspect: float) -> Radiograph:
    """A picture turned and mirrored back from one of the eight ways in which EXIF says that it may lie.

    Args:
        pixels: (H, W) float32, as stored.
        orientation: 1 to 8; any other counts as 1.
        aspect: height of a stored pixel over its width.
    """
    if orientation in (5, 6, 7, 8):
        pixels, aspect = pixels.T, 1 / aspect
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return Radiograph(pixels=np.ascontiguousarray(pixels), side=None, spacing_mm=None, pixel_aspect=aspect)


def pixel_aspect(across: float, down: float) -> float:
    """Height of a pixel over its width.

    Args:
        across: pixels to a length along a row.
        down: pixels to the same length along a column.

    Returns:
        1 where they tell nothing, or what cannot be.
    """
    if min(across, down) <= 0:
        return 1.0
    aspect = across / down
    return aspect if abs(aspect - 1) > _SQUARE and 1 / _MOST_OBLONG <= aspect <= _MOST_OBLONG else 1.0
