"""How alike two volumes are, slice by slice: PSNR, SSIM at one scale and several, and PSNR with the published overflow.

Arrays are (S, H, W) and share one scale; the data range is the width of that scale, 1 for volumes windowed to [0, 1].
Everything is computed in float64, whatever dtype comes in, but for what was prepared in float32.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xrmri.metrics.window import GAUSSIAN, Window, local_mean

Array = NDArray[np.generic]
Floats = NDArray[np.floating]

K1, K2 = 0.01, 0.03  # Wang et al., IEEE TIP 2004
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM from the finest scale to the coarsest (Wang, Simoncelli and Bovik 2003)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PreparedSlice:
    """One slice, prepared for SSIM with whatever is compared with it."""

    pixels: Floats
    """(H, W)."""
    squares: Floats
    """(H, W) pixels squared."""
    mean: Floats
    """(h, w) local means."""
    window: Window

    @classmethod
    def of(cls, pixels: Floats, window: Window) -> Self:
        """Prepare (H, W) pixels; whatever is compared with them gets their type."""
        return cls(pixels=pixels, squares=pixels * pixels, mean=local_mean(pixels, window), window=window)


def psnr(reference: Array, image: Array, data_range: float = 1.0) -> Floats:
    """Peak signal-to-noise ratio of each slice.

    Args:
        reference: (S, H, W) acquired volume.
        image: (S, H, W) what is compared with it.
        data_range: width of the intensity scale.

    Returns:
        (S,) dB; infinite where two slices are the same.
    """
    _require_same_shape(reference, image)
    pairs = zip(reference, image, strict=True)
    return np.array([picture_psnr(_floats(one), _floats(other), data_range) for one, other in pairs])


def ssim(reference: Array, image: Array, window: Window, data_range: float = 1.0) -> Floats:
    """Mean structural similarity of each slice, over the pixels whose window lies inside the picture.

    Args:
        reference: (S, H, W) acquired volume.
        image: (S, H, W) what is compared with it.
        window: UNIFORM, scikit-image's default, or GAUSSIAN, as Wang et al. defined SSIM.
        data_range: width of the intensity scale.

    Returns:
        (S,) in [-1, 1]; 1 is the same picture.
    """
    _require_same_shape(reference, image)
    pairs = zip(reference, image, strict=True)
    return np.array(
        [prepared_ssim(PreparedSlice.of(_floats(one), window), _floats(other), data_range)[0] for one, other in pairs]
    )


def ms_ssim(reference: Array, image: Array, data_range: float = 1.0) -> Floats:
    """Multi-scale structural similarity of each slice (Wang, Simoncelli and Bovik 2003), Gaussian window.

    Each scale halves the picture by averaging 2 x 2 pixels. A scale smaller than the window is left out, and the
    exponents of the others grow to the same sum; from 176 pixels on all five are there.

    Returns:
        (S,) in [0, 1].
    """
    _require_same_shape(reference, image)
    values = []
    for one, other in zip(reference, image, strict=True):
        pyramid = pyramid_of(_floats(one))
        values.append(prepared_ms_ssim(pyramid, _floats(other), data_range)[1])
    return np.array(values)


def psnr_as_in_paper(reference: Array, image: Array) -> Floats:
    """PSNR as `np.mean((a - b) ** 2)` on uint8 gives it: differences wrap at 256, so noise scores near 28 dB.

    The published 29 dB are very likely this number. It is reported beside the real one and never instead of it.

    Args:
        reference: (S, H, W) in [0, 1].
        image: (S, H, W) in [0, 1].

    Returns:
        (S,) "dB"; infinite where two slices are the same.
    """
    _require_same_shape(reference, image)
    pairs = zip(reference, image, strict=True)
    return np.array([wrapped_psnr(as_bytes(one), as_bytes(other)) for one, other in pairs])


def picture_psnr(one: Floats, other: Floats, data_range: float = 1.0) -> float:
    """PSNR of two (H, W) float64 pictures, in dB."""
    difference = (one - other).ravel()
    return _decibels(float(difference @ difference) / difference.size, data_range)


def wrapped_psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """`psnr_as_in_paper` of two (H, W) pictures."""
    wrapped = np.square(one - other)  # uint8 throughout: this is the mistake
    return _decibels(int(wrapped.sum(dtype=np.int64)) / wrapped.size, 255.0)


def prepared_ssim(one: PreparedSlice, other: Floats, data_range: float = 1.0) -> tuple[float, float]:
    """Mean SSIM of two pictures and, of the same windows, the mean of its part that knows no brightness."""
    pixels, window = one.pixels, one.window
    other = other.astype(pixels.dtype, copy=False)
    mean = local_mean(other, window)
    both = other * other
    both += one.squares
    squares = local_mean(both, window)
    np.multiply(pixels, other, out=both)
    products = local_mean(both, window)
    # From here on in place: a fresh array for each step would take as long as the step.
    means = one.mean * mean
    mean *= mean
    mean += one.mean * one.mean
    products -= means
    squares -= mean
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    products *= 2 * window.unbiased
    products += c2
    squares *= window.unbiased
    squares += c2
    products /= squares  # contrast and structure
    means *= 2
    means += c1
    mean += c1
    means /= mean  # brightness
    means *= products
    return float(means.mean()), float(products.mean())


def pyramid_of(pixels: Floats, finest: type[np.floating] = np.float64) -> list[PreparedSlice]:
    """A picture with a Gaussian window, in the type wanted, and its halvings that still hold the window, in float64."""
    found = [PreparedSlice.of(pixels.astype(finest, copy=False), GAUSSIAN)]
    while len(found) < len(SCALES) and min(found[-1].pixels.shape) // 2 >= GAUSSIAN.pixels:
        pixels = halved(pixels)
        found.append(PreparedSlice.of(pixels, GAUSSIAN))
    return found


def prepared_ms_ssim(pyramid: list[PreparedSlice], other: Floats, data_range: float = 1.0) -> tuple[float, float]:
    """SSIM at the finest scale, and MS-SSIM.

    Args:
        pyramid: of one picture, as `pyramid_of` gives it.
        other: (H, W) float64, compared with it.
        data_range: width of the intensity scale.
    """
    whole, structure = prepared_ssim(pyramid[0], other, data_range)
    finest, parts = whole, [structure]
    for picture in pyramid[1:]:
        other = halved(other)
        whole, structure = prepared_ssim(picture, other, data_range)
        parts.append(structure)
    parts[-1] = whole  # brightness counts at the coarsest scale only
    weights = np.array(SCALES[: len(parts)])
    weights *= sum(SCALES) / weights.sum()
    # A negative part has no real power; it counts as no likeness at all.
    return finest, float(np.prod(np.maximum(parts, 0) ** weights))


def halved(pixels: Floats) -> Floats:
    """The means of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (length // 2 * 2 for length in pixels.shape)
    rows = pixels[0:height:2, :width] + pixels[1:height:2, :width]
    return (rows[:, ::2] + rows[:, 1::2]) * 0.25


def as_bytes(pixels: Array) -> NDArray[np.uint8]:
    """[0, 1] in 8 bits."""
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _decibels(error: float, data_range: float) -> float:
    return float(10 * np.log10(data_range**2 / error)) if error else float("inf")


def _floats(picture: Array) -> Floats:
    return np.ascontiguousarray(picture, np.float64)


def _require_same_shape(reference: Array, image: Array) -> None:
    if reference.shape != image.shape or reference.ndim != 3:
        raise ValueError(f"two volumes of one shape (S, H, W) are compared, not {reference.shape} and {image.shape}")
