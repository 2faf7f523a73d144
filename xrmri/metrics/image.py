"""How alike two volumes are, slice by slice: PSNR, SSIM, and PSNR with the overflow that papers have published.

Arrays are (S, H, W) and share one scale; the data range is the width of that scale, 1 for volumes windowed to [0, 1].
Everything is computed in float64, whatever dtype comes in.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

Array = NDArray[np.generic]
Window = Literal["uniform", "gaussian"]

K1, K2 = 0.01, 0.03  # Wang et al., IEEE TIP 2004
UNIFORM_PIXELS = 7
GAUSSIAN_SIGMA, GAUSSIAN_PIXELS = 1.5, 11


def psnr(reference: Array, image: Array, data_range: float = 1.0) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each slice.

    Args:
        reference: (S, H, W) acquired volume.
        image: (S, H, W) what is compared with it.
        data_range: width of the intensity scale.

    Returns:
        (S,) dB; infinite where two slices are the same.
    """
    _require_same_shape(reference, image)
    difference = np.subtract(reference, image, dtype=np.float64)
    error = np.mean(difference**2, axis=(1, 2))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / error)


def ssim(reference: Array, image: Array, window: Window, data_range: float = 1.0) -> NDArray[np.float64]:
    """Mean structural similarity of each slice, over the pixels whose window lies inside the picture.

    Args:
        reference: (S, H, W) acquired volume.
        image: (S, H, W) what is compared with it.
        window: "uniform" is 7 x 7 pixels with sample covariance, scikit-image's default; "gaussian" is 11 x 11 pixels,
            sigma 1.5, with population covariance, as Wang et al. defined SSIM.
        data_range: width of the intensity scale.

    Returns:
        (S,) in [-1, 1]; 1 is the same picture.
    """
    _require_same_shape(reference, image)
    pairs = zip(reference.astype(np.float64), image.astype(np.float64), strict=True)
    return np.array([_slice_ssim(one, other, window, data_range) for one, other in pairs])


def psnr_as_in_paper(reference: Array, image: Array) -> NDArray[np.float64]:
    """PSNR as `np.mean((a - b) ** 2)` on uint8 gives it: differences wrap at 256, so noise scores near 28 dB.

    The published 29 dB are very likely this number. It is reported beside the real one and never instead of it.

    Args:
        reference: (S, H, W) in [0, 1].
        image: (S, H, W) in [0, 1].

    Returns:
        (S,) "dB"; infinite where two slices are the same.
    """
    _require_same_shape(reference, image)
    one, other = _as_bytes(reference), _as_bytes(image)
    wrapped = np.square(one - other)  # uint8 throughout: this is the mistake
    error = np.mean(wrapped, axis=(1, 2), dtype=np.float64)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / error)


def _as_bytes(volume: Array) -> NDArray[np.uint8]:
    return np.rint(np.clip(volume, 0, 1) * 255).astype(np.uint8)


def _slice_ssim(one: Array, other: Array, window: Window, data_range: float) -> float:
    """SSIM of two (H, W) float64 pictures."""
    if window == "uniform":
        pixels, unbiased = UNIFORM_PIXELS, UNIFORM_PIXELS**2 / (UNIFORM_PIXELS**2 - 1)
    else:
        pixels, unbiased = GAUSSIAN_PIXELS, 1.0
    if min(one.shape) < pixels:
        raise ValueError(f"SSIM needs at least {pixels} x {pixels} pixels, not {one.shape[0]} x {one.shape[1]}")
    mean_one, mean_other = _local_mean(one, window), _local_mean(other, window)
    variance_one = unbiased * (_local_mean(one * one, window) - mean_one**2)
    variance_other = unbiased * (_local_mean(other * other, window) - mean_other**2)
    covariance = unbiased * (_local_mean(one * other, window) - mean_one * mean_other)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    brightness = (2 * mean_one * mean_other + c1) / (mean_one**2 + mean_other**2 + c1)
    structure = (2 * covariance + c2) / (variance_one + variance_other + c2)
    inside = slice(pixels // 2, -(pixels // 2))
    return float(np.mean((brightness * structure)[inside, inside]))


def _local_mean(picture: Array, window: Window) -> Array:
    if window == "uniform":
        return uniform_filter(picture, UNIFORM_PIXELS)
    return gaussian_filter(picture, GAUSSIAN_SIGMA, radius=GAUSSIAN_PIXELS // 2)


def _require_same_shape(reference: Array, image: Array) -> None:
    if reference.shape != image.shape or reference.ndim != 3:
        raise ValueError(f"two volumes of one shape (S, H, W) are compared, not {reference.shape} and {image.shape}")
