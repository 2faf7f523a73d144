"""Whether a picture's colours are those of a table (jet, rainbow ...) in place of its greys: it is no film then."""

import numpy as np

from xrmri.formats.grey import luma, photometric
from xrmri.formats.grey_tables import through_palette
from xrmri.formats.header_numbers import Tags

_LEVEL = 16
"""Greys that count as one where colours are compared (choice)."""
_LOOKED_AT = 600
"""Pixels of the longer side of what is looked at for its colours (choice)."""
_UNLIKE, _COLOURFUL = 48, 0.03
"""Levels by which a colour is another one than usual, and the share of such pixels that makes colours false (measured:
0.04 to 0.28 of knees in jet, turbo, rainbow and five other tables, 0.003 at most of tinted and marked ones)."""


def in_brief(pixels: np.ndarray) -> np.ndarray:
    """Pixels of a picture that tell its colours: (H, W, ...) -> at most 600 rows and columns of it."""
    step = max(1, -(-max(pixels.shape[:2]) // _LOOKED_AT))
    return pixels[::step, ::step]


def in_false_colours(colours: np.ndarray) -> bool:
    """Whether a table made colours of greys: much of what is equally bright has unlike colours, which no tint does.

    Args:
        colours: (H, W, 3) red, green and blue, of 8 bits, or of any more of which the brightest is as bright as can be.
    """
    some = in_brief(colours).reshape(-1, 3).astype(np.float32)
    if colours.dtype != np.uint8:
        some *= 255 / max(float(some.max()), 1e-9)
    level, hue = (luma(some) // _LEVEL).astype(int), some - some.mean(axis=1, keepdims=True)
    unlike = 0
    for one in np.unique(level):
        alike = hue[level == one]
        unlike += int((np.abs(alike - np.median(alike, axis=0)).max(axis=1) > _UNLIKE).sum())
    return unlike > _COLOURFUL * len(some)


def shows_false_colours(stored: np.ndarray, tags: Tags) -> bool:
    """Whether a table made colours of greys; arguments as of `bone_bright`."""
    if stored.ndim > 2:
        return in_false_colours(stored)
    return photometric(tags) == "PALETTE COLOR" and in_false_colours(through_palette(in_brief(stored), tags))
