"""Where the joint is in a coronal slice, and how alike two volumes' edges are there (RSSIM; paper, IV-A).

The paper compares Canny edges "from the lower third of the femoral edge to the upper third of the tibial edge" and does
not say how it found the two. Here, in water-excited FLASH, where bone is dark and cartilage bright: going down a
column, the femoral edge is a Canny edge from dark to bright, the tibial edge the next one, from bright to dark, with
dark bone above and below. Most columns of the middle half agree on one level; what lies far from it is not the joint.
Both bones run out of the picture, so the femoral edge spans from the first row to its lowest point and the tibial edge
from its highest point to the last row; the band takes a third of each.

Arrays are (S, H, W), rows superior to inferior, in [0, 1]: Canny's thresholds have the unit of the image, so edges are
only comparable on that scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.edges import Edges, Floats, picture_edges, smoothed
from xrmri.metrics.image import PreparedSlice, prepared_ssim
from xrmri.metrics.window import UNIFORM

# Fractions of the picture's height, which is 160 mm in OAI (choices; tried on synthetic knees of every KL grade).
_THICKEST = 0.12  # between femoral and tibial edge: 19 mm, the notch
_BONE = 0.08  # depth of dark bone looked for above and below: 13 mm
_NEAR = 0.06  # distance from the joint's level: 10 mm
_DARK = 0.35  # bone is at most this bright beside the cartilage (choice)
_SURE, _ENOUGH = 0.5, 0.2  # shares of the middle columns: to set the level, and to count a slice (choices)


@dataclass(frozen=True, kw_only=True, slots=True)
class JointBand:
    """The rows of one slice in which RSSIM is taken."""

    femur: int
    """Lowest row of the femoral edge."""
    tibia: int
    """Highest row of the tibial edge."""
    rows: slice
    """From the lower third of the femoral edge to the upper third of the tibial edge."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EdgesAndJoint:
    """What an acquired volume has of both."""

    edges: Edges
    """(S, H, W), as `edge_maps` finds them."""
    bands: list[JointBand | None]
    """One a slice; None where no joint is seen (behind and in front of it)."""


def edges_and_joint(volume: NDArray[np.floating], sigma: float = 3.0) -> EdgesAndJoint:
    """The edges and the joint in each slice of an acquired volume.

    Args:
        volume: (S, H, W) in [0, 1].
        sigma: width of Canny's filter, in pixels.
    """
    height, width = volume.shape[1:]
    edges, found = np.empty(volume.shape, bool), []
    for index in range(len(volume)):
        picture = volume[index].astype(np.float64)
        smooth = smoothed(picture, sigma)
        edges[index] = picture_edges(picture, sigma, smooth)
        found.append(_crossings(picture, smooth, edges[index]))
    return EdgesAndJoint(edges=edges, bands=_bands(found, height, width))


def rssim(reference: Edges, image: Edges, bands: list[JointBand | None]) -> Floats:
    """SSIM (7 x 7 uniform, data range 1) of two edge maps within the joint.

    Where neither has an edge they count as alike, and two empty ones score 1: read it beside the baselines (another
    patient's synthetic knee scores 0.6).

    Args:
        reference: (S, H, W) bool, edges of the acquired volume.
        image: (S, H, W) bool, edges of what is compared with it.
        bands: the joint in each slice of the acquired volume.

    Returns:
        (S,) in [-1, 1]; NaN where no joint is seen.
    """
    triples = zip(reference, image, bands, strict=True)
    return np.array(
        [prepared_rssim(joint_edges(one, band), other, band) if band else np.nan for one, other, band in triples]
    )


def joint_edges(edges: Edges, band: JointBand) -> PreparedSlice:
    """The edges of one slice within the joint, prepared for `prepared_rssim`."""
    return PreparedSlice.of(edges[band.rows].astype(np.float64), UNIFORM)


def prepared_rssim(reference: PreparedSlice, edges: Edges, band: JointBand) -> float:
    """RSSIM of one slice: `joint_edges` of the acquired slice against the whole edge map of the other."""
    return prepared_ssim(reference, edges[band.rows].astype(np.float64))[0]


def _crossings(picture: Floats, smooth: Floats, edges: Edges) -> NDArray[np.int64]:
    """Where columns of the middle half cross from the femur over bright cartilage into the tibia.

    Returns:
        (n, 3): row of the femoral edge, row of the tibial edge, column.
    """
    height, width = picture.shape
    first = width // 4
    column, row = np.nonzero(edges[:, first : first + width // 2].T)
    column += first
    brighter = smooth[row + 1, column] > smooth[row - 1, column]  # no edge lies on the border
    places = column * height + row
    rise, fall = places[brighter], places[~brighter]
    below = _next(fall, rise)
    bone = round(_BONE * height)
    column, row = np.divmod(rise, height)
    framed = (below < _next(rise, rise)) & (below - rise <= _THICKEST * height) & (row >= bone)
    framed &= (below // height == column) & (below % height < height - bone)
    column, row, below = column[framed] - first, row[framed], below[framed] % height
    total = np.zeros((width // 2, height + 1))
    np.cumsum(picture[:, first : first + width // 2].T.copy(), axis=1, out=total[:, 1:])
    cartilage = _mean_between(total, column, row, below + 1)
    # Two pixels beside an edge are left out: partial volume.
    femur = _mean_between(total, column, row - bone, row - 2)
    shaft = _mean_between(total, column, below + 3, below + bone)
    seen = (femur < _DARK * cartilage) & (shaft < _DARK * cartilage)
    return np.stack([row[seen], below[seen], column[seen] + first], axis=1)


def _next(places: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest of the sorted places that is greater than each of `after`; a huge number where there is none."""
    return np.append(places, np.iinfo(np.int64).max)[np.searchsorted(places, after, side="right")]


def _mean_between(total: Floats, column: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> Floats:
    """Mean of rows start to end - 1, from the running total of each column."""
    return (total[column, end] - total[column, start]) / (end - start)


def _columns(crossing: NDArray[np.int64]) -> int:
    return len(np.unique(crossing[:, 2]))


def _bands(found: Sequence[NDArray[np.int64]], height: int, width: int) -> list[JointBand | None]:
    """Where the columns of a volume's slices cross the joint -> the joint in each slice."""
    sure = [crossing for crossing in found if _columns(crossing) >= _SURE * (width // 2)]
    if not sure:
        return [None] * len(found)
    level = float(np.median(np.concatenate([crossing[:, :2].mean(axis=1) for crossing in sure])))
    near = [crossing[np.abs(crossing[:, :2].mean(axis=1) - level) <= _NEAR * height] for crossing in found]
    return [_band(item, height) if _columns(item) >= _ENOUGH * (width // 2) else None for item in near]


def _band(crossing: NDArray[np.int64], height: int) -> JointBand:
    femur, tibia = int(crossing[:, 0].max()), int(crossing[:, 1].min())
    return JointBand(femur=femur, tibia=tibia, rows=slice(femur - femur // 3, tibia + (height - 1 - tibia) // 3 + 1))
