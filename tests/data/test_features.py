"""Grades become the one-hot code, and every mistake in a person's JSON is told in one line."""

import json

import numpy as np
import pytest

from xrmri.data.features import feature_set, one_hot, parse_settings, read_grades, without_slots
from xrmri.errors import InputError

FULL, PAPER = feature_set("full"), feature_set("paper")


def test_the_full_set_has_65_slots_of_19_readings_and_the_paper_set_52_of_16():
    assert (FULL.slots, len(FULL.names)) == (65, 19)
    assert (PAPER.slots, len(PAPER.names)) == (52, 16)
    assert FULL.names[:16] == PAPER.names and FULL.names[-1] == "V00XRKL"
    assert FULL.sha256 != PAPER.sha256


def test_grade_2_of_kl_lights_the_third_of_its_five_slots_and_nothing_else():
    code = one_hot({"V00XRKL": 2}, FULL)
    assert code.dtype == "uint8" and code[-5:].tolist() == [0, 0, 1, 0, 0] and code.sum() == 1


def test_a_missing_reading_is_all_zeros_and_grade_0_is_not():
    assert one_hot({"V00XRKL": None}, FULL).sum() == 0
    assert one_hot({"V00XRKL": 0}, FULL)[-5:].tolist() == [1, 0, 0, 0, 0]


def test_names_are_read_without_prefix_in_any_case_and_kl_is_an_alias(tmp_path):
    file = tmp_path / "kl.json"
    file.write_text('{"kl": 2, "xrosfm": 1, "V00XRCHL": null}')
    assert read_grades(file, FULL) == {"V00XRKL": 2, "V00XROSFM": 1, "V00XRCHL": None}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("{", "is not JSON"),
        ("[1, 2]", "holds [1, 2], not a JSON object"),
        ('{"V00XRQQ": 1}', "names 'V00XRQQ', which is unknown: choose from V00XROSFM, V00XROSFL"),
        ('{"kl": 7}', "gives V00XRKL the grade 7: choose 0, 1, 2, 3, 4, null (not read)"),
        ('{"kl": true}', "the grade true"),
        ('{"kl": 1.5}', "the grade 1.5"),
        ('{"kl": "2"}', 'the grade "2"'),
        ('{"kl": 1, "V00XRKL": 2}', "gives V00XRKL twice"),
    ],
)
def test_a_wrong_features_file_is_refused_in_one_line_that_names_it(tmp_path, content, said):
    file = tmp_path / "kl.json"
    file.write_text(content)
    with pytest.raises(InputError) as refusal:
        read_grades(file, FULL)
    message = str(refusal.value)
    assert said in message and str(file) in message and "\n" not in message


def test_a_missing_file_a_folder_and_a_picture_are_refused(tmp_path):
    (tmp_path / "knee.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for file, said in (("none.json", "No such file"), (".", "Is a directory"), ("knee.png", "not a text file")):
        with pytest.raises(InputError, match=said):
            read_grades(tmp_path / file, FULL)


def test_set_options_give_grades_and_the_paper_set_knows_no_kl():
    assert parse_settings(["V00XRATTL=2", "kl=null"], FULL) == {"V00XRATTL": 2, "V00XRKL": None}
    for wrong in ("kl", "kl=two", "kl=9"):
        with pytest.raises(InputError, match="--set"):
            parse_settings([wrong], FULL)
    with pytest.raises(InputError, match="unknown"):
        parse_settings(["kl=2"], PAPER)


def test_the_manifest_says_nothing_twice():
    assert len(set(FULL.names)) == 19 and json.dumps(FULL.grades)


def test_slots_that_are_not_told_are_zero_in_a_copy():
    codes = np.ones((2, 4), np.float32)
    shown = without_slots(codes, (1, 3))
    assert shown.tolist() == [[1, 0, 1, 0]] * 2 and codes.all()
    assert without_slots(codes[0], ()).tolist() == [1, 1, 1, 1]
