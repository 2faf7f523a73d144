"""Whether volumes are recognised: three ways to look, beside what a twin and other sources reach in each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xrmri.config import Evaluate
from xrmri.evaluation.case import Scored
from xrmri.evaluation.sources import ACQUIRED, GENERATED, MEAN_OF_TWINS, SOURCES, TWIN
from xrmri.metrics.identification import Identification, deviation_distances, identify, squared_distances
from xrmri.metrics.interval import participant_means

WAYS = ("squared", "deviations", "joint")
"""By squared distance; by correlation of deviations from the mean training volume; the same in the joint region."""
MeanBriefs = tuple[np.ndarray, np.ndarray]


def recognition(
    scored: Sequence[Scored], participants: Sequence[str], mean: MeanBriefs | None, config: Evaluate
) -> dict[str, Any] | None:
    """Identification of every source among all acquired volumes.

    Args:
        scored: all pairs; those with signatures count.
        participants: whose pair it is, one for each.
        mean: the mean training volume in brief, whole and joint region; None where there is none.
        config: resamples and seed.

    Returns:
        way -> source -> accuracy and what belongs to it, and the share of the ceiling; None for a single participant.
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
) -> dict[str, Any]:
    acquired = np.stack([brief[ACQUIRED] for brief in briefs])
    sources: dict[str, Any] = {}
    for source in SOURCES:
        having = [place for place, brief in enumerate(briefs) if source.name in brief]
        if source.name == ACQUIRED or not having:
            continue
        judged = np.stack([briefs[place][source.name] for place in having])
        distance = squared_distances(judged, acquired) if mean is None else deviation_distances(judged, acquired, mean)
        names = [whose[place] for place in having]
        sources[source.name] = _judged(identify(distance, names, whose), names, len(briefs), config)
    shares = {
        ceiling: _share(sources[GENERATED], sources[ceiling]) for ceiling in (TWIN, MEAN_OF_TWINS) if ceiling in sources
    }
    return {"sources": sources, "share_of_ceiling": shares}


def _judged(found: Identification, names: Sequence[str], candidates: int, config: Evaluate) -> dict[str, Any]:
    right = participant_means(found.right.astype(float), names)
    drawn = np.random.default_rng(config.seed).integers(len(right), size=(config.bootstrap, len(right)))
    low, high = np.quantile(right[drawn].mean(axis=1), (0.025, 0.975))
    return {
        "accuracy": float(right.mean()),
        "interval": (float(low), float(high)),
        "chance": found.chance,
        "median_rank": float(np.median(found.rank)),
        "candidates": candidates,
        "participants": len(right),
    }


def _share(generated: Mapping[str, Any], ceiling: Mapping[str, Any]) -> float | None:
    """How much of the way from guessing to the ceiling."""
    span = ceiling["accuracy"] - ceiling["chance"]
    return (generated["accuracy"] - generated["chance"]) / span if span > 0 else None
