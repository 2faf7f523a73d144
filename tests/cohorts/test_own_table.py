"""A person's table ends its lines where they end it, whatever letters stand in them."""

import pytest

from xrmri.cohorts.own_table import read_own_table


@pytest.mark.parametrize("letter", "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
def test_letters_that_some_programs_take_for_the_end_of_a_line_are_letters(tmp_path, letter):
    text = f"# a{letter}b\nparticipant,remark\n1,c{letter}d\n2,e\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    table = read_own_table(tmp_path / "a.csv")
    assert table.columns == ("participant", "remark")
    cells = [(row.line, row.cells["participant"], row.cells["remark"]) for row in table.rows]
    assert cells == [(3, "1", f"c{letter}d"), (4, "2", "e")]
