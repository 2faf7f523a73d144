"""The joint is found where it is, and only there."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from xrmri.metrics.edges import edge_maps
from xrmri.metrics.region import edges_and_joint, rssim

FEMUR_ENDS, TIBIA_BEGINS = 60, 66


def knee(slices=5, size=128, joint=(1, 2, 3), level=0):
    """Dark bones, a bright cartilage line between them in some slices, bright muscle at both sides."""
    volume = np.full((slices, size, size), 0.1)
    volume[:, :, :12] = volume[:, :, -12:] = 0.6
    for index in joint:
        volume[index, FEMUR_ENDS + level : TIBIA_BEGINS + level, 28:-28] = 0.9
    noise = np.random.default_rng(0).normal(0, 0.01, volume.shape)
    return np.clip(gaussian_filter(volume, (0, 1, 1)) + noise, 0, 1)


def test_the_joint_is_found_in_the_slices_that_have_one():
    volume = knee()
    bands = edges_and_joint(volume).bands
    assert [band is not None for band in bands] == [False, True, True, True, False]
    for band in bands[1:4]:
        assert abs(band.femur - FEMUR_ENDS) <= 3
        assert abs(band.tibia - TIBIA_BEGINS) <= 3


def test_the_band_takes_a_third_of_each_bone():
    volume = knee()
    band = edges_and_joint(volume).bands[2]
    assert band.rows.start == band.femur - band.femur // 3
    assert band.rows.stop - 1 == band.tibia + (127 - band.tibia) // 3


def test_the_joint_moves_with_the_knee():
    volume, lower = knee(), knee(level=14)
    first, second = (edges_and_joint(v).bands[2] for v in (volume, lower))
    assert second.femur - first.femur == pytest.approx(14, abs=1)


def test_a_bright_line_far_from_the_joint_of_the_other_slices_is_no_joint():
    volume = knee(joint=(1, 2, 3))
    volume[4] = knee(joint=(4,), level=30)[4]
    bands = edges_and_joint(volume).bands
    assert bands[4] is None
    assert bands[3] is not None


def test_a_volume_without_bone_or_of_noise_has_no_joint():
    noise = np.random.default_rng(1).random((3, 128, 128))
    assert edges_and_joint(noise).bands == [None, None, None]
    assert edges_and_joint(noise * 0).bands == [None, None, None]


def test_rssim_is_the_ssim_of_the_edges_in_the_band_and_missing_elsewhere():
    volume, other = knee(), knee(level=2)
    edges, others = edge_maps(volume), edge_maps(other)
    bands = edges_and_joint(volume).bands
    values = rssim(edges, others, bands)
    rows = bands[2].rows
    expected = structural_similarity(edges[2, rows].astype(float), others[2, rows].astype(float), data_range=1)
    assert values[2] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(values[[0, 4]]).all()
    assert rssim(edges, edges, bands)[1:4] == pytest.approx([1, 1, 1])
