"""What sets a knee apart: R2, slope and what both have in common; recognition; blur and mutual information."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.measure import blur_effect
from skimage.metrics import normalized_mutual_information

from xrmri.metrics.blur import blur, slice_blur
from xrmri.metrics.deviation import coarse, deviation
from xrmri.metrics.identification import deviation_distances, identify, squared_distances
from xrmri.metrics.information import BINS, normalised_mutual_information
from xrmri.metrics.joint_box import joint_box, joint_line


def knees(count, seed):
    return np.random.default_rng(seed).normal(0, 0.1, (count, 6, 64, 64))


def test_r2_slope_and_common_of_a_draw_a_mean_and_a_timid_mean_are_what_theory_says():
    film, own, other = knees(3, 0)  # what a film tells, and what it leaves open, twice
    acquired, mean = 0.5 + film + own, np.full((6, 64, 64), 0.5)
    draw, best, timid = (
        deviation(acquired, volume, mean) for volume in (mean + film + other, mean + film, mean + film / 2)
    )
    assert (best.r2, best.slope, best.common) == pytest.approx((0.5, 1, 0.5), abs=0.03)
    assert (draw.r2, draw.slope, draw.common, draw.correlation) == pytest.approx((0, 0.5, 0.5, 0.5), abs=0.03)
    assert (timid.r2, timid.slope) == pytest.approx((0.375, 2), abs=0.05)
    nothing = deviation(acquired, mean, mean)
    assert (nothing.r2, nothing.slope, nothing.common, nothing.correlation) == (0, 0, 0, 0)
    bold = deviation(acquired, mean + 4 * (film + other), mean)
    assert bold.common == pytest.approx(draw.correlation, abs=1e-9)  # boldness earns nothing


def test_volumes_are_averaged_to_at_most_64_pixels_before_they_are_compared():
    volume = np.random.default_rng(0).random((3, 128, 256))
    assert np.allclose(coarse(volume)[1, 2, 3], volume[1, 4:6, 12:16].mean())
    assert coarse(volume).shape == (3, 64, 64)


def test_deviations_recognise_whom_squared_distance_takes_for_the_average():
    generator = np.random.default_rng(1)
    mean, own = generator.normal(0, 1, 400).astype(np.float32), generator.normal(0, 1, (20, 400)).astype(np.float32)
    own[0] *= 0.05  # one who is nearly the average
    acquired, judged = mean + own, mean + 0.1 * own + generator.normal(0, 0.05, (20, 400)).astype(np.float32)
    names = [str(number) for number in range(20)]
    assert identify(squared_distances(judged, acquired), names, names).right.mean() <= 0.1
    assert identify(deviation_distances(judged, acquired, mean), names, names).right.mean() >= 0.9
    assert not identify(deviation_distances(np.tile(mean, (20, 1)), acquired, mean), names, names).right.any()


def test_blur_and_mutual_information_are_scikit_images():
    generator = np.random.default_rng(0)
    one = np.clip(gaussian_filter(generator.random((64, 48)), 1) * 2 - 0.5, 0, 1)
    other = np.clip(one + generator.normal(0, 0.1, one.shape), 0, 1)
    assert slice_blur(one) == pytest.approx(blur_effect(one), abs=1e-9)
    expected = normalized_mutual_information(one, other, bins=[np.linspace(0, 1, BINS + 1)] * 2)
    assert normalised_mutual_information(one, other) == pytest.approx(expected, abs=1e-9)
    assert normalised_mutual_information(one, one) == pytest.approx(2)
    assert blur(np.stack([gaussian_filter(one, 2)] * 3)) > blur(np.stack([one] * 3))
    assert np.isnan(blur(np.zeros((3, 16, 16))))


def test_the_joint_box_lies_about_the_joint_line_of_the_mean_and_about_the_middle_where_none_is_seen():
    knee = np.full((8, 128, 128), 0.1)
    knee[:, 70:76, 25:-25] = 0.9
    assert joint_line(knee) == pytest.approx(73 / 128, abs=0.01)
    assert joint_line(np.full((8, 64, 64), 0.1)) == 0.5
    _, rows, columns = joint_box(0.5, (8, 64, 64))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (24, 40, 14, 50)
