"""OAI's table of readings is understood with all its codes, and the right of several rows counts."""

import pytest

from xrmri.data.readings import read_readings
from xrmri.errors import InputError

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
     ("T", None), ("9", None), ("2,5", None)],
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
