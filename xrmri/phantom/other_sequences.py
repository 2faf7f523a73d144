"""The coronal IW and MPR series of a synthetic knee, in OAI's proportions: the FLASH seen with another contrast.

They are there to be told apart from the FLASH and to be counted (paper, Fig. 4), not to be looked at: no anatomy is
drawn anew, and pixels are twice as large.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.geometry import Geometry
from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.flash import SLICE_MM, SLICES, MrSeries

IW, MPR = "COR_IW_TSE", "COR_MPR"
_IW_SLICES = (30, 40)  # usually 35 of 3 mm
_MPR_SLICES = (60, 80)
_FIELD = 140 / 160  # of view, beside the FLASH's
# Share of the brightest FLASH signal -> brightness of 1,000. IW: fat and marrow are bright, muscle is not.
_CONTRASTS = {
    IW: ((0, 0.044, 0.056, 0.1, 0.45, 0.8, 1.2), (0, 20, 780, 850, 400, 550, 900)),
    MPR: ((0, 0.45, 0.8, 1.2), (0, 250, 700, 1000)),
}


def derive_others(flash: MrSeries, participant: Participant) -> tuple[MrSeries, MrSeries]:
    """The IW series, of 30 to 40 slices of 3 mm, and the MPR, of 60 to 80 slices of 1.5 mm."""
    generator = stream("other sequences", participant.seed, participant.index)
    iw = int(np.clip(round(generator.normal(35, 1.5)), *_IW_SLICES))
    mpr = int(generator.integers(_MPR_SLICES[0], _MPR_SLICES[1] + 1))
    voxels, geometry = _coarser(flash)
    first = SLICES // 2 - iw
    pairs = voxels[first : first + 2 * iw].reshape(iw, 2, *voxels.shape[1:]).mean(axis=1)
    start = (SLICES - mpr) // 2
    middle = voxels[start : start + mpr]
    return (
        MrSeries(name=IW, voxels=_seen(pairs, IW), affine_ras=_every(geometry, first + 0.5, 2), scan=flash.scan),
        MrSeries(name=MPR, voxels=_seen(middle, MPR), affine_ras=_every(geometry, start, 1), scan=flash.scan),
    )


def _coarser(flash: MrSeries) -> tuple[NDArray[np.float32], Geometry]:
    """The middle of the field of view in pixels twice as large, as a share of the brightest signal."""
    matrix = flash.voxels.shape[1]
    half = max(round(matrix * _FIELD / 2), 1)
    margin = (matrix - 2 * half) // 2
    middle = flash.voxels[:, margin : margin + 2 * half, margin : margin + 2 * half]
    shape = (len(middle), half, 2, half, 2)
    small = middle.reshape(shape).mean(axis=(2, 4), dtype=np.float32)
    lying = flash.geometry.regridded([0.0, margin + 0.5, margin + 0.5], [1.0, 2.0, 2.0], small.shape)
    return small / np.percentile(small[::4], 99.5), lying


def _seen(signal: NDArray[np.float32], name: str) -> NDArray[np.uint16]:
    """The signal in the contrast of a sequence; never 0 everywhere."""
    return np.rint(np.interp(signal, *_CONTRASTS[name])).astype(np.uint16)


def _every(geometry: Geometry, first: float, step: int) -> NDArray[np.float64]:
    """The affine of every `step`-th slice from the `first`, in slices of the FLASH of 1.5 mm."""
    assert np.isclose(geometry.spacing_mm[0], SLICE_MM)
    return geometry.regridded([first, 0.0, 0.0], [float(step), 1.0, 1.0], geometry.shape).affine
