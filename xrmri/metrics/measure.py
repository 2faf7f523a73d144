"""Every figure of one volume against the acquired one: a value a slice, and their mean."""

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.image import psnr, psnr_as_in_paper, ssim
from xrmri.metrics.region import Edges, JointBand, edge_maps, joint_bands, rssim

Floats = NDArray[np.floating]

PSNR_CEILING = 100.0
"""Recorded for identical slices, whose PSNR is infinite; dB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What a figure is called and what it tells."""

    name: str
    title: str
    unit: str
    meaning: str


METRICS = (
    Metric(
        name="psnr",
        title="PSNR",
        unit="dB",
        meaning="Peak signal-to-noise ratio, computed in floating point. Higher is closer; blurred averages do well.",
    ),
    Metric(
        name="ssim",
        title="SSIM (7 x 7)",
        unit="",
        meaning="Structural similarity, 7 x 7 uniform window, sample covariance (scikit-image's default). "
        "1 is the same picture; two unrelated knees reach 0.2 to 0.4.",
    ),
    Metric(
        name="ssim_gaussian",
        title="SSIM (Gaussian)",
        unit="",
        meaning="Structural similarity as Wang et al. (2004) defined it: 11 x 11 Gaussian window, sigma 1.5.",
    ),
    Metric(
        name="rssim",
        title="RSSIM",
        unit="",
        meaning="SSIM (7 x 7) of Canny edge maps around the joint, from the lower third of the femur's edge to the "
        "upper third of the tibia's. Slices without a joint are left out. Where neither map has an edge they "
        "count as alike, so unrelated knees score far above 0.",
    ),
    Metric(
        name="adjacent_correlation",
        title="Adjacent-slice correlation",
        unit="",
        meaning="Pearson correlation of each slice with the next. It tells smoothness, not likeness: compare it with "
        "the acquired volumes' own value rather than with 1.",
    ),
    Metric(
        name="psnr_as_in_paper",
        title="PSNR with 8-bit overflow",
        unit='"dB"',
        meaning="The likely source of the published 29 dB: squared differences that wrap around in 8 bits. Noise "
        "scores 28. Shown for comparison with publications only.",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reference:
    """An acquired volume, prepared for comparison."""

    pixels: Floats
    """(S, H, W) in [0, 1]."""
    edges: Edges
    bands: list[JointBand | None]
    sigma: float

    @classmethod
    def of(cls, pixels: Floats, sigma: float) -> Self:
        """Find edges and joint of an acquired volume: (S, H, W) in [0, 1]; sigma in pixels."""
        edges = edge_maps(pixels, sigma)
        return cls(pixels=pixels, edges=edges, bands=joint_bands(pixels, edges, sigma), sigma=sigma)

    @property
    def slices_without_joint(self) -> int:
        """Slices that RSSIM leaves out."""
        return sum(band is None for band in self.bands)


def slice_figures(reference: Reference, pixels: Floats) -> dict[str, NDArray[np.float64]]:
    """Each figure of each slice.

    Args:
        reference: the acquired volume.
        pixels: (S, H, W) in [0, 1], the volume compared with it.

    Returns:
        name -> (S,); NaN where a figure does not exist: RSSIM without a joint, the correlation of the last slice.
    """
    acquired = reference.pixels
    return {
        "psnr": np.minimum(psnr(acquired, pixels), PSNR_CEILING),
        "ssim": ssim(acquired, pixels, "uniform"),
        "ssim_gaussian": ssim(acquired, pixels, "gaussian"),
        "rssim": rssim(reference.edges, edge_maps(pixels, reference.sigma), reference.bands),
        "adjacent_correlation": np.append(adjacent_correlation(pixels), np.nan),
        "psnr_as_in_paper": np.minimum(psnr_as_in_paper(acquired, pixels), PSNR_CEILING),
    }


def volume_figures(slices: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Each figure of the volume: the mean over the slices that have it; NaN where none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as said
        return {name: float(np.nanmean(values)) for name, values in slices.items()}
