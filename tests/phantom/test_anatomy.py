"""Who is in the cohort, and which disease they have."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.disease import GRADE_LIMITS, kellgren_lawrence
from xrmri.phantom.sdf import Points
from xrmri.phantom.shape import Body
from xrmri.phantom.soft import limb

PEOPLE = [draw_participant(7, index) for index in range(400)]


def test_the_same_two_numbers_draw_the_same_person() -> None:
    assert draw_participant(7, 3) == PEOPLE[3]
    assert draw_participant(8, 3) != PEOPLE[3]


def test_every_id_is_unique_and_has_seven_digits() -> None:
    assert len({person.participant for person in PEOPLE}) == 400
    assert all(len(person.participant) == 7 and person.participant.startswith("90") for person in PEOPLE)


def test_nine_in_ten_people_have_their_right_knee_imaged() -> None:
    assert 0.85 < sum(person.imaged_side == "right" for person in PEOPLE) / 400 < 0.95


def test_about_half_of_the_people_lack_the_rarely_read_features_and_mostly_healthy_ones() -> None:
    missing = [person for person in PEOPLE if person.rarely_read_missing]
    assert 0.35 < len(missing) / 400 < 0.6
    assert sum(max(p.right.grades["XRKL"], p.left.grades["XRKL"]) < 2 for p in missing) / len(missing) > 0.6


def test_grades_stay_in_range_and_amount_to_the_kl_grade() -> None:
    for person in PEOPLE:
        for knee in (person.right, person.left):
            assert list(knee.grades) == list(GRADE_LIMITS)
            assert all(0 <= knee.grades[name] <= limit for name, limit in GRADE_LIMITS.items())
            assert kellgren_lawrence(knee.grades) == knee.grades["XRKL"]


def test_narrowing_is_mostly_medial_and_every_kl_grade_occurs() -> None:
    knees = [knee for person in PEOPLE for knee in (person.right, person.left)]
    assert min(Counter(knee.grades["XRKL"] for knee in knees)[kl] for kl in range(5)) >= 15
    medial = sum(knee.grades["XRJSM"] > knee.grades["XRJSL"] for knee in knees)
    lateral = sum(knee.grades["XRJSL"] > knee.grades["XRJSM"] for knee in knees)
    assert medial > 2 * lateral > 0


def test_attrition_comes_with_narrowing_and_cysts_with_sclerosis() -> None:
    knees = [knee.grades for person in PEOPLE for knee in (person.right, person.left)]
    assert all(g["XRJSM"] >= 2 for g in knees if g["XRATTM"])
    assert all(g["XRSCTM"] >= 1 for g in knees if g["XRCYTM"])


def test_joint_space_is_lost_only_where_it_is_graded() -> None:
    knee = PEOPLE[0].right
    healthy = dict.fromkeys(GRADE_LIMITS, 0)
    gaps = [joint_gaps(replace(knee, grades=healthy | {"XRJSM": grade})) for grade in range(4)]
    assert [a.medial_mm > b.medial_mm + 1 for a, b in zip(gaps[:-1], gaps[1:], strict=True)] == [True] * 3
    assert len({gap.lateral_mm for gap in gaps}) == 1
    assert gaps[3].medial_mm < 0.3


def test_half_the_people_have_their_left_knee_imaged_on_request_and_nothing_else_changes() -> None:
    asked = [draw_participant(7, index, left_flash=0.5) for index in range(400)]
    assert 0.43 < sum(person.imaged_side == "left" for person in asked) / 400 < 0.57
    assert all(replace(one, imaged_side=other.imaged_side) == other for one, other in zip(asked, PEOPLE, strict=True))


def test_age_sex_and_bmi_act_on_cartilage_muscle_and_fat() -> None:
    woman, man = Body(male=False, age_years=72, bmi=28.5), Body(male=True, age_years=72, bmi=28.5)
    assert (woman.cartilage_left(), man.cartilage_left()) == pytest.approx((0.96, 0.975))
    assert man.muscle_bulk() == pytest.approx(1.0) and woman.muscle_bulk() == pytest.approx(0.92)
    assert man._replace(bmi=38.5).muscle_bulk() == pytest.approx(1.06)
    shapes = [person.right.shape for person in PEOPLE]
    known = np.array([(p.sex == "male", p.age_years - 62, p.bmi - 28.5, 1) for p in PEOPLE], dtype=float)
    size, medial, muscle, fat = (
        np.linalg.lstsq(known, np.array([getattr(shape, name) for shape in shapes]), rcond=None)[0]
        for name in ("size", "cartilage_medial_mm", "muscle", "fat_mm")
    )
    assert size[0] == pytest.approx(0.09, abs=0.01)  # men's bones are larger
    assert medial[1] == pytest.approx(-0.016, abs=0.008)  # mm a year
    assert muscle[:3] == pytest.approx((0.08, -0.005, 0.006), abs=0.02)
    assert fat[0] == pytest.approx(-3.5, abs=0.6) and fat[2] == pytest.approx(0.55, abs=0.06)


def across_mm(person: Participant, height_mm: float) -> tuple[float, float]:
    """Where the limb of a right knee begins and ends from medial (negative) to lateral, mm."""
    places = np.arange(-100.0, 100.0, 0.5, dtype=np.float32)
    here = Points(places[None, None, :], np.float32([[[-4.0]]]), np.float32([[[height_mm]]]))
    inside = places[limb(person.right, here)[0, 0] < 0]
    return float(inside[0]), float(inside[-1])


def test_limbs_are_90_to_150_mm_wide_and_their_fat_lies_medially() -> None:
    joint, thigh = (np.array([across_mm(person, height) for person in PEOPLE]) for height in (5.0, 60.0))
    widths = np.ptp(joint, axis=1)
    assert 90 < widths.min() < 100 and 112 < widths.mean() < 125 and 142 < np.ptp(thigh, axis=1).max() < 156
    fat = np.array([person.right.shape.fat_mm for person in PEOPLE])
    middles = joint.mean(axis=1)
    assert np.corrcoef(fat, middles)[0, 1] < -0.9 and middles.max() < 0.5


def test_some_patellas_stand_high() -> None:
    heights = [person.right.shape.patella_z_mm for person in PEOPLE]
    assert 0.02 < np.mean(np.array(heights) > 37) < 0.12
