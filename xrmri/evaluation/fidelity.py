"""What volumes tell of each knee, pooled over all of them, beside what a film could tell at best.

Sums of products of deviations from the mean training volume are pooled over volumes, so that a figure is that of the
cohort and not of a typical knee. Intervals are from drawing participants again. A twin is another knee with the same
film and readings: what it has in common with the acquired knee is all that a film tells.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from xrmri.config import Evaluate
from xrmri.evaluation.case import Scored
from xrmri.evaluation.entries import FigureEntry, RegionEntry
from xrmri.evaluation.sources import ACQUIRED, GENERATED, MEAN_OF_TWINS, SOURCES, TWIN
from xrmri.metrics.deviation import Deviation
from xrmri.metrics.interval import drawn_again, interval_of

REGIONS = ("whole", "joint")
FIGURES: Mapping[str, Callable[[Deviation], float]] = {
    "r2": lambda pooled: pooled.r2,
    "slope": lambda pooled: pooled.slope,
    "common": lambda pooled: pooled.common,
    "correlation": lambda pooled: pooled.correlation,
}


def fidelity(scored: Sequence[Scored], participants: Sequence[str], config: Evaluate) -> dict[str, RegionEntry] | None:
    """Pooled figures of each source, and shares of the ceiling.

    Args:
        scored: all pairs; those with deviations count.
        participants: whose pair it is, one for each.
        config: resamples and seed.

    Returns:
        region -> sources (source -> figure -> value, interval, participants), ceiling of R2, the generated volumes'
        share of it, and the shares of the other sources; None where there are no training volumes. Ceiling and share
        are None where there are no twins, or where twins tell no more than the mean volume.
    """
    if not any(case.deviations for case in scored):
        return None
    return {region: _region(place, scored, participants, config) for place, region in enumerate(REGIONS)}


def _region(place: int, scored: Sequence[Scored], participants: Sequence[str], config: Evaluate) -> RegionEntry:
    names = [source.name for source in SOURCES if any(source.name in case.deviations for case in scored)]
    sources: dict[str, dict[str, FigureEntry | None]] = {}
    shares: dict[str, FigureEntry | None] = {}
    best: FigureEntry | None = None
    for name in names:
        if name != ACQUIRED:
            draws = _draws(place, (name,), scored, participants, config=config)
            sources[name] = {
                figure: _told([of(one[0]) for one in draws.pooled], draws.people) for figure, of in FIGURES.items()
            }
    ceiling = next((name for name in (MEAN_OF_TWINS, TWIN) if name in names), None)
    for name in names:
        if ceiling and name not in (ACQUIRED, TWIN, MEAN_OF_TWINS):
            draws = _draws(place, (ceiling, name), scored, participants, config=config)
            shares[name] = _told([_share(own.common, twin.common) for twin, own in draws.pooled], draws.people)
            if name == GENERATED and draws.pooled[0][0].common > 0:
                best = _told([twin.common for twin, _ in draws.pooled], draws.people)
    own = shares.pop(GENERATED, None)
    return {"sources": sources, "ceiling": best, "share_of_ceiling": own, "shares": shares}


class _Draws(NamedTuple):
    """Deviations of some sources, pooled over people."""

    pooled: list[tuple[Deviation, ...]]
    """As they are, then of each resample."""
    people: int


def _draws(
    place: int, names: tuple[str, ...], scored: Sequence[Scored], participants: Sequence[str], *, config: Evaluate
) -> _Draws:
    """Pooled deviations of sources over the pairs that have all of them."""
    seen = [(case, who) for case, who in zip(scored, participants, strict=True) if case.deviations.keys() >= {*names}]
    sums = np.array([[_row(case.deviations[name][place]) for name in names] for case, _ in seen])
    people, whose = np.unique([who for _, who in seen], return_inverse=True)
    by_person = np.zeros((len(people), len(names), 3))
    np.add.at(by_person, whose, sums)
    drawn = drawn_again(len(people), resamples=config.bootstrap, seed=config.seed)
    times = np.stack([np.bincount(row, minlength=len(people)) for row in drawn]).astype(float)
    totals = np.concatenate([by_person.sum(axis=0)[None], np.tensordot(times, by_person, axes=1)])
    return _Draws([tuple(_deviation(row) for row in total) for total in totals], len(people))


def _row(one: Deviation) -> tuple[float, float, float]:
    return one.judged, one.acquired, one.product


def _deviation(row: np.ndarray) -> Deviation:
    judged, acquired, product = map(float, row)
    return Deviation(judged=judged, acquired=acquired, product=product)


def _share(value: float, ceiling: float) -> float:
    return value / ceiling if ceiling > 0 else np.nan


def _told(values: Sequence[float], people: int) -> FigureEntry | None:
    """The first value, and the 95 % interval of the resamples behind it; None where there is none."""
    if not np.isfinite(values[0]):
        return None
    interval = interval_of(np.array(values[1:]), people)
    return {"value": float(values[0]), "interval": interval, "participants": people}
