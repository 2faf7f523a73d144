"""Whether sizes of a knee agree with those of the acquired volume: correlation, bias and limits of agreement."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xrmri.evaluation.sources import ACQUIRED
from xrmri.metrics.table import METRICS

SIZES = tuple(metric.name for metric in METRICS if metric.size)


def agreement(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, dict[str, Any] | None]]:
    """Bland and Altman's figures (1986) of every size and source, over participants.

    Args:
        tables: source -> one row a pair, the same rows in all, the acquired volumes among them.

    Returns:
        metric -> source -> correlation, bias (source less acquired), limits of agreement, participants; None where
        fewer than three participants have both.
    """
    return {
        name: {
            source: _agreement(table[name], tables[ACQUIRED][name], table["participant"])
            for source, table in tables.items()
            if source != ACQUIRED
        }
        for name in SIZES
    }


def _agreement(ours: pd.Series, acquired: pd.Series, whose: pd.Series) -> dict[str, Any] | None:
    both = pd.DataFrame({"ours": ours.astype(float), "acquired": acquired.astype(float)}).dropna()
    people = both.groupby(whose[both.index]).mean()
    if len(people) < 3:
        return None
    one, other = people["ours"].to_numpy(), people["acquired"].to_numpy()
    bias, spread = float((one - other).mean()), 1.96 * float((one - other).std(ddof=1))
    alike = one.std() > 0 and other.std() > 0
    return {
        "correlation": float(np.corrcoef(one, other)[0, 1]) if alike else None,
        "bias": bias,
        "limits": (bias - spread, bias + spread),
        "participants": len(people),
    }
