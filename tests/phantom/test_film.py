"""The radiograph: both knees, where their joints are, and that it shows the bones of the volume."""

from dataclasses import replace

import numpy as np
import pytest

from xrmri.phantom.anatomy import Knee, Participant, draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.film import WORK_MM, Film, render_film
from xrmri.phantom.markings import crest
from xrmri.phantom.pose import Grid
from xrmri.phantom.projection import Shadow, Stance, cast

DRAWN = draw_participant(1, 0)
HEALTHY = dict.fromkeys(DRAWN.right.grades, 0)
AXIS = np.arange(52.5, -53.0, -1.25, dtype=np.float32)


def person(**grades: int) -> Participant:
    """Someone whose right knee has these grades and whose left knee has none."""
    return replace(DRAWN, right=replace(DRAWN.right, grades=HEALTHY | grades), left=replace(DRAWN.left, grades=HEALTHY))


@pytest.fixture(scope="module")
def film() -> Film:
    return render_film(person())


def crop(film: Film, side: str) -> np.ndarray:
    x0, y0, x1, y1 = (round(v) for v in film.joint_box[side])
    return film.pixels[y0:y1, x0:x1].astype(float)


def test_the_film_is_12_bit_and_as_large_as_a_real_one(film: Film) -> None:
    assert film.pixels.dtype == np.uint16 and film.pixels.max() <= 4095
    assert 290 < film.pixels.shape[0] * film.spacing_mm < 350
    assert 348 < film.pixels.shape[1] * film.spacing_mm < 468


def test_the_same_person_gives_the_same_film(film: Film) -> None:
    again = render_film(person())
    assert np.array_equal(again.pixels, film.pixels) and again.joint_box == film.joint_box


def test_the_patients_right_knee_is_at_image_left(film: Film) -> None:
    assert film.joint_box["right"][2] < film.pixels.shape[1] / 2 < film.joint_box["left"][0]


def test_boxes_are_squares_a_little_narrower_than_a_knee(film: Film) -> None:
    for x0, y0, x1, y1 in film.joint_box.values():
        assert x1 - x0 == pytest.approx(y1 - y0)
        assert 60 < (x1 - x0) * film.spacing_mm < 95


def test_the_joint_space_is_a_dark_line_at_0_585_of_the_crops_height(film: Film) -> None:
    for side in ("right", "left"):
        knee = crop(film, side)
        size = knee.shape[0]
        middle = slice(round(0.47 * size), round(0.75 * size))
        darkest = []
        for left, right in ((0.15, 0.3), (0.7, 0.85)):  # apart, because a knee may stand tilted
            profile = knee[middle, round(left * size) : round(right * size)].mean(axis=1)
            darkest.append((profile.argmin() + middle.start) / size)
        assert np.mean(darkest) == pytest.approx(0.5 + 1.3 * (0.585 - 0.5), abs=0.04)


def thinnest_mm(shadow: Shadow, x_mm: float) -> float:
    """Least equivalent bone that a ray near the joint line crosses, about one distance from the midline, mm."""
    middle = shadow.bone.shape[1] / 2 - x_mm / WORK_MM
    columns = slice(round(middle - 3 / WORK_MM), round(middle + 3 / WORK_MM))
    rows = slice(round(shadow.bone.shape[0] / 2 - 10 / WORK_MM), round(shadow.bone.shape[0] / 2 + 8 / WORK_MM))
    return float(shadow.bone[rows, columns].min(axis=0).mean())


def test_medial_narrowing_closes_the_medial_joint_space_only() -> None:
    grid = Grid(x=AXIS, y=np.arange(-56, 56, 2, dtype=np.float32), z=AXIS)
    slope = DRAWN.right.shape.plateau_slope_degrees
    stance = Stance(flexion_degrees=18.0, tibia_lean_degrees=slope, rotation_degrees=0.0, roll_degrees=0.0)
    open_joint, closed = (cast(person(XRJSM=grade).right, stance, grid, 3) for grade in (0, 3))
    assert thinnest_mm(open_joint, -23.0) < 1.0
    assert thinnest_mm(closed, -23.0) > 3.0
    assert thinnest_mm(open_joint, 23.0) < 1.0 > thinnest_mm(closed, 23.0)


def test_an_osteophyte_widens_the_box(film: Film) -> None:
    wide = render_film(person(XROSTM=3, XROSTL=3)).joint_box["right"]
    plain = film.joint_box["right"]
    assert (wide[2] - wide[0] - plain[2] + plain[0]) * film.spacing_mm > 5.5


def test_a_left_knee_is_placed_and_boxed_as_the_mirror_image_of_a_right_one(film: Film) -> None:
    swapped = replace(DRAWN, right=replace(person().left, side="right"), left=replace(person().right, side="left"))
    other = render_film(swapped)
    first, second = crop(film, "right"), crop(other, "left")[:, ::-1]
    height, width = np.minimum(first.shape, second.shape)
    first, second = first[:height, :width], second[:height, :width]
    assert np.corrcoef(first[::4, ::4].ravel(), second[::4, ::4].ravel())[0, 1] > 0.8


def clear_mm(knee: Knee, x_mm: float, miss_degrees: float) -> float:
    """Height of the strip near the joint line, about one distance from the midline, that hardly any bone covers, mm."""
    slope = knee.shape.plateau_slope_degrees
    stance = Stance(flexion_degrees=25.0, tibia_lean_degrees=slope + miss_degrees, rotation_degrees=0.0, roll_degrees=0)
    grid = Grid(x=AXIS, y=np.arange(-56, 56, 2, dtype=np.float32), z=AXIS[28:-28])
    bone = cast(knee, stance, grid, 3).bone
    middle = round(bone.shape[1] / 2 - x_mm / WORK_MM)
    return float((bone[:, middle - 7 : middle + 7].mean(axis=1) < 2.5).sum()) * WORK_MM


@pytest.mark.parametrize(("grade", "x_mm"), [(0, -23.0), (1, -23.0), (2, -23.0), (0, 23.0)])
def test_a_beam_along_the_plateau_shows_the_joint_space_that_the_volume_has(grade: int, x_mm: float) -> None:
    knee = person(XRJSM=grade).right
    gaps = joint_gaps(knee)
    true_mm = gaps.medial_mm if x_mm < 0 else gaps.lateral_mm
    assert clear_mm(knee, x_mm, 0.0) == pytest.approx(true_mm, abs=1.5)


def test_a_beam_that_misses_the_plateau_shows_less_joint_space() -> None:
    knee = person().right
    assert clear_mm(knee, -23.0, 9.0) < clear_mm(knee, -23.0, 0.0) - 1.0 > clear_mm(knee, -23.0, -9.0)


def test_a_shadow_does_not_depend_on_the_side_of_the_body() -> None:
    grid = Grid(x=AXIS, y=np.arange(-56, 56, 8, dtype=np.float32), z=AXIS)
    stance = Stance(flexion_degrees=25.0, tibia_lean_degrees=6.0, rotation_degrees=3.0, roll_degrees=2.0)
    right, left = (cast(replace(DRAWN.right, side=side), stance, grid, 1) for side in ("right", "left"))
    assert np.array_equal(right.bone, left.bone) and np.array_equal(right.struts, left.struts)


def test_the_fibula_lies_outside_in_both_crops(film: Film) -> None:
    for side in ("right", "left"):
        x0, y0, x1, y1 = film.joint_box[side]
        size = x1 - x0
        below = film.pixels[round(y1 + 0.05 * size) : round(y1 + 0.15 * size)].astype(float).mean(axis=0)
        outside, inside = (x0 - 0.02 * size, x1 + 0.02 * size)[:: 1 if side == "right" else -1]
        reach = 0.07 * size
        lateral, medial = (below[round(x - reach) : round(x + reach)].mean() for x in (outside, inside))
        assert lateral > medial


def test_the_oval_of_the_patella_shows_through_the_femur() -> None:
    grid = Grid(x=AXIS, y=np.arange(-56, 68, 2, dtype=np.float32), z=np.arange(70.0, -20.0, -1.25, dtype=np.float32))
    stance = Stance(flexion_degrees=25.0, tibia_lean_degrees=6.0, rotation_degrees=0.0, roll_degrees=0.0)
    knee = person().right
    away = replace(knee, shape=replace(knee.shape, patella_z_mm=180.0))
    added = cast(knee, stance, grid, 3).bone - cast(away, stance, grid, 3).bone
    rows, columns = np.nonzero(added > 1.0)
    assert 30 < (np.ptp(columns) + 1) * WORK_MM < 60 and 25 < (np.ptp(rows) + 1) * WORK_MM < 60
    assert added.max() > 3.0  # mm of cortical bone, as much as 18 mm of spongy bone


def test_cortex_lines_the_top_of_the_spines_and_nothing_beside_them() -> None:
    grid = Grid(x=AXIS, y=AXIS, z=AXIS)
    top = 8.0 * np.exp(-((AXIS / 8.0) ** 2))
    drawn = crest(np.where(AXIS[:, None] <= top, 40.0, 0.0).astype(np.float32), grid, 1.0)
    along, across = np.nonzero(drawn > 0.3)
    assert np.abs(AXIS[along] - top[across]).max() < 2.6 and np.abs(AXIS[across]).max() < 16
    assert (drawn.max(axis=0)[np.abs(AXIS) < 9] > 0.3).all()
