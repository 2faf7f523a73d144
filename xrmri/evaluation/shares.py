"""How much of the way to a twin the generated volumes have come: shares of the ceiling, metric by metric.

The way begins at another patient's volume, which tells nothing, and ends at a twin's, the ceiling of one volume, or at
the mean of several twins', the ceiling of a mean.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.sources import GENERATED, MEAN_OF_TWINS, TWIN, WRONG_PATIENT
from xrmri.metrics.table import LIKENESS

MEANT = tuple(name for name in LIKENESS if name != "r2")
"""R2 has its own beginning, the mean volume (`fidelity`)."""


def shares_of_ceiling(tables: Mapping[str, pd.DataFrame], config: Evaluate) -> dict[str, dict[str, Any]]:
    """Shares for each measure of likeness.

    Args:
        tables: source -> one row a pair, the same rows in all.
        config: resamples and seed.

    Returns:
        metric -> ceiling -> value and 95 % interval over participants; nothing where there are no twins.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in MEANT:
        for ceiling in (TWIN, MEAN_OF_TWINS):
            share = _share(name, ceiling, tables, config)
            if share:
                found.setdefault(name, {})[ceiling] = share
    return found


def _share(name: str, ceiling: str, tables: Mapping[str, pd.DataFrame], config: Evaluate) -> dict[str, Any] | None:
    columns = (tables[source][name].to_numpy(float) for source in (GENERATED, WRONG_PATIENT, ceiling))
    generated, nothing, best = columns
    gained = pd.DataFrame({"gained": generated - nothing, "possible": best - nothing})
    by_person = gained.dropna().groupby(tables[GENERATED]["participant"]).mean().to_numpy()
    if not len(by_person) or by_person[:, 1].mean() <= 0:
        return None
    drawn = np.random.default_rng(config.seed).integers(len(by_person), size=(config.bootstrap, len(by_person)))
    gains = by_person[drawn].mean(axis=1)
    ratios = gains[gains[:, 1] > 0, 0] / gains[gains[:, 1] > 0, 1]
    value = by_person[:, 0].mean() / by_person[:, 1].mean()
    low, high = np.quantile(ratios, (0.025, 0.975)) if len(ratios) else (np.nan, np.nan)
    return {"value": float(value), "interval": (float(low), float(high))}
