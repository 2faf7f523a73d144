"""Tables that say two things of one knee or person, and names that are one file on some disks: told, never guessed."""

import base64
import json
import os
import zlib

import pytest

from tests.cohorts.test_readings import LEFT, RIGHT, SAS, table
from tests.data.test_covariates import lay
from xrmri.cohorts.bids import bids_table
from xrmri.cohorts.film_files import find_films
from xrmri.cohorts.manifest import read_manifest
from xrmri.cohorts.participants import read_people
from xrmri.cohorts.readings import read_readings
from xrmri.errors import InputError
from xrmri.runs.folder import fingerprint


def test_of_two_rows_of_one_project_that_contradict_one_another_the_first_counts_and_that_is_told(tmp_path, caplog):
    rows = ["9000001|1|15|0166|2|0|0", "9000001|1|15|0166|3|0|0", "9000001|1|15|0166|4|0|0", "9000001|1|37|0166|1|0|0",
            "9000001|2|15|0166|1||0", "9000001|2|15|0166|1|2|0"]  # fmt: skip
    read = read_readings(table(tmp_path, *rows))
    assert read[RIGHT].grades["V00XRKL"] == 2 and read[LEFT].grades["V00XRJSM"] is None
    (told,) = [one.getMessage() for one in caplog.records]
    assert told.startswith("1 knees have rows of one project that contradict one another, of which the first counts")
    assert told.endswith("9000001 00m right, say, V00XRKL 2 and 3")


def test_a_knee_that_is_replaced_in_one_row_and_graded_in_another_is_told(tmp_path, caplog):
    read_readings(table(tmp_path, "9000001|1|15|0166|2|0|0", "9000001|1|15|0166|P|P|P"))
    assert "9000001 00m right, say, a prosthesis and none" in caplog.text


def test_the_same_rows_in_two_tables_contradict_nobody(tmp_path, caplog):
    (tmp_path / "nda").mkdir()
    header = "src_subject_id\tvisit\tside\treadprj\txrkl"
    other = table(tmp_path / "nda", "9000001\tV00\t1\t15\t2", header=header, name="oai_kxrsemiquant01.txt")
    read_readings([*table(tmp_path, "9000001|1|15|0166|2|0|0"), *other])
    assert not caplog.records


def test_two_sexes_ages_or_bmis_of_one_person_are_told_and_the_first_counts(tmp_path, caplog):
    people = read_people(lay(
        tmp_path,
        Enrollees=["ID|P02SEX", "9000001|2: Female", "9000001|1: Male"],
        AllClinical00=["ID|V00AGE|P01BMI", "9000001|61|29.8", "9000001|66|41", "9000001|61.5|30.2"],
        AllClinical03=["ID|V03AGE|P01BMI", "9000001|63|35"],
    ))  # fmt: skip
    assert people.of("9000001", "00m") == {"age": 61, "sex": "female", "bmi": 29.8}
    (told,) = [one.getMessage() for one in caplog.records]
    assert told.startswith("3 ages, sexes or BMIs contradict an earlier row, which counts, such as sex of 9000001 is f")


def bids(root, people, readings):
    (root / "sub-P1" / "anat").mkdir(parents=True)
    (root / "sub-P1" / "anat" / "sub-P1_side-left_T1w.nii.gz").write_bytes(b"")
    (root / "phenotype").mkdir()
    (root / "participants.tsv").write_text("participant_id\tsex\tnotes\n" + "\n".join(people))
    (root / "phenotype" / "xr.tsv").write_text("participant_id\tside\tkl\n" + "\n".join(readings))
    return root


def test_a_bids_table_that_says_two_things_of_one_person_is_refused_and_notes_are_not(tmp_path):
    twice = bids(tmp_path / "a", ["sub-P1\tF\tfell", "P1\tM\t"], ["sub-P1\tL\t2"])
    with pytest.raises(InputError, match=r"participants\.tsv, line 3: sex of P1 is 'F' before and 'M' here: keep one"):
        bids_table(twice)
    knee = bids(tmp_path / "b", ["sub-P1\tF\tfell"], ["sub-P1\tL\t2", "sub-P1\tleft\t3"])
    with pytest.raises(InputError, match=r"xr\.tsv, line 3: kl of sub-P1 is '2' before and '3' here"):
        bids_table(knee)
    told = bids_table(bids(tmp_path / "c", ["sub-P1\tF\tfell", "sub-P1\tF\trose"], ["sub-P1\tL\t2", "sub-P1\tL\t2"]))
    assert [row.cells["sex"] + row.cells["kl"] for row in told.rows] == ["F2"]


def test_a_participant_in_small_and_in_capital_letters_is_told_to_count_as_two(tmp_path, caplog):
    file = tmp_path / "cohort.csv"
    rows = ["p1,left,a.png,a.mha,train", "P1,right,b.png,b.mha,test", "p2,left,c.png,c.mha,test"]
    file.write_text("participant,side,radiograph,mri,split\n" + "\n".join(rows))
    assert len(read_manifest(file).rows) == 3
    (told,) = [one.getMessage() for one in caplog.records]
    assert "1 participants are spelt in several ways and count as several: p1 (line 2) and P1 (line 3), say" in told


@pytest.fixture
def sas(tmp_path):
    """A table of readings as SAS writes it, and a place for another."""
    return zlib.decompress(base64.b64decode(SAS)), tmp_path / "kxr_sq_bu03.sas7bdat"


def test_a_pipe_in_place_of_a_sas_table_is_not_waited_for(sas):
    os.mkfifo(sas[1])
    with pytest.raises(InputError, match="not a regular file"):
        read_readings([sas[1]])


def test_a_sas_table_is_read_or_refused_in_one_line_whichever_of_its_bytes_are_changed(sas, capfd):
    whole, file = sas
    for place in [*range(32, 380, 12), *range(65_536, len(whole), 97)]:
        for value in (0, 255):
            damaged = bytearray(whole)
            damaged[place : place + 4] = bytes([value] * 4)
            file.write_bytes(damaged)
            try:
                read_readings([file])
            except InputError as error:
                assert str(file) in str(error)
    assert capfd.readouterr().out == ""  # pandas prints of columns that it miscounts


def names(*files):
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
    return [film.name for film in find_films(files)]


def test_a_film_called_as_a_second_of_another_name_would_be_gets_a_name_of_its_own(tmp_path):
    assert names(*(tmp_path / one for one in ("1/a.png", "2/a.png", "3/a-2.png"))) == ["a", "a-2", "a-2-2"]
    assert names(*(tmp_path / one for one in ("3/a-2.png", "1/a.png", "2/a.png"))) == ["a-2", "a", "a-3"]


def test_names_that_are_one_file_where_disks_know_no_capitals_or_compose_letters_are_told_apart(tmp_path):
    assert names(*(tmp_path / one for one in ("1/Knee.png", "2/knee.png", "3/KNEE.png"))) == [
        "Knee", "knee-2", "KNEE-3",
    ]  # fmt: skip
    assert names(tmp_path / "1/caf\xe9.png", tmp_path / "2/cafe\u0301.png") == ["caf\xe9", "cafe\u0301-2"]


def test_what_is_made_among_the_films_is_no_film_and_makes_their_folder_no_other(tmp_path):
    out = tmp_path / "knees"
    (tmp_path / "a.png").write_bytes(b"x")
    before = fingerprint(tmp_path, apart_from=out)
    out.mkdir()
    (out / "a_right.png").write_bytes(b"x")
    run = {"command": "detect-knee", "status": "running", "config": {}, "inputs": {}}
    for record in (json.dumps(run), '{"command": "detect-knee"', '{"command": "detect-knee"}'):
        (out / "run.json").write_text(record)
        assert [film.name for film in find_films([tmp_path])] == ["a"]
    assert fingerprint(tmp_path, apart_from=out) == before != fingerprint(tmp_path)
    (out / "run.json").write_text("{}")  # of another program
    assert [film.name for film in find_films([tmp_path])] == ["a", "knees-a_right"]
    assert [film.name for film in find_films([out])] == ["a_right"]  # a folder that a person names is looked into
    (tmp_path / "knees-old.png").write_bytes(b"x")  # its name begins alike
    assert fingerprint(tmp_path, apart_from=out) != before
