"""A picture that was turned in its frame leaves even corners; they are filled as its last pixels go on.

Pixels (H, W). Along and across the turned picture run u = x cos a + y sin a and v = y cos a - x sin a.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

_EVEN = 0.05
"""Corners may differ by so much of the greys of their picture (choice: JPEG makes them uneven)."""
_ANGLES = np.deg2rad(np.arange(-20, 20.25, 0.25))
"""Pictures that are turned further are no slips."""
_LEAST = 0.02
"""Of the shorter side, that each corner must lie outside the picture: less is no turn (choice)."""
_GRAIN = 5
"""Pixels across of what is no part of the picture: JPEG leaves such in the corners."""
_LOOKED_AT = 96
"""Places across a frame, and down, that are counted."""
_MORE = 0.01
"""Of a frame, that a turned rectangle leaves out beyond what an upright one does: less is no turn (choice)."""
_RIM = 3.0
"""Pixels at the picture's edge that are mixed with the corners."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """Where a picture lies in its frame."""

    angle: float
    """Radians from x to u."""
    u: tuple[float, float]
    """From its first to its last pixel along, and `v` across."""
    v: tuple[float, float]

    def along(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of the frame -> u and v."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return x * c + y * s, y * c - x * s

    def beyond(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """By how many pixels some of the frame lie outside the picture; 0 and less within."""
        (u, v), (u0, u1), (v0, v1) = self.along(x, y), self.u, self.v
        return np.asarray(np.max([u0 - u, u - u1, v0 - v, v - v1], axis=0))

    def nearest(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For pixels of the frame the nearest ones of the picture, its mixed rim left out."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        inside = zip(self.along(x, y), (self.u, self.v), strict=True)
        u, v = (np.clip(one, first + _RIM, last - _RIM) for one, (first, last) in inside)
        return u * c - v * s, u * s + v * c


def filled_corners(pixels: np.ndarray) -> np.ndarray:
    """The picture with its even corners filled by the nearest pixels; as it is where it was not turned.

    Args:
        pixels: (H, W), any values.

    Returns:
        (H, W) of the same type.
    """
    turned = turned_picture(pixels)
    if turned is None:
        return pixels
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32)
    there_x, there_y = turned.nearest(x, y)
    rows, columns = (np.rint(there).astype(int).clip(0, count - 1)
                     for there, count in zip((there_y, there_x), pixels.shape, strict=True))  # fmt: skip
    return np.asarray(pixels[rows, columns])


def turned_picture(pixels: np.ndarray) -> Turned | None:
    """Where a turned picture lies in its frame; None where four even corners do not tell that it was turned.

    Of all rectangles that hold whatever is not as even as the corners, it is the one that leaves most of the frame out;
    a rectangle that leaves not all four corners out is no turned picture: what is dark there is air beside a leg.
    """
    height, width = pixels.shape
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.float64)
    even = _EVEN * float(np.ptp(pixels))
    if np.ptp(corners) > even:
        return None
    filled = uniform_filter((np.abs(pixels - np.median(corners)) > even).astype(np.float32), _GRAIN) > 1 / 2
    rows = np.flatnonzero(filled.any(axis=1))
    if len(rows) < 2:  # noqa: PLR2004  (a line is no picture)
        return None
    # Extremes of u and v lie at the first or the last pixel of a row.
    first, last = filled[rows].argmax(axis=1), width - 1 - filled[rows, ::-1].argmax(axis=1)
    x, y = np.concatenate([first, last]), np.concatenate([rows, rows])
    down, right = (np.linspace(0, count - 1, _LOOKED_AT) for count in (height, width))
    frame_x, frame_y = (one.ravel() for one in np.meshgrid(right, down))
    found = [_around(angle, x, y) for angle in _ANGLES]
    left_out = [float((one.beyond(frame_x, frame_y) > 0).mean()) for one in found]
    most, more = found[int(np.argmax(left_out))], max(left_out) - left_out[len(found) // 2]
    corners_out = most.beyond(np.array([0, width - 1, 0, width - 1]), np.array([0, 0, height - 1, height - 1]))
    return most if more > _MORE and corners_out.min() > _LEAST * min(height, width) else None


def _around(angle: float, x: np.ndarray, y: np.ndarray) -> Turned:
    """The smallest rectangle at an angle that holds some pixels."""
    turned = Turned(angle=float(angle), u=(0.0, 0.0), v=(0.0, 0.0))
    (u0, u1), (v0, v1) = ((float(one.min()), float(one.max())) for one in turned.along(x, y))
    return Turned(angle=float(angle), u=(u0, u1), v=(v0, v1))
