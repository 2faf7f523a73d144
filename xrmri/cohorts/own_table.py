"""A table that a person wrote: with whatever separator, encoding and decimal sign their program prefers.

The first line has the names of the columns; lines that begin with # are remarks. Letters are UTF-8, UTF-16 with its
mark, or else Windows' (cp1252).
"""

import csv
import io
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InputError
from xrmri.storage.limits import read_whole

_SEPARATORS = ",;\t|"
_LARGEST_BYTES = 64 * 2**20
_NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?|nan", re.IGNORECASE)
"""What counts as one: Python would take 1_0 for ten, and the digits of other scripts."""
_NO_REMARKS = ("#n/a", "#na", "#name?", "#ref!", "#value!", "#null!", "#num!", "#div/0!")
"""What a spreadsheet writes where a formula found nothing: a row that begins with it is a row."""
_LONGEST = 200
"""Of what a message says of columns."""
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRow:
    """One line of the table."""

    line: int
    """Counted from 1, as a spreadsheet does."""
    cells: dict[str, str]
    """Name of each column -> what stands there, without blanks around it."""
    extra: int
    """Cells beyond the last column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTable:
    """A table, read."""

    columns: tuple[str, ...]
    """As they are written."""
    names: tuple[str, ...]
    """The same in small letters, _ in place of blanks and hyphens: what cells go by."""
    rows: tuple[OwnRow, ...]
    """Those with anything in them."""

    def require_whole(self, file: Path) -> None:
        """InputError where a row has more cells than there are columns, so that nobody knows which is which."""
        longer = next((row for row in self.rows if row.extra), None)
        if longer:
            beyond = f"{longer.extra} cells more than there are columns"
            raise InputError(f"{file}, line {longer.line}: {beyond}: put quotation marks around commas")


def read_own_table(file: Path) -> OwnTable:
    """The columns and rows of a table.

    Raises:
        InputError: no readable text, empty, a column named twice, or a quotation mark that is never closed, behind
            which all further rows would be one cell.
    """
    text = _text(file).lstrip("\ufeff")
    lines = io.StringIO(text).readlines()  # str.splitlines ends them at other characters too
    # A remark may hold separators, and Excel says its own in a line that it hides.
    named = [at for at, line in enumerate(lines) if line.strip() and not _is_remark(line)]
    if not named:
        raise InputError(f"{file} is empty: --manifest-template writes one to fill in")
    separator = max(_SEPARATORS, key=lines[named[0]].count)
    reader = csv.reader(io.StringIO("".join(lines[named[0] :]), newline=""), delimiter=separator, strict=True)
    try:
        columns = tuple(name.strip() for name in next(reader))
        names = [_name(column) for column in columns]
        twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
        if twice:
            raise InputError(f"{file} has two columns {twice}: keep one")
        rows, before = [], reader.line_num
        for cells in reader:
            line, before = named[0] + before + 1, reader.line_num
            if any(cell.strip() for cell in cells) and not _is_remark(cells[0]):
                told = dict(zip(names, [cell.strip() for cell in cells], strict=False))
                extra = sum(bool(cell.strip()) for cell in cells[len(names) :])
                rows.append(OwnRow(line=line, cells=dict.fromkeys(names, "") | told, extra=extra))
    except csv.Error as error:
        what = f"{file} cannot be read as a table (line {named[0] + reader.line_num}: {error})"
        raise InputError(f"{what}: close its quotation marks, and double those within a cell") from error
    return OwnTable(columns=columns, names=tuple(names), rows=tuple(rows))


def number_in(cell: str) -> float | None:
    """The number in a cell, with a point or a comma, or the NaN that it says; None where there is none or no double."""
    if not _NUMBER.fullmatch(cell):
        return None
    number = float(cell.replace(",", "."))
    return None if math.isinf(number) else number


def listed(names: Iterable[str]) -> str:
    """Names of columns in a message, cut off where they are many."""
    return textwrap.shorten(", ".join(filter(None, names)), _LONGEST, placeholder=" ...")


def _text(file: Path) -> str:
    data = read_whole(file, _LARGEST_BYTES)
    encodings = [_MARKS[data[:2]]] if data[:2] in _MARKS else ["utf-8", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise InputError(f"{file} is not a text file: save it as CSV (UTF-8)")


def _is_remark(text: str) -> bool:
    told = text.strip().lstrip('"').lower()
    return told.startswith(("#", "sep=")) and not told.startswith(_NO_REMARKS)


def _name(column: str) -> str:
    return column.strip().lower().replace(" ", "_").replace("-", "_")
