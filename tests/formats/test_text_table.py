"""A table of OAI or NDA loses no row to a quotation mark: one that is not closed is told by its line."""

import pytest

from xrmri.errors import InputError
from xrmri.formats.text_table import open_table

WANTED = ("id", "remark")


def read(file, text: str, delimiter: str) -> list[tuple[str, str]]:
    """ID and remark of each row of a table that is written with | between cells."""
    file.write_bytes(text.replace("|", delimiter).encode())
    with open_table(file) as table:
        return [(row["id"], row["remark"]) for row in table.rows(WANTED)]


@pytest.mark.parametrize("delimiter", "|\t,;")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"ID"|"SIDE"|"REMARK"\n"1"|"1"|"a"\n"2"|"1"|"b\n', 3),
        ('"ID"|"SIDE"|"REMARK"\n1|1|"a\n2|1|b\n3|1|c', 2),
        ('"ID"|"SIDE"|"REMARK"\r\n"1"|"1"|"a\r\n"2"|"1"|"b"\r\n"3"|"1"|"c"\r\n', 2),
        ('"ID"|"SIDE"|"REMARK"\n1|1|a\n2|1|"b\n3|1|c\n4|1|d"\n5|1|e\n', 3),
        ('"ID"|"SIDE"|"REMARK\n1|1|a\n2|1|b\n', 1),
        ('"ID"|"REMARK"\n1|"a\n2|b\n3|c"\n', 2),
    ],
)
def test_a_quotation_mark_that_is_not_closed_is_told_by_the_line_of_its_row(tmp_path, text, line, delimiter):
    with pytest.raises(InputError) as told:
        read(tmp_path / "a.txt", text, delimiter)
    what = f"a quotation mark in the row of line {line} is not closed"
    assert str(told.value) == f"{tmp_path / 'a.txt'} cannot be read as a table: {what}"


@pytest.mark.parametrize("delimiter", "|\t,;")
@pytest.mark.parametrize(
    ("text", "remarks"),
    [
        ('"ID"|"REMARK"\n"1"|"a | b"\n"2"|"say ""c"""\n3|d"\n', ["a | b", 'say "c', "d"]),
        ('"ID"|"REMARK"|"SIDE"\n"1"|"a\nb | c"|"1"\n"2"|"d"|"1"', ["a\nb | c", "d"]),
        ('"ID"|"REMARK"\n1\n2|b\n', ["", "b"]),
        ('sep=|\nID|"REMARK"\n1|a\n', ["a"]),
        ('"ID"|"REMARK"\n', []),
        ("", []),
    ],
)
def test_quotation_marks_that_are_closed_keep_separators_and_lines_in_their_cell(tmp_path, text, remarks, delimiter):
    found = read(tmp_path / "a.txt", text, delimiter)
    assert [remark for _, remark in found] == [remark.replace("|", delimiter) for remark in remarks]


@pytest.mark.parametrize("delimiter", "|\t,;")
@pytest.mark.parametrize("header", ['ID|SIDE|REMARK', '"ID"|"SIDE"|"REMARK"'])
def test_a_row_with_more_cells_than_columns_is_passed_over_and_told(tmp_path, caplog, delimiter, header):
    text = f"{header}\n1|2|3|a\n2|1|b||\n3|1|c\n4|x|y|z|d\n"
    assert read(tmp_path / "a.txt", text, delimiter) == [("2", "b"), ("3", "c")]
    told = f"{tmp_path / 'a.txt'}: 2 rows have more cells than there are columns and are passed over, such as '1 2 3 a'"
    assert caplog.messages == [told]


def test_more_separators_in_a_last_column_that_nobody_wants_are_told_and_the_row_is_taken(tmp_path, caplog):
    assert read(tmp_path / "a.txt", "ID|REMARK|NOTE\n1|a|b|c\n2|d|e\n", "|") == [("1", "a"), ("2", "d")]
    assert "1 rows have more cells than there are columns and are taken to end in a remark" in caplog.text


@pytest.mark.parametrize("second", ["REMARK", "remark", ' "Remark" '])
def test_a_wanted_column_that_stands_twice_is_told_and_no_other(tmp_path, second):
    with pytest.raises(InputError, match=r"a\.txt has two columns REMARK: keep one"):
        read(tmp_path / "a.txt", f"ID|REMARK|{second}\n1|a|b\n", "|")
    assert read(tmp_path / "a.txt", "ID|OTHER|OTHER|REMARK\n1|a|b|c\n", "|") == [("1", "c")]


def test_no_letter_of_a_file_ends_its_table_before_its_end(tmp_path):
    rows = [(chr(code), f"a{chr(code)}") for code in range(1, 256) if chr(code) not in '\n\r|"']
    text = "ID|REMARK\n" + "".join(f"{first}|{second}\n{first}\n" for first, second in rows)
    (tmp_path / "a.txt").write_bytes(text.encode("latin-1"))
    with open_table(tmp_path / "a.txt") as table:
        assert len(list(table.rows(WANTED))) == 2 * len(rows)


def test_a_table_whose_first_column_alone_is_not_quoted_keeps_separators_in_its_cells(tmp_path):
    assert read(tmp_path / "a.txt", 'ID|"REMARK"\n"1"|"a|b"\n', "|") == [("1", "a|b")]


@pytest.mark.parametrize("delimiter", "|\t")
def test_in_oais_own_tables_a_quotation_mark_is_a_letter_of_a_remark(tmp_path, delimiter):
    text = 'ID|SIDE|REMARK\n1|1|"opens\n2|1|b\n3|1|closes"\n'
    assert read(tmp_path / "a.txt", text, delimiter) == [("1", "opens"), ("2", "b"), ("3", "closes")]
