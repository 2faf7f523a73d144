"""Whether a generated volume is more like its own patient's than like any other's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.depth import area_means

DEPTHS, PIXELS = 16, 32


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Identification:
    """For each generated volume, how its own acquired volume ranks among all."""

    right: NDArray[np.bool_]
    """(n,) whether the closest acquired volume is one of the same participant."""
    rank: NDArray[np.int64]
    """(n,) 1 for the closest."""
    chance: float
    """Expected share of `right` when guessing."""


def signature(volume: NDArray[np.floating]) -> NDArray[np.float32]:
    """A volume in brief: 16 evenly spaced depths, areas averaged to at most 32 x 32 pixels.

    Args:
        volume: (S, H, W) in [0, 1].

    Returns:
        (16 * h * w,) float32.
    """
    chosen = np.linspace(0, len(volume) - 1, DEPTHS).round().astype(int)
    return area_means(volume[chosen], PIXELS).astype(np.float32).ravel()


def identify(
    generated: NDArray[np.float32], acquired: NDArray[np.float32], participants: Sequence[str]
) -> Identification:
    """Rank every acquired volume by its mean squared difference from each generated one.

    Args:
        generated: (n, D) signatures.
        acquired: (n, D) signatures; row i is the volume that generated row i should match.
        participants: whose they are, n of them.
    """
    names = np.asarray(participants)
    distance = squared_distances(generated, acquired)
    own = names[:, None] == names[None, :]
    nearest_own = np.where(own, distance, np.inf).min(axis=1, keepdims=True)
    # Ties count against: a constant volume is as far from its own patient as from the others.
    closer = (np.where(own, np.inf, distance) <= nearest_own * (1 + 1e-9)).sum(axis=1)
    return Identification(right=closer == 0, rank=closer + 1, chance=float(own.mean()))


def squared_distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared distance between every two signatures: (n, D) and (m, D) give (n, m), at least 0."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    products = first @ second.T
    return np.maximum((first**2).sum(axis=1)[:, None] - 2 * products + (second**2).sum(axis=1), 0)
