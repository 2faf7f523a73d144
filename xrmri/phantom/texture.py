"""Smooth random fields: streaks of fat, fibres of muscle, coil shading, warps."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from xrmri.phantom.sdf import Field


def refine(field: Field, factor: int) -> Field:
    """Linear interpolation of the last two axes.

    Args:
        field: (..., Z, X) values at the middle of coarse pixels.
        factor: whole number of fine pixels per coarse one.

    Returns:
        (..., Z*factor, X*factor) float32 at the middle of fine pixels; the border is held.
    """
    return _refine_axis(_refine_axis(field, factor, -1), factor, -2)  # the strided axis first: it is then short


def _refine_axis(field: Field, factor: int, axis: int) -> Field:
    """Linear interpolation along one axis."""
    if factor == 1:
        return field
    shape = list(field.shape)
    shape[axis] *= factor
    out = np.empty(shape, dtype=np.float32)
    n = field.shape[axis]
    middle: tuple[Any, ...] = (slice(None),) * (-1 - axis)
    step = np.diff(field, axis=axis)  # towards the next; held at both ends
    for part in range(factor):
        t = np.float32((part + 0.5) / factor - 0.5)
        fine = out[(..., slice(part, None, factor), *middle)]
        fine[...] = field
        inner = slice(0, n - 1) if t > 0 else slice(1, n)
        fine[(..., inner, *middle)] += t * step
    return out


def resample(field: Field, shape: tuple[int, int], origin: tuple[float, float], step: float) -> Field:
    """Cubic (Catmull-Rom) interpolation of a picture on another regular grid.

    Args:
        field: (h, w) picture.
        shape: rows and columns of the result.
        origin: where its first pixel lies in `field`: row, column.
        step: size of its pixels, in those of `field`.

    Returns:
        shape float32; the border of `field` is held outside.
    """
    rows = _taps(field.shape[0], shape[0], origin[0], step)
    columns = _taps(field.shape[1], shape[1], origin[1], step)
    return np.ascontiguousarray((columns @ (rows @ field).T).T, dtype=np.float32)


def _taps(source: int, target: int, origin: float, step: float) -> csr_array:
    """(target, source) matrix of interpolation weights along one axis."""
    place = np.clip(origin + step * np.arange(target), 0, source - 1)
    first = np.floor(place).astype(int)
    t = place - first
    weights = np.stack(
        [
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        ],
        axis=1,
    ).astype(np.float32)
    columns = np.clip(first[:, None] + np.arange(-1, 3), 0, source - 1)
    rows = np.repeat(np.arange(target), 4)
    return csr_array((weights.ravel(), (rows, columns.ravel())), shape=(target, source))


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


def slow_noise(generator: np.random.Generator, shape: tuple[int, ...], scales: tuple[float, ...], factor: int) -> Field:
    """Noise as of `smooth_noise`, drawn on a grid whose last two axes are `factor` times coarser.

    Args:
        generator: source.
        shape: of the result; its last two axes are multiples of factor.
        scales: standard deviation of the smoothing along each axis, in pixels of the result.
        factor: whole number.
    """
    small = (*shape[:-2], shape[-2] // factor, shape[-1] // factor)
    return refine(smooth_noise(generator, small, (*scales[:-2], scales[-2] / factor, scales[-1] / factor)), factor)


def strands(noise: Field, width: float) -> Field:
    """Thin bright sheets where smooth noise crosses 0: 1 in their middle, 0 away from them."""
    return np.exp(-((noise / np.float32(width)) ** 2))
