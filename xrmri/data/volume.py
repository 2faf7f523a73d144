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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Series:
    """A series as it was read."""

    volume: Volume
    header: Header
    """Of the first slice."""
    sha256: str
    """Hex digest over the digests of all files, in the order of their names."""


def read_series(files: Sequence[Path], side: str, count: int | None) -> Series:
    """A coronal series from its files.

    Args:
        files: one slice each, or an archive of such, in any order; files of another plane are left out, as in OAI's
            reformats.
        side: the knee, from the series name: MR headers do not say.
        count: slices it must have; None for any number.

    Returns:
        (S, H, W) uint16 voxels and their geometry.

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
    volume = Volume(voxels=_voxels(stack), geometry=Geometry(affine=affine), side=side)
    digest = hashlib.sha256(b"".join(digests[name] for name in sorted(digests))).hexdigest()
    return Series(volume=_as_displayed(volume), header=header, sha256=digest)


def windowed_slices(volume: Volume, first: int, last: int, size: int) -> Volume:
    """Slices first to last - 1, averaged over area to size x size pixels: (last - first, size, size) uint16.

    A field of view that is not square gets black margins, never another shape.
    """
    volume = _squared(Volume(voxels=volume.voxels[first:last], geometry=volume.geometry, side=volume.side))
    voxels = volume.voxels
    rows, columns = np.array(voxels.shape[1:]) / size
    # A larger pixel has its centre half of the difference further in.
    change = np.diag([1.0, rows, columns, 1.0])
    change[:3, 3] = first, (rows - 1) / 2, (columns - 1) / 2
    kept = np.rint(resized(voxels, size)).astype(np.uint16)
    return Volume(voxels=kept, geometry=Geometry(affine=volume.geometry.affine @ change), side=volume.side)


def intensity_window(voxels: np.ndarray) -> tuple[float, float]:
    """The intensities that map to -1 and 1: 0.5th and 99.5th percentiles of a volume."""
    low, high = np.percentile(voxels, _WINDOW_PERCENTILES)
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


def _voxels(stack: list[tuple[str, Image]]) -> np.ndarray:
    """The pixels of all slices: (S, H, W) uint16."""
    voxels = np.empty((len(stack), *stack[0][1].header.shape), np.uint16)
    for target, (name, image) in zip(voxels, stack, strict=True):
        try:
            pixels = image.pixels()
        except InputError as error:
            raise InputError(f"unreadable slice: {name}: {error}") from error
        low, high = pixels.min(), pixels.max()
        if low == high:
            raise InputError(f"all-zero slice: {name}" if high == 0 else f"blank slice: {name}: every pixel is {low}")
        if pixels.shape != target.shape or not np.can_cast(pixels.dtype, np.uint16) and low < 0:
            raise InputError(f"unreadable slice: {name}: its pixels are not those of an MR slice")
        target[:] = pixels
    return voxels


def _as_displayed(volume: Volume) -> Volume:
    """The volume with rows running down and columns running to the patient's left."""
    voxels, affine = volume.voxels, volume.geometry.affine.copy()
    for axis in (1, 2):
        if affine[:3, axis] @ _WANTED[axis] < 0:
            voxels = np.flip(voxels, axis)
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] *= -1
    return Volume(voxels=np.ascontiguousarray(voxels), geometry=Geometry(affine=affine), side=volume.side)


def _squared(volume: Volume) -> Volume:
    """The volume with black margins where its field of view is not as high as it is wide."""
    _, row_mm, column_mm = volume.geometry.spacing_mm
    _, height, width = volume.voxels.shape
    high_mm, wide_mm = height * row_mm, width * column_mm
    rows = max(round((wide_mm - high_mm) / row_mm), 0)
    columns = max(round((high_mm - wide_mm) / column_mm), 0)
    if not rows and not columns:
        return volume
    margins = ((0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    affine = volume.geometry.affine.copy()
    affine[:3, 3] -= affine[:3, 1] * (rows // 2) + affine[:3, 2] * (columns // 2)
    return Volume(voxels=np.pad(volume.voxels, margins), geometry=Geometry(affine=affine), side=volume.side)
