"""Every metric of one volume against the acquired one: a value a slice, and their mean."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.metric import Metric, Reference, SlicePair, VolumePair
from xrmri.metrics.table import METRICS

Floats = NDArray[np.float64]


def slice_scores(reference: Reference, pixels: NDArray[np.floating]) -> dict[str, Floats]:
    """`scores_of_several` of one volume, (S, H, W) in [0, 1]."""
    return scores_of_several({"": VolumePair(acquired=reference, pixels=pixels)})[""]


def scores_of_several(pairs: Mapping[str, VolumePair]) -> dict[str, dict[str, Floats]]:
    """Each metric of each slice of several volumes, each acquired slice prepared once for all of them.

    Args:
        pairs: name -> a volume beside the acquired one, which all have in common.

    Returns:
        name of the volume -> name of the metric -> (S,); NaN where there is no value: RSSIM without a joint, the
        correlation of the last slice. Figures of whole volumes stand at every slice.
    """
    reference = next(iter(pairs.values())).acquired
    for pair in pairs.values():
        assert pair.acquired is reference
        if pair.pixels.shape != reference.pixels.shape:
            raise ValueError(
                f"volumes of one shape are compared, not {reference.pixels.shape} and {pair.pixels.shape}"
            )
    by_slice = {
        name: {m.name: np.full(len(reference.pixels), np.nan) for m in METRICS if m.of_slice} for name in pairs
    }
    for index in range(len(reference.pixels)):
        acquired = reference.slice(index)
        for name, whole in pairs.items():
            pair_of_slices = SlicePair(acquired=acquired, pixels=np.ascontiguousarray(whole.pixels[index], np.float64))
            for metric in METRICS:
                if metric.of_slice:
                    by_slice[name][metric.name][index] = metric.of_slice(pair_of_slices)
    return {
        name: {metric.name: _values(metric, whole, by_slice[name]) for metric in METRICS}
        for name, whole in pairs.items()
    }


def own_scores(itself: VolumePair) -> dict[str, float]:
    """What the acquired volume, beside itself, has alone: name of the metric -> value."""
    return volume_scores({metric.name: _values(metric, itself, {}) for metric in METRICS if metric.alone})


def _values(metric: Metric, pair: VolumePair, by_slice: Mapping[str, Floats]) -> Floats:
    """(S,) of one metric; a figure of the whole volume stands at every slice."""
    if metric.of_slices:
        return metric.of_slices(pair)
    if metric.of_volume:
        return np.full(len(pair.pixels), metric.of_volume(pair))
    return by_slice[metric.name]


def volume_scores(slices: Mapping[str, Floats]) -> dict[str, float]:
    """Each metric of the volume: the mean over the slices that have it; NaN where none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as said
        return {name: float(np.nanmean(values)) for name, values in slices.items()}
