"""OAI's table of readings is understood with all its codes, and the right of several rows counts."""

import base64
import zlib

import pytest

from xrmri.cohorts.participants import covariate_of
from xrmri.cohorts.readings import grade_of, read_readings
from xrmri.errors import InputError

# Four rows written by R's haven 2.5.1: A and P are missing codes, which SAS hides in numbers that are none.
SAS = (
    "eNrt2r9L3GAYB/AnKprWDhFuuEFoKA5SiiQqYkXwXr2IsTmRJPUHCFHw59JJwaFg3Tp0Ehf7Tzg4K8XFUQSHbt07dbKC2muS901MXox2K63fzx"
    "Eenu/7KxzccQchunX8fXv+oNR2erij0pMT81P5udbWQ/SCFDLpXqVc5zFPH7Udq8p85lm+XoQeEK3n8ypL2xvf2G2VRDtpRA1S/LrLMA2zZoS1"
    "N6x9ztq7jU0CAAAAAAAAAAAAAAAAAAB4jFrDF9HXZ7zrbMyPfhF5WVo1J/LFJFB40UTuSPluK6/vpdwXeUXav1SQnz+9O98tyP2CvFSQAwAAAP"
    "yPfl3VY1j/d9Zf8+X1VSlXw6sp/GGs5vqG6NHX3HhZ6nWp78z0pCq5M8TR9f40aRfP1erh2kgHtcT1lai94n4G03MSN2KvyUwmP/trV4k8u2q5"
    "FqtOuuM0ZfTMuG8cXse9mj9mBQ7z/GCC1azA9oKRt34wPBuwYNq1fcu9CEX7NEtn/wz9yXttiNpUMN780Aba3XFdgm8V+Ccp6SdD//hygZkDur"
    "u2srrOo67k73FlOXYxxNsfQ8n87gHdWVoW05P5R5dbn/ciSro+uuL9s2d/GObj+5dbcT0TldR0fnfuZi2xn1bJzMv0AAAAAAAAAI/Tb0zcuEw="
)
RIGHT, LEFT = ("9000001", "00m", "right"), ("9000001", "00m", "left")


def table(tmp_path, *rows, header="ID|SIDE|READPRJ|V00BARCDBU|V00XRKL|V00XRJSM|V00XROSFM", name="kxr_sq_bu00.txt"):
    """A table on disk, as OAI writes it."""
    file = tmp_path / name
    file.write_bytes("\r\n".join([header, *rows, ""]).encode("latin-1"))
    return [file]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_project_15_counts_before_37_and_37_before_42_in_any_order(tmp_path, order):
    rows = ["9000001|1|15|0166|2|0|0", "9000001|1|37|0166|3|0|0", "9000001|1|42|0166|4|0|0"]
    assert read_readings(table(tmp_path, *(rows[i] for i in order)))[RIGHT].grades["V00XRKL"] == 2
    assert read_readings(table(tmp_path, rows[2], rows[1]))[RIGHT].grades["V00XRKL"] == 3
    assert read_readings(table(tmp_path, rows[2]))[RIGHT].grades["V00XRKL"] == 4


@pytest.mark.parametrize(
    ("cell", "grade"),
    [("2", 2), ("2: 2", 2), ("1: Yes", 1), ("1.4", 1), ("2.2", 2), (".5", 0), ("0", 0), (" 3 ", 3), ("", None),
     (".", None), (".: Missing Form/Incomplete Workbook", None), (".A: Not Expected", None), ("A", None), ("M", None),
     ("T", None), ("9", None), ("2,5", 2), ("2,0", 2), ("two", None)],
)  # fmt: skip
def test_a_cell_is_its_number_or_not_read(tmp_path, cell, grade):
    assert read_readings(table(tmp_path, f"9000001|1|15|0166|1|{cell}|"))[RIGHT].grades["V00XRJSM"] == grade


def test_side_2_is_left_and_a_prosthesis_is_told(tmp_path):
    readings = read_readings(table(tmp_path, "9000001|1: Right|15|0166|1|0|0", "9000001|2: Left|15|0166|P|.P: TKR|"))
    assert not readings[RIGHT].prosthesis and readings[LEFT].prosthesis
    assert readings[LEFT].grades["V00XRKL"] is None


def test_columns_in_lower_case_and_follow_up_names_are_the_same_variables(tmp_path):
    header = "id|side|readprj|v03xrkl|v03xrjsm"
    readings = read_readings(table(tmp_path, "9000001|2|15|3|1.8", header=header, name="kXR_SQ_BU03.TXT"))
    grades = readings["9000001", "24m", "left"].grades
    assert (grades["V00XRKL"], grades["V00XRJSM"], grades["V00XROSFM"]) == (3, 1, None)


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="no column SIDE"):
        read_readings(table(tmp_path, "9000001|1", header="ID|XRKL"))
    with pytest.raises(InputError, match="no column ID"):
        read_readings(table(tmp_path, header=""))


def test_a_sas_table_is_read_with_its_hidden_codes(tmp_path):
    file = tmp_path / "KXR_SQ_BU03.SAS7BDAT"
    file.write_bytes(zlib.decompress(base64.b64decode(SAS)))
    read = read_readings([file])
    grades = {key: (one.grades["V00XRKL"], one.grades["V00XRJSM"], one.prosthesis) for key, one in read.items()}
    assert grades == {
        ("9000001", "24m", "right"): (2, 1, False),
        ("9000001", "24m", "left"): (None, 2, False),
        ("9000002", "24m", "right"): (None, None, True),
        ("9000002", "24m", "left"): (4, 3, False),
    }
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read as a SAS table"):
        read_readings([file])


def test_ndas_table_has_a_column_for_the_visit_and_a_second_line_of_words(tmp_path):
    header = "\t".join(f'"{name}"' for name in ("src_subject_id", "visit", "side", "readprj", "xrkl", "barcode"))
    words = "\t".join(f'"{name}"' for name in ("Subject", "Visit name", "1=right", "Project", "KL", "Bar code"))
    rows = ['"9000001"\t"V00"\t"1"\t"15"\t"2"\t"0166"', '"9000001"\t"V06"\t"2"\t"37"\t"P"\t"T"']
    read = read_readings(table(tmp_path, words, *rows, header=header, name="oai_kxrsemiquant01.txt"))
    assert set(read) == {RIGHT, ("9000001", "48m", "left")}
    assert read[RIGHT].grades["V00XRKL"] == 2 and read["9000001", "48m", "left"].prosthesis


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_table_is_read_in_any_encoding_with_quotes_in_remarks_and_a_delimiter_too_many(tmp_path, encoding):
    text = 'ID|SIDE|V00XRKL|NOTE\r\n9000001|1|2|"caf\xe9: x\r\n 9000001 | 2: Left |3|a|b|c\r\n'
    (tmp_path / "kxr_sq_bu00.txt").write_bytes(text.encode(encoding))
    read = read_readings([tmp_path / "kxr_sq_bu00.txt"])
    assert (read[RIGHT].grades["V00XRKL"], read[LEFT].grades["V00XRKL"]) == (2, 3)


def test_rows_of_no_participant_or_side_are_passed_over_and_said(tmp_path, caplog):
    rows = ["9000001|1|15|0166|2|0|0", "|1|15|0166|2|0|0", "9000001|3|15|0166|2|0|0"]
    assert set(read_readings(table(tmp_path, *rows))) == {RIGHT}
    assert "2 rows passed over" in caplog.text


def test_cells_that_say_nothing_are_counted_and_missing_ones_are_not(tmp_path, caplog):
    rows = ["9000001|1|15|0166|1|two|", "9000001|2|15|0166|.A|9|"]
    with caplog.at_level("WARNING", logger="xrmri"):
        read_readings(table(tmp_path, *rows))
    assert "2 cells are no grade and count as not read, such as 'two' of V00XRJSM" in caplog.text


def test_a_first_line_for_spreadsheets_tells_what_stands_between_cells(tmp_path):
    header = "sep=;\nID;SIDE;READPRJ;V00XRKL;V00XRJSM"
    readings = read_readings(table(tmp_path, "9000001;1;15;3;1,5", header=header))
    assert (readings[RIGHT].grades["V00XRKL"], readings[RIGHT].grades["V00XRJSM"]) == (3, 1)


@pytest.mark.parametrize("two", ["\u0662", "\uff12", "\u0968"])
def test_digits_of_other_scripts_are_no_grade_no_age_and_no_participant(tmp_path, two):
    assert two.isdecimal() and grade_of("V00XRKL", two) is None and covariate_of("age", f"6{two}") is None
    text = f"ID|SIDE|READPRJ|V00XRKL\n900000{two}|1|15|2\n9000001|1|15|{two}\n"
    (tmp_path / "kxr_sq_bu00.txt").write_text(text, encoding="utf-8-sig")
    read = read_readings([tmp_path / "kxr_sq_bu00.txt"])
    assert {key: one.grades["V00XRKL"] for key, one in read.items()} == {RIGHT: None}
