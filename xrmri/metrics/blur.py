"""How blurred a volume is, judged by itself: a mean of many knees is near to all of them and sharp nowhere."""

import numpy as np
from numpy.typing import NDArray

from xrmri.evenly import evenly

PIXELS = 11
"""Of the filter that blurs a slice once more, as scikit-image has it."""
SLICES = 8


def blur(volume: NDArray[np.floating]) -> float:
    """How little a slice loses when it is blurred once more: Crete-Roffet et al. (2007), over eight slices at most.

    Args:
        volume: (S, H, W) in [0, 1].

    Returns:
        0 for the sharpest picture, 1 for one that has no edge left; NaN where all slices are of one value.
    """
    chosen = evenly(range(len(volume)), SLICES)
    found = [slice_blur(volume[index].astype(np.float64)) for index in chosen]
    seen = [value for value in found if np.isfinite(value)]
    return float(np.mean(seen)) if seen else np.nan


def slice_blur(picture: NDArray[np.float64]) -> float:
    """Of one slice (H, W): the greater of down and across; NaN where it is of one value."""
    worst = np.nan
    for lines in (picture, np.ascontiguousarray(picture.T)):
        sharp, again = _steps(lines)
        edges = sharp.sum()
        if edges > 0:
            worst = np.fmax(worst, 1 - np.maximum(sharp - again, 0).sum() / edges)
    return float(worst)


def _steps(picture: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How steep each place is down the rows by Sobel's filter, before and after blurring; (H - 3, W - 3).

    The mean of 11 rows rises by what enters it less what leaves it, so nothing has to be averaged.
    """
    beside = picture[:, 1:-2] + picture[:, 3:]
    beside += 2 * picture[:, 2:-1]
    pairs = np.pad(beside, ((PIXELS // 2, PIXELS // 2), (0, 0)), mode="symmetric")
    pairs = pairs[1:] + pairs[:-1]
    again = (pairs[PIXELS + 1 :] - pairs[1:-PIXELS]) / PIXELS
    return np.abs(beside[3:] - beside[1:-2]), np.abs(again)
