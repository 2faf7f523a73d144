"""How much drawn volumes of held-out people tell of whose knee it is: a look in seconds; `evaluate` has the last word.

Volumes are (S, H, W) in [-1, 1]; deviations from the mean training volume, as `metrics.deviation` has them.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from xrmri.data.store import Dataset
from xrmri.data.volume import to_unit
from xrmri.machine.parallel import in_order
from xrmri.metrics.deviation import Deviation, coarse, deviation, pooled
from xrmri.metrics.identification import deviation_distances, identify, signature
from xrmri.metrics.interval import drawn_again, interval_of

Draw = Callable[[str], Mapping[str, np.ndarray]]
"""pair_id -> what is judged of it, by name."""
_RESAMPLES = 1_000


def judged(data: Dataset, draw: Draw, *, until: float, workers: int) -> dict[str, Any]:
    """Judge the test split, or so much of it as there is time for, and two people at least.

    Args:
        data: in the knee's frame.
        draw: what draws.
        until: time, of time.monotonic, after which no further knee is drawn.
        workers: processes that read the training volumes.

    Returns:
        name -> r2 with its 95 % interval over people, slope, share recognised by deviations, chance, pairs, people.
    """
    training = data.pairs("train")
    total = sum(in_order(partial(_coarse, data), training, workers))
    mean = np.asarray(total / len(training))
    sums: dict[str, list[Deviation]] = defaultdict(list)
    briefs: dict[str, list[np.ndarray]] = defaultdict(list)
    whose: list[str] = []
    for pair_id in data.pairs("test"):
        person = str(data.index.at[pair_id, "participant"])
        if person not in whose and len({*whose}) >= 2 and time.monotonic() > until:
            break
        whose.append(person)
        acquired = to_unit(data.volume(pair_id), data.window(pair_id))
        briefs["acquired"].append(_brief(coarse(acquired)))
        for name, volume in draw(pair_id).items():
            sums[name].append(deviation(coarse(acquired), coarse(volume), mean))
            briefs[name].append(_brief(coarse(volume)))
    of_all = np.stack(briefs["acquired"])
    return {
        name: _figures(found, whose) | _recognised(np.stack(briefs[name]), of_all, _brief(mean), whose)
        for name, found in sums.items()
    }


def _coarse(data: Dataset, pair_id: str) -> np.ndarray:
    return coarse(to_unit(data.volume(pair_id), data.window(pair_id)))


def _brief(volume: np.ndarray) -> np.ndarray:
    return signature(volume.astype(np.float32))


def _figures(found: list[Deviation], whose: list[str]) -> dict[str, Any]:
    """R2 and slope of all pairs together, and the interval of R2 over people drawn anew."""
    people = sorted({*whose})
    each = [pooled([one for one, name in zip(found, whose, strict=True) if name == person]) for person in people]
    rows = drawn_again(len(people), resamples=_RESAMPLES, seed=0)
    again = np.array([pooled([each[place] for place in row]).r2 for row in rows.tolist()])
    whole = pooled(found)
    interval = interval_of(again, len(people)) or (whole.r2, whole.r2)
    return {"r2": whole.r2, "interval": interval, "slope": whole.slope, "pairs": len(found),
            "people": len(people)}  # fmt: skip


def _recognised(drawn: np.ndarray, acquired: np.ndarray, mean: np.ndarray, whose: list[str]) -> dict[str, float]:
    found = identify(deviation_distances(drawn, acquired, mean), whose, whose)
    return {"recognised": float(found.right.mean()), "chance": found.chance}
