"""How smoothly a volume goes on from one slice to the next."""

import numpy as np
from numpy.typing import NDArray


def adjacent_correlation(volume: NDArray[np.generic]) -> NDArray[np.float64]:
    """Pearson correlation of each slice with the next (paper, IV-C).

    It knows nothing of anatomy: copies of one slice score 1, and it rises with the number of slices.

    Args:
        volume: (S, H, W), any scale.

    Returns:
        (S - 1,) in [-1, 1]; NaN beside a slice of one single value.
    """
    before: NDArray[np.float64] | None = None
    found = []
    for picture in volume:  # slice by slice, so that each stays in the cache of a core
        pixels = picture.ravel().astype(np.float64)
        pixels -= pixels.mean()
        length = np.sqrt(pixels @ pixels)
        pixels /= length or np.nan
        if before is not None:
            found.append(float(pixels @ before))
        before = pixels
    return np.array(found)
