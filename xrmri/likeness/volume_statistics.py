"""Numbers that say how like a real OAI FLASH volume a volume is; the targets are measured on two real knees.

Volumes are (50, M, M): kept slices, posterior to anterior, 0-255 after windowing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter, uniform_filter

from xrmri.likeness.limit import Limit, standard_error

Volume = NDArray[np.float32]
Field = NDArray[np.float64]

KEPT = slice(13, 63)
LAGS = (1, 2, 3, 5, 10)
PERCENTILES = (5, 25, 50, 75, 90, 95)
DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_WHITE_PERCENTILE = 99.7

REAL_KNEES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "lag_correlation": ((0.85, 0.74, 0.66, 0.55, 0.38), (0.90, 0.81, 0.75, 0.66, 0.49)),
    "percentiles": ((8, 14, 27, 53, 149, 165), (6, 11, 18, 55, 154, 165)),
    "mean_by_depth": (
        (0.57, 0.95, 0.95, 0.77, 0.65, 0.55, 0.49, 0.45, 0.42, 0.40),
        (0.54, 0.95, 0.97, 0.85, 0.67, 0.53, 0.43, 0.39, 0.36, 0.38),
    ),
    "limb_share": ((0.80, 0.91, 0.84, 0.81, 0.70), (0.68, 0.81, 0.68, 0.60, 0.51)),
}
"""Measured on two public right knees, 50 kept slices of 256 x 256, 8 bit."""

REAL_PSNR_DB = 15.6
REAL_SSIM = 0.32
"""Between different people at the same depth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeStatistics:
    """One volume in numbers; each field matches one entry of REAL_KNEES."""

    lag_correlation: tuple[float, ...]
    """Mean Pearson correlation of slices LAGS apart."""
    percentiles: tuple[float, ...]
    """PERCENTILES of the brightness, of 255."""
    mean_by_depth: tuple[float, ...]
    """Mean brightness in ten equal steps of depth, relative to the greatest."""
    limb_share: tuple[float, ...]
    """Share of the picture inside the limb at DEPTHS."""


def windowed(voxels: NDArray[np.uint16]) -> Volume:
    """The kept slices, scaled so that the brightest 0.3 % are clipped.

    Args:
        voxels: (80, M, M).

    Returns:
        (50, M, M) float32, 0-255.
    """
    kept = voxels[KEPT].astype(np.float32)
    white = max(float(np.percentile(kept[::3], _WHITE_PERCENTILE)), 1.0)
    return np.clip(kept * np.float32(255 / white), 0, 255).astype(np.float32, copy=False)


def measure(volume: Volume) -> VolumeStatistics:
    """All statistics of one windowed volume."""
    return VolumeStatistics(
        lag_correlation=tuple(lag_correlation(volume, lag) for lag in LAGS),
        percentiles=tuple(float(v) for v in np.percentile(volume, PERCENTILES)),
        mean_by_depth=mean_by_depth(volume),
        limb_share=tuple(limb_share(volume[round(depth * (len(volume) - 1))]) for depth in DEPTHS),
    )


def lag_correlation(volume: Volume, lag: int) -> float:
    """Mean Pearson correlation of slices that are `lag` apart."""
    flat = volume.reshape(len(volume), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return float((flat[:-lag] * flat[lag:]).sum(axis=1).mean())


def mean_by_depth(volume: Volume) -> tuple[float, ...]:
    """Mean brightness of ten equal steps of depth, relative to the greatest."""
    means = np.array([part.mean() for part in np.array_split(volume, 10)])
    return tuple(float(v) for v in means / means.max())


def limb_share(picture: Volume) -> float:
    """Share of one slice (M, M) inside the limb: what stands out of the noise, with its holes filled."""
    smooth = gaussian_filter(picture, 2.0)
    inside = binary_closing(smooth > 1.5 * np.percentile(smooth, 2) + 2.0, iterations=4)
    return float(binary_fill_holes(inside).mean())


def psnr_db(first: Volume, second: Volume) -> float:
    """Peak signal-to-noise ratio, peak 255, dB."""
    return float(10 * np.log10(255**2 / max(float(((first - second) ** 2).mean()), 1e-9)))


def ssim(first: Volume, second: Volume) -> float:
    """Mean structural similarity of two slices (M, M), 0-255, 7 x 7 windows."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = uniform_filter(a, 7), uniform_filter(b, 7)
    sample = 49 / 48
    var_a = sample * (uniform_filter(a * a, 7) - mean_a**2)
    var_b = sample * (uniform_filter(b * b, 7) - mean_b**2)
    both = sample * (uniform_filter(a * b, 7) - mean_a * mean_b)
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))[3:-3, 3:-3].mean())


def compare(first: Volume, second: Volume) -> tuple[float, float]:
    """PSNR (dB) and SSIM between two volumes at the same depth: the means over every fifth slice."""
    pairs = [(first[i], second[i]) for i in range(0, len(first), 5)]
    return float(np.mean([psnr_db(*pair) for pair in pairs])), float(np.mean([ssim(*pair) for pair in pairs]))


def targets(measured: Sequence[VolumeStatistics], compared: Sequence[tuple[float, float]]) -> list[Limit]:
    """What a cohort must reach to pass for the real one, with what it reaches.

    Args:
        measured: statistics of each volume, right knees or mirrored left ones; one or more.
        compared: PSNR and SSIM of pairs of different people; none: these two are left out.

    Returns:
        one target a number: the cohort's mean against the two real knees.
    """
    found = []
    for name, labels in _LABELS.items():
        real = np.array(REAL_KNEES[name])
        values = np.array([getattr(one, name) for one in measured])
        least, most = _LIMITS[name](real.min(axis=0), real.max(axis=0))
        found += [
            Limit(
                name=label,
                measured=float(column.mean()),
                error=standard_error(column),
                low=float(low),
                high=float(high),
                people=len(measured),
            )
            for label, column, low, high in zip(labels, values.T, least, most, strict=True)
        ]
    if compared:
        psnr, similarity = np.array(compared).T
        for name, values, real_value, margin in (
            ("PSNR between people, dB", psnr, REAL_PSNR_DB, 1.0),
            ("SSIM between people", similarity, REAL_SSIM, 0.06),
        ):
            found.append(
                Limit(
                    name=name,
                    measured=float(values.mean()),
                    error=standard_error(values),
                    low=real_value - margin,
                    high=real_value + margin,
                    people=len(measured),
                )
            )
    return found


def _near(least: Field, most: Field) -> tuple[Field, Field]:
    """The band of two real curves with 0.06 on either side; neighbouring slices stay within the band itself."""
    margin = np.where(np.array(LAGS) == 1, 0.0, 0.06)
    return least - margin, most + margin


def _quarter(least: Field, most: Field) -> tuple[Field, Field]:
    """The spread of two real knees, a quarter wider on either side."""
    return 0.75 * least, 1.25 * most


_LABELS: Mapping[str, tuple[str, ...]] = {
    "lag_correlation": tuple(f"correlation of slices {lag} apart" for lag in LAGS),
    "percentiles": tuple(f"brightness, percentile {q}" for q in PERCENTILES),
    "mean_by_depth": tuple(f"brightness at depth {step / 10:.1f}-{(step + 1) / 10:.1f}" for step in range(10)),
    "limb_share": tuple(f"share inside the limb at depth {depth}" for depth in DEPTHS),
}
_LIMITS = {"lag_correlation": _near, "percentiles": _quarter, "mean_by_depth": _quarter, "limb_share": _quarter}
