"""What is chosen of many lies evenly, begins with the first and ends with the last."""

import pytest

from xrmri.evenly import evenly


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [(9, 3, [0, 4, 8]), (5, 4, [0, 1, 3, 4]), (3, 8, [0, 1, 2]), (7, 1, [0]), (1, 4, [0]), (0, 4, [])],
)
def test_it_begins_with_the_first_ends_with_the_last_and_names_nothing_twice(count, most, chosen):
    assert evenly(range(count), most) == chosen
