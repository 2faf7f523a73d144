"""The FLASH volume of a knee: slices in order, the kept window, its size and its intensities.

Axes: S slices posterior to anterior, H rows superior to inferior, W columns from the patient's right to the left,
whatever the order and orientation of the files.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.data.archive import contents
from xrmri.data.dicom import Header, Image, parse
from xrmri.data.resample import resized
from xrmri.errors import InputError
from xrmri.records import Geometry, Volume

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_WANTED = np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]])  # RAS directions of slices, rows and columns
_WINDOW_PERCENTILES = (0.5, 99.5)
_EVEN = 0.1
"""Neighbouring slices may lie this share of their distance off (choice: headers round, a missing slice doubles it)."""
_PLANE_TOLERANCES = np.array([0.01] * 6 + [0] * 2 + [0.001] * 2)
"""Directions, shape and spacing in mm: what headers of one stack may differ by (choice: well above their rounding)."""
_SAME_ECHO_MS = 0.05
_LONGEST = 2.0
"""A field of view is at most this many times as long as it is wide (choice: OAI's FLASH is square)."""
_LARGEST = np.iinfo(np.uint16).max


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReadSeries:
    """A series as it was read: a volume whose slices still lie where their files were read to."""

    voxels: tuple[np.ndarray, ...]
    """S slices of (H, W), uint16 or int16 without a negative value."""
    geometry: Geometry
    side: str
    sha256: str
    """Hex digest over the digests of all files, in the order of their names."""

    @property
    def volume(self) -> Volume:
        """The slices in one array: (S, H, W) uint16."""
        voxels = np.empty((len(self.voxels), *self.voxels[0].shape), np.uint16)
        for target, pixels in zip(voxels, self.voxels, strict=True):
            target[:] = pixels
        return Volume(voxels=voxels, geometry=self.geometry, side=self.side)


def read_series(files: Sequence[Path], side: str, count: int | None) -> ReadSeries:
    """A coronal series from its files.

    Args:
        files: one slice each, or an archive of such, in any order; files of another plane are left out, as in OAI's
            reformats.
        side: the knee, from the series name: MR headers do not say.
        count: slices it must have; None for any number.

    Returns:
        its slices and their geometry.

    Raises:
        InputError: why the series cannot be used; the words before the colon name the kind of reason.
    """
    digests = {}
    images = []
    for name, data in (item for file in files for item in contents(file)):
        try:
            images.append((name, parse(data)))
        except InputError as error:
            raise InputError(f"unreadable slice: {name}: {error}") from error
        digests[name] = hashlib.sha256(data).digest()
    if not images:
        raise InputError("no files: the series holds no DICOM file")
    stack = _majority_plane(images)
    if count is not None and len(stack) != count:
        raise InputError(f"slice count: {len(stack)} of one plane, not {count}")
    directions = _directions(stack[0][1].header)
    along = np.array([image.header.position_mm @ directions[0] for _, image in stack])
    order = np.argsort(along, kind="stable")
    slice_mm = _spacing(along[order])
    stack = [stack[i] for i in order]
    header = stack[0][1].header
    affine = np.eye(4)
    affine[:3, :3] = (_LPS_TO_RAS @ directions.T) * (slice_mm, *header.spacing_mm)
    affine[:3, 3] = _LPS_TO_RAS @ header.position_mm
    voxels, affine = _as_displayed([_pixels(name, image) for name, image in stack], affine)
    digest = hashlib.sha256(b"".join(digests[name] for name in sorted(digests))).hexdigest()
    return ReadSeries(voxels=voxels, geometry=Geometry(affine=affine), side=side, sha256=digest)


def windowed_slices(volume: Volume | ReadSeries, first: int, last: int, size: int) -> Volume:
    """Slices first to last - 1, averaged over area to size x size pixels: (last - first, size, size) uint16.

    A field of view that is not square gets black margins, never another shape.
    """
    margins, affine = _margins(volume)
    height, width = np.array(volume.voxels[0].shape) + margins.sum(axis=1)
    rows, columns = height / size, width / size
    # A larger pixel has its centre half of the difference further in.
    change = np.diag([1.0, rows, columns, 1.0])
    change[:3, 3] = first, (rows - 1) / 2, (columns - 1) / 2
    kept = np.empty((last - first, size, size), np.uint16)
    for target, pixels in zip(kept, volume.voxels[first:last], strict=True):
        whole = np.pad(pixels, margins) if margins.any() else pixels
        means = resized(whole, size)
        target[:] = np.rint(means, out=means)
    return Volume(voxels=kept, geometry=Geometry(affine=affine @ change), side=volume.side)


def intensity_window(voxels: np.ndarray) -> tuple[float, float]:
    """The intensities that map to -1 and 1: 0.5th and 99.5th percentiles of a volume."""
    low, high = _percentiles(voxels) if voxels.dtype == np.uint16 else np.percentile(voxels, _WINDOW_PERCENTILES)
    if low >= high:
        raise InputError("blank volume: its intensities are all the same")
    return float(low), float(high)


def to_unit(voxels: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """x, what the networks see of a slice: float32 in [-1, 1], clipped to the window."""
    low, high = window
    return np.clip((voxels.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1) * 2 - 1


def mirrored_volume(volume: Volume) -> Volume:
    """The volume with its columns reversed and a geometry that stays true; the side stays the patient's."""
    voxels = np.ascontiguousarray(volume.voxels[..., ::-1])
    return Volume(voxels=voxels, geometry=volume.geometry.mirrored(voxels.shape[-1]), side=volume.side)


def _percentiles(voxels: np.ndarray) -> tuple[float, float]:
    """What np.percentile gives for the window, from a histogram: ten times as fast for three million integers."""
    below = np.cumsum(np.bincount(voxels.ravel()))
    found = []
    for place in np.array(_WINDOW_PERCENTILES) / 100 * (voxels.size - 1):
        first, second = np.searchsorted(below, [np.floor(place), np.ceil(place)], side="right")
        found.append(float(first + (second - first) * (place % 1)))
    return found[0], found[1]


def _majority_plane(images: list[tuple[str, Image]]) -> list[tuple[str, Image]]:
    """The images that share the most common orientation, shape, spacing; no echoes stacked on one another."""
    placed = [(name, image) for name, image in images if _is_placed(image.header)]
    if not placed:
        raise InputError("no geometry: no file tells where its slice lies")
    keys = np.array([_plane(image.header) for _, image in placed])
    alike = (np.abs(keys[:, None] - keys[None]) <= _PLANE_TOLERANCES).all(axis=-1)
    stack = [placed[i] for i in np.flatnonzero(alike[alike.sum(axis=1).argmax()])]
    echoes = [image.header.echo_time_ms for _, image in stack if image.header.echo_time_ms is not None]
    if echoes and max(echoes) - min(echoes) > _SAME_ECHO_MS:
        raise InputError(f"several echoes: {min(echoes):g} to {max(echoes):g} ms where a series of one is needed")
    return stack


def _is_placed(header: Header) -> bool:
    return header.orientation is not None and header.position_mm is not None and header.spacing_mm is not None


def _plane(header: Header) -> tuple[float, ...]:
    """What the slices of one stack share: orientation, shape and spacing."""
    assert header.orientation is not None and header.spacing_mm is not None
    return (*header.orientation.ravel().tolist(), *header.shape, *header.spacing_mm)


def _directions(header: Header) -> np.ndarray:
    """(3, 3) LPS unit vectors along slices, rows and columns as stored; slices run to anterior."""
    column, row = header.orientation
    slices = np.cross(column, row)
    slices = slices / np.linalg.norm(slices) * (-1 if slices[1] > 0 else 1)  # anterior is -y in LPS
    directions = np.stack([slices, row, column])
    if not np.array_equal(np.abs(directions).argmax(axis=1), np.abs(_WANTED).argmax(axis=1)):
        raise InputError("other plane: the slices are not upright coronal ones")
    return directions


def _spacing(along: np.ndarray) -> float:
    """The one distance between neighbours."""
    gaps = np.diff(along)
    if gaps.size == 0 or gaps.min() < _EVEN * np.median(gaps) or np.median(gaps) == 0:
        raise InputError("repeated positions: two slices lie in one place (several echoes or scans in one folder)")
    if np.abs(gaps - np.median(gaps)).max() > _EVEN * np.median(gaps):
        raise InputError(f"uneven spacing: {gaps.min():.2f} to {gaps.max():.2f} mm between slices")
    return float(gaps.mean())


def _pixels(name: str, image: Image) -> np.ndarray:
    """The pixels of one slice, (H, W), where they were read to."""
    try:
        pixels = image.pixels()
    except InputError as error:
        raise InputError(f"unreadable slice: {name}: {error}") from error
    high = pixels.max()
    if pixels[0, 0] == high and pixels.min() == high:
        raise InputError(f"all-zero slice: {name}" if high == 0 else f"blank slice: {name}: every pixel is {high}")
    if pixels.dtype != np.uint16 and (not np.can_cast(pixels.dtype, np.int64) or pixels.min() < 0 or high > _LARGEST):
        raise InputError(f"unreadable slice: {name}: its pixels are not those of an MR slice")
    return pixels


def _as_displayed(voxels: list[np.ndarray], affine: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The slices with rows running down and columns running to the patient's left, and where they then lie."""
    affine = affine.copy()
    for axis in (1, 2):
        if affine[:3, axis] @ _WANTED[axis] < 0:
            affine[:3, 3] += affine[:3, axis] * (voxels[0].shape[axis - 1] - 1)
            affine[:3, axis] *= -1
            voxels = [np.flip(pixels, axis - 1) for pixels in voxels]
    return tuple(voxels), affine


def _margins(volume: Volume | ReadSeries) -> tuple[np.ndarray, np.ndarray]:
    """Rows above and below and columns left and right that make the field of view square, and the affine with them."""
    _, row_mm, column_mm = volume.geometry.spacing_mm
    height, width = volume.voxels[0].shape
    high_mm, wide_mm = height * row_mm, width * column_mm
    if max(high_mm, wide_mm) > _LONGEST * min(high_mm, wide_mm):
        raise InputError(f"odd field of view: {high_mm:.0f} x {wide_mm:.0f} mm")
    missing_mm = wide_mm - high_mm
    rows, columns = max(round(missing_mm / row_mm), 0), max(round(-missing_mm / column_mm), 0)
    margins = np.array([(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)])
    affine = volume.geometry.affine.copy()
    affine[:3, 3] -= affine[:3, 1] * margins[0, 0] + affine[:3, 2] * margins[1, 0]
    return margins, affine
