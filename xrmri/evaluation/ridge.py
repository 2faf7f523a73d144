"""The plain rival: a ridge regression of the volume on the film's thumbnail and the readings, fitted in seconds.

Volumes are in brief (`identification.signature`). Their principal components are regressed on a linear kernel of the
thumbnail's pixels and the one-hot readings, each scaled to a variance of 1 in all. The penalty is the one with the
least error on training pairs left out one by one, which a ridge regression gives without fitting again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.identification import DEPTHS, PIXELS

Floats = NDArray[np.float64]
FEWEST = 3
MOST = 1_500
"""Training pairs used, evenly over the split: the work grows with their cube, and 1,500 take ten seconds (choice)."""
COMPONENTS = 200
"""Principal components at most (choice: a film tells of far fewer)."""
PENALTIES = tuple(10.0**power for power in np.arange(-3, 3.1, 0.5))
"""Tried; shares of the kernel's mean diagonal."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KnownKnees:
    """What is known of some knees, n of them."""

    films: NDArray[np.float32]
    """(n, P) radiographs in brief."""
    readings: NDArray[np.float32]
    """(n, F) one-hot."""

    def at(self, chosen: Sequence[int]) -> "KnownKnees":
        """Some of them."""
        return KnownKnees(films=self.films[chosen], readings=self.readings[chosen])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ridge:
    """A fitted regression."""

    training: KnownKnees
    weights: Floats
    """(n, K) of the kernel with each training knee, for each component."""
    scores: Floats
    """(n, K) of the training volumes themselves."""
    components: Floats
    """(K, D) rows of length 1."""
    penalty: float

    def predicted(self, knees: KnownKnees) -> Floats:
        """Scores (m, K) of m other knees."""
        return _kernel(knees, self.training) @ self.weights

    def briefs(self, scores: Floats) -> NDArray[np.float32]:
        """Deviations from the mean training volume in brief, (m, D), of scores (m, K)."""
        return (scores @ self.components).astype(np.float32)


def fit(training: KnownKnees, volumes: NDArray[np.float32]) -> Ridge:
    """Fit the regression.

    Args:
        training: n knees, at least 3.
        volumes: (n, D) their volumes in brief.
    """
    deviations = volumes.astype(np.float64) - volumes.mean(axis=0, dtype=np.float64)
    strength, directions = np.linalg.eigh(deviations @ deviations.T)
    kept = np.flatnonzero(strength > 1e-9 * max(strength[-1], 1e-30))[-COMPONENTS:]
    components = (directions[:, kept] / np.sqrt(strength[kept])).T @ deviations
    scores = deviations @ components.T
    kernel = _kernel(training, training)
    values, vectors = np.linalg.eigh(kernel)
    values, turned = np.maximum(values, 0), vectors.T @ scores
    level = float(np.trace(kernel)) / len(kernel) or 1.0
    found = []
    for penalty in PENALTIES:
        shrunk = 1 / (values + penalty * level)
        # Left out one by one: the residual of a pair is its weight over its entry of the inverse's diagonal.
        weights = vectors @ (shrunk[:, None] * turned)
        left_out = weights / ((vectors**2) @ shrunk)[:, None]
        found.append((float((left_out**2).sum()), penalty, weights))
    _, penalty, weights = min(found, key=lambda one: one[0])
    return Ridge(training=training, weights=weights, scores=scores, components=components, penalty=penalty)


def nearest(ridge: Ridge, knees: KnownKnees, whose: Sequence[str], training_whose: Sequence[str]) -> list[int | None]:
    """For each knee the training knee, of another participant, whose own scores lie nearest to the predicted ones."""
    predicted = ridge.predicted(knees)
    distance = (ridge.scores**2).sum(axis=1)[None, :] - 2 * predicted @ ridge.scores.T
    distance[np.asarray(whose)[:, None] == np.asarray(training_whose)[None, :]] = np.inf
    return [int(row.argmin()) if np.isfinite(row.min()) else None for row in distance]


def volume_of_brief(brief: NDArray[np.floating], mean: Floats) -> Floats:
    """The mean volume changed by a deviation in brief, interpolated linearly.

    Args:
        brief: (D,) deviation as `identification.signature` lays it out.
        mean: (S, H, W) in [0, 1].

    Returns:
        (S, H, W) in [0, 1].
    """
    slices, height, width = mean.shape
    tall, wide = (max(length // PIXELS, 1) for length in (height, width))
    cells = brief.reshape(DEPTHS, height // tall, width // wide).astype(np.float64)
    depths = np.linspace(0, slices - 1, DEPTHS).round()
    along = _between(np.arange(slices), depths)
    down = _between(np.arange(height), (np.arange(cells.shape[1]) + 0.5) * tall - 0.5)
    across = _between(np.arange(width), (np.arange(cells.shape[2]) + 0.5) * wide - 0.5)
    planes = np.tensordot(along, cells, axes=1)
    return np.clip(mean + down @ planes @ across.T, 0, 1)


def _kernel(one: KnownKnees, training: KnownKnees) -> Floats:
    """(n, m) products of what is known about the training knees' mean; films and readings have a variance of 1 each."""
    total = np.zeros((len(one.films), len(training.films)))
    for ours, known in ((one.films, training.films), (one.readings, training.readings)):
        centre = known.mean(axis=0, dtype=np.float64)
        variance = float(known.var(axis=0, dtype=np.float64).sum())
        if variance > 0:
            total += (ours - centre) @ (known - centre).T / variance
    return total


def _between(places: NDArray[np.number], knots: NDArray[np.number]) -> Floats:
    """(n, K) weights that interpolate linearly between K knots at n places; constant beyond the ends."""
    distinct, first = np.unique(knots, return_index=True)  # few slices are in brief more than once
    weights = np.zeros((len(places), len(knots)))
    for place, hat in zip(first, np.eye(len(distinct)), strict=True):
        weights[:, place] = np.interp(places.astype(float), distinct.astype(float), hat)
    return weights
