"""Whether sizes of a knee agree with those of the acquired volume: correlation, bias and limits of agreement."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from xrmri.config import Evaluate
from xrmri.evaluation.entries import AgreementEntry
from xrmri.evaluation.sources import ACQUIRED
from xrmri.metrics.interval import drawn_again, interval_of
from xrmri.metrics.table import METRICS

FIGURES = ("correlation", "bias", "lower_limit", "upper_limit")
SIZES = tuple(metric.name for metric in METRICS if metric.size)


def agreement(
    tables: Mapping[str, pd.DataFrame], config: Evaluate
) -> dict[str, dict[str, AgreementEntry | None]]:
    """Bland and Altman's figures (1986) of every size and source, over participants.

    Args:
        tables: source -> one row a pair, the same rows in all, the acquired volumes among them.
        config: resamples and seed.

    Returns:
        metric -> source -> correlation, bias (source less acquired), limits of agreement, participants, and intervals
        (95 %, over participants) of correlation, bias, lower_limit and upper_limit; None where fewer than three
        participants have both.
    """
    return {
        name: {
            source: _agreement(table[name], tables[ACQUIRED][name], table["participant"], config)
            for source, table in tables.items()
            if source != ACQUIRED
        }
        for name in SIZES
    }


def _agreement(
    ours: pd.Series, acquired: pd.Series, whose: pd.Series, config: Evaluate
) -> AgreementEntry | None:
    both = pd.DataFrame({"ours": ours.astype(float), "acquired": acquired.astype(float)}).dropna()
    people = both.groupby(whose[both.index]).mean()
    if len(people) < 3:
        return None
    sizes = people[["ours", "acquired"]].to_numpy()
    found = _figures(sizes[None])[0]
    drawn = _figures(sizes[drawn_again(len(sizes), resamples=config.bootstrap, seed=config.seed)])
    intervals = {name: interval_of(drawn[:, place], len(sizes)) for place, name in enumerate(FIGURES)}
    correlation, bias, low, high = map(float, found)
    return {
        "correlation": correlation if np.isfinite(correlation) else None,
        "bias": bias,
        "limits": (low, high),
        "participants": len(sizes),
        "intervals": intervals,
    }


def _figures(sizes: np.ndarray) -> np.ndarray:
    """FIGURES of (R, n, 2) sizes, ours and the acquired ones: (R, 4); NaN where nothing varies."""
    centred = sizes - sizes.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    varied = (squares > 0).all(axis=1)
    products = centred.prod(axis=2).sum(axis=1)
    correlation = np.full(len(sizes), np.nan)
    correlation[varied] = products[varied] / np.sqrt(squares[varied].prod(axis=1))
    less = sizes[..., 0] - sizes[..., 1]
    bias, spread = less.mean(axis=1), 1.96 * less.std(axis=1, ddof=1)
    return np.stack([correlation, bias, bias - spread, bias + spread], axis=1)
