"""Whether one kind of volume is really closer than another: paired differences over participants, and their size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from xrmri.metrics.interval import participant_means, spread

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One minus the other, within participants."""

    median: float
    quartiles: tuple[float, float]
    interval: tuple[float, float]
    """95 % bootstrap interval of the median."""
    effect: float
    """Mean over standard deviation of the differences (Cohen's d_z); 0 where all are 0."""
    share_above: float
    """Share of participants in whom the first is greater; a tie counts half."""
    p: float
    """Wilcoxon signed-rank test, two-sided; 1 where all differences are 0."""
    participants: int
    volumes: int


def difference(
    one: Floats, other: Floats, participants: Sequence[str], *, resamples: int, seed: int
) -> Difference | None:
    """Compare two figures of the same volumes.

    Args:
        one: (n,) one a volume.
        other: (n,) of the same volumes; a NaN in either leaves the volume out.
        participants: whose volume it is, n of them.
        resamples: draws of participants with replacement.
        seed: the same seed gives the same interval.

    Returns:
        None where no volume has both.
    """
    values = one - other
    found = spread(values, participants, resamples=resamples, seed=seed)
    if found is None:
        return None
    means = participant_means(values, participants)
    deviation = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return Difference(
        median=found.median,
        quartiles=found.quartiles,
        interval=found.interval,
        effect=float(means.mean()) / deviation if deviation > 0 else 0.0,
        share_above=float((np.sign(means) + 1).mean() / 2),
        p=float(wilcoxon(means).pvalue) if np.any(means) else 1.0,
        participants=found.participants,
        volumes=found.volumes,
    )


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for their number, by Holm's step-down method (1979)."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(stepped, 1)
    return [float(value) for value in corrected]
