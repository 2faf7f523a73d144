"""What a metric is, and what it is computed from: an acquired volume, and one slice or one volume beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.anatomy import JointLines, bone_width_mm, find_joint
from xrmri.metrics.depth import briefs
from xrmri.metrics.deviation import Box, Deviation, coarse, deviation
from xrmri.metrics.edges import Edges
from xrmri.metrics.image import PreparedSlice, as_bytes, prepared_ms_ssim, pyramid_of
from xrmri.metrics.region import JointBand, edges_and_joint, joint_edges
from xrmri.metrics.window import UNIFORM

Floats = NDArray[np.float64]
_FINEST = np.float32
"""Of Gaussian windows over a whole picture: half the time, and SSIM moves by 1e-7; uniform ones would by 4e-6."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MeanKnee:
    """The mean training volume, on the coarse grid of deviations."""

    coarse: Floats
    """(S, h, w) in [0, 1], the slices that are compared."""
    joint: Box
    """The joint region on that grid."""
    line: float
    """Height of its joint line, 0 at the top of the picture and 1 at the bottom."""

    def at(self, chosen: NDArray[np.int64]) -> Self:
        """Some of its slices."""
        return replace(self, coarse=self.coarse[chosen])


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
    spacing_mm: tuple[float, float, float]
    """Between its slices, rows and columns."""
    slice_mm: float
    """Between two slices of the whole volume."""
    coarse: Floats
    """(S, h, w) averaged over areas."""
    joint: JointLines
    mean: MeanKnee | None = None
    """None where there are no training volumes."""

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.floating],
        sigma: float,
        *,
        places: NDArray[np.int64] | None = None,
        whole: Floats | None = None,
        spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
        slice_mm: float | None = None,
        mean: MeanKnee | None = None,
    ) -> Self:
        """Find edges and joint of an acquired volume.

        Args:
            pixels: (S, H, W) in [0, 1], the slices that are compared.
            sigma: of Canny's filter, in pixels.
            places: (S,) their indices in the whole volume; None where they are all of it.
            whole: (N, D) the whole volume, as `depth.briefs` gives it; None likewise.
            spacing_mm: between its slices, rows and columns.
            slice_mm: between two slices of the whole volume; None where they are all of it.
            mean: the mean training volume at the same slices, if there is one.
        """
        found = edges_and_joint(pixels, sigma)
        return cls(
            pixels=pixels,
            edges=found.edges,
            bands=found.bands,
            sigma=sigma,
            places=np.arange(len(pixels)) if places is None else places,
            whole=briefs(pixels) if whole is None else whole,
            spacing_mm=spacing_mm,
            slice_mm=spacing_mm[0] if slice_mm is None else slice_mm,
            coarse=coarse(pixels),
            joint=find_joint(pixels, spacing_mm, mean.line if mean else 0.5),
            mean=mean,
        )

    def at(self, chosen: NDArray[np.int64]) -> Self:
        """Some of its slices."""
        return replace(
            self,
            pixels=self.pixels[chosen],
            edges=self.edges[chosen],
            bands=[self.bands[index] for index in chosen],
            places=self.places[chosen],
            coarse=self.coarse[chosen],
            joint=self.joint.at(chosen),
            mean=self.mean and self.mean.at(chosen),
        )

    def slice(self, index: int) -> "AcquiredSlice":
        """One of its slices, prepared for comparison with any number of others."""
        pixels, band = np.ascontiguousarray(self.pixels[index], np.float64), self.bands[index]
        return AcquiredSlice(
            pixels=pixels,
            uniform=PreparedSlice.of(pixels, UNIFORM),
            pyramid=pyramid_of(pixels, _FINEST),
            grey=as_bytes(pixels),
            band=band,
            edges=joint_edges(self.edges[index], band) if band else None,
            sigma=self.sigma,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AcquiredSlice:
    """An acquired slice, prepared for comparison."""

    pixels: Floats
    """(H, W) in [0, 1]."""
    uniform: PreparedSlice
    pyramid: list[PreparedSlice]
    grey: NDArray[np.uint8]
    band: JointBand | None
    """None where no joint is seen."""
    edges: PreparedSlice | None
    """Within the band."""
    sigma: float


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


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: what two metrics share is computed once
class VolumePair:
    """An acquired volume and one that is compared with it."""

    acquired: Reference
    pixels: NDArray[np.floating]
    """(S, H, W) in [0, 1], the volume that is judged."""

    @cached_property
    def coarse(self) -> Floats:
        """(S, h, w) the volume that is judged, averaged over areas."""
        return self.acquired.coarse if self.pixels is self.acquired.pixels else coarse(self.pixels)

    @cached_property
    def joint(self) -> JointLines:
        """Where the joint lies in the volume that is judged."""
        acquired = self.acquired
        if self.pixels is acquired.pixels:
            return acquired.joint
        return find_joint(self.pixels, acquired.spacing_mm, acquired.mean.line if acquired.mean else 0.5)

    def bone_width_mm(self, rows_mm: tuple[float, float]) -> float:
        """Of the volume that is judged, between two heights below its joint line."""
        return bone_width_mm(self.pixels, self.joint, self.acquired.spacing_mm, rows_mm)

    @cached_property
    def deviation(self) -> Deviation | None:
        """From the mean training volume; None where there is none."""
        mean = self.acquired.mean
        return None if mean is None else deviation(self.acquired.coarse, self.coarse, mean.coarse)

    @cached_property
    def joint_deviation(self) -> Deviation | None:
        """The same in the joint region."""
        mean = self.acquired.mean
        return None if mean is None else deviation(self.acquired.coarse, self.coarse, mean.coarse, mean.joint)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What a figure is called, what it tells and how it is computed: by `of_slice`, `of_slices` or `of_volume`."""

    name: str
    title: str
    unit: str = ""
    meaning: str
    """For a reader of the report."""
    of_slice: Callable[[SlicePair], float] | None = None
    """Its value for one slice; NaN where there is none."""
    of_slices: Callable[[VolumePair], Floats] | None = None
    """(S,) its values where a slice alone does not tell; NaN where there is none."""
    of_volume: Callable[[VolumePair], float] | None = None
    """Its one value for a volume; NaN where there is none."""
    alone: bool = False
    """Whether a volume has it by itself, so that the acquired volume's own stands beside it."""
    size: bool = False
    """Whether it is a size of the knee, whose agreement with the acquired volume's is reported."""
    digits: int = 3
    """Behind the point, in the report."""
    likeness: bool = False
    """Whether more of it is more alike, so that it judges against baselines and between runs."""
    shown: bool = False
    """Whether it is drawn beside the baselines and by grade."""
    methods: str = ""
    """A sentence for the methods of a publication; {settings[NAME]} and {counts[NAME]} are those of summary.json."""

    def text(self, value: float, *, sign: str = "") -> str:
        """A value with the digits it deserves; what rounds to nothing has no sign of less."""
        return f"{value:{sign}z.{self.digits}f}"
