"""Which images of a series are one stack, in which order and how they lie: each slice behind the one before.

Positions and directions of DICOM are LPS, those of a `Geometry` RAS; all are mm.
"""

from collections.abc import Sequence

import numpy as np

from xrmri.errors import UnusableError
from xrmri.formats.dicom import Header, Image
from xrmri.formats.grey import has_tables, intercept_of, is_turned, slope_of
from xrmri.geometry import FURTHEST_MM, PLANES, Geometry, direction, lps_or_ras

_EVEN = 0.1
"""Neighbouring slices may lie this share of their distance off (choice: headers round, a missing slice doubles it)."""
_PLANE_TOLERANCES = np.array([0.01] * 6 + [0] * 2 + [0.001] * 2)
"""Directions, shape and spacing in mm: what headers of one stack may differ by (choice: well above their rounding)."""
_SAME_ECHO_MS = 0.05
_ASIDE_MM = 0.5
"""A slice may lie so far off the line on which its stack stands (choice: well above the rounding of headers)."""
_APART_MM = (0.01, 100.0)
"""Slices lie no nearer, and no further from each other."""
_SQUARE = 0.02
"""Directions are of length 1 and at right angles but for this (choice: well above the rounding of headers)."""
_OTHER_PLANE = np.cos(np.radians(45))
"""An image that is turned further against a stack is of another plane, as those are by which scans are planned."""


def ordered_stack(
    images: list[tuple[str, Image]], plane: str, count: int | None
) -> tuple[list[tuple[str, Image]], np.ndarray]:
    """The slices of one series in order, those of another plane left out, and where they lie.

    Args:
        images: name and image of each slice.
        plane: coronal, sagittal or axial, which they must be.
        count: slices it must have; None for any number.

    Returns:
        the slices as the plane runs, and (4, 4) voxel (slice, row, column) to RAS mm, rows and columns as stored.

    Raises:
        UnusableError: why they are no such stack.
    """
    stack = _majority_plane(images)
    if count is not None and len(stack) != count:
        raise UnusableError("slice count", f"{len(stack)} of one plane, not {count}")
    _require_one_scale([image for _, image in stack])
    directions = _directions(stack[0][1].header, plane)
    places = np.array([lps_or_ras(_position(image.header)) for _, image in stack])
    along = places @ directions[:, 0]
    order = np.argsort(along, kind="stable")
    slice_mm = _spacing(along[order])
    _require_straight(places, directions[:, 0])
    header, affine = stack[order[0]][1].header, np.eye(4)
    assert header.spacing_mm is not None
    affine[:3, :3] = directions * (slice_mm, *header.spacing_mm)
    affine[:3, 3] = places[order[0]]
    return [stack[i] for i in order], affine


def stack_geometry(images: list[tuple[str, Image]]) -> Geometry:
    """Where the slices of one series lie, in the order of their normal, rows and columns as stored.

    Args:
        images: name and image of each file.

    Raises:
        UnusableError: as of `read_series`, but that any plane will do.
    """
    headers = [image.header for _, image in _majority_plane(images)]
    if len(headers) < 2:
        raise UnusableError("slice count", f"{len(headers)}, where a grid needs two or more")
    first = headers[0]
    assert first.orientation is not None and first.spacing_mm is not None
    column, row = (lps_or_ras(vector) for vector in first.orientation)
    across = np.cross(column, row) / np.linalg.norm(np.cross(column, row))
    places = np.array([lps_or_ras(_position(header)) for header in headers])
    places = places[np.argsort(places @ across, kind="stable")]
    slice_mm, affine = _spacing(places @ across), np.eye(4)
    _require_straight(places, across)
    affine[:3, :3] = np.stack([across, row, column], axis=1) * (slice_mm, *first.spacing_mm)
    affine[:3, 3] = places[0]
    return Geometry(affine=affine, shape=(len(headers), *first.shape))


def _majority_plane(images: list[tuple[str, Image]]) -> list[tuple[str, Image]]:
    """The images that share the most common orientation, shape, spacing; no echoes stacked on one another.

    What is left out is of another plane, or a picture of another shape without a place.
    """
    placed = [(name, image) for name, image in images if _is_placed(image.header)]
    if not placed:
        raise UnusableError("no geometry", "no file tells where its slice lies")
    keys = np.array([_plane(image.header) for _, image in placed])
    alike = (np.abs(keys[:, None] - keys[None]) <= _PLANE_TOLERANCES).all(axis=-1)
    chosen = alike[alike.sum(axis=1).argmax()]
    stack = [placed[i] for i in np.flatnonzero(chosen)]
    _require_all(stack, [placed[i] for i in np.flatnonzero(~chosen)])
    shape = stack[0][1].header.shape
    nowhere = [name for name, image in images if image.header.shape == shape and not _is_placed(image.header)]
    if nowhere:
        told = f"{len(nowhere)} of {len(nowhere) + len(stack)} slices do not tell where they lie, such as {nowhere[0]}"
        raise UnusableError("no geometry", told)
    series = {image.header.series_uid for _, image in stack if image.header.series_uid}
    if len(series) > 1:
        raise UnusableError("several series", f"slices of {len(series)} series stand behind one another: part them")
    echoes = [image.header.echo_time_ms for _, image in stack if image.header.echo_time_ms is not None]
    if echoes and max(echoes) - min(echoes) > _SAME_ECHO_MS:
        raise UnusableError("several echoes", f"{min(echoes):g} to {max(echoes):g} ms where a series of one is needed")
    return stack


def _require_all(stack: Sequence[tuple[str, Image]], others: Sequence[tuple[str, Image]]) -> None:
    """Refuse a stack of a part of the slices in its plane: the others would be missing, and nobody told."""
    across = _across(stack[0][1].header)
    beside = [name for name, image in others if abs(_across(image.header) @ across) > _OTHER_PLANE]
    if beside:
        told = f"{len(beside)} of {len(beside) + len(stack)} have another shape, pixel size or direction"
        raise UnusableError("mixed slices", f"{told}, such as {beside[0]}")


def _require_one_scale(images: Sequence[Image]) -> None:
    """Refuse slices whose stored values do not mean one thing: brighter where larger, by the same step in all."""
    slopes = [slope_of(image.tags) for image in images]
    if max(slopes) != min(slopes):
        raise UnusableError("uneven scale", f"RescaleSlope {min(slopes):g} to {max(slopes):g} over the slices")
    intercepts = [intercept_of(image.tags) for image in images]
    if max(intercepts) != min(intercepts):
        told = f"RescaleIntercept {min(intercepts):g} to {max(intercepts):g} over the slices"
        raise UnusableError("uneven scale", told)
    if slopes[0] < 0 or any(is_turned(image.tags) or has_tables(image.tags) for image in images):
        raise UnusableError("negative or table", "larger values are not the brighter ones")


def _is_placed(header: Header) -> bool:
    """Whether a header tells where its slice lies, and it can lie there."""
    if header.orientation is None or header.position_mm is None or header.spacing_mm is None:
        return False
    is_square = np.abs(header.orientation @ header.orientation.T - np.eye(2)).max() <= _SQUARE
    return bool(is_square and np.abs(header.position_mm).max() <= FURTHEST_MM)


def _across(header: Header) -> np.ndarray:
    """(3,) LPS unit vector at right angles to a slice that is placed."""
    assert header.orientation is not None
    across = np.cross(*header.orientation)
    return np.asarray(across / np.linalg.norm(across))


def _plane(header: Header) -> tuple[float, ...]:
    """What the slices of one stack share: orientation, shape and spacing."""
    assert header.orientation is not None and header.spacing_mm is not None
    return (*header.orientation.ravel().tolist(), *header.shape, *header.spacing_mm)


def _position(header: Header) -> np.ndarray:
    """(3,) LPS mm, of a header that tells it."""
    assert header.position_mm is not None
    return header.position_mm


def _directions(header: Header, plane: str) -> np.ndarray:
    """(3, 3) RAS unit vectors along slices, rows and columns as stored, one a column; slices run as the plane wants."""
    assert header.orientation is not None
    column, row = (lps_or_ras(vector) for vector in header.orientation)
    across = np.cross(column, row)
    wanted = np.stack([direction(letter) for letter in PLANES[plane]], axis=1)
    across = across / np.linalg.norm(across) * (-1 if across @ wanted[:, 0] < 0 else 1)
    directions = np.stack([across, row, column], axis=1)
    if not np.array_equal(np.abs(directions).argmax(axis=0), np.abs(wanted).argmax(axis=0)):
        lying = next(name for name in PLANES if np.abs(direction(PLANES[name][0])).argmax() == np.abs(across).argmax())
        raise UnusableError("other plane", f"{lying}, or lying, where upright {plane} slices are needed")
    return directions


def _spacing(along: np.ndarray) -> float:
    """The one distance between neighbours."""
    gaps = np.diff(along)
    if gaps.size == 0:
        raise UnusableError("slice count", "1 of one plane, where a volume needs two or more")
    if gaps.min() < _EVEN * np.median(gaps) or np.median(gaps) == 0:
        raise UnusableError("repeated positions", "two slices lie in one place (several echoes or scans in one folder)")
    if np.abs(gaps - np.median(gaps)).max() > _EVEN * np.median(gaps):
        raise UnusableError("uneven spacing", f"{gaps.min():.2f} to {gaps.max():.2f} mm between slices")
    if not _APART_MM[0] <= gaps.mean() <= _APART_MM[1]:
        raise UnusableError("odd spacing", f"{gaps.mean():.4g} mm between slices: is it in another unit?")
    return float(gaps.mean())


def _require_straight(places: np.ndarray, across: np.ndarray) -> None:
    """Refuse slices that do not stand behind one another, as those of a tilted gantry.

    Args:
        places: (S, 3) mm, where the first pixel of each slice lies.
        across: (3,) unit vector at right angles to the slices.
    """
    aside = places - (places @ across)[:, None] * across
    most_mm = float(np.linalg.norm(aside - aside[0], axis=1).max())
    if most_mm > _ASIDE_MM:
        told = f"slices are shifted within their plane, by up to {most_mm:.1f} mm: resample them onto a straight grid"
        raise UnusableError("sheared", told)
