"""Normalised mutual information: whether brightness in one volume tells brightness in another, whatever the scale."""

import numpy as np
from numpy.typing import NDArray

BINS = 32


def normalised_mutual_information(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """(H(A) + H(B)) / H(A, B) of two volumes' brightness in 32 equal bins (Studholme et al. 1999).

    Args:
        one: any shape, in [0, 1].
        other: of the same shape, in [0, 1].

    Returns:
        1 where one says nothing of the other, 2 where it says all; NaN where both are of one single value.
    """
    a, b = (np.minimum((volume * BINS).astype(np.int32), BINS - 1).ravel() for volume in (one, other))
    joint = np.bincount(a * BINS + b, minlength=BINS * BINS).reshape(BINS, BINS) / a.size
    together = _entropy(joint)
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / together if together > 0 else np.nan


def _entropy(shares: NDArray[np.float64]) -> float:
    seen = shares[shares > 0]
    return float(-(seen * np.log(seen)).sum())
