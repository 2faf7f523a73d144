"""The rows of a text table, however it was saved: OAI's tables come with |, tabs or commas, quoted or not.

Lines may end in CRLF, a byte order mark may stand in front, letters may be latin-1; cells may be padded with blanks.
"""

import csv
import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from xrmri.errors import InputError
from xrmri.storage.limits import open_regular

log = logging.getLogger(__name__)

_SHOWN = 60
"""Letters of a row in a warning."""
_DELIMITERS = "|\t,;"
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Nothing that is looked up has letters beyond ASCII, and latin-1 reads any byte.
_ANY = "latin-1"
_SEPARATOR = re.compile(r'"?sep=([|\t,;])"?', re.IGNORECASE)
"""A first line that tells a spreadsheet what stands between cells."""
_END = "\ud800"
"""A line behind the last one: where it does not come out as a row of its own, a quotation mark is still open. No text
has half a surrogate.
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TextTable:
    """An open table, read row by row."""

    file: Path
    columns: tuple[str, ...]
    """Names in lower case."""
    lines: Iterator[list[str]]

    def rows(self, wanted: Collection[str]) -> Iterator[dict[str, str]]:
        """The wanted cells of each row, stripped; "" where a column or a cell is missing.

        Of rows with more in them than there are columns nobody knows which cell is which: they are told, and passed
        over but where the last column may be a remark with separators in it.

        Raises:
            InputError: a wanted column stands twice, the rest of the file is no text, or a quotation mark that is not
                closed has swallowed rows.
        """
        twice = next((name for name in wanted if self.columns.count(name) > 1), None)
        if twice:
            raise InputError(f"{self.file} has two columns {twice.upper()}: keep one")
        places = {name: self.columns.index(name) for name in wanted if name in self.columns}
        empty, width, longer = dict.fromkeys(wanted, ""), len(self.columns), list[str]()
        ends_in_remarks = not {*self.columns[-1:]} & {*wanted}
        try:
            for cells in self.lines:
                if any(cell.strip() for cell in cells[width:]):
                    longer.append(" ".join(cells))
                    if not ends_in_remarks:
                        continue
                yield empty | {name: _cell(cells[place]) for name, place in places.items() if place < len(cells)}
        except (csv.Error, UnicodeError) as error:
            raise InputError(f"{self.file} cannot be read as a table: {error}") from error
        if longer:
            told = "%s: %d rows have more cells than there are columns and %s, such as %r"
            end = "are taken to end in a remark" if ends_in_remarks else "are passed over"
            log.warning(told, self.file, len(longer), end, longer[0][:_SHOWN])


@contextmanager
def open_table(file: Path) -> Iterator[TextTable]:
    """Open a table; an empty file is a table without columns.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open_regular(file) as stream:
            start = stream.read(3)
        encoding = next((name for mark, name in _ENCODINGS.items() if start.startswith(mark)), _ANY)
        with file.open(encoding=encoding) as text:
            header = text.readline()
            told = _SEPARATOR.fullmatch(header.strip(" \r\n"))  # a tab may be what it tells
            header = text.readline() if told else header
            delimiter = told[1] if told else max(_DELIMITERS, key=header.count)
            # In OAI's own tables a quotation mark is part of a remark, and does not begin a cell.
            quoting: Any = csv.QUOTE_MINIMAL if delimiter in ",;" or '"' in header else csv.QUOTE_NONE
            lines = _closed(csv.reader(chain([header], text, [_END]), delimiter=delimiter, quoting=quoting), delimiter)
            names = next(lines, [])
            yield TextTable(file=file, columns=tuple(_cell(name).lower() for name in names), lines=lines)
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read as a table: {error}") from error


def _closed(reader: Any, delimiter: str) -> Iterator[list[str]]:
    """The rows of a table, the first of which has its columns.

    Raises:
        csv.Error: a cell runs on to the end of the file, or over lines that are rows themselves.
    """
    columns, before = 0, 0
    for cells in reader:
        if cells == [_END]:
            return
        columns = columns or len(cells)
        runs_on = reader.line_num > before + 1 and (len(cells) != columns or _holds_rows(cells, delimiter))
        if runs_on or (cells and cells[-1].endswith(_END)):
            raise csv.Error(f"a quotation mark in the row of line {before + 1} is not closed")
        yield cells
        before = reader.line_num


def _holds_rows(cells: list[str], delimiter: str) -> bool:
    """Whether a line within a cell has as many separators as a row."""
    lines = (line for cell in cells if "\n" in cell for line in cell.splitlines())
    return any(line.count(delimiter) >= max(len(cells) - 1, 1) for line in lines)


def _cell(text: str) -> str:
    """A cell without the quotation marks and blanks around it."""
    return text.strip().strip('"').strip()
