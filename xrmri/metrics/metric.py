"""What a metric is, and what it is computed from: an acquired volume, and one slice or one volume beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.depth import briefs
from xrmri.metrics.edges import Edges, edge_maps
from xrmri.metrics.image import PreparedSlice, as_bytes, prepared_ms_ssim, pyramid_of
from xrmri.metrics.region import JointBand, joint_bands, joint_edges
from xrmri.metrics.window import GAUSSIAN, UNIFORM

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reference:
    """An acquired volume, prepared for comparison."""

    pixels: NDArray[np.floating]
    """(S, H, W) in [0, 1]."""
    edges: Edges
    bands: list[JointBand | None]
    sigma: float
    """Of Canny's filter, in pixels."""
    places: NDArray[np.int64]
    """(S,) index of each slice in the whole acquired volume."""
    whole: Floats
    """(N, D) every slice of the whole volume in brief."""
    slice_mm: float

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.floating],
        sigma: float,
        *,
        places: NDArray[np.int64] | None = None,
        whole: Floats | None = None,
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

    def slice(self, index: int) -> "AcquiredSlice":
        """One of its slices, prepared for comparison with any number of others."""
        pixels, band = np.ascontiguousarray(self.pixels[index], np.float64), self.bands[index]
        return AcquiredSlice(
            uniform=PreparedSlice.of(pixels, UNIFORM),
            pyramid=pyramid_of(PreparedSlice.of(pixels, GAUSSIAN)),
            grey=as_bytes(pixels),
            band=band,
            edges=joint_edges(self.edges[index], band) if band else None,
            sigma=self.sigma,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AcquiredSlice:
    """An acquired slice, prepared for comparison."""

    uniform: PreparedSlice
    pyramid: list[PreparedSlice]
    grey: NDArray[np.uint8]
    band: JointBand | None
    """None where no joint is seen."""
    edges: PreparedSlice | None
    """Within the band."""
    sigma: float

    @property
    def pixels(self) -> Floats:
        """(H, W) in [0, 1]."""
        return self.uniform.pixels


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: what two metrics share is computed once
class SlicePair:
    """An acquired slice and one that is compared with it."""

    acquired: AcquiredSlice
    pixels: Floats
    """(H, W) in [0, 1], the slice that is judged."""

    @cached_property
    def gaussian(self) -> tuple[float, float]:
        """SSIM with a Gaussian window, and at several scales: the second needs the first."""
        return prepared_ms_ssim(self.acquired.pyramid, self.pixels)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VolumePair:
    """An acquired volume and one that is compared with it."""

    acquired: Reference
    pixels: NDArray[np.floating]
    """(S, H, W) in [0, 1], the volume that is judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What a figure is called, what it tells and how it is computed: one of `of_slice` and `of_volume`."""

    name: str
    title: str
    unit: str = ""
    meaning: str
    """For a reader of the report."""
    of_slice: Callable[[SlicePair], float] | None = None
    """Its value for one slice; NaN where there is none."""
    of_volume: Callable[[VolumePair], Floats] | None = None
    """(S,) its values where a slice alone does not tell; NaN where there is none."""
    digits: int = 3
    """Behind the point, in the report."""
    likeness: bool = False
    """Whether more of it is more alike, so that it judges against baselines and between runs."""
    shown: bool = False
    """Whether it is drawn beside the baselines and by grade."""
    methods: str = ""
    """A sentence for the methods of a publication; {settings[NAME]} and {counts[NAME]} are those of summary.json."""

    def text(self, value: float, *, sign: str = "") -> str:
        """A value with the digits it deserves."""
        return f"{value:{sign}.{self.digits}f}"
