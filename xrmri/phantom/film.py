"""A bilateral PA fixed-flexion radiograph of the bones that the FLASH volume shows; bone bright."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from xrmri.phantom.anatomy import Knee, Participant, stream
from xrmri.phantom.exposure import Exposure, develop, draw_exposure, letter
from xrmri.phantom.pose import Grid
from xrmri.phantom.projection import Shadow, Stance, cast
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import smooth_noise

SIDES = ("right", "left")
_PATCH_MM = (128.0, 132.0)  # columns, rows of the sharp part about each knee
_BOX_ABOVE = 0.04


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """One radiograph of both knees."""

    pixels: NDArray[np.uint16]
    """(H, W), 0-4095, bone bright; image left is the patient's right knee."""
    spacing_mm: float
    joint_box: Mapping[str, tuple[float, float, float, float]]
    """Side to x0, y0, x1, y1 in pixels: a square as wide as the bones at the joint, 4 % of its side above the line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """One knee on the film."""

    side: str
    knee: Knee
    stance: Stance
    centre_mm: tuple[float, float]
    """Column and row of the joint line, from the top left of the film."""


def render_film(participant: Participant) -> Film:
    """Take the radiograph of both knees.

    Args:
        participant: whose knees.

    Returns:
        the radiograph and where the joints are.
    """
    generator = stream("film", participant.seed, participant.index)
    exposure = draw_exposure(generator)
    placed = [_place(participant, side, exposure) for side in SIDES]
    height, width = exposure.shape
    bone, spongy, flesh = (np.zeros((height, width), dtype=np.float32) for _ in range(3))
    boxes = {}
    for knee in placed:
        whole = cast(knee.knee, knee.stance, _grid(85.0, 2.5, 175.0), 1)
        sharp = cast(knee.knee, knee.stance, _grid(_PATCH_MM[0] / 2, 1.25, _PATCH_MM[1] / 2), 3)
        for target, coarse, fine in zip((bone, spongy, flesh), _fields(whole), _fields(sharp), strict=True):
            _lay(target, knee, exposure, coarse, 2.5, 0.0)
            _lay(target, knee, exposure, fine, 1.25 / 3, 8.0)
        boxes[knee.side] = _joint_box(knee, sharp, exposure.spacing_mm)
    bone = _trabeculate(bone, spongy, participant, exposure.spacing_mm)
    pixels = develop(bone, flesh, exposure, generator)
    for knee in placed:
        letter(pixels, knee.side, knee.centre_mm, exposure)
    return Film(pixels=pixels, spacing_mm=exposure.spacing_mm, joint_box=boxes)


def _fields(shadow: Shadow) -> tuple[Field, Field, Field]:
    """The three path lengths of a shadow."""
    return shadow.bone, shadow.spongy, shadow.flesh


def _place(participant: Participant, side: str, exposure: Exposure) -> _Placed:
    """Stance of one knee and its place on the film."""
    knee = participant.knee(side)
    both = stream("stance", participant.seed, participant.index)
    own = stream("stance of side", participant.seed, participant.index, SIDES.index(side))
    flexion, miss, apart = both.normal((22.0, 0.0, 92.0), (4.0, 2.0, 5.0))
    row = exposure.shape[0] * exposure.spacing_mm * both.uniform(0.42, 0.58)
    flexion, miss, turn, up = own.normal((flexion, miss, 2.0, 0.0), (1.5, 1.0, 3.5, 3.0))
    middle = exposure.shape[1] * exposure.spacing_mm / 2
    column = middle + (-apart if side == "right" else apart)
    stance = Stance(
        flexion_degrees=float(flexion),
        tibia_lean_degrees=float(-(knee.shape.plateau_slope_degrees + miss)),
        rotation_degrees=float(turn),
    )
    return _Placed(side=side, knee=knee, stance=stance, centre_mm=(float(column), float(row + up)))


def _grid(half_width_mm: float, step_mm: float, half_height_mm: float) -> Grid:
    """A coarse grid about one knee, columns from lateral to medial."""
    columns, rows = round(2 * half_width_mm / step_mm), round(2 * half_height_mm / step_mm)
    x = ((columns - 1) / 2 - np.arange(columns, dtype=np.float32)) * np.float32(step_mm)
    z = ((rows - 1) / 2 - np.arange(rows, dtype=np.float32)) * np.float32(step_mm)
    y = np.arange(-92.0, 88.0, 2.0 if step_mm < 2 else 4.0, dtype=np.float32)
    return Grid(x=x, y=y, z=z)


def _lay(target: Field, knee: _Placed, exposure: Exposure, field: Field, step_mm: float, feather_mm: float) -> None:
    """Put a shadow on the film, in place; a feathered border hides the seam."""
    scale = step_mm / exposure.spacing_mm
    shown = field if knee.side == "right" else field[:, ::-1]
    big = zoom(shown, scale, order=1, grid_mode=True, mode="nearest")
    top = round(knee.centre_mm[1] / exposure.spacing_mm - big.shape[0] / 2)
    left = round(knee.centre_mm[0] / exposure.spacing_mm - big.shape[1] / 2)
    height, width = target.shape
    middle = width // 2
    low, high = (0, middle) if knee.side == "right" else (middle, width)
    rows = slice(max(top, 0), min(top + big.shape[0], height))
    columns = slice(max(left, low), min(left + big.shape[1], high))
    part = big[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    if feather_mm == 0.0:
        target[rows, columns] = part
        return
    ramps = [
        np.clip(np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) * exposure.spacing_mm / feather_mm, 0, 1)
        for n in big.shape
    ]
    weight = (ramps[0][:, None] * ramps[1]).astype(np.float32)
    weight = weight[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    target[rows, columns] += weight * (part - target[rows, columns])


def _joint_box(knee: _Placed, sharp: Shadow, spacing_mm: float) -> tuple[float, float, float, float]:
    """A square about the widest bony extent within 22 mm of the joint line."""
    step = 1.25 / 3
    middle = sharp.bone.shape[0] // 2
    reach = round(22 / step)
    spongy = sharp.spongy[middle - reach : middle + round(6 / step)]
    shown = spongy if knee.side == "right" else spongy[:, ::-1]
    touched = np.flatnonzero((shown > 6.0).any(axis=0))
    first, last = touched[0], touched[-1] + 1
    side = (last - first) * step
    x = knee.centre_mm[0] + ((first + last) / 2 - shown.shape[1] / 2) * step
    y = knee.centre_mm[1] - _BOX_ABOVE * side
    return tuple(float(v / spacing_mm) for v in (x - side / 2, y - side / 2, x + side / 2, y + side / 2))


def _trabeculate(bone: Field, spongy: Field, participant: Participant, spacing_mm: float) -> Field:
    """Trabeculae: the thickness of spongy bone broken into fine, mostly upright struts."""
    generator = stream("trabeculae", participant.seed, participant.index)
    height, width = bone.shape
    fine = 0.22 / spacing_mm
    struts = smooth_noise(generator, (height, width), (5.0 * fine, 0.9 * fine))
    cross = smooth_noise(generator, (height, width), (1.1 * fine, 2.6 * fine))
    clumps = smooth_noise(generator, (height // 8, width // 8), (1.6, 0.9))
    clumps = zoom(clumps, (height / clumps.shape[0], width / clumps.shape[1]), order=1, grid_mode=True, mode="nearest")
    pattern = np.float32(0.55) * struts + np.float32(0.3) * cross + np.float32(0.45) * clumps
    return np.maximum(bone + np.float32(0.115) * np.sqrt(np.maximum(spongy, 0)) * pattern, 0)


def blurred(field: Field, sigma_mm: float, spacing_mm: float) -> Field:
    """Focal blur."""
    return gaussian_filter(field, sigma_mm / spacing_mm, truncate=3.0)
