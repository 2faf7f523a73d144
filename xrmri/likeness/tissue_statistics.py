"""Numbers that say how like a real knee the anatomy of a volume is: what a radiologist looks at first.

They need to know what each voxel is made of, so they are taken from a volume and its label map. Both show a right knee:
(slice, row, column), posterior to anterior, rows from the top, lateral at the left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from xrmri.likeness.limit import Limit, standard_error
from xrmri.likeness.volume_statistics import KEPT
from xrmri.phantom.flash import FIELD_OF_VIEW_MM, SLICE_MM
from xrmri.phantom.tissue import Tissue

Volume = NDArray[np.float32]
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LIMITS: Mapping[str, tuple[float, float]] = {
    "mottle of fat": (0.07, 0.13),  # 0.10
    "mottle of marrow": (0.08, 0.19),  # 0.09 and 0.17
    "muscle in the limb at slice 0": (0.50, 0.75),  # 0.56 and 0.68
    "limb width at slice 12, mm": (105.0, 146.0),
    "limb width at slice 49, mm": (59.0, 96.0),  # 66 and 87
    "femur width at slice 47, mm": (45.0, 75.0),  # 60
    "femur depth, mm": (54.0, 70.0),  # 54 at least
    "last slice of separate condyles": (20.0, 26.0),  # 23
    "notch width at slice 18, mm": (15.0, 25.0),  # 20
    "cartilage to muscle": (1.26, 1.65),  # 1.4 and 1.5
    "skin, of 255": (82.0, 103.0),  # 91 and 94
    "fibula width, mm": (21.0, 29.0),  # 25
    "fibula to tibia, mm": (0.0, 2.5),  # they touch
}
"""About what was measured by hand on two public knees (in the comment), 10 to 30 % wider: they are but two."""
SPREAD_MM = (7.0, 18.0)
"""Deviation of the width of limbs between people: those of OAI are 90 to 150 mm wide."""
_BLOCK = 4
_FEW_BLOCKS = 40


def measure_tissues(volume: Volume, labels: Labels) -> dict[str, float]:
    """All numbers of one knee.

    Args:
        volume: (50, M, M) kept slices, 0-255 after windowing.
        labels: (80, M, M) Tissue codes of all slices.

    Returns:
        name as in LIMITS to value; nan where the knee does not show it.
    """
    kept, mm = labels[KEPT], FIELD_OF_VIEW_MM / labels.shape[1]
    limb, femur, tibia, fibula = (kept > 0, *(labels == t for t in (Tissue.FEMUR, Tissue.TIBIA, Tissue.FIBULA)))
    middle = slice(labels.shape[1] // 4, -labels.shape[1] // 4)
    muscle = float(volume[_core(kept == Tissue.MUSCLE)].mean())
    return {
        "mottle of fat": _mottle(volume, kept == Tissue.FAT),
        "mottle of marrow": _mottle(volume, kept == Tissue.FEMUR),
        "muscle in the limb at slice 0": float((kept[0] == Tissue.MUSCLE).sum() / limb[0].sum()),
        "limb width at slice 12, mm": mm * float(limb[12].sum(axis=1).mean()),
        "limb width at slice 49, mm": mm * float(limb[49, middle].sum(axis=1).mean()),
        "femur width at slice 47, mm": mm * float(_extent(femur[KEPT][47]).max()),
        "femur depth, mm": SLICE_MM * float(_extent(femur.any(axis=(1, 2))[None])[0]),
        "last slice of separate condyles": _last_apart(femur[KEPT]),
        "notch width at slice 18, mm": mm * _gap(femur[KEPT][18]),
        "cartilage to muscle": float(volume[kept == Tissue.CARTILAGE].mean()) / muscle,
        "skin, of 255": _skin(volume[20:40, middle], limb[20:40, middle]),
        "fibula width, mm": mm * float(_extent(fibula.reshape(-1, fibula.shape[2])).max()),
        "fibula to tibia, mm": _apart_mm(fibula, tibia, mm),
    }


def tissue_limits(measured: Sequence[Mapping[str, float]]) -> list[Limit]:
    """What a cohort must reach, with what it reaches: the mean of each number, and how limbs differ.

    Args:
        measured: of each person, from `measure_tissues`.
    """
    people = len(measured)
    values = {name: np.array([one[name] for one in measured]) for name in LIMITS}
    found = [
        Limit(name=name, measured=float(np.nanmean(values[name])), error=standard_error(values[name]),
              low=low, high=high, people=people)
        for name, (low, high) in LIMITS.items()
    ]  # fmt: skip
    spread = float(np.std(values["limb width at slice 12, mm"], ddof=min(people - 1, 1)))
    error = spread / np.sqrt(2 * (people - 1)) if people > 1 else None
    low, high = SPREAD_MM
    return [
        *found,
        Limit(name="limb width between people, mm", measured=spread, error=error, low=low, high=high, people=people),
    ]


def _core(mask: Mask, pixels: int = 1) -> Mask:
    """What is left of a tissue in each slice without its rim of mixed voxels."""
    return np.stack([binary_erosion(picture, iterations=pixels) for picture in mask])


def _mottle(volume: Volume, mask: Mask) -> float:
    """Deviation over mean of blocks of 4 x 4 pixels inside a tissue, the mean over slices that have 40 or more."""
    found = []
    for picture, inside in zip(volume[5:45], _core(mask[5:45], 2), strict=True):
        whole, values = (_blocked(array) for array in (inside, picture))
        blocks = values.mean(axis=(1, 3))[whole.all(axis=(1, 3))]
        if len(blocks) >= _FEW_BLOCKS:
            found.append(blocks.std() / blocks.mean())
    return float(np.mean(found)) if found else float("nan")


def _blocked(picture: NDArray[Any]) -> NDArray[Any]:
    """(M, M) as (M/4, 4, M/4, 4)."""
    size = picture.shape[0] // _BLOCK
    return picture.reshape(size, _BLOCK, size, _BLOCK)


def _extent(rows: Mask) -> NDArray[np.int64]:
    """From the first to the last voxel of each row; 0 for an empty one."""
    any_ = rows.any(axis=1)
    return np.where(any_, rows.shape[1] - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1), 0)


def _last_apart(femur: Mask) -> float:
    """The last slice, counted from behind, before the two condyles first meet; nan where they never lie apart."""
    apart = np.array([_open_columns(picture) for picture in femur])
    if not apart.any():
        return float("nan")
    first = int(apart.argmax())
    met = np.flatnonzero(~apart[first:])
    return float(first + met[0] - 1) if len(met) else float(len(apart) - 1)


def _open_columns(picture: Mask) -> bool:
    """Whether the femur of a slice is in two parts, side by side."""
    touched = np.flatnonzero(picture.any(axis=0))
    return len(touched) > 0 and len(touched) < touched[-1] + 1 - touched[0]


def _gap(picture: Mask) -> float:
    """Columns between both condyles, the median over the rows that cross both; nan where none does."""
    middle = _middle(picture)
    left, right = picture[:, :middle], picture[:, middle:]
    both = left.any(axis=1) & right.any(axis=1)
    gaps = left[:, ::-1].argmax(axis=1) + right.argmax(axis=1)
    return float(np.median(gaps[both])) if both.any() else float("nan")


def _middle(picture: Mask) -> int:
    """The column half way between both sides of a tissue."""
    touched = np.flatnonzero(picture.any(axis=0))
    return int(touched[[0, -1]].mean()) if len(touched) else picture.shape[1] // 2


def _skin(volume: Volume, limb: Mask) -> float:
    """The brightest of the three outermost pixels of the limb, on the mean over rows and both sides."""
    sides = ((volume, limb), (volume[..., ::-1], limb[..., ::-1]))
    return float(np.mean([_outermost(bright, inside) for bright, inside in sides]))


def _outermost(volume: Volume, limb: Mask) -> float:
    """The same of the left side."""
    first = limb.argmax(axis=-1)[..., None] + np.arange(3)
    return float(np.take_along_axis(volume, first, axis=-1).max(axis=-1).mean())


def _apart_mm(first: Mask, second: Mask, pixel_mm: float) -> float:
    """The least distance between two bones, mm, from the rim of one to the rim of the other."""
    if not (first.any() and second.any()):
        return float("nan")
    box = tuple(_box(first, axis) for axis in range(3))
    near = second[box]
    if not near.any():
        return float("nan")
    away = distance_transform_edt(~near, sampling=(SLICE_MM, pixel_mm, pixel_mm))
    return float(max(away[first[box]].min() - pixel_mm, 0.0))


def _box(mask: Mask, axis: int, margin: int = 16) -> slice:
    """The part of an axis that a bone takes, with a margin."""
    touched = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    return slice(max(int(touched[0]) - margin, 0), int(touched[-1]) + 1 + margin)
