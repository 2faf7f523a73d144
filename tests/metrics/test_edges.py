"""Edges are scikit-image's in every pixel, also where every comparison is a tie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.feature import canny
from skimage.filters import sobel as sobel_of_scikit_image

from xrmri.metrics.edges import edge_maps, picture_edges, sobel


def texture(seed, shape, blur):
    generator = np.random.default_rng(seed)
    smooth = gaussian_filter(generator.normal(0, 1, shape), blur)
    return np.clip(0.5 + 0.25 * smooth / smooth.std() + generator.normal(0, 0.02, shape), 0, 1)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(16, 80),
    columns=st.integers(16, 80),
    blur=st.floats(0.5, 9),
    sigma=st.sampled_from([1.0, 2.5, 3.0]),
)
def test_edges_of_textures_are_exactly_those_of_scikit_image(seed, rows, columns, blur, sigma):
    picture = texture(seed, (rows, columns), blur)
    assert np.array_equal(picture_edges(picture, sigma), canny(picture, sigma=sigma))


def drawings():
    square, disc, ramp, bar = np.zeros((4, 64, 72))
    square[16:48, 20:52] = 1
    rows, columns = np.mgrid[:64, :72]
    disc[(rows - 32) ** 2 + (columns - 36) ** 2 < 400] = 0.5
    ramp[:] = np.minimum(columns / 24, 1)
    bar[30:34] = 1
    return {
        "square": square,
        "disc": disc,
        "ramp": ramp,
        "bar": bar,
        "stairs": np.rint(texture(1, (64, 72), 4) * 15) / 15,
        "diagonal": (rows > columns) * 1.0,
    }


@pytest.mark.parametrize("name", drawings())
def test_ties_go_where_scikit_image_lets_them_go(name):
    picture = drawings()[name]
    expected = canny(picture, sigma=3)
    assert np.array_equal(picture_edges(picture, 3.0), expected)
    assert expected.any()


def test_a_blank_slice_has_no_edges_and_a_volume_is_done_slice_by_slice():
    volume = np.stack([np.full((64, 72), 0.3), texture(2, (64, 72), 3)]).astype(np.float32)
    edges = edge_maps(volume)
    expected = [canny(picture, sigma=3) for picture in volume.astype(np.float64)]
    assert np.array_equal(edges, expected)
    assert not canny(np.zeros((64, 72)), sigma=3).any() and not picture_edges(np.zeros((64, 72)), 3.0).any()


def test_edges_of_integers_are_refused_because_thresholds_would_change():
    with pytest.raises(ValueError, match=r"floating point in \[0, 1\]"):
        edge_maps(np.zeros((1, 16, 16), np.uint16))


def test_sobel_is_that_of_scikit_image():
    volume = np.stack([texture(seed, (40, 30), 2) for seed in range(3)])
    expected = [sobel_of_scikit_image(picture) for picture in volume]
    assert sobel(volume) == pytest.approx(np.array(expected), abs=1e-12)
