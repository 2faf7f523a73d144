"""Resampling keeps intensities and places: checked on constants, ramps and a point."""

import numpy as np
import pytest

from xrmri.data.resample import resized, sampled


@pytest.mark.parametrize(("before", "after"), [(512, 256), (299, 256), (224, 256), (64, 256), (100, 33)])
def test_a_ramp_stays_the_same_ramp_within_a_seventh_of_a_pixel(before, after):
    ramp = np.tile(np.arange(before) + 0.5, (before, 1))
    expected = (np.arange(after) + 0.5) * before / after
    inside = slice(2 * after // before + 2, -2 * after // before - 2)
    assert np.allclose(resized(ramp, after)[after // 2, inside], expected[inside], atol=1 / 7)


@pytest.mark.parametrize("after", [8, 10, 17])
def test_what_grows_is_numpys_interpolation_between_centres_and_ends_in_its_last_pixels(after):
    image = np.random.default_rng(1).random((6, 6))
    centres = (np.arange(after) + 0.5) * 6 / after - 0.5
    along = np.array([np.interp(centres, np.arange(6), row) for row in image])
    expected = np.array([np.interp(centres, np.arange(6), column) for column in along.T]).T
    assert np.allclose(resized(image, after), expected, atol=1e-6)


def test_a_centre_on_the_very_edge_is_inside_and_one_beyond_is_0():
    image = np.arange(1.0, 5).reshape(1, 4).repeat(4, 0)
    assert sampled(image, (0, 4), (-0.5, 3.5), 4)[0].tolist() == [1, 1.5, 2.5, 3.5]
    assert sampled(image, (0, 4), (0.5, 4.5), 4)[0].tolist() == [1.5, 2.5, 3.5, 4]
    assert sampled(image, (0, 4), (-0.75, 3.25), 4)[0].tolist() == [0, 1.25, 2.25, 3.25]


@pytest.mark.parametrize("after", [256, 100, 33])
def test_shrinking_keeps_the_mean(after):
    image = np.random.default_rng(0).integers(0, 4096, (300, 300)).astype(np.uint16)
    assert resized(image, after).mean() == pytest.approx(image.mean(), rel=1e-6)


def test_two_by_two_pixels_become_their_mean():
    assert resized(np.array([[1, 2], [3, 10]], np.uint16).repeat(2, 0).repeat(2, 1), 2).tolist() == [[1, 2], [3, 10]]
    assert resized(np.arange(16).reshape(4, 4), 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]


@pytest.mark.parametrize("rows", [2, 4])
def test_blocks_of_bright_16_bit_pixels_become_their_mean_however_they_lie_in_memory(rows):
    image = np.random.default_rng(0).integers(0, 65536, (16 * rows, 32)).astype(np.uint16)
    image[:rows, :2] = 65_535
    expected = image.reshape(16, rows, 16, 2).mean(axis=(1, 3)).astype(np.float32)
    for kept in (image, image[::-1][::-1], np.asfortranarray(image), image.astype(np.int64)):
        assert np.array_equal(resized(kept, 16), expected)
    assert np.array_equal(resized(image[:, ::-1], 16), expected[:, ::-1])


def test_a_window_beyond_the_edge_is_0_there_and_not_stretched():
    window = sampled(np.full((10, 10), 7.0), (-10, 10), (0, 20), 10)
    assert (window[5:, :5] == 7).all() and (window[:5] == 0).all() and (window[:, 5:] == 0).all()


def test_a_stack_is_resized_slice_by_slice():
    stack = np.random.default_rng(0).random((3, 30, 30))
    assert np.array_equal(resized(stack, 20)[1], resized(stack[1], 20))
