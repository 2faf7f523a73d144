"""How much a volume tells of what sets a knee apart from the mean knee.

A knee's deviation is its volume minus the mean training volume, both averaged over areas to at most 64 x 64 pixels a
slice, so that noise does not count. Whole volumes or the joint region (`joint_box`) are compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.depth import area_means

Floats = NDArray[np.float64]
Box = tuple[slice, slice, slice]
PIXELS = 64
WHOLE: Box = (slice(None), slice(None), slice(None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """Sums over voxels that all figures of a judged volume follow from; sums of several volumes pool them."""

    judged: float
    """Of the judged volume's squared deviation."""
    acquired: float
    """Of the acquired volume's."""
    product: float
    """Of one times the other."""

    @property
    def r2(self) -> float:
        """1 - sum (acquired - judged)^2 / sum (acquired - mean)^2: 1 is the acquired volume, 0 the mean volume."""
        return (2 * self.product - self.judged) / self.acquired if self.acquired > 0 else np.nan

    @property
    def slope(self) -> float:
        """Of the acquired on the judged deviation: 1 where a prediction is as bold as it may be, less where bolder.

        0 for the mean volume, which says nothing.
        """
        return self.product / self.judged if self.judged > 0 else 0.0

    @property
    def common(self) -> float:
        """Share of the variance between knees that both have: R2 of a calibrated mean, and of a draw what it tells.

        A draw has all the variance of a knee, a mean only what it knows, so R2 does not compare the two. This does: a
        twin's is the R2 that no prediction from the film exceeds. Where the judged deviation is the larger, it is the
        correlation, so that boldness earns nothing.
        """
        greater = max(self.acquired, np.sqrt(self.acquired * self.judged))
        return float(self.product / greater) if greater > 0 else np.nan

    @property
    def correlation(self) -> float:
        """Of the two deviations, through the mean volume; 0 for the mean volume itself."""
        length = np.sqrt(self.judged * self.acquired)
        return float(self.product / length) if length > 0 else 0.0


def coarse(volume: NDArray[np.generic]) -> Floats:
    """(S, H, W) of any numeric dtype averaged over areas: (S, h, w), h and w about 64, less only where H or W is."""
    return area_means(volume, PIXELS)


def deviation(acquired: Floats, judged: Floats, mean: Floats, box: Box = WHOLE) -> Deviation:
    """Compare two deviations from the mean training volume.

    Args:
        acquired: (S, h, w), as `coarse` gives it.
        judged: the same of the volume that is judged.
        mean: the same of the mean training volume.
        box: the part that is looked at.
    """
    centre = mean[box]
    ours, theirs = (judged[box] - centre).ravel(), (acquired[box] - centre).ravel()
    return Deviation(judged=float(ours @ ours), acquired=float(theirs @ theirs), product=float(ours @ theirs))


def pooled(found: list[Deviation]) -> Deviation:
    """Of several volumes together."""
    return Deviation(
        judged=sum(one.judged for one in found),
        acquired=sum(one.acquired for one in found),
        product=sum(one.product for one in found),
    )
