"""Signed distances to simple solids: negative inside, positive outside, mm.

Points are three arrays x, y, z that broadcast together to (Y, Z, X): slices, rows and columns of a knee grid.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Field = NDArray[np.float32]


class Points(NamedTuple):
    """Places in the knee frame, mm; the three arrays broadcast to (Y, Z, X)."""

    x: Field
    y: Field
    z: Field

    def scaled(self, factor: float) -> "Points":
        """The same places with every coordinate multiplied."""
        f = np.float32(factor)
        return Points(self.x * f, self.y * f, self.z * f)


def ellipsoid(p: Points, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Field:
    """Distance to an ellipsoid, exact at its surface to first order."""
    u, v, w = ((a - np.float32(c)) / np.float32(r) for a, c, r in zip(p, centre, radii, strict=True))
    rx, ry, rz = (np.float32(1 / r) for r in radii)
    k0 = np.sqrt(u * u + v * v + w * w)
    k1 = np.sqrt((u * rx) ** 2 + (v * ry) ** 2 + (w * rz) ** 2) + np.float32(1e-6)
    return k0 * (k0 - 1) / k1


def capsule(p: Points, start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Field:
    """Distance to a rod with round ends."""
    axis = np.subtract(end, start).astype(np.float32)
    dx, dy, dz = (a - np.float32(s) for a, s in zip(p, start, strict=True))
    t = np.clip((dx * axis[0] + dy * axis[1] + dz * axis[2]) / np.float32(axis @ axis), 0, 1)
    return np.sqrt((dx - t * axis[0]) ** 2 + (dy - t * axis[1]) ** 2 + (dz - t * axis[2]) ** 2) - np.float32(radius)


def column(p: Points, knots: tuple[tuple[float, float, float, float, float], ...], exponent: float = 2.0) -> Field:
    """Distance to a solid whose axial sections are superellipses that change with height.

    Args:
        p: places.
        knots: (z, centre x, centre y, half-width x, half-depth y), any order in z; flat ends at the outermost z.
        exponent: 2 is an ellipse, more is boxier.

    Returns:
        (Y, Z, X) distance; exact at the surface to first order where the sides are steep.
    """
    table = np.array(sorted(knots), dtype=np.float64)
    heights = np.linspace(table[0, 0], table[-1, 0], 129)
    curves = PchipInterpolator(table[:, 0], table[:, 1:])(heights)
    xc, yc, a, b = (np.interp(p.z, heights, curve).astype(np.float32) for curve in curves.T)
    u, v = np.abs(p.x - xc) / a, np.abs(p.y - yc) / b
    if exponent == 2.0:
        k0, k1 = np.sqrt(u * u + v * v), np.sqrt((u / a) ** 2 + (v / b) ** 2)
    else:
        n = np.float32(exponent)
        un, vn = u ** (n - 1), v ** (n - 1)
        total = un * u + vn * v + np.float32(1e-9)
        k0 = total ** (1 / n)
        k1 = np.sqrt((un / a) ** 2 + (vn / b) ** 2) * k0 / total * k0
    side = k0 * (k0 - 1) / (k1 + np.float32(1e-6))
    half = np.float32((table[-1, 0] - table[0, 0]) / 2)
    return np.maximum(side, np.abs(p.z - np.float32((table[-1, 0] + table[0, 0]) / 2)) - half)


def extruded(profile: Field, across: Field, half_width: float, rounding: float) -> Field:
    """A flat profile given a width, with rounded edges.

    Args:
        profile: distance in the plane of the profile.
        across: signed distance from that plane.
        half_width: of the solid.
        rounding: radius of the edges.
    """
    r = np.float32(rounding)
    u, v = profile + r, np.abs(across) - np.float32(half_width) + r
    return np.minimum(np.maximum(u, v), 0) + np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2) - r


def union(a: Field, b: Field, blend_mm: float) -> Field:
    """Both solids together, the seam filleted over blend_mm."""
    k = np.float32(blend_mm)
    h = np.maximum(k - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h / (4 * k)


def common(a: Field, b: Field, blend_mm: float) -> Field:
    """What both solids share, the edge rounded over blend_mm."""
    return -union(-a, -b, blend_mm)


def coverage(distance: Field, width_mm: float) -> Field:
    """Share of a voxel that a solid fills: 0 outside to 1 inside, over a border of width_mm."""
    return np.clip(np.float32(0.5) - distance / np.float32(width_mm), 0, 1)
