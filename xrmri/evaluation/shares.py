"""How much of the way to a twin the generated volumes have come: shares of the ceiling, metric by metric.

The way begins at another patient's volume, which tells nothing, and ends at a twin's, the ceiling of one volume, or at
the mean of several twins', the ceiling of a mean.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.entries import FigureEntry
from xrmri.evaluation.sources import GENERATED, MEAN_OF_TWINS, MEAN_VOLUME, TWIN, WRONG_PATIENT
from xrmri.metrics.interval import drawn_again, interval_of, participant_means
from xrmri.metrics.table import LIKENESS

MEANT = tuple(name for name in LIKENESS if name != "r2")
"""R2 has its own beginning, the mean volume (`fidelity`)."""


def shares_of_ceiling(tables: Mapping[str, pd.DataFrame], config: Evaluate) -> dict[str, dict[str, FigureEntry]]:
    """Shares for each measure of likeness; none of a ceiling that lies under the mean volume.

    Args:
        tables: source -> one row a pair, the same rows in all.
        config: resamples and seed.

    Returns:
        metric -> ceiling -> value, 95 % interval over participants, participants; nothing where there are no twins.
    """
    found: dict[str, dict[str, FigureEntry]] = {}
    for name in MEANT:
        for ceiling in (TWIN, MEAN_OF_TWINS):
            share = _share(name, ceiling, tables, config)
            if share:
                found.setdefault(name, {})[ceiling] = share
    return found


def _share(name: str, ceiling: str, tables: Mapping[str, pd.DataFrame], config: Evaluate) -> FigureEntry | None:
    columns = (tables[source][name].to_numpy(float) for source in (GENERATED, WRONG_PATIENT, ceiling))
    generated, nothing, best = columns
    gained = pd.DataFrame({"gained": generated - nothing, "possible": best - nothing})
    by_person = gained.dropna().groupby(tables[GENERATED]["participant"]).mean().to_numpy()
    if not len(by_person) or by_person[:, 1].mean() <= 0 or _lies_under_the_mean(name, ceiling, tables):
        return None
    gains = by_person[drawn_again(len(by_person), resamples=config.bootstrap, seed=config.seed)].mean(axis=1)
    value, interval = share_of_way(by_person.mean(axis=0), gains, len(by_person))
    return {"value": value, "interval": interval, "participants": len(by_person)}


def share_of_way(
    whole: np.ndarray, drawn: np.ndarray, people: int
) -> tuple[float, tuple[float, float] | None]:
    """What was gained over what could be, and its 95 % interval.

    Args:
        whole: (2,) gained, and possible, which is above 0.
        drawn: (R, 2) the same of each resample; those with nothing possible are left out.
        people: behind them.
    """
    able = drawn[drawn[:, 1] > 0]
    return float(whole[0] / whole[1]), interval_of(able[:, 0] / able[:, 1], people)


def _lies_under_the_mean(name: str, ceiling: str, tables: Mapping[str, pd.DataFrame]) -> bool:
    """Whether the mean training volume is the closer one on average, where a pair has both."""
    above = tables[ceiling][name].to_numpy(float) - tables[MEAN_VOLUME][name].to_numpy(float)
    by_person = participant_means(above, tables[GENERATED]["participant"].tolist())
    return bool(by_person.size and by_person.mean() < 0)
