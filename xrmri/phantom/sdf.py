"""Signed distances to simple solids: negative inside, positive outside, mm.

Points are three arrays x, y, z that broadcast together to (Y, Z, X): slices, rows and columns of a knee grid.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Field = NDArray[np.float32]
Corner = tuple[float, float, float]
Knots = tuple[tuple[float, float, float, float, float], ...]

FAR_MM = np.float32(30.0)
"""Distance that is told where a solid was not evaluated."""
_MARGIN_MM = 4.0


class Points(NamedTuple):
    """Places in the knee frame, mm; the three arrays broadcast to (Y, Z, X)."""

    x: Field
    y: Field
    z: Field

    def scaled(self, factor: float) -> "Points":
        """The same places with every coordinate multiplied."""
        f = np.float32(factor)
        return Points(self.x * f, self.y * f, self.z * f)

    def span(self) -> tuple[int, int, int]:
        """Shape that the three arrays broadcast to."""
        return np.broadcast_shapes(self.x.shape, self.y.shape, self.z.shape)

    def box(self, low: Corner, high: Corner) -> tuple[slice, slice, slice]:
        """The part of the grid that can hold places between two corners, with a margin."""
        spans = []
        for axis, places, least, most in zip((2, 0, 1), self, low, high, strict=True):
            sparse = places[tuple(slice(None) if a == axis else slice(None, None, 6) for a in range(3))]
            others = tuple(a for a in range(3) if a != axis)
            touched = np.flatnonzero(
                (sparse.min(axis=others) < most + _MARGIN_MM) & (sparse.max(axis=others) > least - _MARGIN_MM)
            )
            spans.append(slice(touched[0], touched[-1] + 1) if len(touched) else slice(0, 0))
        return spans[1], spans[2], spans[0]

    def cut(self, box: tuple[slice, slice, slice]) -> "Points":
        """The places in a part of the grid."""
        return Points(*(a[tuple(s if n > 1 else slice(None) for n, s in zip(a.shape, box, strict=True))] for a in self))


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


def column(p: Points, knots: Knots, exponent: float = 2.0) -> Field:
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
        un, vn = (u * u, v * v) if exponent == 3.0 else (u ** (n - 1), v ** (n - 1))
        total = un * u + vn * v + np.float32(1e-9)
        k0 = np.cbrt(total) if exponent == 3.0 else total ** (1 / n)
        k1 = np.sqrt((un / a) ** 2 + (vn / b) ** 2) * k0 / total * k0
    side = k0 * (k0 - 1) / (k1 + np.float32(1e-6))
    half = np.float32((table[-1, 0] - table[0, 0]) / 2)
    return np.maximum(side, np.abs(p.z - np.float32((table[-1, 0] + table[0, 0]) / 2)) - half)


def extruded(profile: Field, across: Field, half_width: float, rounding: Field) -> Field:
    """A flat profile given a width, with rounded edges.

    Args:
        profile: distance in the plane of the profile.
        across: signed distance from that plane.
        half_width: of the solid.
        rounding: radius of the edges, from place to place.
    """
    r = rounding
    u, v = profile + r, np.abs(across) - np.float32(half_width) + r
    return np.minimum(np.maximum(u, v), 0) + np.sqrt(np.maximum(u, 0) ** 2 + np.maximum(v, 0) ** 2) - r


def union(a: Field, b: Field, blend_mm: float) -> Field:
    """Both solids together, the seam filleted over blend_mm."""
    k = np.float32(blend_mm)
    h = np.maximum(k - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h / (4 * k)


@dataclass(frozen=True, kw_only=True, slots=True)
class Solid:
    """A solid and the corners of the box that holds it."""

    distance: Callable[[Points], Field]
    low: Corner
    high: Corner


def boxed_column(knots: Knots, exponent: float = 2.0) -> Solid:
    """A column that is evaluated in its own box."""
    table = np.array(knots)
    reach = np.stack([table[:, 3], table[:, 4]], axis=1)
    low, high = (table[:, 1:3] - reach).min(axis=0), (table[:, 1:3] + reach).max(axis=0)
    return Solid(
        distance=lambda p: column(p, knots, exponent),
        low=(float(low[0]), float(low[1]), float(table[:, 0].min())),
        high=(float(high[0]), float(high[1]), float(table[:, 0].max())),
    )


def boxed_capsule(start: Corner, end: Corner, radius: float) -> Solid:
    """A rod that is evaluated in its own box."""
    return Solid(
        distance=lambda p: capsule(p, start, end, radius),
        low=_corner(min(a, b) - radius for a, b in zip(start, end, strict=True)),
        high=_corner(max(a, b) + radius for a, b in zip(start, end, strict=True)),
    )


def boxed_ellipsoid(centre: Corner, radii: Corner) -> Solid:
    """An ellipsoid that is evaluated in its own box."""
    return Solid(
        distance=lambda p: ellipsoid(p, centre, radii),
        low=_corner(c - r for c, r in zip(centre, radii, strict=True)),
        high=_corner(c + r for c, r in zip(centre, radii, strict=True)),
    )


def _corner(places: Iterable[float]) -> Corner:
    x, y, z = places
    return x, y, z


def nowhere(p: Points) -> Field:
    """Distance to nothing."""
    return np.full(p.span(), FAR_MM, dtype=np.float32)


def add(distance: Field, p: Points, solid: Solid, blend: Callable[[Field, Field], Field] = np.minimum) -> None:
    """Add a solid to a distance, in place, near the solid only.

    Args:
        distance: (Y, Z, X), changed.
        p: its places.
        solid: what is added.
        blend: how both distances become one.
    """
    box = p.box(solid.low, solid.high)
    if all(s.stop > s.start for s in box):
        distance[box] = blend(distance[box], solid.distance(p.cut(box)))


def cut_out(distance: Field, p: Points, solid: Solid, blend_mm: float) -> None:
    """Take a solid away from a distance, in place, near the solid only; the edge rounded over blend_mm."""
    add(distance, p, solid, lambda whole, hole: common(whole, -hole, blend_mm))


def fillet(blend_mm: float) -> Callable[[Field, Field], Field]:
    """The union whose seam is filleted over blend_mm."""
    return lambda a, b: union(a, b, blend_mm)


def common(a: Field, b: Field, blend_mm: float) -> Field:
    """What both solids share, the edge rounded over blend_mm."""
    return -union(-a, -b, blend_mm)


def coverage(distance: Field, width_mm: float) -> Field:
    """Share of a voxel that a solid fills: 0 outside to 1 inside, over a border of width_mm."""
    share = distance * np.float32(-1 / width_mm)
    share += np.float32(0.5)
    return np.clip(share, 0, 1, out=share)
