"""Cases are chosen by rule, and figures are the same bytes for the same numbers."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xrmri.geometry import PLANES
from xrmri.report.figures import SHOWN, CaseImages, chosen_cases, draw_figures, source_style
from xrmri.report.paper import _by_grade, draw_paper
from xrmri.report.viewer import viewer_case, views


def table(values):
    names = [f"p{i}" for i in range(len(values))]
    return pd.DataFrame({"pair_id": names, "ssim": values, "reason": "", "kl": [i % 2 for i in range(len(values))]})


def shown(pixels):
    return CaseImages(
        acquired=pixels,
        generated=pixels[::-1],
        slices=np.arange(len(pixels)),
        bands=[None] * len(pixels),
        radiograph=pixels[0],
        further={"another run": pixels * 0.5},
        flipped=pixels * 0.9,
        drawn=pixels[::-1],
        spacing_mm=(1.5, 1.0, 0.5),
    )


def test_best_median_and_worst_are_chosen_by_ssim():
    chosen = chosen_cases(table([0.1, 0.5, 0.3, 0.9, np.nan, 0.7]), 1)
    assert chosen == [("best", "p3"), ("median", "p1"), ("worst", "p0")]


def test_no_case_is_shown_twice_and_ties_go_by_name():
    assert chosen_cases(table([0.5, 0.5]), 3) == [("best", "p0"), ("best", "p1")]
    assert chosen_cases(table([0.5, 0.5]), 0) == []


def test_a_metric_that_measured_nothing_has_no_panel(tmp_path):
    spread = {"median": 1.0, "quartiles": (0.5, 1.5), "interval": (0.8, 1.2)}
    one = table([0.5]).assign(psnr=20.0, rssim=np.nan, adjacent_correlation=0.9, r2=0.1)
    high = []
    for measured in (SHOWN, SHOWN[:1]):
        scores = {name: {"generated": spread if name in measured else None} for name in SHOWN}
        drawn = draw_figures(tmp_path, {"generated": one}, scores, cases=[], picture=shown)
        high.append([Image.open(figure.png).height for figure in drawn])
    rows = (len(SHOWN) + 1) // 2
    assert rows > 1
    assert high[0] == pytest.approx([rows * height for height in high[1]], abs=rows)


def test_the_same_numbers_give_the_same_bytes_and_one_volume_is_enough(tmp_path):
    spread = {"median": 1.0, "quartiles": (0.5, 1.5), "interval": (0.8, 1.2)}
    summary = {name: {"generated": spread} for name in ("psnr", "ssim", "rssim", "adjacent_correlation", "r2")}
    one = table([0.5]).assign(psnr=20.0, rssim=np.nan, adjacent_correlation=0.9, r2=0.1)
    pixels = np.random.default_rng(0).random((3, 32, 32))

    def picture(pair_id):
        return shown(pixels)

    for name in ("a", "b"):
        drawn = draw_figures(tmp_path / name, {"generated": one}, summary, cases=[("best", "p0")], picture=picture)
    assert [figure.png.name for figure in drawn] == ["baselines.png", "by_grade.png", "case_p0.png"]
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_every_figure_of_the_paper_is_drawn_and_the_same_twice(tmp_path):
    pixels = np.random.default_rng(1).random((5, 32, 32))
    own = {"psnr": 20.0, "rssim": 0.5, "adjacent_correlation": 0.9, "adjacent_correlation_own": 0.8}
    tables = {name: table([0.5, 0.4]).assign(**own, generated_slices=5) for name in ("generated", "another run")}
    tables["acquired"] = table([np.nan, np.nan]).assign(**own)
    grey = pd.DataFrame({"depth": [0, 1, 0, 1], "acquired": [0.1, 0.2, 0.3, 0.4], "generated": [0.1, 0.2, 0.2, 0.3]})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        drawn = draw_paper(tmp_path / name, tables, grey, picture=lambda pair_id: shown(pixels), run_name="this run")
    assert [figure.png.stem for figure in drawn] == ["fig4", "fig5", "fig6", "table2", "table3", "table4"]
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_grade_is_shown_by_the_pair_with_its_median_ssim():
    rows = table([0.1, 0.9, 0.2, 0.8, 0.3, 0.7]).assign(kl=[0, 4, 0, 4, 0, 3])
    assert _by_grade(rows) == {0: "p2", 3: "p5", 4: "p3"}
    assert _by_grade(rows.assign(kl=pd.NA)) == {-1: "p4"}


def test_runs_stand_between_the_generated_volumes_and_the_baselines():
    styles = source_style(["acquired", "mine", "generated", "wrong_patient"])
    assert list(styles) == ["generated", "mine", "wrong_patient", "acquired"]
    assert styles["mine"][0] == "mine"


def test_the_viewer_holds_every_slice_where_its_script_looks_for_it():
    pixels = np.linspace(0, 1, 10)[:, None, None] * np.ones((10, 64, 64))
    case = viewer_case("best", shown(pixels))
    assert case["shape"] == [10, 64, 64] and case["spacing"] == [1.5, 1.0, 0.5]
    assert case["ends"] == (("P", "A"), ("S", "I"), ("lateral", "medial"))
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(case["acquired"].partition(",")[2]))).convert("L"))
    assert sheet.shape == (2 * 64, 8 * 64)
    assert sheet[64 + 32, 64 + 32] == pytest.approx(255, abs=3)
    assert sheet[32, 3 * 64 + 32] == pytest.approx(255 * 3 / 9, abs=3)


@pytest.mark.parametrize("plane", PLANES)
def test_the_viewer_shows_each_plane_as_radiologists_look_at_it_whatever_plane_the_slices_lie_in(plane):
    towards = {"coronal": "LI", "sagittal": "PI", "axial": "LP"}  # along columns and rows; of a right knee L is medial
    names = dict(zip("RLAPSI", ("lateral", "medial", "A", "P", "S", "I"), strict=True))
    opposite = dict(zip("RLAPSI", "LRPAIS", strict=True))
    for view in views(plane):
        letters = []
        for axis, flipped in zip(view["axes"], view["flipped"], strict=False):
            runs_to = PLANES[plane][axis]
            letters.append(opposite[runs_to] if flipped else runs_to)
        assert "".join(letters) == towards[view["name"]]
        wanted = [names[one] for letter in towards[view["name"]] for one in (opposite[letter], letter)]
        assert view["letters"] == wanted and sorted(view["axes"]) == [0, 1, 2]
    assert [view["name"] for view in views(plane)] == list(towards)


def test_a_large_volume_is_shrunk_and_keeps_its_millimetres():
    case = viewer_case("best", shown(np.zeros((2, 384, 384))))
    assert case["shape"] == [2, 192, 192] and case["spacing"] == [1.5, 2.0, 1.0]
