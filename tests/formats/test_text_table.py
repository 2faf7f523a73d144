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


@pytest.mark.parametrize("delimiter", "|\t")
def test_in_oais_own_tables_a_quotation_mark_is_a_letter_of_a_remark(tmp_path, delimiter):
    text = 'ID|SIDE|REMARK\n1|1|"opens\n2|1|b\n3|1|closes"\n'
    assert read(tmp_path / "a.txt", text, delimiter) == [("1", "opens"), ("2", "b"), ("3", "closes")]
