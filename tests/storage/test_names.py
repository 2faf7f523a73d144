"""Names of other people stay out of paths, terminals and spreadsheets' formulas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrmri.storage.names import MOST_NAME_BYTES, cells, is_safe_name, printable, safe_name

NAMES = st.text(st.characters(codec=None), max_size=300)


@pytest.mark.parametrize("plain", ["9000001_00m_left", "Knie Müller 3", "膝", "a.b", "x-1", "V00 (2)", "e\u0301"])
def test_a_plain_name_stays_as_it_is(plain):
    assert safe_name(plain) == plain and printable(plain) == plain and cells([plain]) == [plain]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../package", "/etc/passwd", "a/b", "a\\b", "C:x", "-o", "--force", ".hidden", "a\0b", "a\nb",
     "a\x1b[2J", "\udcff\udcfe", "a" * 255, "膝" * 85, "a\u202eb", "\ud800"],
)  # fmt: skip
def test_a_name_that_leads_somewhere_or_breaks_something_is_changed(name):
    safe = safe_name(name)
    assert safe != name and is_safe_name(safe) and len(safe.encode()) <= MOST_NAME_BYTES
    assert safe.isprintable() and not set(safe) & set('/\\:*?"<>|\0') and safe[0] not in "-."


@given(NAMES)
def test_any_name_becomes_a_safe_one_that_stays_the_same(name):
    safe = safe_name(name)
    assert is_safe_name(safe) and 0 < len(safe.encode()) <= MOST_NAME_BYTES and safe not in (".", "..")


def test_two_names_that_are_changed_do_not_meet():
    changed = {safe_name(name) for name in ("a/b", "a\\b", "a:b", "a\nb", "a" * 255, "a" * 254)}
    assert len(changed) == 6


def test_a_line_on_a_terminal_holds_no_control_characters():
    assert printable("a\x1b[2Jb\nc\td\udcff\u202e\x9b") == r"a\x1b[2Jb\nc\td\xff\u202e\x9b"


@given(NAMES)
def test_any_text_is_printable_afterwards(name):
    assert printable(name).isprintable()


def test_a_cell_computes_nothing_and_numbers_stay_numbers():
    row = ["=HYPERLINK(1)", "-2+3.png", "+1a", "@x", "-2.5", "+3", "-inf", -2.5, None, "a\nb", ""]
    shown = ["'=HYPERLINK(1)", "'-2+3.png", "'+1a", "'@x", "-2.5", "+3", "-inf", -2.5, None, r"a\nb", ""]
    assert cells(row) == shown
