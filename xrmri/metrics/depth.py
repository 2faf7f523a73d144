"""At which depth of the acquired knee a slice belongs, judged by its picture: the error of the depth control."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PIXELS = 32


def briefs(volume: NDArray[np.generic]) -> Floats:
    """Each slice in brief: areas averaged to at most 32 x 32 pixels, with mean 0 and length 1.

    Args:
        volume: (S, H, W), any numeric dtype.

    Returns:
        (S, D), so that products are Pearson correlations; zeros for a slice of one single value.
    """
    brief = area_means(volume, PIXELS).reshape(len(volume), -1)
    brief -= brief.mean(axis=1, keepdims=True)
    length = np.linalg.norm(brief, axis=1, keepdims=True)
    return brief / np.where(length > 1e-9, length, np.inf)


def area_means(volume: NDArray[np.generic], pixels: int) -> Floats:
    """Each slice averaged over areas of equal size, at most `pixels` along each axis (S, H, W) -> (S, h, w) float64."""
    slices, height, width = volume.shape
    tall, wide = (max(length // pixels, 1) for length in (height, width))
    rows, columns = height // tall, width // wide
    # Rows first: they lie together in memory, and leave an eighth of the work for the columns.
    sums = volume[:, : rows * tall, : columns * wide].reshape(slices, rows, tall, -1).sum(axis=2, dtype=np.float64)
    return sums.reshape(slices, rows, columns, wide).sum(axis=3) / (tall * wide)


def depth_errors_mm(
    pixels: NDArray[np.generic], places: NDArray[np.int64], acquired: Floats, slice_mm: float
) -> Floats:
    """How far each slice lies from the acquired slice that it looks most like.

    Args:
        pixels: (n, H, W), any scale.
        places: (n,) index of the acquired slice at whose depth each was drawn.
        acquired: (S, D) all acquired slices, as `briefs` gives them.
        slice_mm: distance between two acquired slices.

    Returns:
        (n,) millimetres; NaN for a slice of one single value.
    """
    found = briefs(pixels)
    likeness = found @ acquired.T
    errors = np.abs(likeness.argmax(axis=1) - places) * slice_mm
    return np.where(found.any(axis=1), errors, np.nan)
