"""What a ridge regression says of the pairs that are evaluated, kept beside the other yardsticks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xrmri.evaluation.baselines import radiograph_in_brief
from xrmri.evaluation.ridge import FEWEST, MOST, KnownKnees, fit, nearest
from xrmri.evaluation.yardsticks import Yardsticks
from xrmri.evenly import evenly


def with_regression(
    yardsticks: Yardsticks, training: KnownKnees, volumes: np.ndarray, training_ids: Sequence[str], *, file: Path
) -> Yardsticks:
    """The yardsticks with a regression fitted on the training split; without one where it has too few pairs.

    Args:
        yardsticks: whose baselined pairs are predicted.
        training: films and readings of n training pairs.
        volumes: (n, D) float32 their volumes in brief.
        training_ids: theirs.
        file: where predictions go, (m, D) float32 .npy.
    """
    if len(training_ids) < FEWEST or not yardsticks.baselined:
        return yardsticks
    chosen = evenly(range(len(training_ids)), MOST)
    ridge = fit(training.at(chosen), volumes[chosen])
    data, asked = yardsticks.dataset, sorted(yardsticks.baselined)
    knees = KnownKnees(
        films=np.stack([radiograph_in_brief(data.radiograph(pair_id)) for pair_id in asked]),
        readings=np.stack([data.features(pair_id) for pair_id in asked]).astype(np.float32),
    )
    np.save(file, ridge.briefs(ridge.predicted(knees)))
    whose, theirs = data.index["participant"], yardsticks.training.index["participant"]
    ids = [training_ids[place] for place in chosen]
    found = nearest(ridge, knees, whose[asked].tolist(), theirs[ids].tolist())
    return replace(
        yardsticks,
        ridge_file=file,
        ridge_rows={pair_id: row for row, pair_id in enumerate(asked)},
        ridge_nearest={pair_id: ids[place] for pair_id, place in zip(asked, found, strict=True) if place is not None},
    )
