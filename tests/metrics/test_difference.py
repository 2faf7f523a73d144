"""Paired differences, their size and their tests."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wilcoxon

from xrmri.metrics.depth import area_means, briefs, depth_errors_mm
from xrmri.metrics.difference import difference, holm
from xrmri.metrics.frechet import frechet_distance


def test_a_difference_is_taken_within_participants_and_each_counts_once():
    one, other = np.array([3.0, 5.0, 2.0, 7.0, np.nan]), np.array([1.0, 1.0, 1.0, 5.0, 0.0])
    found = difference(one, other, ["a", "a", "b", "c", "d"], resamples=100, seed=0)
    means = np.array([3.0, 1.0, 2.0])
    assert (found.median, found.participants, found.volumes) == (2, 3, 4)
    assert found.effect == pytest.approx(means.mean() / means.std(ddof=1))
    assert found.share_above == 1
    assert found.p == wilcoxon(means).pvalue


def test_no_difference_is_none_of_any_size():
    same = np.arange(8.0)
    found = difference(same, same, [str(i) for i in range(8)], resamples=50, seed=0)
    assert (found.median, found.effect, found.share_above, found.p) == (0, 0, 0.5, 1)
    assert difference(same * np.nan, same, ["a"] * 8, resamples=50, seed=0) is None


def test_holm_steps_down_keeps_the_order_and_never_passes_one():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


def test_holm_rejects_a_true_null_in_at_most_five_of_a_hundred_families():
    generator = np.random.default_rng(0)
    hits = sum(min(holm(generator.uniform(size=6))) < 0.05 for _ in range(2000))
    assert hits / 2000 == pytest.approx(0.05, abs=0.012)


def test_the_frechet_distance_is_the_published_formula():
    generator = np.random.default_rng(1)
    one, other = generator.normal(0, 1, (200, 5)), generator.normal(0.3, 2, (150, 5)) @ generator.normal(0, 1, (5, 5))
    a, b = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    between = one.mean(axis=0) - other.mean(axis=0)
    expected = between @ between + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one + 3, one) == pytest.approx(45)


def test_a_depth_error_is_the_distance_to_the_slice_that_looks_alike():
    volume = np.random.default_rng(2).random((10, 64, 64))
    shown = volume[[2, 3, 9]] * 0.5 + 0.2
    assert depth_errors_mm(shown, np.array([2, 4, 7]), briefs(volume), 1.5).tolist() == [0, 1.5, 3]
    assert np.isnan(depth_errors_mm(np.full((1, 64, 64), 0.3), np.array([0]), briefs(volume), 1.5)).all()


def test_area_means_are_the_means_of_areas():
    volume = np.random.default_rng(3).random((2, 65, 97))
    found = area_means(volume, 32)
    assert found.shape == (2, 32, 32)
    assert found[1, 3, 5] == pytest.approx(volume[1, 6:8, 15:18].mean())
