"""Every metric of `xrmri evaluate`, in the order of its tables. To add one, add a row (docs/extending.md)."""

import numpy as np

from xrmri.metrics.anatomy import FEMUR_MM, LATERAL, MEDIAL, TIBIA_MM, outline_distance_mm
from xrmri.metrics.blur import blur
from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.depth import depth_errors_mm
from xrmri.metrics.detail import detail_along_depth, detail_in_slices
from xrmri.metrics.deviation import Deviation
from xrmri.metrics.edges import picture_edges
from xrmri.metrics.image import as_bytes, picture_psnr, prepared_ssim, wrapped_psnr
from xrmri.metrics.information import normalised_mutual_information
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


def _r2(found: Deviation | None) -> float:
    return found.r2 if found else np.nan


def _slope(found: Deviation | None) -> float:
    return found.slope if found else np.nan


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
        of_slices=_adjacent_correlation,
        alone=True,
        shown=True,
    ),
    Metric(
        name="depth_error_mm",
        title="Depth error",
        unit="mm",
        meaning="Distance from a slice to the acquired slice of the same knee that it looks most like, by 32 x 32 area "
        "means. 0 where depth is controlled; slices that do not change with depth are off by a quarter of the knee.",
        of_slices=_depth_error_mm,
        digits=1,
        methods="Depth errors and identification use 32 x 32 area means.",
    ),
    Metric(
        name="r2",
        title="R²",
        meaning="Share of what sets a knee apart from the mean training volume that a volume explains, by 64 x 64 area "
        "means: 1 is the acquired volume, 0 the mean volume, -1 another patient's. A single draw from what a film "
        "leaves open scores less than its mean.",
        of_volume=lambda pair: _r2(pair.deviation),
        likeness=True,
        shown=True,
        methods="R² is 1 - sum (acquired - generated)² / sum (acquired - mean training volume)² and the slope that of "
        "the acquired on the generated deviation from the mean training volume, by 64 x 64 area means.",
    ),
    Metric(
        name="slope",
        title="Slope",
        meaning="Of the acquired on the generated deviation from the mean training volume: 1 where a volume is as bold "
        "as it may be, above 1 where it is too timid, below 1 where it deviates more than it knows.",
        of_volume=lambda pair: _slope(pair.deviation),
    ),
    Metric(
        name="r2_joint",
        title="R², joint",
        meaning="R² in the joint region: 20 mm above to 20 mm below the joint line of the mean training volume, 45 mm "
        "to either side of the middle.",
        of_volume=lambda pair: _r2(pair.joint_deviation),
    ),
    Metric(
        name="slope_joint",
        title="Slope, joint",
        meaning="The slope in the joint region.",
        of_volume=lambda pair: _slope(pair.joint_deviation),
    ),
    Metric(
        name="nmi",
        title="Mutual information",
        meaning="Normalised mutual information (Studholme 1999) by 64 x 64 area means: 1 where one volume says nothing "
        "of the other, 2 where it says all. It does not ask for the same brightness, only for a rule.",
        of_volume=lambda pair: normalised_mutual_information(pair.acquired.coarse, pair.coarse),
    ),
    Metric(
        name="blur",
        title="Blur",
        meaning="How little a slice loses when it is blurred once more (Crete-Roffet 2007), of the volume by itself: "
        "compare it with the acquired volumes' own value. Means of many knees score high.",
        of_volume=lambda pair: blur(pair.pixels),
        alone=True,
    ),
    Metric(
        name="detail_in_slices",
        title="Fine detail in slices",
        unit="%",
        meaning="Root mean square of what has 1/8 to 1/4 cycle a pixel, a quarter to half of Nyquist, in percent of "
        "the window, of the volume by itself: compare it with the acquired volumes' own. Its square is the power.",
        of_volume=lambda pair: detail_in_slices(pair.pixels),
        alone=True,
    ),
    Metric(
        name="detail_along_depth",
        title="Fine detail along depth",
        unit="%",
        meaning="The same from slice to slice, with 1/8 to 1/4 cycle a slice.",
        of_volume=lambda pair: detail_along_depth(pair.pixels),
        alone=True,
    ),
    Metric(
        name="joint_space_medial_mm",
        title="Joint space, medial",
        unit="mm",
        meaning="Distance from femur to tibia where they bear on each other, 14 to 30 mm from the middle of the joint, "
        "between the half heights of brightness; of the volume by itself.",
        of_volume=lambda pair: pair.joint.space_mm(MEDIAL),
        alone=True,
        size=True,
        digits=2,
    ),
    Metric(
        name="joint_space_lateral_mm",
        title="Joint space, lateral",
        unit="mm",
        meaning="The same in the lateral compartment.",
        of_volume=lambda pair: pair.joint.space_mm(LATERAL),
        alone=True,
        size=True,
        digits=2,
    ),
    Metric(
        name="cartilage_mm",
        title="Cartilage",
        unit="mm",
        meaning="How much between femur and tibia is bright there: cartilage of both, without meniscus.",
        of_volume=lambda pair: pair.joint.cartilage_mm,
        alone=True,
        size=True,
        digits=2,
    ),
    Metric(
        name="femur_width_mm",
        title="Femur, width",
        unit="mm",
        meaning="14 to 26 mm above the joint line; of the volume by itself.",
        of_volume=lambda pair: pair.bone_width_mm(FEMUR_MM),
        alone=True,
        size=True,
        digits=1,
    ),
    Metric(
        name="tibia_width_mm",
        title="Tibia, width",
        unit="mm",
        meaning="8 to 16 mm below the joint line; of the volume by itself.",
        of_volume=lambda pair: pair.bone_width_mm(TIBIA_MM),
        alone=True,
        size=True,
        digits=1,
    ),
    Metric(
        name="outline_mm",
        title="Bone outline",
        unit="mm",
        meaning="Mean distance, up or down, of the ends of femur and tibia in the two volumes, over columns in which "
        "both show a joint. It holds place as well as shape.",
        of_volume=lambda pair: outline_distance_mm(pair.acquired.joint, pair.joint),
        digits=2,
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
