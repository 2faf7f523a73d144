"""A bilateral PA fixed-flexion radiograph of the bones that the FLASH volume shows; bone bright.

Path lengths and light are worked out on a grid of 0.42 mm; trabeculae, grain and letters belong to the final pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.anatomy import Knee, Participant, stream
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.exposure import develop, digitise, draw_exposure, letter
from xrmri.phantom.pose import Grid
from xrmri.phantom.projection import Shadow, Stance, cast, flesh
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import refine, resample
from xrmri.phantom.trabeculae import trabecular_pattern
from xrmri.records import SIDES

WORK_MM = 1.25 / 3
MAGNIFICATION = 1.04
"""Of the joint: 70 mm before a film that is 1.83 m (72 inches) from the focus."""
_SHARP = (51 * 1.25, 53 * 1.25)  # half-width, half-height in mm of the finely cast part about each knee
_WIDE = (85.0, 200.0)
CROP_SCALE = 1.3
"""How much wider than its joint box a published crop is."""
_BOX_SIDE = 1 / (CROP_SCALE * 0.89)
_BOX_ABOVE = CROP_SCALE * (0.585 - 0.5)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """One radiograph of both knees."""

    pixels: NDArray[np.uint16]
    """(H, W), 0-4095, bone bright; image left is the patient's right knee."""
    spacing_mm: float
    joint_box: Mapping[str, Box]
    """Side to x0, y0, x1, y1 in pixels: a square that, enlarged 1.3 times about its centre, frames the joint as
    published crops do: the bones take 0.89 of the width and the joint space lies at 0.585 of the height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Placed:
    """One knee on the film."""

    side: str
    knee: Knee
    stance: Stance
    centre: tuple[int, int]
    """Row and column of the joint line in work pixels."""


def render_film(participant: Participant) -> Film:
    """Take the radiograph of both knees.

    Args:
        participant: whose knees.

    Returns:
        the radiograph and where the joints are.
    """
    generator = stream("film", participant.seed, participant.index)
    exposure = draw_exposure(generator)
    shape = tuple(round(n * exposure.spacing_mm / (MAGNIFICATION * WORK_MM)) for n in exposure.shape)
    bone, struts, limb = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    boxes = {}
    for side in SIDES:
        placed = _place(participant, side, shape)
        wide = _grid(*_WIDE, 2.5, 4.0, reach_mm=92.0)
        coarse = cast(placed.knee, placed.stance, wide, 1)
        sharp = cast(placed.knee, placed.stance, _grid(*_SHARP, 1.25, 2.0, reach_mm=56.0), 3)
        _lay(limb, placed, refine(flesh(placed.knee, placed.stance, wide), 6), 0)
        for target, far, near in ((bone, coarse.bone, sharp.bone), (struts, coarse.struts, sharp.struts)):
            _lay(target, placed, refine(far, 6), 0)
            _lay(target, placed, near, 20)
        boxes[side] = _joint_box(placed, sharp)
    signal = develop(bone, limb, exposure, WORK_MM, boxes=tuple(boxes.values()))
    zoom = exposure.spacing_mm / (MAGNIFICATION * WORK_MM)
    origin = (zoom - 1) / 2
    signal = resample(signal, exposure.shape, (origin, origin), zoom)
    core = np.sqrt(np.maximum(resample(struts, exposure.shape, (origin, origin), zoom), 0))
    signal += trabecular_pattern(participant, core, exposure)
    scaled: dict[str, Any] = {side: tuple(float(v / zoom) for v in box) for side, box in boxes.items()}
    pixels = digitise(signal, exposure, generator)
    for side in SIDES:
        letter(pixels, side, scaled[side], exposure)
    return Film(pixels=pixels, spacing_mm=exposure.spacing_mm, joint_box=scaled)


def _place(participant: Participant, side: str, shape: tuple[int, ...]) -> _Placed:
    """Stance of one knee and its place on the work grid."""
    knee = participant.knee(side)
    both = stream("stance", participant.seed, participant.index)
    own = stream("stance of side", participant.seed, participant.index, SIDES.index(side))
    flexion, miss, apart = both.normal((25.0, 0.0, 92.0), (4.5, 2.0, 4.0))
    row = shape[0] * both.uniform(0.43, 0.57)
    thinning = 0.6 * np.exp(np.clip(both.normal(0.0, 1.0), -2.5, 1.2))
    flexion, miss, turn, up = own.normal((flexion, miss, 5.0, 0.0), (2.0, 1.2, 5.0, 3.0))  # feet are turned out
    column = (shape[1] - 1) / 2 + (-apart if side == "right" else apart) / WORK_MM
    stance = Stance(
        flexion_degrees=float(flexion),
        tibia_lean_degrees=float(knee.shape.plateau_slope_degrees + miss),
        rotation_degrees=float(turn),
        roll_degrees=float(own.normal(0.0, 2.5)),
        thinning=float(thinning),
    )
    return _Placed(side=side, knee=knee, stance=stance, centre=(round(row + up / WORK_MM), round(column)))


def _grid(half_width_mm: float, half_height_mm: float, step_mm: float, slice_mm: float, *, reach_mm: float) -> Grid:
    """A coarse grid about one knee, columns from lateral to medial."""
    columns, rows = round(2 * half_width_mm / step_mm), round(2 * half_height_mm / step_mm)
    x = ((columns - 1) / 2 - np.arange(columns, dtype=np.float32)) * np.float32(step_mm)
    z = ((rows - 1) / 2 - np.arange(rows, dtype=np.float32)) * np.float32(step_mm)
    return Grid(x=x, y=np.arange(-reach_mm, reach_mm, slice_mm, dtype=np.float32), z=z)


def _lay(target: Field, knee: _Placed, field: Field, feather: int) -> None:
    """Put a shadow on its half of the film, in place; a border of `feather` pixels fades in."""
    shown = field if knee.side == "right" else field[:, ::-1]
    top, left = (c - n // 2 for c, n in zip(knee.centre, shown.shape, strict=True))
    middle = target.shape[1] // 2
    low, high = (0, middle) if knee.side == "right" else (middle, target.shape[1])
    rows = slice(max(top, 0), min(top + shown.shape[0], target.shape[0]))
    columns = slice(max(left, low), min(left + shown.shape[1], high))
    part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    if not feather:
        target[rows, columns] = shown[part]
        return
    ramps = (np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / feather, 0, 1) for n in shown.shape)
    weight = np.outer(*ramps).astype(np.float32)[part]
    target[rows, columns] += weight * (shown[part] - target[rows, columns])


def _joint_box(knee: _Placed, sharp: Shadow) -> Box:
    """The joint box from the widest bony extent near the joint line, without the fibula, in work pixels."""
    middle = sharp.bone.shape[0] // 2
    spongy = sharp.spongy[middle - round(26 / WORK_MM) : middle + round(4 / WORK_MM)]
    shown = spongy if knee.side == "right" else spongy[:, ::-1]
    touched = np.flatnonzero((shown > 4.0).any(axis=0))
    side = _BOX_SIDE * float(touched[-1] + 1 - touched[0])
    x = knee.centre[1] - shown.shape[1] // 2 + (touched[0] + touched[-1] + 1) / 2
    line = knee.centre[0] - float(np.mean(joint_gaps(knee.knee))) / 2 / WORK_MM
    y = line - _BOX_ABOVE * side
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2
