"""A picture that one knee fills: where its joint lies, and which knee it is.

The detector was taught on films, where a joint is a fifth as wide as the picture; of a joint crop it is shown the crop
with margins, so that the joint has that size. Framed by its box, a crop does not depend on how it was cut.
"""

from dataclasses import replace

import numpy as np

from xrmri.detector.detect import FAINTEST, Detector, find_knees
from xrmri.records import LEFT, RIGHT, KneeBox, Radiograph

FILLS = 0.45
"""A joint box that spans this share of the longer side of a picture makes it a joint crop (choice: 0.77 as published, a
third on a film of one knee)."""
SURELY = 0.9
"""Surer than this the fibula tells the side (choice; 60 of 60 real crops lie above 0.96, all right)."""
_SHARE = 1 / 4
"""Of the window that the detector is shown, which a joint box takes: as on films, and where boxes of 24 real crops vary
least (measured)."""
_AS_CUT = 1 / 1.3
"""Of a joint crop, which its box takes."""


def knee_that_fills(detector: Detector, picture: Radiograph, start: KneeBox | None) -> KneeBox | None:
    """The best box on a picture of one knee, in its own pixels and with the side ""; None where there is none at all.

    Args:
        detector: from load_detector.
        picture: any size, bone bright.
        start: where the joint about is; None to look where it is on crops as they usually are.
    """
    rows, columns = picture.pixels.shape
    box = start or KneeBox(side="", score=0.0, corners=_shrunk((0, 0, columns, rows), _AS_CUT))
    # Once from there, and once from what was seen there, so that how the picture was cut makes no difference.
    seen = _looked_at(detector, picture, box.corners)
    return (_looked_at(detector, picture, seen.corners) or seen) if seen else None


def _looked_at(detector: Detector, picture: Radiograph, about: tuple[float, float, float, float]) -> KneeBox | None:
    """The best box in a window of which `about` takes its share, in pixels of the picture; black beyond the picture."""
    pixels, (x0, y0, x1, y1) = picture.pixels - picture.pixels.min(), about
    reach = round(max(x1 - x0, y1 - y0) / _SHARE / 2)
    left, top = round((x0 + x1) / 2) - reach, round((y0 + y1) / 2) - reach
    rows, columns = pixels.shape
    inside = pixels[max(top, 0) : top + 2 * reach, max(left, 0) : left + 2 * reach]
    margins = [(max(-start, 0), max(start + 2 * reach - stop, 0)) for start, stop in ((top, rows), (left, columns))]
    found = find_knees(detector, replace(picture, pixels=np.pad(inside, margins)), min_score=FAINTEST)
    if not found:
        return None
    best = max(found, key=lambda box: box.score)
    x0, y0, x1, y1 = (corner + start for corner, start in zip(best.corners, (left, top, left, top), strict=True))
    return replace(best, corners=(x0, y0, x1, y1))


def _shrunk(corners: tuple[float, float, float, float], share: float) -> tuple[float, float, float, float]:
    """A box shrunk about its centre."""
    x0, y0, x1, y1 = corners
    wide, high = (x1 - x0) * (1 - share) / 2, (y1 - y0) * (1 - share) / 2
    return x0 + wide, y0 + high, x1 - wide, y1 - high


def fills(box: KneeBox, picture: Radiograph) -> bool:
    """Whether a box makes of its picture a joint crop."""
    (height, width), (rows, columns) = picture.pixel_size, picture.pixels.shape
    x0, y0, x1, y1 = box.corners
    return max((x1 - x0) * width, (y1 - y0) * height) > FILLS * max(columns * width, rows * height)


def side_by_fibula(box: KneeBox) -> tuple[str, float]:
    """The knee as which its fibula lies, and how surely: in [0.5, 1]."""
    right = box.fibula_left
    return (RIGHT, right) if right > 0.5 else (LEFT, 1 - right)
