"""Smooth random fields: streaks of fat, fibres of muscle, coil shading, warps."""

import numpy as np
from scipy.ndimage import gaussian_filter

from xrmri.phantom.sdf import Field


def refine(field: Field, factor: int) -> Field:
    """Linear interpolation of the last two axes.

    Args:
        field: (..., Z, X) values at the middle of coarse pixels.
        factor: whole number of fine pixels per coarse one.

    Returns:
        (..., Z*factor, X*factor) float32 at the middle of fine pixels; the border is held.
    """
    return _refine_axis(_refine_axis(field, factor, -2), factor, -1)


def _refine_axis(field: Field, factor: int, axis: int) -> Field:
    """Linear interpolation along one axis."""
    if factor == 1:
        return field
    moved = np.moveaxis(field, axis, -1) if axis == -1 else np.swapaxes(field, -1, -2)
    del moved
    shape = list(field.shape)
    at = len(shape) + axis
    shape[at] *= factor
    out = np.empty(shape, dtype=np.float32)
    n = field.shape[at]
    before = np.take(field, np.maximum(np.arange(n) - 1, 0), axis=at)
    after = np.take(field, np.minimum(np.arange(n) + 1, n - 1), axis=at)
    for part in range(factor):
        t = np.float32((part + 0.5) / factor - 0.5)
        place = [slice(None)] * len(shape)
        place[at] = slice(part, None, factor)
        out[tuple(place)] = field + t * (after - field) if t > 0 else field + t * (field - before)
    return out


def smooth_noise(generator: np.random.Generator, shape: tuple[int, ...], scales: tuple[float, ...]) -> Field:
    """Gaussian noise, smoothed and brought to mean 0 and deviation 1.

    Args:
        generator: source.
        shape: of the result.
        scales: standard deviation of the smoothing along each axis, in pixels.
    """
    noise = generator.standard_normal(shape, dtype=np.float32)
    noise = gaussian_filter(noise, scales, mode="wrap", truncate=3.0)
    return (noise - noise.mean()) / (noise.std() + np.float32(1e-9))


def strands(noise: Field, width: float) -> Field:
    """Thin bright sheets where smooth noise crosses 0: 1 in their middle, 0 away from them."""
    return np.exp(-((noise / np.float32(width)) ** 2))
