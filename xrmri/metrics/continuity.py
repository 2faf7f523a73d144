"""How smoothly a volume goes on from one slice to the next."""

import numpy as np
from numpy.typing import NDArray


def adjacent_correlation(volume: NDArray[np.generic]) -> NDArray[np.float64]:
    """Pearson correlation of each slice with the next (paper, III-D).

    It knows nothing of anatomy: copies of one slice score 1, and it rises with the number of slices.

    Args:
        volume: (S, H, W), any scale.

    Returns:
        (S - 1,) in [-1, 1]; NaN beside a slice of one single value.
    """
    pixels = volume.reshape(len(volume), -1).astype(np.float64)
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("sp,sp->s", pixels, pixels))
    product = np.einsum("sp,sp->s", pixels[:-1], pixels[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        return product / (length[:-1] * length[1:])
