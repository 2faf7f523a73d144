"""Cases are chosen by rule, and figures are the same bytes for the same numbers."""

import numpy as np
import pandas as pd

from xrmri.report.figures import Picture, chosen_cases, draw_figures


def table(values):
    names = [f"p{i}" for i in range(len(values))]
    return pd.DataFrame({"pair_id": names, "ssim": values, "reason": "", "kl": [i % 2 for i in range(len(values))]})


def test_best_median_and_worst_are_chosen_by_ssim():
    chosen = chosen_cases(table([0.1, 0.5, 0.3, 0.9, np.nan, 0.7]), 1)
    assert chosen == [("best", "p3"), ("median", "p1"), ("worst", "p0")]


def test_no_case_is_shown_twice_and_ties_go_by_name():
    assert chosen_cases(table([0.5, 0.5]), 3) == [("best", "p0"), ("best", "p1")]
    assert chosen_cases(table([0.5, 0.5]), 0) == []


def test_the_same_numbers_give_the_same_bytes_and_one_volume_is_enough(tmp_path):
    spread = {"median": 1.0, "quartiles": (0.5, 1.5), "interval": (0.8, 1.2)}
    summary = {name: {"generated": spread} for name in ("psnr", "ssim", "rssim", "adjacent_correlation")}
    one = table([0.5]).assign(psnr=20.0, rssim=np.nan, adjacent_correlation=0.9)
    pixels = np.random.default_rng(0).random((3, 32, 32))

    def picture(pair_id):
        return Picture(acquired=pixels, generated=pixels[::-1], slices=np.arange(3), bands=[None] * 3)

    for name in ("a", "b"):
        drawn = draw_figures(tmp_path / name, {"generated": one}, summary, [("best", "p0")], picture)
    assert [figure.png.name for figure in drawn] == ["baselines.png", "by_grade.png", "case_p0.png"]
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
