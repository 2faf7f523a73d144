"""Whether a generated volume is more like its own patient's than like any other's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.depth import area_means
from xrmri.metrics.deviation import Box

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


def joint_signature(coarse: NDArray[np.floating], box: Box) -> NDArray[np.float32]:
    """The joint region in brief: 16 evenly spaced depths of a coarse volume (S, h, w), cut to the box; (E,) float32."""
    chosen = np.linspace(0, len(coarse) - 1, DEPTHS).round().astype(int)
    return coarse[chosen][box].astype(np.float32).ravel()


def identify(distance: NDArray[np.float64], whose: Sequence[str], candidates: Sequence[str]) -> Identification:
    """Rank every acquired volume by its distance from each generated one.

    Args:
        distance: (n, m) from n generated volumes to m acquired ones, at least 0.
        whose: the participant of each generated volume, who is among the candidates.
        candidates: the participant of each acquired volume.
    """
    own = np.asarray(whose)[:, None] == np.asarray(candidates)[None, :]
    nearest_own = np.where(own, distance, np.inf).min(axis=1, keepdims=True)
    # Ties count against: a constant volume is as far from its own patient as from the others.
    closer = (np.where(own, np.inf, distance) <= nearest_own * (1 + 1e-9)).sum(axis=1)
    return Identification(right=closer == 0, rank=closer + 1, chance=float(own.mean()))


def squared_distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared distance between every two signatures: (n, D) and (m, D) give (n, m), at least 0."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    products = first @ second.T
    return np.maximum((first**2).sum(axis=1)[:, None] - 2 * products + (second**2).sum(axis=1), 0)


def deviation_distances(
    one: NDArray[np.float32], other: NDArray[np.float32], mean: NDArray[np.float32]
) -> NDArray[np.float64]:
    """1 less the correlation of deviations from the mean volume: it does not favour whoever lies nearest the average.

    Args:
        one: (n, D) signatures.
        other: (m, D) signatures.
        mean: (D,) signature of the mean training volume; a volume equal to it is as far from everybody.

    Returns:
        (n, m) in [0, 2].
    """
    first, second = (_of_length_one(volumes.astype(np.float64) - mean) for volumes in (one, other))
    return np.clip(1 - first @ second.T, 0, 2)


def _of_length_one(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, np.inf)
