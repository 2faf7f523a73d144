"""All figures of a volume; continuity, intervals and identification."""

import numpy as np
import pytest

from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.identification import identify, signature, squared_distances
from xrmri.metrics.interval import participant_means, spread
from xrmri.metrics.measure import slice_scores, volume_scores
from xrmri.metrics.metric import Reference
from xrmri.metrics.table import METRICS


def test_adjacent_correlation_is_pearsons_and_missing_beside_a_blank_slice():
    volume = np.random.default_rng(0).random((4, 16, 16))
    expected = [np.corrcoef(volume[i].ravel(), volume[i + 1].ravel())[0, 1] for i in range(3)]
    assert adjacent_correlation(volume) == pytest.approx(expected, abs=1e-12)
    volume[1] = 0
    assert np.isnan(adjacent_correlation(volume)[:2]).all()


def test_every_metric_has_a_value_a_slice_and_the_volume_their_mean():
    volume = np.random.default_rng(0).random((3, 64, 64))
    figures = slice_scores(Reference.of(volume, 3.0), volume)
    assert list(figures) == [metric.name for metric in METRICS]
    assert all(values.shape == (3,) for values in figures.values())
    means = volume_scores(figures)
    assert means["psnr"] == 100
    assert means["ssim"] == pytest.approx(1)
    assert np.isnan(means["rssim"])
    assert means["adjacent_correlation"] == pytest.approx(np.nanmean(figures["adjacent_correlation"]))


def test_a_participant_with_many_volumes_counts_once():
    values = np.array([1.0, 1.0, 1.0, 5.0, np.nan])
    assert participant_means(values, ["a", "a", "a", "b", "c"]).tolist() == [1, 5]
    found = spread(values, ["a", "a", "a", "b", "c"], resamples=100, seed=0)
    assert (found.median, found.participants, found.volumes) == (3, 2, 4)


def test_median_and_quartiles_are_numpys_and_the_interval_holds_the_median():
    values = np.random.default_rng(3).normal(10, 2, 41)
    found = spread(values, [str(i) for i in range(41)], resamples=500, seed=1)
    order = values[np.argsort([str(i) for i in range(41)])]
    assert found.median == np.median(order)
    assert found.quartiles == tuple(np.quantile(order, (0.25, 0.75)))
    assert found.interval[0] < found.median < found.interval[1]
    assert found == spread(values, [str(i) for i in range(41)], resamples=500, seed=1)


def test_the_interval_of_a_normal_sample_covers_the_truth_about_95_times_in_100():
    generator, names = np.random.default_rng(0), [str(i) for i in range(40)]
    hits = 0
    for _ in range(200):
        found = spread(generator.normal(0, 1, 40), names, resamples=300, seed=0)
        hits += found.interval[0] <= 0 <= found.interval[1]
    assert 180 <= hits <= 199


def test_nothing_to_summarise_gives_none():
    assert spread(np.array([np.nan]), ["a"], resamples=10, seed=0) is None


def test_own_volumes_are_recognised_and_a_common_mean_is_not():
    acquired = np.random.default_rng(0).random((6, 20, 64, 64))
    names = [str(i) for i in range(6)]
    real = np.stack([signature(volume) for volume in acquired])
    noisy = np.stack([signature(np.clip(volume + 0.02, 0, 1)) for volume in acquired])
    found = identify(squared_distances(noisy, real), names, names)
    assert found.right.all() and (found.rank == 1).all()
    assert found.chance == pytest.approx(1 / 6)
    swapped = identify(squared_distances(np.roll(noisy, 1, axis=0), real), names, names)
    assert not swapped.right.any()
    mean = np.repeat(real.mean(axis=0, keepdims=True), 6, axis=0)
    assert identify(squared_distances(mean, real), names, names).right.sum() <= 1


def test_a_signature_averages_areas_of_evenly_spaced_slices():
    volume = np.arange(50.0)[:, None, None] * np.ones((50, 64, 64)) / 50
    brief = signature(volume).reshape(16, 32, 32)
    assert brief[0, 0, 0] == 0
    assert brief[-1, 0, 0] == pytest.approx(49 / 50)
