"""How blurred a volume is, judged by itself: a mean of many knees is near to all of them and sharp nowhere."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import sobel, uniform_filter1d

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
    inside = (slice(2, -1), slice(2, -1))
    worst = np.nan
    for axis in (0, 1):
        sharp = np.abs(sobel(picture, axis))[inside]
        again = np.abs(sobel(uniform_filter1d(picture, PIXELS, axis), axis))[inside]
        edges = sharp.sum()
        if edges > 0:
            worst = np.fmax(worst, 1 - np.maximum(sharp - again, 0).sum() / edges)
    return float(worst)
