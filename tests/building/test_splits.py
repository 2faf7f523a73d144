"""Participants are split once and for all, with equal shares in each grade."""

from collections import Counter

import pytest

from xrmri.building.splits import split_participants


@pytest.mark.parametrize("count", [10, 97, 1000])
def test_shares_are_7_2_1_within_one_participant(count):
    split = split_participants({str(i): i % 5 for i in range(count)}, (0.7, 0.2, 0.1), 0)
    counts = Counter(split.values())
    for name, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        assert abs(counts[name] - share * count) <= 1


def test_every_grade_has_its_share_in_every_split():
    grades = {str(i): (None, 0, 1, 2, 3, 4)[i % 6] for i in range(600)}
    split = split_participants(grades, (0.7, 0.2, 0.1), 3)
    per_grade = Counter((grades[participant], name) for participant, name in split.items())
    for grade in (None, 0, 1, 2, 3, 4):
        assert [per_grade[grade, name] for name in ("train", "val", "test")] == pytest.approx([70, 20, 10], abs=1)


def test_the_seed_decides_and_the_order_of_participants_does_not():
    grades = {str(i): i % 5 for i in range(50)}
    turned = dict(reversed(grades.items()))
    assert split_participants(grades, (0.7, 0.2, 0.1), 1) == split_participants(turned, (0.7, 0.2, 0.1), 1)
    assert split_participants(grades, (0.7, 0.2, 0.1), 1) != split_participants(grades, (0.7, 0.2, 0.1), 2)
