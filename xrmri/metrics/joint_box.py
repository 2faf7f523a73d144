"""Where the joint lies in every volume of a cohort: one box, found on the mean training volume."""

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.deviation import Box
from xrmri.metrics.region import edges_and_joint

# Fractions of the picture, which is 160 mm high and wide in OAI (choices).
_REACH = 20 / 160
"""Above and below the joint line."""
_SIDE = 45 / 160
"""To either side of the middle."""
_SIGMA = 3 / 256
"""Of Canny's filter, as a share of the height: 3 pixels of 256."""


def joint_line(mean: NDArray[np.floating]) -> float:
    """Height of the joint in the mean training volume, 0 at the top and 1 at the bottom of the picture.

    Args:
        mean: (S, H, W) in [0, 1].

    Returns:
        the median over slices of the middle between femur and tibia; 0.5 where no joint is seen.
    """
    volume, height = mean.astype(np.float64), mean.shape[1]
    sigma = max(_SIGMA * height, 1.0)
    bands = [band for band in edges_and_joint(volume, sigma).bands if band]
    return float(np.median([(band.femur + band.tibia + 1) / 2 for band in bands])) / height if bands else 0.5


def joint_box(line: float, shape: tuple[int, ...]) -> Box:
    """20 mm above to 20 mm below the joint line, 45 mm to either side, at every depth.

    Args:
        line: as `joint_line` gives it.
        shape: (S, h, w) of the grid to cut from.
    """
    _, height, width = shape
    top, bottom = round((line - _REACH) * height), round((line + _REACH) * height)
    left, right = round((0.5 - _SIDE) * width), round((0.5 + _SIDE) * width)
    return slice(None), slice(max(top, 0), max(bottom, 1)), slice(left, right)
