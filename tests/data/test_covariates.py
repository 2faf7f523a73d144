"""Age, sex and BMI: what tables say of a participant, what a dataset holds, and what a model is told."""

import numpy as np
import pytest

from xrmri.cohorts.participants import read_people
from xrmri.data.covariates import (
    covariate_code,
    covariates_of,
    is_plausible,
    parse_covariates,
    read_covariates,
    stored_covariates,
)
from xrmri.data.features import feature_set, parse_settings, read_grades
from xrmri.errors import InputError

NOBODY = {"age": None, "sex": None, "bmi": None}


def test_the_code_has_two_slots_each_and_zeros_over_what_is_missing():
    known = covariate_code({"age": 71, "sex": "female", "bmi": 23.5})
    assert known.dtype == np.float32 and known.tolist() == [1, 1, 1, 0, -1, 1]
    assert covariate_code({"age": 62, "sex": "male"}).tolist() == [0, 1, 0, 1, 0, 0]
    assert covariate_code({}).tolist() == covariate_code(NOBODY).tolist() == [0] * 6


@pytest.mark.parametrize("values", [{"age": 63, "sex": "male", "bmi": 31.2}, {"sex": "female"}, NOBODY])
def test_what_is_stored_comes_back_as_it_was_told(values):
    row = stored_covariates(values)
    assert row.dtype == np.float32 and row.shape == (3,)
    assert covariates_of(row) == NOBODY | values and covariates_of(None) == NOBODY


def test_a_person_is_18_to_110_years_old_female_or_male_and_of_a_bmi_of_10_to_80():
    assert [is_plausible("age", years) for years in (17.9, 18, 110, 111)] == [False, True, True, False]
    assert [is_plausible("bmi", bmi) for bmi in (9.9, 10, 80, float("nan"))] == [False, True, True, False]
    assert is_plausible("sex", "male") and not is_plausible("sex", "F") and not is_plausible("age", "62")


def lay(root, **tables):
    """Tables of a release, one row a text."""
    files = []
    for name, rows in tables.items():
        files.append(root / f"{name}.txt")
        files[-1].write_bytes("".join(f"{row}\r\n" for row in rows).encode())
    return files


def test_a_visit_has_its_own_age_where_its_table_tells_and_the_first_one_elsewhere(tmp_path):
    people = read_people(lay(
        tmp_path,
        Enrollees=["ID|P02SEX", "9000001|2: Female", "9000002|1: Male"],
        AllClinical00=["ID|V00AGE|P01BMI", "9000001|61|29.8", "9000002|70|.A: Not Expected"],
        AllClinical03=["ID|V03AGE", "9000001|63"],
    ))  # fmt: skip
    assert people.of("9000001", "00m") == {"age": 61, "sex": "female", "bmi": 29.8}
    assert people.of("9000001", "24m")["age"] == 63 and people.of("9000001", "48m")["age"] == 61
    assert people.of("9000002", "24m") == {"age": 70, "sex": "male", "bmi": None}
    assert people.of("9000003", "00m") == NOBODY


def test_ndas_forms_count_months_name_sexes_by_letter_and_have_a_line_in_words(tmp_path):
    people = read_people(lay(
        tmp_path,
        oai_enrollee01=["src_subject_id\tinterview_age\tsex", "Subject ID\tAge in months\tSex", "9000001\t750\tF"],
        oai_oarisk01=["src_subject_id\tvisit\tp01bmi", "Subject ID\tVisit\tBMI", "9000001\tV00\t31.2"],
    ))  # fmt: skip
    assert people.of("9000001", "00m") == {"age": 62.5, "sex": "female", "bmi": 31.2}


def test_what_no_participant_has_counts_as_not_known_and_is_told_once(tmp_path, caplog):
    people = read_people(lay(
        tmp_path,
        Enrollees=["ID|P02SEX", "9000001|7: Cat", "9000002|.", "nobody|1: Male"],
        AllClinical00=["ID|V00AGE|P01BMI", "9000001|620|2.9", "9000002|many|"],
    ))  # fmt: skip
    assert people.of("9000001", "00m") == people.of("9000002", "00m") == NOBODY
    warnings = [one.getMessage() for one in caplog.records]
    assert len(warnings) == 2 and "1 rows passed over" in warnings[0] and warnings[1].startswith("4 ages, sexes or BMI")


def test_grades_and_covariates_stand_in_one_json_and_in_one_list_of_settings(tmp_path):
    file, full = tmp_path / "kl.json", feature_set("full")
    file.write_text('{"kl": 2, "age": 63, "Sex": "F", "bmi": null}')
    assert read_covariates(file) == {"age": 63, "sex": "female", "bmi": None}
    assert read_grades(file, full) == {"V00XRKL": 2}
    settings = ["age=63.5", "sex=male", "kl=1", "bmi=null"]
    assert parse_covariates(settings) == {"age": 63.5, "sex": "male", "bmi": None}
    assert parse_settings(settings, full) == {"V00XRKL": 1}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("age=17", "age as 17: write a number of years, 18 to 110, or null"),
        ("age=old", 'age as "old"'),
        ("age=true", "age as true"),
        ("age=NaN", "age as"),
        ("sex=7", "sex as 7: write female or male, or null"),
        ("bmi=312", "bmi as 312: write a number of kg/m2, 10 to 80"),
        ("bmi=", 'bmi as ""'),
    ],
)
def test_what_nobody_has_is_refused_in_a_persons_own_words(setting, words):
    with pytest.raises(InputError, match="--set gives") as refused:
        parse_covariates([setting])
    assert words in str(refused.value)
    with pytest.raises(InputError, match="gives age twice"):
        parse_covariates(["age=60", "AGE=61"])
