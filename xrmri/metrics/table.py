"""Every metric of `xrmri evaluate`, in the order of its tables. To add one, add a row (docs/extending.md)."""

import numpy as np

from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.depth import depth_errors_mm
from xrmri.metrics.edges import picture_edges
from xrmri.metrics.image import as_bytes, picture_psnr, prepared_ssim, wrapped_psnr
from xrmri.metrics.metric import Floats, Metric, SlicePair, VolumePair
from xrmri.metrics.region import prepared_rssim

PSNR_CEILING = 100.0
"""Recorded for identical slices, whose PSNR is infinite; dB."""


def _rssim(pair: SlicePair) -> float:
    acquired = pair.acquired
    if acquired.band is None or acquired.edges is None:
        return np.nan
    return prepared_rssim(acquired.edges, picture_edges(pair.pixels, acquired.sigma), acquired.band)


def _adjacent_correlation(pair: VolumePair) -> Floats:
    return np.append(adjacent_correlation(pair.pixels), np.nan)  # the last slice has no next one


def _depth_error_mm(pair: VolumePair) -> Floats:
    return depth_errors_mm(pair.pixels, pair.acquired.places, pair.acquired.whole, pair.acquired.slice_mm)


METRICS = (
    Metric(
        name="psnr",
        title="PSNR",
        unit="dB",
        meaning="Peak signal-to-noise ratio, computed in floating point. Higher is closer; blurred averages do well.",
        of_slice=lambda pair: min(picture_psnr(pair.acquired.pixels, pair.pixels), PSNR_CEILING),
        digits=1,
        likeness=True,
        shown=True,
    ),
    Metric(
        name="ssim",
        title="SSIM (7 x 7)",
        meaning="Structural similarity, 7 x 7 uniform window, sample covariance (scikit-image's default). "
        "1 is the same picture; two unrelated knees reach 0.2 to 0.4.",
        of_slice=lambda pair: prepared_ssim(pair.acquired.uniform, pair.pixels)[0],
        likeness=True,
        shown=True,
        methods="SSIM is given with a 7 x 7 uniform window and sample covariance, and with an 11 x 11 Gaussian window "
        "(sigma 1.5) and population covariance.",
    ),
    Metric(
        name="ssim_gaussian",
        title="SSIM (Gaussian)",
        meaning="Structural similarity as Wang et al. (2004) defined it: 11 x 11 Gaussian window, sigma 1.5.",
        of_slice=lambda pair: pair.gaussian[0],
        likeness=True,
    ),
    Metric(
        name="ms_ssim",
        title="MS-SSIM",
        meaning="Structural similarity at five scales, each half as fine as the one before (Wang et al. 2003), "
        "Gaussian window. It forgives small shifts of fine texture; pictures under 176 pixels have fewer scales.",
        of_slice=lambda pair: pair.gaussian[1],
        likeness=True,
        methods="MS-SSIM has five scales of the latter.",
    ),
    Metric(
        name="rssim",
        title="RSSIM",
        meaning="SSIM (7 x 7) of Canny edge maps around the joint, from the lower third of the femur's edge to the "
        "upper third of the tibia's. Slices without a joint are left out. Where neither map has an edge they "
        "count as alike, so unrelated knees score far above 0.",
        of_slice=_rssim,
        likeness=True,
        shown=True,
        methods="RSSIM is SSIM (7 x 7) on Canny edge maps (sigma {settings[canny_sigma]:g} pixels, thresholds 0.1 and "
        "0.2) between the lower third of the femoral and the upper third of the tibial edge; "
        "{counts[slices_without_joint]} of {counts[slices]} slices show no joint and were left out.",
    ),
    Metric(
        name="adjacent_correlation",
        title="Adjacent-slice correlation",
        meaning="Pearson correlation of each slice with the next. It tells smoothness, not likeness: compare it with "
        "the acquired volumes' own value rather than with 1.",
        of_volume=_adjacent_correlation,
        shown=True,
    ),
    Metric(
        name="depth_error_mm",
        title="Depth error",
        unit="mm",
        meaning="Distance from a slice to the acquired slice of the same knee that it looks most like, by 32 x 32 area "
        "means. 0 where depth is controlled; slices that do not change with depth are off by a quarter of the knee.",
        of_volume=_depth_error_mm,
        digits=1,
        methods="Depth errors and identification use 32 x 32 area means.",
    ),
    Metric(
        name="psnr_as_in_paper",
        title="PSNR with 8-bit overflow",
        unit='"dB"',
        meaning="The likely source of the published 29 dB: squared differences that wrap around in 8 bits. Noise "
        "scores 28. Shown for comparison with publications only.",
        of_slice=lambda pair: min(wrapped_psnr(pair.acquired.grey, as_bytes(pair.pixels)), PSNR_CEILING),
        digits=1,
    ),
)

BY_NAME = {metric.name: metric for metric in METRICS}
LIKENESS = tuple(metric.name for metric in METRICS if metric.likeness)
