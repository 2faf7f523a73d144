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
    scale: tuple[float, float]
    """Network pixels per film pixel, along columns (x) and rows (y); unequal where the film's pixels are not square."""
    left: int
    """Columns of margin before the film."""
    top: int
    """Rows of margin above the film."""

    def there(self, corners: np.ndarray) -> np.ndarray:
        """Corners (..., 4) in film pixels as corners in network pixels."""
        return corners * np.array(self.scale * 2) + np.array((self.left, self.top) * 2)

    def back(self, corners: np.ndarray) -> np.ndarray:
        """Corners (..., 4) in network pixels as corners in film pixels."""
        return (corners - np.array((self.left, self.top) * 2)) / np.array(self.scale * 2)


def letterbox(pixels: np.ndarray, size: int, *, aspect: float = 1.0) -> Letterbox:
    """A film over its own percentiles, made to fit a black square without stretching the body.

    Args:
        pixels: (H, W), any numeric dtype, bone bright.
        size: S.
        aspect: height of a pixel over its width.
    """
    height, width = pixels.shape
    largest = max(height * aspect, width)
    rows, columns = max(round(size * height * aspect / largest), 1), max(round(size * width / largest), 1)
    whole = Image.fromarray(np.asarray(pixels, dtype=np.float32))
    small = np.asarray(whole.resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0))
    low, high = np.percentile(small, _WINDOW_PERCENTILES)
    image = np.zeros((size, size), dtype=np.float32)
    top, left = (size - rows) // 2, (size - columns) // 2
    image[top : top + rows, left : left + columns] = np.clip((small - low) / max(high - low, 1e-6), 0, 1)
    return Letterbox(image=image, scale=(columns / width, rows / height), left=left, top=top)
