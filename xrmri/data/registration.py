"""How a knee lies: a volume laid rigidly onto a template, so that knees can be compared whatever the coil they lay in.

Voxel arrays are (S, H, W); places are mm along slice, row and column from the middle of their grid, so a left knee that
was mirrored to look right needs nothing of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

COARSE_MM = 2.5
"""Pixels are averaged to about this size before they are compared (measured: knees are laid as well as at 1.25 mm, in
half the time)."""
LEAST_CORRELATION = 0.55
"""Less is no whole knee, or one that stands on its head (measured on 12 phantoms: knees 0.77 to 0.87; upper halves 0.36
to 0.47, upside down 0.36 to 0.45, noise 0.16)."""
FARTHEST_MM, WIDEST_DEGREES = 25.0, 15.0
"""Farther than a knee can lie from another in a knee coil (choice: five times what was seen)."""
LARGEST_OUTSIDE = 0.15
"""Share of the frame that may lie outside of the series (choice: 0.02 to 0.04 were seen)."""
_SHRINK, _SMOOTH, _SAMPLED, _STEPS = (2, 1), (1, 0), 0.15, 60
_SEED = 1
"""Of the places that are compared; ITK would take the clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lattice:
    """A regular grid about its middle."""

    shape: tuple[int, int, int]
    """Slices, rows, columns."""
    spacing_mm: tuple[float, float, float]

    @property
    def to_mm(self) -> np.ndarray:
        """(4, 4): voxel to mm from the middle."""
        matrix = np.diag([*self.spacing_mm, 1.0])
        matrix[:3, 3] = -(np.array(self.shape) - 1) / 2 * self.spacing_mm
        return matrix


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Template:
    """The mean of volumes that were laid onto one another: the knee's own frame."""

    voxels: np.ndarray
    """(S, h, w) float32, each volume's window from 0 to 1, with coarse pixels."""
    lattice: Lattice


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KneePose:
    """Where a knee lies against the template."""

    matrix: np.ndarray
    """(4, 4) float64: mm from the middle of the template to mm from the middle of the volume."""
    correlation: float
    """Of the template and the volume laid onto it, in [-1, 1]."""
    mirrored_correlation: float
    """The same with left and right exchanged: higher where the knee is of the other side."""
    inverted_correlation: float
    """The same with top and bottom exchanged: higher where the knee stands on its head."""

    @property
    def shift_mm(self) -> float:
        """How far the middle of the template lies from the middle of the volume."""
        return float(np.linalg.norm(self.matrix[:3, 3]))

    @property
    def turn_degrees(self) -> float:
        """The angle of the one rotation that turns template into volume."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1, 1))))


def register(voxels: np.ndarray, lattice: Lattice, template: Template, *, orientation: str = "AIL") -> KneePose:
    """The rigid pose in which a volume and the template correlate most.

    Gradient descent from the pose of the scanner, on coarse grids and one thread: the same volume has the same pose
    however many processes there are.

    Args:
        voxels: (S, H, W), intensities of any scale, 0 in the air.
        lattice: its grid.
        template: what it is laid onto.
        orientation: where slices, rows and columns of both run to, as `Geometry.orientation` says.
    """
    fixed, moving = _coarse(_image(template.voxels, template.lattice)), _coarse(_image(voxels, lattice))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=0.005, numberOfIterations=_STEPS, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH)
    method.SetInitialTransform(sitk.Euler3DTransform(), inPlace=False)
    with _one_thread():
        found = sitk.Euler3DTransform(method.Execute(fixed, moving).GetBackTransform())
    laid = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, found, sitk.sitkLinear, 0.0))
    mean = sitk.GetArrayViewFromImage(fixed)
    return KneePose(
        matrix=_matrix(found),
        correlation=_correlation(mean, laid),
        mirrored_correlation=_correlation(mean, np.flip(laid, _axis(orientation, "RL"))),
        inverted_correlation=_correlation(mean, np.flip(laid, _axis(orientation, "SI"))),
    )


def laid_onto(voxels: np.ndarray, lattice: Lattice, pose: KneePose, target: Lattice) -> tuple[np.ndarray, float]:
    """A volume resampled once onto the template's frame, straight lines between voxels and 0 outside.

    Args:
        voxels: (S, H, W), none below 0.
        lattice: its grid.
        pose: from `register`.
        target: grid of the frame; its middle is the template's.

    Returns:
        float32 on the target grid, and the share of it that lay outside of the volume.
    """
    grid = sitk.Image(*target.shape[::-1], sitk.sitkFloat32)
    _place(grid, target)
    resampled = sitk.Resample(_image(voxels, lattice), grid, _transform(pose.matrix), sitk.sitkLinear, -1.0)
    laid = sitk.GetArrayFromImage(resampled)
    outside = laid < 0
    laid[outside] = 0
    return laid, float(outside.mean())


def coarsened(voxels: np.ndarray, lattice: Lattice) -> tuple[np.ndarray, Lattice]:
    """A volume with its pixels averaged to about COARSE_MM, and the grid of those."""
    image = _coarse(_image(voxels, lattice))
    spacing_mm = image.GetSpacing()[::-1]
    return sitk.GetArrayFromImage(image), Lattice(shape=image.GetSize()[::-1], spacing_mm=spacing_mm)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let ITK compute with one thread: its metric adds in the order in which threads come."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _axis(orientation: str, letters: str) -> int:
    """The axis that runs between two directions."""
    return next(axis for axis, letter in enumerate(orientation) if letter in letters)


def _image(voxels: np.ndarray, lattice: Lattice) -> sitk.Image:
    """An image of SimpleITK, which counts columns, rows, slices."""
    image = sitk.GetImageFromArray(np.asarray(voxels, np.float32))
    _place(image, lattice)
    return image


def _place(image: sitk.Image, lattice: Lattice) -> None:
    image.SetSpacing(lattice.spacing_mm[::-1])
    image.SetOrigin(lattice.to_mm[2::-1, 3].tolist())


def _coarse(image: sitk.Image) -> sitk.Image:
    """Pixels averaged in squares until they are about as large as COARSE_MM."""
    factors = [max(1, int(COARSE_MM / step + 1e-6)) for step in image.GetSpacing()[:2]]
    return sitk.BinShrink(image, [*factors, 1])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _matrix(transform: sitk.Euler3DTransform) -> np.ndarray:
    """(4, 4) along slice, row, column of a transform along column, row, slice."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)[::-1, ::-1]
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))[::-1]
    return matrix


def _transform(matrix: np.ndarray) -> sitk.AffineTransform:
    """The reverse of `_matrix`."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3][::-1, ::-1].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3][::-1].tolist())
    return transform
