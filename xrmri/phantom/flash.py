"""A coronal 3-D FLASH volume with water excitation of one knee: fat and marrow dark, water bright.

Arrays are (slice, row, column): 80 slices from behind to the front, M rows from the top, M columns. Anatomy is
evaluated on a grid of 1.25 mm pixels; distances are smooth, so they are interpolated to the picture without loss.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrmri.geometry import Geometry
from xrmri.phantom.anatomy import Participant
from xrmri.phantom.layers import Layer, knee_layers
from xrmri.phantom.pose import Grid, Pose
from xrmri.phantom.sdf import Field, coverage
from xrmri.phantom.texture import refine, smooth_noise
from xrmri.phantom.tissue import BRIGHTNESS

FLASH = "COR_T1_3D_FLASH"
SLICES = 80
SLICE_MM = 1.5
FIELD_OF_VIEW_MM = 160.0
"""Width and height of a coronal FLASH slice (OAI protocol)."""
COARSE = 128
_BACK_MM = -62.0  # of the first slice: kept slices 13-62 then reach from behind the condyles into the patella


@dataclass(frozen=True, kw_only=True, slots=True)
class MrSeries:
    """One coronal series of a knee."""

    voxels: NDArray[np.uint16]
    """(S, H, W): slices posterior to anterior, rows superior to inferior, patient's right at image left."""
    affine_ras: NDArray[np.float64]
    """(4, 4): voxel (slice, row, column) to RAS mm."""
    scan: int = 0
    """Which time the knee was scanned."""
    name: str = FLASH
    """How its description begins."""

    @property
    def geometry(self) -> Geometry:
        """Where the voxels lie."""
        return Geometry(affine=self.affine_ras, shape=self.voxels.shape)


def render_flash(participant: Participant, matrix: int, scan: int = 0, *, pose: Pose | None = None) -> MrSeries:
    """Scan the imaged knee.

    Args:
        participant: whom to scan.
        matrix: rows and columns, a multiple of 128.
        scan: 0, or more for a rescan with new noise, shading and position.
        pose: how the knee lies, in place of the scan's own.

    Returns:
        the FLASH, (80, matrix, matrix).
    """
    pose = pose or scan_pose(participant, scan)
    picture = np.zeros((SLICES, matrix, matrix), dtype=np.float32)
    for layer in knee_layers(participant, coarse_grid(), pose):
        _paint(picture, layer, matrix // COARSE)
    picture = _acquire(picture, participant, scan)
    voxels = np.clip(np.rint(picture), 0, 4095).astype(np.uint16)
    return MrSeries(voxels=displayed(voxels, participant), affine_ras=_affine(participant, matrix, scan), scan=scan)


def render_labels(
    participant: Participant, matrix: int, scan: int = 0, *, pose: Pose | None = None
) -> NDArray[np.uint8]:
    """What every voxel of the same scan is made of; as it lay then, or in a given pose.

    Returns:
        (80, M, M) uint8 Tissue codes on the grid of `render_flash`.
    """
    labels = np.zeros((SLICES, matrix, matrix), dtype=np.uint8)
    for layer in knee_layers(participant, coarse_grid(), pose or scan_pose(participant, scan)):
        for number, place, part in layer.touched():
            region = labels[number, *_finer(place, matrix // COARSE)]
            region[refine(layer.distance[part], matrix // COARSE) < 0] = layer.tissue
    return displayed(labels, participant)


def coarse_grid() -> Grid:
    """The grid of the anatomy: x lateral and falling, as a right knee is displayed."""
    step = FIELD_OF_VIEW_MM / COARSE
    across = ((COARSE - 1) / 2 - np.arange(COARSE, dtype=np.float32)) * np.float32(step)
    depth = np.float32(_BACK_MM) + np.float32(SLICE_MM) * np.arange(SLICES, dtype=np.float32)
    return Grid(x=across, y=depth, z=across)


def scan_pose(participant: Participant, scan: int) -> Pose:
    """How the knee lies in the coil: a person's habit, and what changes from scan to scan."""
    habit, visit = (
        participant.unseen("position"),
        participant.unseen("position of scan", scan),
    )
    angles = habit.normal(0, (1.4, 2.6, 1.4)) + visit.normal(0, (0.7, 1.0, 0.7))
    shift = habit.normal((0, 0, 0), (1.4, 0.8, 1.5)) + visit.normal(0, (1.0, 0.7, 1.1))
    return Pose(
        coronal_degrees=float(angles[0]),
        axial_degrees=float(angles[1]),
        sagittal_degrees=float(angles[2]),
        shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
    )


def _paint(picture: Field, layer: Layer, factor: int) -> None:
    """Put one tissue over what is there, in place, with partial volume at its border."""
    width = max(0.7, 1.25 / factor * 1.15)
    for number, place, part in layer.touched():
        region = picture[number, *_finer(place, factor)]
        share = coverage(refine(layer.distance[part], factor), width)
        share *= np.float32(layer.opacity)
        if layer.brightness is None:
            value = np.float32(BRIGHTNESS[layer.tissue]) - region
        else:
            value = refine(layer.brightness[part], factor)
            value -= region
        value *= share
        region += value


def _finer(place: tuple[slice, slice], factor: int) -> tuple[slice, slice]:
    """Rows and columns of the coarse grid in a picture whose pixels are `factor` times smaller."""
    rows, columns = (slice(s.start * factor, s.stop * factor) for s in place)
    return rows, columns


def _acquire(picture: Field, participant: Participant, scan: int) -> Field:
    """Coil shading, ghosting, Rician noise and gain: what the scanner adds to the brightness of tissue."""
    generator = participant.unseen("acquisition", scan)
    matrix = picture.shape[1]
    shading = _shading(generator)
    ghost_shift = matrix // 2 + int(generator.integers(-9, 9))
    ghost = np.float32(generator.uniform(0.006, 0.02))
    sigma = np.float32(generator.uniform(1.7, 2.7))
    gain = np.float32(participant.unseen("gain").uniform(1.2, 3.0))
    out = np.empty_like(picture)
    noise, rest = np.empty((2, matrix, matrix), dtype=np.float32)
    for number, below in enumerate(picture):
        seen = _slice_profile(picture, number, below) * refine(shading[number], matrix // 32)
        seen += ghost * np.roll(seen, ghost_shift, axis=1)
        generator.standard_normal(dtype=np.float32, out=noise)
        generator.random(dtype=np.float32, out=rest)
        seen += sigma * noise
        seen *= seen
        # Two coils: one sees little of each voxel. Three squared noise parts have mean 3 and deviation 2.4; here they
        # are spread evenly, from 0.3 to 7.2, which costs a third.
        rest *= np.float32(8.4) * sigma * sigma
        rest -= np.float32(1.2) * sigma * sigma
        seen += np.maximum(rest, np.float32(0.3) * sigma * sigma, out=rest)
        np.sqrt(seen, out=seen)
        np.multiply(seen, gain, out=out[number])
    return out


def _shading(generator: np.random.Generator) -> Field:
    """(80, 32, 32) sensitivity of the coil: smooth, greater near the surface, less towards both ends."""
    y, z, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (SLICES, 32, 32))
    tilt, near, ends = generator.normal(0, 0.035, 3), generator.uniform(0.05, 0.22), generator.uniform(0.04, 0.16)
    field = np.float32(0.05) * smooth_noise(generator, (SLICES, 32, 32), (25, 9, 9))
    field += np.float32(near) * (x[None, None, :] ** 2 + np.float32(0.5) * y[:, None, None] ** 2 - np.float32(0.3))
    field -= np.float32(ends) * z[None, :, None] ** 2
    field -= np.float32(generator.uniform(0.35, 0.85)) / (
        1 + np.exp((y[:, None, None] + np.float32(0.54)) / np.float32(0.06))
    )
    for slope, axis in zip(tilt, (y[:, None, None], z[None, :, None], x[None, None, :]), strict=True):
        field += np.float32(slope) * axis
    return np.exp(field)


def _slice_profile(picture: Field, number: int, own: Field) -> Field:
    """A slice sees 8 % of each neighbour."""
    before, after = picture[max(number - 1, 0)], picture[min(number + 1, SLICES - 1)]
    return np.float32(0.84) * own + np.float32(0.08) * (before + after)


def displayed(voxels: NDArray[Any], participant: Participant) -> NDArray[Any]:
    """Lateral at image left for a right knee; a left knee is its mirror image."""
    return voxels if participant.imaged_side == "right" else np.ascontiguousarray(voxels[:, :, ::-1])


def _affine(participant: Participant, matrix: int, scan: int) -> NDArray[np.float64]:
    """Voxel (slice, row, column) to RAS mm."""
    pixel = FIELD_OF_VIEW_MM / matrix
    generator = participant.unseen("table", scan)
    centre = generator.normal((90.0, 0.0, 0.0), (6.0, 8.0, 12.0))
    if participant.imaged_side == "left":  # +x is the patient's right; columns run to the left
        centre[0] *= -1
    affine = np.zeros((4, 4))
    affine[0, 2], affine[1, 0], affine[2, 1], affine[3, 3] = -pixel, SLICE_MM, -pixel, 1.0
    middle = np.array([(SLICES - 1) / 2, (matrix - 1) / 2, (matrix - 1) / 2, 1.0])
    affine[:3, 3] = centre - (affine @ middle)[:3]
    return affine
