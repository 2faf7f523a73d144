"""How a film becomes what the detector sees: windowed, and fitted into a square without stretching.

S is the rows and columns of the square.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

_WINDOW_PERCENTILES = (1.0, 99.0)


class Letterbox(NamedTuple):
    """A film as the network sees it, and the way back."""

    image: np.ndarray
    """(S, S) float32 in [0, 1]."""
    scale: float
    """Network pixels per film pixel."""
    left: float
    """Columns of margin before the film."""
    top: float
    """Rows of margin above the film."""


def letterbox(pixels: np.ndarray, size: int) -> Letterbox:
    """A film over its own percentiles, made to fit a black square without stretching.

    Args:
        pixels: (H, W), any numeric dtype, bone bright.
        size: S.
    """
    height, width = pixels.shape
    scale = size / max(height, width)
    rows, columns = max(round(height * scale), 1), max(round(width * scale), 1)
    small = Image.fromarray(np.asarray(pixels, dtype=np.float32))
    small = np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0))
    low, high = np.percentile(small, _WINDOW_PERCENTILES)
    image = np.zeros((size, size), dtype=np.float32)
    top, left = (size - rows) // 2, (size - columns) // 2
    image[top : top + rows, left : left + columns] = np.clip((small - low) / max(high - low, 1e-6), 0, 1)
    return Letterbox(image=image, scale=scale, left=left, top=top)
