"""Which knee is which: a knee is left out, with its reason and score, rather than called by the wrong side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrmri.detector.sides import tell_apart
from xrmri.records import KneeBox

WIDTH = 400


def box(x, score=0.9, fibula_left=0.5, y=50.0, size=60.0):
    return KneeBox(side="", score=score, corners=(x, y, x + size, y + size), fibula_left=fibula_left)


AT_LEFT, AT_RIGHT, MIDDLE = box(40), box(300), box(170)


def told(*found, knees=None, side=None, faint=0.0):
    """Sides, reasons and scores."""
    sided, left_out = tell_apart(found, WIDTH, knees=knees, side=side, faint=faint)
    return [knee.side for knee in sided], [one.reason for one in left_out], [one.score for one in left_out]


@pytest.mark.parametrize("knees", [2, None])
def test_of_two_knees_the_one_at_image_left_is_the_right_one(knees):
    assert told(AT_LEFT, AT_RIGHT, knees=knees) == (["right", "left"], [], [])


def test_two_knees_keep_their_sides_by_place_whatever_side_the_film_is_said_to_show():
    assert told(AT_LEFT, AT_RIGHT, side="left")[0] == ["right", "left"]


def test_no_knee_is_a_reason_with_the_score_of_the_best_box_that_scored_too_little():
    assert told(knees=2, faint=0.125) == ([], ["no knee found: the best score, 0.12, is below --min-score"], [0.125])


def test_a_film_of_one_knee_takes_the_side_it_is_said_to_show_and_none_where_nobody_knows():
    assert told(MIDDLE, knees=1, side="left") == (["left"], [], [])
    sides, (reason,), scores = told(MIDDLE)
    assert (sides, scores) == ([], [0.9])
    assert "--side left or --side right" in reason


def test_two_knees_where_one_is_promised_are_left_out():
    sides, (reason,), scores = told(AT_LEFT, box(300, 0.4), knees=1, side="left")
    assert (sides, scores) == ([], [0.4])
    assert reason == "2 knees found (scores 0.90, 0.40) where the description promises one"


@pytest.mark.parametrize(("found", "here", "other"), [(AT_LEFT, "right", "left"), (AT_RIGHT, "left", "right")])
def test_one_of_two_promised_is_kept_in_its_half_and_the_other_is_named_with_its_score(found, here, other):
    sides, reasons, scores = told(found, knees=2, faint=0.2)
    assert (sides, scores) == ([here], [0.2])
    assert reasons == [f"{other} knee not found: only the {here} one, score 0.90"]


def test_one_of_two_promised_in_the_middle_is_left_out():
    sides, (reason,), _ = told(MIDDLE, knees=2)
    assert sides == []
    assert "in the middle" in reason


def test_a_third_box_is_passed_over_in_words_when_it_is_faint_and_refuses_the_film_when_it_is_not():
    sides, reasons, scores = told(AT_LEFT, box(170, 0.3), AT_RIGHT)
    assert (sides, reasons, scores) == (["right", "left"], ["one more box, score 0.30, passed over"], [0.3])
    sides, (reason,), scores = told(AT_LEFT, box(170, 0.6), AT_RIGHT)
    assert (sides, scores) == ([], [0.6])
    assert reason.startswith("3 knees found")


@pytest.mark.parametrize("second", [box(300, size=120), box(300, y=200)])
def test_boxes_too_unlike_to_be_the_knees_of_one_person_are_left_out(second):
    sides, (reason,), _ = told(AT_LEFT, second)
    assert sides == []
    assert "differ too much" in reason


def test_fibulas_that_point_inward_refuse_a_film_of_both_knees_together():
    assert told(box(40, fibula_left=0.9), box(300, fibula_left=0.1))[0] == ["right", "left"]
    sides, (reason,), _ = told(box(40, fibula_left=0.2), box(300, fibula_left=0.8))
    assert sides == []
    assert "point inward" in reason
    # One knee in doubt does not outweigh the other.
    assert told(box(40, fibula_left=0.1), box(300, fibula_left=0.1))[0] == ["right", "left"]


@pytest.mark.parametrize(("fibula_left", "side", "kept"), [(0.95, "right", True), (0.95, "left", False),
                                                           (0.05, "left", True), (0.05, "right", False)])  # fmt: skip
def test_a_fibula_that_contradicts_the_side_of_a_film_of_one_knee_refuses_it(fibula_left, side, kept):
    sides, reasons, _ = told(box(170, fibula_left=fibula_left), side=side)
    assert sides == ([side] if kept else [])
    assert kept or "its fibula lies at image" in reasons[0]


def test_the_only_knee_found_of_two_is_refused_when_its_fibula_points_inward():
    sides, (reason,), _ = told(box(40, fibula_left=0.04), knees=2)
    assert sides == []
    assert "points inward" in reason


BOXES = st.builds(
    box, st.floats(0, 340), score=st.floats(0.25, 1), fibula_left=st.floats(0, 1), y=st.floats(0, 300),
    size=st.floats(10, 120),
)  # fmt: skip


@given(st.lists(BOXES, max_size=4), st.sampled_from((None, 1, 2)), st.sampled_from((None, "left", "right")))
def test_whatever_is_found_no_side_comes_twice_and_nothing_is_left_out_without_a_reason(found, knees, side):
    found = sorted(found, key=lambda one: one.corners[0] + one.corners[2])
    sided, left_out = tell_apart(found, WIDTH, knees=knees, side=side)
    sides = [knee.side for knee in sided]
    assert sides in ([], ["right"], ["left"], ["right", "left"])
    assert left_out or len(sided) == (len(found) if found else -1)
    if knees == 2 or len(found) > 1:
        by_side = {knee.side: knee.corners[0] + knee.corners[2] for knee in sided}
        assert len(sides) < 2 or by_side["right"] <= by_side["left"]
