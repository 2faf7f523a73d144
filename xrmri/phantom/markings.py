"""Lines and patches inside the bones of a radiograph: growth plates, rims, crossing ridges, uneven density.

Fields are (Z, X) on a grid of the film, in the frame of the tibia; x lateral, z superior. They belong to the film
alone: each crosses the whole depth of a bone, so no slice of a volume has it.
"""

import numpy as np

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.pose import Grid
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import smooth_noise

_RIDGE_MM = 0.8
"""Usual height of a ridge, mm of cortical bone (choice, by eye on real crops, as all numbers here)."""

_REGIONS = (((0.0, 30.0), (22.0, 11.0), 10), ((0.0, -9.0), (7.0, 4.5), 5), ((0.0, -26.0), (18.0, 9.0), 5))
"""Middle and spread (x, z), mm, and number of the ridges: condyles, under the spines, tibia."""


def patches(knee: Knee, grid: Grid) -> Field:
    """Density of spongy bone, 1 on average: some places are thinned and others dense."""
    generator, step = stream("patches", knee.shape.bone_seed), abs(float(grid.x[1] - grid.x[0]))
    shape = (len(grid.z), len(grid.x))
    slow, quick = (smooth_noise(generator, shape, (width / step, width / step)) for width in (6.5, 3.0))
    return np.clip(1 + np.float32(0.27) * slow + np.float32(0.11) * quick, 0.5, 1.6)


def lines(knee: Knee, grid: Grid, factor: int) -> Field:
    """What the lines inside the bones add, mm of cortical bone, on the grid refined by `factor`.

    Scars of both growth plates; the rim of the plateau that the beam does not graze; ridges and lines of force that
    cross each other in the condyles, and most under the spines.
    """
    generator, size = stream("lines", knee.shape.bone_seed), knee.shape.size
    fine = grid.refined(factor)
    x, z = fine.x[None, :] / np.float32(size), fine.z[:, None] / np.float32(size)
    drawn = np.zeros((len(fine.z), len(fine.x)), dtype=np.float32)
    for height, sag, strength in ((33.0, -4.0, 2.8), (-16.0, 2.5, 1.6)):
        waves = sum(
            a * np.sin(x / w + p)
            for a, w, p in zip(generator.normal(0, 0.9, 3), (17, 8, 4), generator.uniform(0, 6, 3), strict=True)
        )
        middle = height + generator.normal(0, 2.5) + sag * (x / 30.0) ** 2 + waves
        broken = np.clip(0.7 + 0.6 * np.sin(x / generator.uniform(7, 14) + generator.uniform(0, 6)), 0, 1.3)
        drawn += strength * float(generator.uniform(0.1, 1.0)) * broken * _ridge(z - middle, 0.8)
    for side in (-1.0, 1.0):
        below = -generator.uniform(2.0, 6.5) - 0.004 * (side * x - 22.0) ** 2
        within = np.clip((side * x - 8.0) / 4.0, 0, 1) * np.clip((37.0 - side * x) / 4.0, 0, 1)
        drawn += float(generator.uniform(0.2, 1.1)) * within * _ridge(z - below, 0.7)
    for centre, spread, count in _REGIONS:
        for x0, z0 in generator.normal(centre, spread, (count, 2)):
            angle, bend, width = generator.uniform(0, np.pi), generator.normal(0, 0.012), generator.uniform(0.4, 0.9)
            length, height = generator.uniform(5.0, 15.0), _RIDGE_MM * np.exp(generator.normal(0, 0.6))
            rows, columns = (_within(axis, middle, length) for axis, middle in ((z[:, 0], z0), (x[0], x0)))
            right, up = x[:, columns] - x0, z[rows] - z0
            along, across = np.cos(angle) * right + np.sin(angle) * up, np.cos(angle) * up - np.sin(angle) * right
            fade = np.clip(1.5 - np.abs(along) / (length / 1.5), 0, 1)
            drawn[rows, columns] += height * fade * _ridge(across - bend * along**2, width)
    return drawn


def _within(axis: Field, middle: float, reach: float) -> slice:
    """The part of a falling axis that lies within reach of a place."""
    return slice(*np.searchsorted(-axis, (-middle - reach, -middle + reach)))


def crest(silhouette: Field, grid: Grid, size: float) -> Field:
    """Cortex on the two spines of the tibia, mm of cortical bone: a line along the top of its shadow.

    Args:
        silhouette: (Z, X) mm of tibia behind each pixel of the grid.
        grid: of the film.
        size: of the knee.
    """
    top = grid.z[(silhouette > 1.5).argmax(axis=0)]
    middle = np.exp(-((grid.x / np.float32(13.0 * size)) ** 4))
    return np.float32(0.9) * middle * _ridge(grid.z[:, None] - top + np.float32(0.5), 0.7)


def _ridge(away: Field, width: float) -> Field:
    """1 on a line, 0 beyond a few of its widths."""
    return np.exp(-((away / np.float32(width)) ** 2)).astype(np.float32)
