"""Where voxels lie: an affine and a shape, and all that follows from them.

Axes: S slices, H rows, W columns. Millimetres are RAS: +x is the patient's right, +y anterior, +z superior. DICOM and
ITK count LPS; `lps_or_ras` turns one into the other, here and nowhere else.

A letter says where an axis runs to: R right, L left, A anterior, P posterior, S superior, I inferior. Volumes of each
plane are laid out alike: rows and columns as they are displayed (image left is the patient's right, or anterior),
slices from posterior to anterior (coronal), from right to left (sagittal), from superior to inferior (axial).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PLANES = {"coronal": "AIL", "sagittal": "LIP", "axial": "IPL"}
"""Where slices, rows and columns run to in a volume of each plane."""
FURTHEST_MM = 10_000.0
"""No scanner has a place further from its middle."""
_AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
_LETTERS = {of: letter for letter, of in _AXES.items()}
_WORDS = {"R": "right", "L": "left", "A": "anterior", "P": "posterior", "S": "superior", "I": "inferior"}
_LPS_RAS = np.diag([-1.0, -1.0, 1.0])


def lps_or_ras(vectors: np.ndarray) -> np.ndarray:
    """(3,) or (3, N) LPS coordinates as RAS ones, or RAS ones as LPS."""
    return np.asarray(_LPS_RAS @ vectors)


def direction(letter: str) -> np.ndarray:
    """(3,) RAS unit vector towards R, L, A, P, S or I."""
    axis, sign = _AXES[letter]
    return np.asarray(np.eye(3)[axis] * sign)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Geometry:
    """Where the voxels of a volume lie."""

    affine: np.ndarray
    """(4, 4) float64, voxel (slice, row, column) to RAS mm."""
    shape: tuple[int, int, int]
    """(S, H, W)."""

    @classmethod
    def centred(cls, plane: str, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> "Geometry":
        """A volume of a plane around the origin."""
        affine = np.eye(4)
        affine[:3, :3] = np.stack([direction(letter) for letter in PLANES[plane]], axis=1) * np.array(spacing_mm)
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
        return cls(affine=affine, shape=shape)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbours along slice, row and column."""
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """From the first slice to the last, which are planes; then height and width from edge to edge of pixels."""
        slices, rows, columns = self.shape
        slice_mm, row_mm, column_mm = self.spacing_mm
        return (slices - 1) * slice_mm, rows * row_mm, columns * column_mm

    @property
    def orientation(self) -> str:
        """Where slices, rows and columns run to, by the letters of the nearest directions: "AIL"."""
        nearest = np.abs(self.affine[:3, :3]).argmax(axis=0).tolist()
        return "".join(_LETTERS[axis, int(np.sign(self.affine[axis, of]))] for of, axis in enumerate(nearest))

    @property
    def across(self) -> int:
        """The axis along which left and right lie: 0 slices, 1 rows, 2 columns."""
        return next(axis for axis, letter in enumerate(self.orientation) if letter in "LR")

    @property
    def ends(self) -> tuple[str, str]:
        """What the first and the last slice lie nearest to: ("posterior", "anterior")."""
        return self._ends(0)

    @property
    def row_ends(self) -> tuple[str, str]:
        """What the first and the last row lie nearest to."""
        return self._ends(1)

    @property
    def image_left(self) -> str:
        """What the left edge of a slice is nearest to: "the patient's right", or "anterior" of a sagittal one."""
        start, _ = self._ends(2)
        return f"the patient's {start}" if start in ("right", "left") else start

    @property
    def centre_mm(self) -> np.ndarray:
        """(3,) the middle, in RAS mm."""
        return self.at((np.array(self.shape) - 1) / 2)

    @property
    def corners_mm(self) -> np.ndarray:
        """(8, 3) RAS positions of the corner voxels."""
        last = np.array(self.shape) - 1
        return np.stack([self.at(np.array(corner) * last) for corner in np.ndindex(2, 2, 2)])

    def at(self, index: Sequence[float] | np.ndarray) -> np.ndarray:
        """(3,) RAS position of a voxel, fractions allowed."""
        return np.asarray(self.affine[:3, :3] @ np.asarray(index, float) + self.affine[:3, 3])

    def flipped(self, axis: int) -> "Geometry":
        """The same voxels once their order along an axis is reversed."""
        first, step = [0.0] * 3, [1.0] * 3
        first[axis], step[axis] = self.shape[axis] - 1, -1
        return self.regridded(first, step, self.shape)

    def cropped(self, axis: int, start: int, stop: int) -> "Geometry":
        """The voxels from start to stop along an axis; a start below 0 or a stop beyond the end adds voxels."""
        first, shape = [0.0] * 3, list(self.shape)
        first[axis], shape[axis] = start, stop - start
        return self.regridded(first, [1.0] * 3, (shape[0], shape[1], shape[2]))

    def padded(self, axis: int, before: int, after: int) -> "Geometry":
        """With further voxels before the first and after the last along an axis; fewer where they are negative."""
        return self.cropped(axis, -before, self.shape[axis] + after)

    def permuted(self, axes: Sequence[int]) -> "Geometry":
        """The same voxels with their axes in another order, as np.transpose puts them."""
        slices, rows, columns = (self.shape[axis] for axis in axes)
        return Geometry(affine=self.affine[:, [*axes, 3]], shape=(slices, rows, columns))

    def resampled(self, shape: tuple[int, int, int]) -> "Geometry":
        """Another number of voxels in the same extent: first and last slice stay, and so do the edges of the pixels."""
        (slices, *image), (wanted, *pixels) = self.shape, shape
        between = (slices - 1) / (wanted - 1) if slices > 1 and wanted > 1 else 1.0
        step = [between, *(old / new for old, new in zip(image, pixels, strict=True))]
        # A larger pixel has its centre half of the difference further in.
        return self.regridded([0.0, (step[1] - 1) / 2, (step[2] - 1) / 2], step, shape)

    def centred_on(self, centre_mm: np.ndarray) -> "Geometry":
        """The same voxels, moved so that their middle lies elsewhere."""
        affine = self.affine.copy()
        affine[:3, 3] += centre_mm - self.centre_mm
        return Geometry(affine=affine, shape=self.shape)

    def _ends(self, axis: int) -> tuple[str, str]:
        towards = direction(letter := self.orientation[axis])
        away = next(other for other in _AXES if np.array_equal(direction(other), -towards))
        return _WORDS[away], _WORDS[letter]

    def regridded(self, first: Sequence[float], step: Sequence[float], shape: tuple[int, int, int]) -> "Geometry":
        """Voxel 0 lies where `first` was, and neighbours are as many voxels apart as `step` says."""
        change = np.diag([*step, 1.0])
        change[:3, 3] = first
        return Geometry(affine=self.affine @ change, shape=shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lying:
    """What a person says of a .npy array, which tells nothing of space itself."""

    spacing_mm: tuple[float, float, float] | None = None
    """Between slices, rows and columns."""
    axes: str = ""
    """Where its three axes run to, such as "AIL"; empty: as those of a volume of the plane do."""
