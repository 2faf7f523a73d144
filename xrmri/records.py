"""What crosses a border between parts of the pipeline: radiographs and volumes.

Axes: S slices, H rows, W columns; which way they run, a volume's geometry says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrmri.geometry import Geometry

RIGHT, LEFT = "right", "left"
SIDES = (RIGHT, LEFT)
SPLITS = ("train", "val", "test")
"""Of a dataset, by participant."""
UNSEEN = 0.001
"""Of a volume's window, root mean square: readings that change it by less change nothing that can be seen (choice: a
quarter of a grey level of a screen)."""


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
    pixel_aspect: float = 1.0
    """Height of a pixel over its width; of what has a spacing, the spacing counts."""
    false_colours: bool = False
    """A table seems to have made colours of its greys, so that its pixels are no film's."""

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Height and width of a pixel: in mm, or in widths where the file does not tell."""
        return self.spacing_mm or (self.pixel_aspect, 1.0)

    def __repr__(self) -> str:
        """Shape, side and spacing, as a person would say them."""
        height, width = self.pixels.shape
        spacing = f"{self.spacing_mm[0]:.3f} mm" if self.spacing_mm else "spacing unknown"
        return f"Radiograph({height} x {width}, {self.side or 'bilateral'}, {spacing})"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Volume:
    """An MRI volume, acquired or generated."""

    voxels: np.ndarray
    """(S, H, W), any numeric dtype."""
    geometry: Geometry
    side: str

    def __post_init__(self) -> None:
        """Refuse a geometry of other voxels."""
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(f"voxels {self.voxels.shape} do not fit a geometry of {self.geometry.shape}")

    def __repr__(self) -> str:
        """Shape, dtype, spacing, orientation and side, as a person would say them."""
        slices, height, width = self.voxels.shape
        spacing = " x ".join(f"{value:.2f}" for value in self.geometry.spacing_mm)
        size = f"{slices} x {height} x {width} {self.voxels.dtype}"
        return f"Volume({size}, {spacing} mm, {self.geometry.orientation}, {self.side})"

    def flipped(self, axis: int) -> "Volume":
        """The same volume with its voxels stored in reverse order along an axis."""
        voxels = np.flip(self.voxels, axis)
        return Volume(voxels=voxels, geometry=self.geometry.flipped(axis), side=self.side)

    def permuted(self, axes: Sequence[int]) -> "Volume":
        """The same volume with its axes stored in another order."""
        return Volume(voxels=np.transpose(self.voxels, axes), geometry=self.geometry.permuted(axes), side=self.side)
