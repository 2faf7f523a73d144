"""Whether volumes are recognised: three ways to look, beside what a twin and other sources reach in each."""

from collections.abc import Mapping, Sequence

import numpy as np

from xrmri.config import Evaluate
from xrmri.evaluation.case import Scored
from xrmri.evaluation.entries import FigureEntry, RecognisedEntry, WayEntry
from xrmri.evaluation.shares import share_of_way
from xrmri.evaluation.sources import ACQUIRED, GENERATED, MEAN_OF_TWINS, SOURCES, TWIN
from xrmri.metrics.identification import Identification, deviation_distances, identify, squared_distances
from xrmri.metrics.interval import drawn_again, interval_of, participant_means

WAYS = ("squared", "deviations", "joint")
"""By squared distance; by correlation of deviations from the mean training volume; the same in the joint region."""
MeanBriefs = tuple[np.ndarray, np.ndarray]


def recognition(
    scored: Sequence[Scored], participants: Sequence[str], mean: MeanBriefs | None, config: Evaluate
) -> dict[str, WayEntry] | None:
    """Identification of every source among all acquired volumes.

    Args:
        scored: all pairs; those with signatures count.
        participants: whose pair it is, one for each.
        mean: the mean training volume in brief, whole and joint region; None where there is none.
        config: resamples and seed.

    Returns:
        way -> sources (source -> accuracy and what belongs to it) and share_of_ceiling (ceiling -> value, interval,
        participants); None for a single participant.
    """
    seen = [(case, name) for case, name in zip(scored, participants, strict=True) if case.signatures]
    if len({name for _, name in seen}) < 2:
        return None
    found = {}
    for way in WAYS:
        briefs = [case.joint_signatures if way == "joint" else case.signatures for case, _ in seen]
        centre = None if mean is None else mean[way == "joint"]
        if way == "squared" or (centre is not None and all(briefs)):
            found[way] = _by(briefs, [name for _, name in seen], None if way == "squared" else centre, config)
    return found


def _by(
    briefs: Sequence[Mapping[str, np.ndarray]], whose: Sequence[str], mean: np.ndarray | None, config: Evaluate
) -> WayEntry:
    acquired = np.stack([brief[ACQUIRED] for brief in briefs])
    sources: dict[str, RecognisedEntry] = {}
    right: dict[str, np.ndarray] = {}
    for source in SOURCES:
        having = [place for place, brief in enumerate(briefs) if source.name in brief]
        if source.name == ACQUIRED or not having:
            continue
        judged = np.stack([briefs[place][source.name] for place in having])
        distance = squared_distances(judged, acquired) if mean is None else deviation_distances(judged, acquired, mean)
        names = [whose[place] for place in having]
        found = identify(distance, names, whose)
        sources[source.name] = _judged(found, names, len(briefs), config)
        right[source.name] = np.full(len(briefs), np.nan)
        right[source.name][having] = found.right - found.chance
    shares = {
        ceiling: _share(right[GENERATED], right[ceiling], whose, config)
        for ceiling in (TWIN, MEAN_OF_TWINS)
        if ceiling in sources
    }
    return {"sources": sources, "share_of_ceiling": shares}


def _judged(found: Identification, names: Sequence[str], candidates: int, config: Evaluate) -> RecognisedEntry:
    right = participant_means(found.right.astype(float), names)
    drawn = right[drawn_again(len(right), resamples=config.bootstrap, seed=config.seed)].mean(axis=1)
    return {
        "accuracy": float(right.mean()),
        "interval": interval_of(drawn, len(right)),
        "chance": found.chance,
        "median_rank": float(np.median(found.rank)),
        "candidates": candidates,
        "participants": len(right),
    }


def _share(
    generated: np.ndarray, ceiling: np.ndarray, whose: Sequence[str], config: Evaluate
) -> FigureEntry | None:
    """How much of the way from guessing to the ceiling; None where the ceiling is not recognised more than by guessing.

    Args:
        generated: (n,) 1 where a volume is recognised, else 0, less the chance of that; NaN where there is none.
        ceiling: (n,) likewise.
        whose: n participants.
        config: resamples and seed.
    """
    seen = np.isfinite(generated + ceiling)
    columns = (np.where(seen, values, np.nan) for values in (generated, ceiling))
    gained = np.stack([participant_means(values, whose) for values in columns], axis=1)
    if not len(gained) or gained[:, 1].mean() <= 0:
        return None
    drawn = gained[drawn_again(len(gained), resamples=config.bootstrap, seed=config.seed)].mean(axis=1)
    value, interval = share_of_way(gained.mean(axis=0), drawn, len(gained))
    return {"value": value, "interval": interval, "participants": len(gained)}
