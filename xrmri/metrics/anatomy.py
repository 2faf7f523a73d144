"""Sizes of a knee in millimetres, by one rule for acquired and generated volumes: joint space, cartilage, bones.

The rule is for water-excited FLASH: bone dark, cartilage bright. Columns of 2.5 mm are looked at in both compartments.
Going down a column, the joint is the brightest place within 8 mm of this knee's joint line, which is where most columns
are brightest within 25 mm of the mean knee's; femur and tibia begin where brightness falls to half between that place
and the bone, between two rows. A column counts where the joint is at least twice as bright as either bone, and a
compartment where a fifth of its columns have a space of at most 7 mm: where bone lies on bone, what is bright is
something else. Slices count within 7.5 mm of the middle of those with a joint.

The widths of the bones are measured from the middle outwards, in rows averaged over 4 mm: a bone ends where brightness
leaves the range of its own marrow. The tests hold all of it to the phantom's label maps, within a pixel.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Floats = NDArray[np.float64]

COLUMN_MM = 2.5
FAR_MM = 25.0
"""From the joint line of the mean knee to that of any other."""
NEAR_MM = 8.0
"""From the joint line of a knee to the brightest place of a column (choice: plateaus tilt and sag by less)."""
WIDEST_MM = 7.0
"""Of a joint space: what is wider lies between other things (choice: healthy ones have 3 to 6 mm)."""
SEEN = 0.2
"""Share of a compartment's columns that tell its joint space (choice)."""
SPACE_MM = 7.0
"""From the brightest place of a column to either bone, at most."""
BONE_MM = (8.0, 16.0)
"""Above and below the brightest place, where bone is."""
BRIGHT = 2.0
COMPARTMENT_MM = (14.0, 30.0)
"""From the middle of the joint: where femur and tibia bear on each other."""
LATERAL, MEDIAL = -1, 1
"""Sides of a knee as the dataset holds it: lateral at image left."""
DEPTH_MM = 7.5
CONDYLE_MM = (14.0, 24.0)
"""From the middle, where marrow lies on either side of notch and spines."""
SPREADS, BRIGHTER = 3.5, 0.25
"""Brightness outside of marrow: above its median by so many robust deviations, and by this share of it."""
SLICES_TOGETHER = 3
BLOCK_MM = 4.0
FEMUR_MM, TIBIA_MM = (-26.0, -14.0), (8.0, 16.0)
"""Rows in which bones are measured, from the joint line down."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointLines:
    """What columns of a volume say of its joint; s slices, c columns, NaN where no joint is seen."""

    femur_mm: Floats
    """(s, c) where the femur ends, from the top of the picture."""
    tibia_mm: Floats
    """(s, c) where the tibia begins."""
    bright_mm: Floats
    """(s, c) how much between the two is brighter than half."""
    slices: NDArray[np.bool_]
    """(s,) those that count."""
    across_mm: Floats
    """(c,) place of each column, from the image's left."""

    @property
    def middle_mm(self) -> float:
        """Of the joint, from the image's left."""
        seen = np.isfinite(self.femur_mm[self.slices]).any(axis=0)
        return float(self.across_mm[seen].mean()) if seen.any() else np.nan

    @property
    def level_mm(self) -> float:
        """Of the tibia's upper edge, from the top of the picture; NaN where no joint is seen."""
        return _median(self.tibia_mm[self.slices])

    def space_mm(self, side: int) -> float:
        """Median joint space of one compartment, LATERAL or MEDIAL; NaN where most of it is not seen."""
        space_mm = (self.tibia_mm - self.femur_mm)[self.slices][:, self._bearing(side)]
        told = space_mm[space_mm <= WIDEST_MM]
        return _median(told) if told.size >= max(SEEN * space_mm.size, 1) else np.nan

    @property
    def cartilage_mm(self) -> float:
        """Mean of what is bright between femur and tibia, where they bear on each other."""
        found = self.bright_mm[self.slices][:, self._bearing(LATERAL) | self._bearing(MEDIAL)]
        return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan

    def at(self, chosen: NDArray[np.int64]) -> Self:
        """In some of its slices."""
        return replace(
            self,
            femur_mm=self.femur_mm[chosen],
            tibia_mm=self.tibia_mm[chosen],
            bright_mm=self.bright_mm[chosen],
            slices=self.slices[chosen],
        )

    def _bearing(self, side: int) -> NDArray[np.bool_]:
        """(c,) the columns of a compartment."""
        away = side * (self.across_mm - self.middle_mm)
        return (away >= COMPARTMENT_MM[0]) & (away <= COMPARTMENT_MM[1])


def find_joint(volume: NDArray[np.floating], spacing_mm: tuple[float, float, float], line: float = 0.5) -> JointLines:
    """Look for the joint in every slice of a volume.

    Args:
        volume: (S, H, W) in [0, 1], a right knee as displayed or a left one mirrored.
        spacing_mm: between slices, rows and columns.
        line: height of the joint line of the mean knee, 0 at the top of the picture and 1 at the bottom.
    """
    slice_mm, row_mm, column_mm = spacing_mm
    wide = max(round(COLUMN_MM / column_mm), 1)
    count = volume.shape[2] // wide
    height = volume.shape[1]
    columns = np.zeros((len(volume), height, count))
    for place in range(wide):  # many times as fast as a mean over so short an axis
        columns += volume[:, :, place : count * wide : wide]
    columns /= wide
    total = np.zeros((len(volume), height + 1, count))
    np.cumsum(columns, axis=1, out=total[:, 1:])
    first = _brightest(columns, total, line * height, within_mm=FAR_MM, row_mm=row_mm)
    level = float(np.median(first.row[first.is_joint])) if first.is_joint.any() else line * height
    found = _brightest(columns, total, level, within_mm=NEAR_MM, row_mm=row_mm)
    peak, above, below, seen = found.peak, found.above, found.below, found.is_joint
    reach = round(SPACE_MM / row_mm)
    rows = found.row[:, None, :] + np.arange(-reach, reach + 1)[None, :, None]
    near = np.take_along_axis(columns, np.clip(rows, 0, height - 1), axis=1)
    near[(rows < 0) | (rows >= height)] = -np.inf
    bright = near > ((peak + above) / 2)[:, None]
    femur = _crossing(columns, found.row - reach + bright.argmax(axis=1), -1, (peak + above) / 2)
    bright = near > ((peak + below) / 2)[:, None]
    tibia = _crossing(columns, found.row + reach - bright[:, ::-1].argmax(axis=1), 1, (peak + below) / 2)
    half = (peak + (above + below) / 2) / 2
    between = (near > half[:, None]).sum(axis=1) * row_mm
    femur_mm, tibia_mm = (np.where(seen, (edge + 0.5) * row_mm, np.nan) for edge in (femur, tibia))
    across_mm = (np.arange(count) + 0.5) * wide * column_mm
    half_mm = across_mm - volume.shape[2] * column_mm / 2
    # Both compartments bear in the same slices: in front of them one bone alone can pass for a joint.
    share = seen[:, half_mm < 0].sum(axis=1) * seen[:, half_mm > 0].sum(axis=1)
    places = np.arange(len(volume)) * slice_mm
    middle = float(np.average(places, weights=share)) if share.any() else np.nan
    return JointLines(
        femur_mm=femur_mm,
        tibia_mm=tibia_mm,
        bright_mm=np.where(seen, between, np.nan),
        slices=np.abs(places - middle) <= DEPTH_MM,
        across_mm=across_mm,
    )


def bone_width_mm(
    volume: NDArray[np.floating],
    joint: JointLines,
    spacing_mm: tuple[float, float, float],
    rows_mm: tuple[float, float],
) -> float:
    """Width of a bone: the median over slices and rows of where brightness leaves that of its marrow on either side.

    Args:
        volume: (S, H, W) in [0, 1].
        joint: as `find_joint` gives it.
        spacing_mm: between slices, rows and columns.
        rows_mm: from where to where, down from the joint line.

    Returns:
        millimetres; NaN where no joint is seen.
    """
    _, row_mm, column_mm = spacing_mm
    if not np.isfinite(joint.level_mm):
        return np.nan
    blocks = np.arange(rows_mm[0], rows_mm[1] - 0.5 * BLOCK_MM, BLOCK_MM)
    reaches = []
    for block in blocks:
        first, last = (max(round((joint.level_mm + mm) / row_mm), 0) for mm in (block, block + BLOCK_MM))
        strips = volume[joint.slices, first:last].mean(axis=1, dtype=np.float64)
        strips = uniform_filter1d(strips, SLICES_TOGETHER, axis=0, mode="nearest")
        reaches.append([_reach(strips, joint.middle_mm / column_mm, side, column_mm) for side in (-1, 1)])
    left, right = np.concatenate(reaches, axis=1)
    if not (np.isfinite(left).any() and np.isfinite(right).any()):
        return np.nan
    return float(np.nanmedian(left) + np.nanmedian(right)) * column_mm


def _reach(strips: Floats, middle: float, side: int, column_mm: float) -> Floats:
    """(s,) columns from the middle to where each strip is no longer dark as marrow, to the left (-1) or right (1)."""
    outward = strips[:, round(middle) :] if side > 0 else strips[:, round(middle) :: -1]
    start, end = (round(mm / column_mm) for mm in CONDYLE_MM)
    core = outward[:, start:end]
    marrow = np.median(core, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(core - marrow), axis=1, keepdims=True)
    outside = outward > marrow + np.maximum(SPREADS * spread, BRIGHTER * marrow)
    outside[:, :end] = False
    lasting = outside[:, :-1] & outside[:, 1:]
    first = lasting.argmax(axis=1)
    # The border is where brightness is half of what it rises to within two columns, between two columns.
    rows = np.arange(len(outward))
    steps = np.clip(first[:, None] + np.arange(-1, 2), 0, outward.shape[1] - 1)
    rise = np.maximum.accumulate(outward[rows[:, None], steps], axis=1)
    level = (marrow[:, 0] + rise[:, -1]) / 2
    after = np.maximum((rise > level[:, None]).argmax(axis=1), 1)
    inner, outer = rise[rows, after - 1], rise[rows, after]
    share = np.clip((level - inner) / np.where(outer > inner, outer - inner, np.inf), 0, 1)
    return np.where(lasting.any(axis=1), first - 2 + after + share, np.nan)


def outline_distance_mm(one: JointLines, other: JointLines) -> float:
    """Mean distance, along columns, of the bones' ends in two volumes of one frame, over columns seen in both; mm."""
    apart = np.abs(np.stack([one.femur_mm - other.femur_mm, one.tibia_mm - other.tibia_mm]))
    apart = apart[:, one.slices]
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else np.nan


class _Brightest(NamedTuple):
    """The brightest place of each column; (S, c)."""

    row: NDArray[np.int64]
    peak: Floats
    above: Floats
    """Brightness where the femur is, if this is the joint."""
    below: Floats

    @property
    def is_joint(self) -> NDArray[np.bool_]:
        """Whether it is bright between two dark bones."""
        return (self.peak > BRIGHT * self.above) & (self.peak > BRIGHT * self.below)


def _brightest(columns: Floats, total: Floats, level: float, *, within_mm: float, row_mm: float) -> _Brightest:
    """Of columns (S, H, c), whose running total (S, H + 1, c) is given, within so many mm of a row."""
    top = max(int(level - within_mm / row_mm), 0)
    row = columns[:, top : top + round(2 * within_mm / row_mm) + 1].argmax(axis=1) + top
    near, far = (round(mm / row_mm) for mm in BONE_MM)
    return _Brightest(
        row=row,
        peak=np.take_along_axis(columns, row[:, None, :], axis=1)[:, 0],
        above=_mean_between(total, row - far, row - near),
        below=_mean_between(total, row + near, row + far),
    )


def _median(values: Floats) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan


def _mean_between(total: Floats, first: NDArray[np.int64], last: NDArray[np.int64]) -> Floats:
    """Mean of each column from one row to another, as far as they lie in the picture; NaN where none does."""
    start, stop = (np.clip(rows, 0, total.shape[1] - 1) for rows in (first, last + 1))
    lower, upper = (np.take_along_axis(total, rows[:, None, :], axis=1)[:, 0] for rows in (start, stop))
    return (upper - lower) / np.where(stop > start, stop - start, np.nan)


def _crossing(columns: Floats, row: NDArray[np.int64], step: int, level: Floats) -> Floats:
    """Between which rows brightness crosses a level, going from a bright row by `step`; rows, with a fraction."""
    row, beyond = (np.clip(place, 0, columns.shape[1] - 1) for place in (row, row + step))
    inner, outer = (np.take_along_axis(columns, place[:, None], axis=1)[:, 0] for place in (row, beyond))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip((inner - level) / (inner - outer), 0, 1)
    return row + step * np.nan_to_num(share)
