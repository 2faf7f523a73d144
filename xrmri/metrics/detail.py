"""How much fine detail a volume has, judged by itself: the octave of its power spectrum below half of Nyquist.

A mean of many knees, or a decoder that smooths, has less than an acquired volume; an invented web or noise has more.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, fft2, fftfreq

from xrmri.evenly import evenly

BAND = (1 / 8, 1 / 4)
"""Cycles a pixel, or a slice: from a quarter to half of Nyquist."""
SLICES = 8
_EVERY = 4
"""Rows and columns that are looked at along depth."""


def detail_in_slices(volume: NDArray[np.floating]) -> float:
    """Root mean square of what lies in the band, in any direction, over eight slices at most.

    Args:
        volume: (S, H, W) in [0, 1].

    Returns:
        In percent of the window; a wave of frequency 3/16 and amplitude 1 has 70.7.
    """
    chosen = evenly(range(len(volume)), SLICES)
    height, width = volume.shape[1:]
    taper = np.hanning(height)[:, None] * np.hanning(width)
    inside = _in_band(np.hypot(fftfreq(height)[:, None], fftfreq(width)))
    powers = [_power(fft2(_flat(volume[index].astype(np.float64), taper))[inside], taper) for index in chosen]
    return float(100 * np.sqrt(np.mean(powers)))


def detail_along_depth(volume: NDArray[np.floating]) -> float:
    """The same from slice to slice, over every fourth row and column; NaN of fewer than eight slices."""
    if len(volume) < 1 / BAND[0]:
        return np.nan
    lines = volume[:, ::_EVERY, ::_EVERY].reshape(len(volume), -1).astype(np.float64)
    taper = np.hanning(len(volume))[:, None]
    found = fft(_flat(lines, taper), axis=0)[_in_band(np.abs(fftfreq(len(volume))))]
    return float(100 * np.sqrt(_power(found, taper) / lines.shape[1]))


def _in_band(frequency: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = BAND
    return (frequency >= low) & (frequency < high)


def _flat(values: NDArray[np.float64], taper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without its weighted mean along the taper, and fading to the borders: a step there would have a spectrum."""
    axes = tuple(axis for axis, length in enumerate(taper.shape) if length > 1)
    mean = (values * taper).sum(axis=axes, keepdims=True) / max(taper.sum(), 1e-12)
    return (values - mean) * taper


def _power(found: NDArray[np.complex128], taper: NDArray[np.float64]) -> float:
    """Mean square, by Parseval, of what had the taper's share of its power left."""
    return float(np.square(np.abs(found)).sum() / (taper.size * max(np.square(taper).sum(), 1e-12)))
