"""Where a knee lies: the regular grid of a picture, and the places in the knee that it looks at."""

from dataclasses import dataclass

import numpy as np

from xrmri.phantom.sdf import Field, Points


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Axes of a grid in the frame of the picture, mm: x lateral, y anterior, z superior."""

    x: Field
    """(X,) columns."""
    y: Field
    """(Y,) slices."""
    z: Field
    """(Z,) rows, falling."""

    def refined(self, factor: int) -> "Grid":
        """The same span with each column and row split into `factor`."""
        return Grid(x=_split(self.x, factor), y=self.y, z=_split(self.z, factor))


def _split(axis: Field, factor: int) -> Field:
    """Centres of the parts of every step of an axis."""
    step = (axis[1] - axis[0]) / factor
    parts = (np.arange(factor, dtype=np.float32) - (factor - 1) / 2) * step
    return (axis[:, None] + parts).reshape(-1).astype(np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """Small rotations and a shift that carry the picture onto the knee."""

    coronal_degrees: float
    axial_degrees: float
    sagittal_degrees: float
    shift_mm: tuple[float, float, float]
    """Of the knee in the picture: x, y, z."""

    def points(self, grid: Grid) -> Points:
        """Places in the knee of every point of a grid; z keeps one slice, since its tables are then small."""
        x = grid.x[None, None, :] - np.float32(self.shift_mm[0])
        y = grid.y[:, None, None] - np.float32(self.shift_mm[1])
        z = grid.z[None, :, None] - np.float32(self.shift_mm[2])
        coronal, axial, sagittal = (
            np.float32(np.radians(d)) for d in (self.coronal_degrees, self.axial_degrees, self.sagittal_degrees)
        )
        return Points(x - coronal * z - axial * y, y + axial * x + sagittal * z, z + coronal * x)
