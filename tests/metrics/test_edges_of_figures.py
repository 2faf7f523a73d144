"""Figures at the edge of what they mean: nothing varies, one participant, ties; and their constants, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import sobel, uniform_filter1d

from xrmri.metrics import joint_box as where
from xrmri.metrics.blur import PIXELS, blur, slice_blur
from xrmri.metrics.depth import area_means, briefs
from xrmri.metrics.deviation import Deviation
from xrmri.metrics.difference import difference
from xrmri.metrics.identification import deviation_distances, identify, joint_signature, signature
from xrmri.metrics.information import normalised_mutual_information
from xrmri.metrics.interval import drawn_again, interval_of, spread
from xrmri.metrics.joint_box import joint_box

EVERYWHERE = (slice(None), slice(None), slice(None))


def of(judged: float, acquired: float, product: float) -> Deviation:
    return Deviation(judged=judged, acquired=acquired, product=product)


def test_a_brief_has_32_pixels_a_side_length_one_and_none_for_a_slice_of_one_value():
    volume = np.random.default_rng(0).random((3, 96, 70))
    volume[1] = 0.7
    found = briefs(volume)
    assert found.shape == (3, 32 * 35)  # 70 // 32 is 2: two columns a mean
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0, 1])
    assert briefs(volume * 1e-3)[0] == pytest.approx(found[0])  # faint is not blank
    assert area_means(volume[:, :20, :31], 32).shape == (3, 20, 31)  # smaller than that stays


def test_a_knee_that_is_the_mean_has_no_figures_and_small_ones_are_figures_all_the_same():
    nothing = of(1.0, 0.0, 0.0)
    assert np.isnan(nothing.r2) and np.isnan(nothing.common) and nothing.correlation == 0 and nothing.slope == 0
    faint = of(0.25, 0.5, 0.25)  # sums below one are as good as any
    assert (faint.r2, faint.slope, faint.common) == (0.5, 1.0, 0.5)
    assert faint.correlation == pytest.approx(0.5**0.5)


def test_a_difference_of_one_participant_has_no_spread_and_small_spreads_count():
    alone = difference(np.array([2.0]), np.array([1.0]), ["a"], resamples=10, seed=0)
    assert (alone.median, alone.effect, alone.share_above, alone.p) == (1, 0, 1, 1.0)
    two = difference(np.array([0.2, 0.4]), np.zeros(2), ["a", "b"], resamples=10, seed=0)
    assert two.effect == pytest.approx(0.3 / (0.2 / np.sqrt(2)))


def test_an_interval_holds_95_of_100_and_needs_two_people_and_a_finite_value():
    values = np.arange(1001.0)
    assert interval_of(values, 2) == pytest.approx((25, 975))
    assert interval_of(np.append(values, np.nan), 2) == pytest.approx((25, 975))
    assert interval_of(values, 1) is None
    assert interval_of(np.full(3, np.nan), 9) is None
    assert interval_of(np.array([4.0]), 2) == (4, 4)


def test_a_spread_has_quartiles_and_the_interval_of_medians_of_people_drawn_again():
    values, people = np.random.default_rng(0).random(9), list("abcdefghi")
    found = spread(values, people, resamples=500, seed=7)
    medians = np.median(values[drawn_again(9, resamples=500, seed=7)], axis=1)
    assert found.quartiles == pytest.approx(np.quantile(values, (0.25, 0.75)))
    assert found.interval == pytest.approx(np.quantile(medians, (0.025, 0.975)))
    assert drawn_again(9, resamples=500, seed=7).shape == (500, 9)


def test_blur_is_the_worse_of_two_directions_over_eight_slices_spread_evenly():
    generator = np.random.default_rng(0)
    lines = np.tile(generator.random(40), (40, 1))  # sharp across, of one value down
    inside = (slice(2, -1), slice(2, -1))
    sharp = np.abs(sobel(lines, 1))[inside]
    again = np.abs(sobel(uniform_filter1d(lines, PIXELS, 1), 1))[inside]
    expected = 1 - np.maximum(sharp - again, 0).sum() / sharp.sum()
    assert slice_blur(lines) == pytest.approx(expected)
    assert slice_blur(lines.T) == pytest.approx(expected)
    assert slice_blur(lines * 1e-4) == pytest.approx(expected)  # faint edges are edges
    volume = np.stack([uniform_filter1d(generator.random((40, 40)), width, 0) for width in range(1, 18)])
    chosen = [0, 2, 5, 7, 9, 11, 14, 16]
    assert blur(volume) == pytest.approx(np.mean([slice_blur(volume[index]) for index in chosen]))
    assert blur(volume[:1]) == pytest.approx(slice_blur(volume[0]))
    volume[5] = 0.5  # a slice of one value is passed over
    rest = [slice_blur(volume[index]) for index in chosen if index != 5]
    assert blur(volume) == pytest.approx(np.mean(rest))


def test_mutual_information_counts_in_32_bins_and_is_missing_where_nothing_varies():
    fine = np.linspace(0, 1, 64, endpoint=False)
    assert normalised_mutual_information(fine, np.floor(fine * 32) / 32) == pytest.approx(2)  # bins are all that counts
    assert normalised_mutual_information(fine, np.floor(fine * 16) / 16) == pytest.approx(
        (np.log(32) + np.log(16)) / np.log(32)
    )
    assert np.isnan(normalised_mutual_information(np.ones(9), np.ones(9)))
    assert normalised_mutual_information(np.array([0.0, 1.0]), np.array([0.2, 0.2])) == pytest.approx(1)


def test_a_volume_in_brief_is_16_depths_of_32_by_32_from_the_first_slice_to_the_last():
    volume = np.random.default_rng(0).random((40, 64, 64)).astype(np.float32)
    found = signature(volume).reshape(16, 32, 32)
    chosen = [0, 3, 5, 8, 10, 13, 16, 18, 21, 23, 26, 29, 31, 34, 36, 39]
    assert np.allclose(found, area_means(volume[chosen], 32), atol=1e-6)
    assert np.array_equal(joint_signature(volume, EVERYWHERE).reshape(16, 64, 64), volume[chosen])


def test_ties_count_against_and_rounding_makes_a_tie():
    distance = np.array([[1.0, 1.0 + 5e-10, 3.0], [2.0, 1.0, 1.0 + 1e-6], [0.5, 0.4, 1.0]])
    found = identify(distance, ["a", "b", "c"], ["a", "b", "c"])
    assert found.right.tolist() == [False, True, False]
    assert found.rank.tolist() == [2, 1, 3]
    assert found.chance == pytest.approx(1 / 3)
    exact = identify(np.array([[0.0, 0.0]]), ["a"], ["a", "b"])
    assert not exact.right[0]


def test_deviations_of_opposite_knees_are_two_apart_and_of_the_mean_itself_one():
    mean = np.zeros(4, np.float32)
    rows = np.array([[0.1, 0, 0, 0], [-0.2, 0, 0, 0], [0, 0.3, 0, 0], [0, 0, 0, 0]], np.float32)
    assert np.allclose(deviation_distances(rows, rows, mean)[0], [0, 2, 1, 1])


def test_the_joint_box_is_40_by_90_mm_of_160_and_stays_inside():
    assert joint_box(0.5, (8, 160, 160)) == (slice(None), slice(60, 100), slice(35, 125))
    assert joint_box(0.5, (8, 320, 320))[1:] == (slice(120, 200), slice(70, 250))
    assert joint_box(0.0, (8, 160, 160))[1] == slice(0, 20)
    assert joint_box(-0.2, (8, 160, 160))[1] == slice(0, 1)


@pytest.mark.parametrize(("rows", "sigma"), [(256, 3.0), (512, 6.0), (64, 1.0)])
def test_the_edges_of_the_mean_knee_are_found_by_a_filter_of_3_pixels_of_256_and_no_less_than_one(
    rows, sigma, monkeypatch
):
    asked = []
    found = SimpleNamespace(bands=[None])
    monkeypatch.setattr(where, "edges_and_joint", lambda volume, width: (asked.append(width), found)[1])
    assert where.joint_line(np.zeros((2, rows, 8))) == 0.5 and asked == [sigma]
