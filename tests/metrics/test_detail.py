"""Fine detail: what lies between a quarter and half of Nyquist, told from waves and noise whose power is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrmri.metrics.detail import detail_along_depth, detail_in_slices

SHAPE = (48, 96, 96)


def wave(frequency, axis, amplitude=0.2):
    """A volume that goes up and down along one axis."""
    along = amplitude * np.cos(2 * np.pi * frequency * np.arange(SHAPE[axis]) + 0.3)
    return 0.5 + np.broadcast_to(np.expand_dims(along, tuple({0, 1, 2} - {axis})), SHAPE)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_wave_in_the_band_has_the_root_mean_square_of_a_wave(axis):
    assert detail_in_slices(wave(3 / 16, axis)) == pytest.approx(20 / np.sqrt(2), rel=0.005)


def test_a_wave_from_slice_to_slice_counts_along_depth_alone():
    assert detail_along_depth(wave(3 / 16, 0)) == pytest.approx(20 / np.sqrt(2), rel=0.005)
    assert detail_in_slices(wave(3 / 16, 0)) == pytest.approx(0, abs=1e-9)
    assert detail_along_depth(wave(3 / 16, 1)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("frequency", [1 / 24, 1 / 3])
def test_what_is_coarser_or_finer_than_the_band_does_not_count(frequency):
    assert detail_in_slices(wave(frequency, 2)) < 0.3
    assert detail_along_depth(wave(frequency, 0)) < 0.3


def test_white_noise_has_the_share_of_the_band():
    noise = np.random.default_rng(0).normal(0, 0.1, SHAPE)
    ring = np.pi * (1 / 4**2 - 1 / 8**2)  # of all frequencies in a slice, whose square has the side 1
    assert detail_in_slices(noise) == pytest.approx(10 * np.sqrt(ring), rel=0.05)
    assert detail_along_depth(noise) == pytest.approx(10 * np.sqrt(2 / 8), rel=0.08)


def test_eight_slices_evenly_and_every_fourth_row_and_column_are_looked_at():
    flat, waves = np.zeros(SHAPE), wave(3 / 16, 2)
    flat[::7] = waves[::7]  # 0, 7, 14 ... 42, of which eight of 48 slices evenly are 0, 7, 13, 20, 27, 34, 40 and 47
    looked_at = [0, 7, 13, 20, 27, 34, 40, 47]
    share = sum(number % 7 == 0 for number in looked_at) / len(looked_at)
    assert detail_in_slices(flat) == pytest.approx(20 / np.sqrt(2) * np.sqrt(share), rel=0.005)
    lines, waves = np.zeros(SHAPE), wave(3 / 16, 0)
    lines[:, 4, 8] = waves[:, 4, 8]
    assert detail_along_depth(lines) == pytest.approx(20 / np.sqrt(2) / 24, rel=0.005)  # one of 24 x 24 lines
    lines[:, 4, 8], lines[:, 5, 8], lines[:, 4, 10] = 0, waves[:, 5, 8], waves[:, 4, 10]
    assert detail_along_depth(lines) == 0


@given(brightness=st.floats(-1, 1), gain=st.floats(0.01, 3))
def test_detail_follows_contrast_and_not_brightness(brightness, gain):
    volume = np.random.default_rng(1).random((9, 16, 20))
    for detail in (detail_in_slices, detail_along_depth):
        assert detail(volume * gain + brightness) == pytest.approx(gain * detail(volume), rel=1e-6)


def test_too_few_slices_tell_nothing_along_depth():
    assert np.isnan(detail_along_depth(np.zeros((7, 16, 16))))
    assert detail_along_depth(np.zeros((8, 16, 16))) == 0
