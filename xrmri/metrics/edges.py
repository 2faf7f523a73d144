"""Where a slice has edges: Canny edges exactly as scikit-image finds them, in half the time, and Sobel's gradient.

Canny's algorithm decides by comparing gradients: with two thresholds, and with the gradient on either side. Here the
gradients come from a fast filter that differs from scikit-image's by rounding alone, under 1e-13. Where a comparison is
closer than 1e-10, which is rare in pictures with noise and usual in drawings, the slice is filtered again with the very
operations of scikit-image. So the edges are equal in every pixel; the tests hold both against each other.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from xrmri.metrics.window import Window, gaussian_weights, local_mean

Floats = NDArray[np.float64]
Edges = NDArray[np.bool_]

LOW, HIGH = float(np.float32(0.1)), 0.2
"""Thresholds of the gradient of a picture in [0, 1]; scikit-image holds the lower one in single precision."""
_TRUNCATE = 4.0
_CLOSE = 1e-10
_EIGHT = np.ones((3, 3), bool)


def edge_maps(volume: NDArray[np.floating], sigma: float = 3.0) -> Edges:
    """Canny edges of each slice, scikit-image's thresholds 0.1 and 0.2.

    Args:
        volume: (S, H, W) in [0, 1], any float dtype.
        sigma: width of the Gaussian, in pixels (paper: 3).

    Returns:
        (S, H, W) bool.
    """
    if not np.issubdtype(volume.dtype, np.floating):
        raise ValueError(f"edges need floating point in [0, 1], not {volume.dtype}: thresholds scale with the type")
    return np.array([picture_edges(picture.astype(np.float64), sigma) for picture in volume])


def picture_edges(picture: Floats, sigma: float, smooth: Floats | None = None) -> Edges:
    """Canny edges of one slice.

    Args:
        picture: (H, W) float64 in [0, 1].
        sigma: width of the Gaussian, in pixels.
        smooth: what `smoothed` makes of it, where that is there already.

    Returns:
        (H, W) bool.
    """
    weight = _weight_inside(picture.shape, sigma)
    found = _edges((smoothed(picture, sigma) if smooth is None else smooth) / weight, _CLOSE)
    if found is None:
        found = _edges(gaussian_filter(picture, sigma, mode="constant", truncate=_TRUNCATE) / weight, 0)
    assert found is not None  # nothing is closer than nothing
    return found


def smoothed(picture: Floats, sigma: float) -> Floats:
    """A picture (H, W) under a Gaussian of sigma pixels that ends at 4 sigma, zeros around it."""
    radius = int(_TRUNCATE * sigma + 0.5)
    height, width = picture.shape
    padded = np.zeros((height + 2 * radius, width + 2 * radius))
    padded[radius : radius + height, radius : radius + width] = picture
    return local_mean(padded, _gaussian(sigma, radius))


def sobel(volume: NDArray[np.floating]) -> Floats:
    """Sobel gradient of each slice, scaled as `skimage.filters.sobel`: a step of 1 gives about 0.7.

    Args:
        volume: (S, H, W), any numeric dtype.

    Returns:
        (S, H, W) float64, at least 0.
    """
    return np.array([_gradient(picture.astype(np.float64))[2] for picture in volume]) / (4 * np.sqrt(2))


def _edges(smooth: Floats, close: float) -> Edges | None:
    """Edges of a smoothed picture; None where any comparison is closer than `close`."""
    down, across, strength = _gradient(smooth)
    candidates = np.zeros(smooth.shape, bool)  # scikit-image finds no edge on the border
    np.greater_equal(strength[1:-1, 1:-1], LOW - close, out=candidates[1:-1, 1:-1])
    places = np.flatnonzero(candidates)
    here = strength.ravel()[places]
    sides = _beside(places, down.ravel(), across.ravel(), strength.ravel(), width=smooth.shape[1])
    margins = here - np.maximum(*sides)
    ridge = np.flatnonzero(margins >= -close)
    places, here = places[ridge], here[ridge]
    if close and min(np.abs(m).min(initial=1) for m in (margins[ridge], here - LOW, here - HIGH)) <= close:
        return None
    edges = np.zeros(smooth.shape, bool)
    edges.ravel()[places] = True
    labels, count = label(edges, _EIGHT)
    numbers = labels.ravel()[places]
    strong = np.zeros(count + 1, bool)
    strong[numbers[here >= HIGH]] = True
    edges.ravel()[places] = strong[numbers]
    return edges


@cache
def _gaussian(sigma: float, radius: int) -> Window:
    return Window(weights=gaussian_weights(sigma, radius))


@cache
def _weight_inside(shape: tuple[int, int], sigma: float) -> Floats:
    """(H, W): which share of the filter lies inside the picture."""
    ones = np.ones(shape)
    return gaussian_filter(ones, sigma, mode="constant", truncate=_TRUNCATE) + np.finfo(np.float64).eps


def _gradient(smooth: Floats) -> tuple[Floats, Floats, Floats]:
    """Sobel down the rows, Sobel across the columns, and their length; borders are mirrored."""
    height, width = smooth.shape
    padded = np.empty((height + 2, width + 2))
    padded[1:-1, 1:-1] = smooth
    padded[0, 1:-1], padded[-1, 1:-1] = smooth[0], smooth[-1]
    padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
    steps = padded[2:] - padded[:-2]
    down = 2 * steps[:, 1:-1]
    down += steps[:, :-2] + steps[:, 2:]
    steps = padded[:, 2:] - padded[:, :-2]
    across = 2 * steps[1:-1]
    across += steps[:-2] + steps[2:]
    strength = down * down
    strength += across * across
    return down, across, np.sqrt(strength, out=strength)


def _beside(
    places: NDArray[np.int64], down: Floats, across: Floats, strength: Floats, *, width: int
) -> tuple[Floats, Floats]:
    """The gradient's length one step along the gradient and one against it, interpolated between two pixels.

    Args:
        places: indices into the flattened picture, none on its border.
        down: flattened gradient along rows.
        across: flattened gradient along columns.
        strength: flattened length of the gradient.
        width: of a row.
    """
    vertical, horizontal = down[places], across[places]
    alike = (vertical > 0) == (horizontal > 0)
    vertical, horizontal = np.abs(vertical, out=vertical), np.abs(horizontal, out=horizontal)
    # Which neighbour a tie goes to is scikit-image's.
    steep = np.where(alike, vertical > horizontal, vertical >= horizontal)
    share = np.where(steep, horizontal, vertical) / np.where(steep, vertical, horizontal)
    rest = 1.0 - share
    beside = np.where(steep, width, 1)
    diagonal = np.where(alike, width + 1, np.where(steep, width - 1, 1 - width))
    ahead = strength[places + diagonal] * share + strength[places + beside] * rest
    behind = strength[places - diagonal] * share + strength[places - beside] * rest
    return ahead, behind
