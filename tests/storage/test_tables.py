"""A table is read as it was written, and a row that cannot be is refused by its line."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from xrmri.errors import InconsistentError
from xrmri.storage.tables import Digits, new_table, read_table, write_table
from xrmri.storage.typed import Between


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    name: str
    score: Annotated[float, Between(0, 1), Digits(3)]
    width_mm: Annotated[float, Digits(1)] | None
    row: int | None = None


LINES = [_Line(name="a, b", score=0.5, width_mm=None, row=3), _Line(name='say "c"', score=0.12, width_mm=2.5)]


def test_what_is_written_has_its_columns_in_order_its_digits_and_is_read_as_it_was(tmp_path):
    write_table(tmp_path / "a.csv", _Line, LINES)
    assert (tmp_path / "a.csv").read_bytes() == (b'name,score,width_mm,row\n"a, b",0.500,,3\n"say ""c""",0.120,2.5,\n')
    assert read_table(tmp_path / "a.csv", _Line, advice="again") == LINES


def test_a_table_whose_rows_end_in_an_error_is_absent_and_texts_stay_on_their_line(tmp_path):
    with pytest.raises(RuntimeError), new_table(tmp_path / "a.csv", _Line) as add:
        add(LINES[0])
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    write_table(tmp_path / "a.csv", _Line, [_Line(name="=1+1\n\x1b[2J", score=0, width_mm=None)])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()[1] == "'=1+1\\n\\x1b[2J,0.000,,"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,1.5,,", "line 2: score must be 0 to 1, not 1.5"),
        ("a,nan,,", "line 2: score must be a number, not NaN"),
        ("a,0.5,,1.5", 'line 2: row must be a whole number or null, not "1.5"'),
        ("a,0.5", "line 2 does not have 4 cells"),
        ("a,0.5,,1,2", "line 2 does not have 4 cells"),
        ("a,0_1,,", 'line 2: score must be a number, not "0_1"'),
        ("a,\u0661,,", 'line 2: score must be a number, not "\\u0661"'),
        ("a,0.5,,\u0663", 'line 2: row must be a whole number or null, not "\\u0663"'),
        ("a\0b,0.5,,", "it holds a NUL, as no text does"),
    ],
)
def test_a_row_that_cannot_be_is_told_by_its_line(tmp_path, line, words):
    (tmp_path / "a.csv").write_text(f"name,score,width_mm,row\n{line}\n", encoding="utf-8")
    with pytest.raises(InconsistentError) as told:
        read_table(tmp_path / "a.csv", _Line, advice="again")
    assert str(told.value) == f"{tmp_path / 'a.csv'} cannot be used ({words}): again"


def test_a_column_that_stands_twice_is_refused_where_it_counts_and_no_other(tmp_path):
    (tmp_path / "a.csv").write_text("name,score,width_mm,score,note,note\na,0.5,,0.7,x,y\n")
    with pytest.raises(InconsistentError, match="it has the column score twice"):
        read_table(tmp_path / "a.csv", _Line, advice="again")
    (tmp_path / "a.csv").write_text("name,score,width_mm,note,note\na,0.5,,x,y\n")
    assert read_table(tmp_path / "a.csv", _Line, advice="again") == [_Line(name="a", score=0.5, width_mm=None)]
