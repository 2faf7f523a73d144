"""How sure a figure is: median and quartiles over participants, and a 95 % interval from resampling participants.

Slices of a knee, and knees of a person, are not independent; participants are. So a participant counts once, with the
mean of his or her volumes, and whole participants are drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Values over participants."""

    median: float
    quartiles: tuple[float, float]
    """25th and 75th percentile."""
    interval: tuple[float, float]
    """95 % bootstrap interval of the median."""
    participants: int
    volumes: int


def spread(values: NDArray[np.float64], participants: Sequence[str], *, resamples: int, seed: int) -> Spread | None:
    """Median, quartiles and 95 % percentile-bootstrap interval of the median over participants.

    Args:
        values: (n,) one a volume; NaN is left out.
        participants: whose volume it is, n of them.
        resamples: draws of participants with replacement.
        seed: the same seed gives the same interval.

    Returns:
        None where no value is left.
    """
    means = participant_means(values, participants)
    if not means.size:
        return None
    drawn = np.random.default_rng(seed).integers(len(means), size=(resamples, len(means)))
    medians = np.median(means[drawn], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    first, third = np.quantile(means, (0.25, 0.75))
    return Spread(
        median=float(np.median(means)),
        quartiles=(float(first), float(third)),
        interval=(float(low), float(high)),
        participants=len(means),
        volumes=int(np.isfinite(values).sum()),
    )


def drawn_again(people: int, *, resamples: int, seed: int) -> NDArray[np.int64]:
    """Who is in each resample: (resamples, people) numbers of people, drawn with replacement."""
    return np.random.default_rng(seed).integers(people, size=(resamples, people))


def interval_of(values: NDArray[np.float64], people: int) -> tuple[float, float] | None:
    """The 95 % interval of a figure's values over resamples; None for one participant, or where no value is finite."""
    finite = values[np.isfinite(values)]
    if people < 2 or not len(finite):
        return None
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def participant_means(values: NDArray[np.float64], participants: Sequence[str]) -> NDArray[np.float64]:
    """The mean of each participant's values, in the order of their names; participants without a value are left out."""
    seen = np.isfinite(values)
    if not seen.any():
        return np.empty(0)
    _, whose = np.unique(np.asarray(participants)[seen], return_inverse=True)
    return np.bincount(whose, weights=values[seen]) / np.bincount(whose)
