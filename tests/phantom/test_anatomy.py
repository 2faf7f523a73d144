"""Who is in the cohort, and which disease they have."""

from collections import Counter
from dataclasses import replace

from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.disease import GRADE_LIMITS, kellgren_lawrence

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
