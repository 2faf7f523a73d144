"""What crosses a border between parts of the pipeline: radiographs, volumes and where they lie in space.

Axes: S slices posterior to anterior, H rows superior to inferior, W columns from the patient's right to the left.
RAS millimetres: +x is the patient's right, +y anterior, +z superior.
"""

from dataclasses import dataclass

import numpy as np

RIGHT, LEFT = "right", "left"
SIDES = (RIGHT, LEFT)
FIELD_OF_VIEW_MM = 160.0
"""Width and height of a coronal FLASH slice (OAI protocol)."""
DEPTH_EXTENT_MM = 1.5 * 49
"""From the first to the last of the 50 slices kept, 1.5 mm apart (paper, III-A)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KneeBox:
    """One knee found on a film."""

    side: str
    score: float
    corners: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the joint box in film pixels."""
    fibula_left: float = 0.5
    """How surely the fibula lies at image left, as it does on a right knee; 0.5 where nobody looked."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Radiograph:
    """A radiograph of one knee, or a whole film, in the film's own orientation."""

    pixels: np.ndarray
    """(H, W) float32, bone bright."""
    side: str | None
    """Which knee it shows; None for a bilateral film."""
    spacing_mm: tuple[float, float] | None
    """Row and column spacing, or None where the file does not tell."""

    def __repr__(self) -> str:
        """Shape, side and spacing, as a person would say them."""
        height, width = self.pixels.shape
        spacing = f"{self.spacing_mm[0]:.3f} mm" if self.spacing_mm else "spacing unknown"
        return f"Radiograph({height} x {width}, {self.side or 'bilateral'}, {spacing})"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Geometry:
    """Where the voxels of a volume lie."""

    affine: np.ndarray
    """(4, 4) float64, voxel (slice, row, column) to RAS mm."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbours along slice, row and column."""
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)

    @classmethod
    def coronal(cls, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> "Geometry":
        """A coronal volume centred on the origin: slices to anterior, rows to inferior, columns to the left."""
        affine = np.eye(4)
        affine[:3, :3] = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]) * np.array(spacing_mm)
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
        return cls(affine=affine)

    def mirrored(self, columns: int) -> "Geometry":
        """The geometry of the same voxels once their column order is reversed."""
        flip = np.diag([1.0, 1.0, -1.0, 1.0])
        flip[2, 3] = columns - 1
        return Geometry(affine=self.affine @ flip)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Volume:
    """An MRI volume, acquired or generated."""

    voxels: np.ndarray
    """(S, H, W), any numeric dtype."""
    geometry: Geometry
    side: str

    def __repr__(self) -> str:
        """Shape, dtype, spacing and side, as a person would say them."""
        slices, height, width = self.voxels.shape
        spacing = " x ".join(f"{value:.2f}" for value in self.geometry.spacing_mm)
        return f"Volume({slices} x {height} x {width} {self.voxels.dtype}, {spacing} mm, {self.side})"
