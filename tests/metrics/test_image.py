"""PSNR and SSIM are scikit-image's, whatever the dtype; the overflow of the paper is reproduced."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from xrmri.metrics.image import ms_ssim, psnr, psnr_as_in_paper, ssim
from xrmri.metrics.window import GAUSSIAN, UNIFORM


def knees(seed=0, shape=(3, 40, 48)):
    generator = np.random.default_rng(seed)
    one = generator.random(shape)
    return one, np.clip(one + generator.normal(0, 0.1, shape), 0, 1)


def test_psnr_agrees_with_scikit_image_to_a_millionth():
    one, other = knees()
    expected = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(one, other, strict=True)]
    assert psnr(one, other) == pytest.approx(expected, abs=1e-6)


def test_a_difference_of_a_tenth_everywhere_is_20_decibels_and_none_is_infinite():
    flat = np.zeros((2, 8, 8))
    assert psnr(flat, flat + 0.1) == pytest.approx([20, 20])
    assert np.isinf(psnr(flat, flat)).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(11, 30), columns=st.integers(11, 30))
def test_both_ssims_agree_with_scikit_image_to_a_millionth(seed, rows, columns):
    one, other = knees(seed, (2, rows, columns))
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    found = zip(ssim(one, other, UNIFORM), ssim(one, other, GAUSSIAN), strict=True)
    for a, b, (uniform, gaussian) in zip(one, other, found, strict=True):
        assert uniform == pytest.approx(structural_similarity(a, b, data_range=1), abs=1e-6)
        assert gaussian == pytest.approx(structural_similarity(a, b, data_range=1, **wang), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_uint8_uint16_and_float_give_the_same_figures(dtype):
    generator = np.random.default_rng(2)
    one, other = generator.integers(0, 256, (2, 2, 32, 32), dtype=np.uint8)
    expected = psnr(one / 255, other / 255), ssim(one / 255, other / 255, UNIFORM)
    one, other = one.astype(dtype), other.astype(dtype)
    assert psnr(one, other, 255) == pytest.approx(expected[0], abs=1e-9)
    assert ssim(one, other, UNIFORM, 255) == pytest.approx(expected[1], abs=1e-9)


def test_noise_scores_8_decibels_in_truth_and_28_in_the_paper():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 256, (2, 4, 128, 128)) / 255
    assert psnr(one, other) == pytest.approx(np.full(4, 7.75), abs=0.2)
    assert psnr_as_in_paper(one, other) == pytest.approx(np.full(4, 27.9), abs=0.2)


def test_the_overflow_is_the_one_of_uint8_arithmetic():
    one, other = np.zeros((1, 8, 8)), np.full((1, 8, 8), 16 / 255)
    assert psnr_as_in_paper(one, other)[0] == np.inf  # 16 squared is 256, which is 0 in 8 bits
    other[:] = 15 / 255
    assert psnr_as_in_paper(one, other)[0] == pytest.approx(10 * np.log10(255**2 / 225))


def test_volumes_of_different_shapes_and_pictures_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        psnr(np.zeros((2, 8, 8)), np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim(np.zeros((1, 10, 20)), np.zeros((1, 10, 20)), GAUSSIAN)


def test_ms_ssim_is_the_product_of_its_scales_as_published():
    one, other = knees(3, (2, 192, 200))
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1, "full": True}
    for index, found in enumerate(ms_ssim(one, other)):
        pair, parts = (one[index], other[index]), []
        for _ in range(5):
            similarity = structural_similarity(*pair, **wang)[1][5:-5, 5:-5]
            a, b = (smooth(picture)[5:-5, 5:-5] for picture in pair)
            parts.append((similarity * (a**2 + b**2 + 1e-4) / (2 * a * b + 1e-4)).mean())
            pair = tuple(half(picture) for picture in pair)
        expected = np.prod(np.array([*parts[:-1], similarity.mean()]) ** [0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
        assert found == pytest.approx(expected, abs=1e-6)


def smooth(picture):
    return gaussian_filter(picture, 1.5, radius=5)


def half(picture):
    rows, columns = (length // 2 for length in picture.shape)
    return picture[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))


def test_ms_ssim_leaves_out_scales_smaller_than_its_window():
    one, _ = knees(4, (1, 24, 24))
    assert ms_ssim(one, one)[0] == pytest.approx(1)
    assert 0 <= ms_ssim(one, 1 - one)[0] < 0.1


def test_the_page_on_the_overflow_prints_what_it_says_it_prints(capsys):
    page = (Path(__file__).parents[2] / "docs" / "psnr_overflow.md").read_text(encoding="utf-8")
    found: dict = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, found)
    assert capsys.readouterr().out == "".join(re.findall(r"```text\n(.*?)```", page, re.DOTALL))
    one, other = np.random.default_rng(0).integers(0, 256, (2, 1, 64, 64), dtype=np.uint8)
    assert found["psnr_in_8_bits"](one, other) == pytest.approx(psnr_as_in_paper(one / 255, other / 255)[0], abs=1e-9)
