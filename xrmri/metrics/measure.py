"""Every figure of one volume against the acquired one: a value a slice, and their mean."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.depth import briefs, depth_errors_mm
from xrmri.metrics.edges import Edges, edge_maps, picture_edges
from xrmri.metrics.image import (
    PreparedSlice,
    as_bytes,
    picture_psnr,
    prepared_ms_ssim,
    prepared_ssim,
    pyramid_of,
    wrapped_psnr,
)
from xrmri.metrics.region import JointBand, joint_bands, joint_edges, prepared_rssim
from xrmri.metrics.window import GAUSSIAN, UNIFORM

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
        name="ms_ssim",
        title="MS-SSIM",
        unit="",
        meaning="Structural similarity at five scales, each half as fine as the one before (Wang et al. 2003), "
        "Gaussian window. It forgives small shifts of fine texture; pictures under 176 pixels have fewer scales.",
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
        name="depth_error_mm",
        title="Depth error",
        unit="mm",
        meaning="Distance from a slice to the acquired slice of the same knee that it looks most like, by 32 x 32 area "
        "means. 0 where depth is controlled; slices that do not change with depth are off by a quarter of the knee.",
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
    places: NDArray[np.int64]
    """(S,) index of each slice in the whole acquired volume."""
    whole: NDArray[np.float64]
    """(N, D) every slice of the whole volume in brief."""
    slice_mm: float

    @classmethod
    def of(
        cls,
        pixels: Floats,
        sigma: float,
        *,
        places: NDArray[np.int64] | None = None,
        whole: NDArray[np.float64] | None = None,
        slice_mm: float = 1.0,
    ) -> Self:
        """Find edges and joint of an acquired volume.

        Args:
            pixels: (S, H, W) in [0, 1], the slices that are compared.
            sigma: of Canny's filter, in pixels.
            places: (S,) their indices in the whole volume; None where they are all of it.
            whole: (N, D) the whole volume, as `depth.briefs` gives it; None likewise.
            slice_mm: distance between two slices of the whole volume.
        """
        edges = edge_maps(pixels, sigma)
        return cls(
            pixels=pixels,
            edges=edges,
            bands=joint_bands(pixels, edges, sigma),
            sigma=sigma,
            places=np.arange(len(pixels)) if places is None else places,
            whole=briefs(pixels) if whole is None else whole,
            slice_mm=slice_mm,
        )

    def at(self, chosen: NDArray[np.int64]) -> Self:
        """Some of its slices."""
        return replace(
            self,
            pixels=self.pixels[chosen],
            edges=self.edges[chosen],
            bands=[self.bands[index] for index in chosen],
            places=self.places[chosen],
        )


def slice_figures(reference: Reference, pixels: Floats) -> dict[str, NDArray[np.float64]]:
    """Each figure of each slice.

    Args:
        reference: the acquired volume.
        pixels: (S, H, W) in [0, 1], the volume compared with it.

    Returns:
        name -> (S,); NaN where a figure does not exist: RSSIM without a joint, the correlation of the last slice.
    """
    return figures_of_several(reference, {"": pixels})[""]


def figures_of_several(
    reference: Reference, volumes: Mapping[str, Floats]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """`slice_figures` of several volumes, each acquired slice prepared once for all of them.

    Args:
        reference: the acquired volume.
        volumes: name -> (S, H, W) in [0, 1].

    Returns:
        name of the volume -> name of the figure -> (S,).
    """
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in volumes}
    for index, pixels in enumerate(reference.pixels):
        acquired = _Slice.of(np.ascontiguousarray(pixels, np.float64), reference.edges[index], reference.bands[index])
        for name, volume in volumes.items():
            if volume.shape != reference.pixels.shape:
                raise ValueError(f"volumes of one shape are compared, not {reference.pixels.shape} and {volume.shape}")
            other = np.ascontiguousarray(volume[index], np.float64)
            rows[name].append(_figures(acquired, other, reference.sigma))
    found = {}
    for name, volume in volumes.items():
        figures = {figure: np.array([row[figure] for row in rows[name]]) for figure in rows[name][0]}
        figures["adjacent_correlation"] = np.append(adjacent_correlation(volume), np.nan)
        figures["depth_error_mm"] = depth_errors_mm(volume, reference.places, reference.whole, reference.slice_mm)
        found[name] = {metric.name: figures[metric.name] for metric in METRICS}
    return found


def volume_figures(slices: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Each figure of the volume: the mean over the slices that have it; NaN where none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as said
        return {name: float(np.nanmean(values)) for name, values in slices.items()}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Slice:
    """An acquired slice, prepared for comparison."""

    uniform: PreparedSlice
    pyramid: list[PreparedSlice]
    grey: NDArray[np.uint8]
    band: JointBand | None
    edges: PreparedSlice | None

    @classmethod
    def of(cls, pixels: NDArray[np.float64], edges: Edges, band: JointBand | None) -> Self:
        return cls(
            uniform=PreparedSlice.of(pixels, UNIFORM),
            pyramid=pyramid_of(PreparedSlice.of(pixels, GAUSSIAN)),
            grey=as_bytes(pixels),
            band=band,
            edges=joint_edges(edges, band) if band else None,
        )


def _figures(acquired: _Slice, pixels: NDArray[np.float64], sigma: float) -> dict[str, float]:
    """The figures of one slice that need no other slice."""
    gaussian, several = prepared_ms_ssim(acquired.pyramid, pixels)
    joint = np.nan
    if acquired.band and acquired.edges:
        joint = prepared_rssim(acquired.edges, picture_edges(pixels, sigma), acquired.band)
    return {
        "psnr": min(picture_psnr(acquired.uniform.pixels, pixels), PSNR_CEILING),
        "ssim": prepared_ssim(acquired.uniform, pixels)[0],
        "ssim_gaussian": gaussian,
        "ms_ssim": several,
        "rssim": joint,
        "psnr_as_in_paper": min(wrapped_psnr(acquired.grey, as_bytes(pixels)), PSNR_CEILING),
    }
