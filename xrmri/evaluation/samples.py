"""What several volumes of one radiograph tell: how much of a volume is chance, and whether its uncertainty is honest.

They are what `xrmri generate --samples K` writes: NAME, NAME_sample-2 and so on, NAME_mean and NAME_std.
"""

from pathlib import Path
from typing import cast

import numpy as np
from scipy.stats import spearmanr, t

from xrmri.data.alignment import matching_slices, unit_range
from xrmri.data.store import Dataset
from xrmri.evaluation.comparison import placed, window_of
from xrmri.evaluation.entries import SamplesEntry
from xrmri.formats.nifti import volume_name
from xrmri.metrics.continuity import adjacent_correlation

VOLUMES = 32
"""Pairs examined, evenly over the cohort (choice)."""
_VOXELS = 20_000


def sample_files(file: Path) -> list[Path]:
    """The further samples of a volume, in order."""
    stem, suffix = volume_name(file), file.name.removeprefix(volume_name(file))
    found: list[Path] = []
    while (further := file.with_name(f"{stem}_sample-{len(found) + 2}{suffix}")).is_file():
        found.append(further)
    return found


def examine(pair_id: str, file: Path, dataset: Dataset) -> dict[str, float] | None:
    """Chance and calibration of one pair; None where it has one sample only.

    Returns:
        adjacent: correlation of neighbouring slices, as drawn;
        reliability: correlation of the same slice in two samples, the share of it that is not chance;
        anatomy: correlation of neighbouring slices across samples, over the reliability, so that chance drops out;
        within_1_sd, within_2_sd: share of acquired voxels within one and two standard deviations of the mean;
        expected_1_sd, expected_2_sd: the shares that as many samples of the truth itself would reach;
        error_per_sd: root mean square error of the mean over the root mean square standard deviation;
        rank_correlation: Spearman's, of standard deviation with absolute error.

    Raises:
        InputError: a sample cannot be read.
    """
    further = sample_files(file)
    if not further:
        return None
    acquired = dataset.volume(pair_id)
    low, high = window_of(file, dataset.window(pair_id))
    volumes = [unit_range(placed(pair_id, one, dataset, acquired.shape), (low, high)) for one in (file, *further)]
    if any(volume.shape != volumes[0].shape for volume in volumes):
        return None
    ours, theirs = matching_slices(len(volumes[0]), len(acquired))
    truth = unit_range(acquired[theirs], dataset.window(pair_id))
    stack = np.stack([volume[ours] for volume in volumes])
    return _chance(volumes[0], volumes[1]) | _calibration(stack, truth)


def _chance(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """How much of the correlation between neighbouring slices is anatomy."""
    woven = np.stack([one, other], axis=1).reshape(-1, *one.shape[1:])  # one 0, other 0, one 1, other 1 ...
    steps = adjacent_correlation(woven)
    reliability, across = float(np.nanmean(steps[::2])), float(np.nanmean(steps[1::2]))
    return {
        "adjacent": float(np.nanmean(adjacent_correlation(one))),
        "reliability": reliability,
        "anatomy": min(across / reliability, 1.0) if reliability > 0 else np.nan,
    }


def _calibration(samples: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Whether the truth lies as far from the mean as the samples say; (K, n, H, W) and (n, H, W) in [0, 1]."""
    count = len(samples)
    mean, deviation = samples.mean(axis=0), samples.std(axis=0)
    error = np.abs(truth - mean)
    # A voxel that every sample and the truth clip to black or white says nothing about uncertainty.
    told = (deviation > 0) | (error > 0)
    error, deviation = error[told], deviation[told]
    widen = np.sqrt((count - 1) / (count + 1))
    found = {}
    for factor in (1, 2):
        found[f"within_{factor}_sd"] = float((error <= factor * deviation).mean())
        found[f"expected_{factor}_sd"] = float(1 - 2 * t.sf(factor * widen, count - 1))
    step = max(len(error) // _VOXELS, 1)
    found["error_per_sd"] = float(np.sqrt((error**2).mean()) / max(np.sqrt((deviation**2).mean()), 1e-9))
    found["rank_correlation"] = float(spearmanr(deviation[::step], error[::step]).statistic)
    return found


def summary(found: list[dict[str, float]]) -> SamplesEntry | None:
    """Medians over pairs; None where no pair has several samples."""
    if not found:
        return None
    medians = {name: float(np.nanmedian([one[name] for one in found])) for name in found[0]}
    return cast(SamplesEntry, {"volumes": len(found), **medians})
