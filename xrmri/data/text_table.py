"""The rows of a text table, however it was saved: OAI's tables come with |, tabs or commas, quoted or not.

Lines may end in CRLF, a byte order mark may stand in front, letters may be latin-1; cells may be padded with blanks.
"""

import csv
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrmri.errors import InputError
from xrmri.limits import open_regular

_DELIMITERS = "|\t,;"
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Nothing that is looked up has letters beyond ASCII, and latin-1 reads any byte.
_ANY = "latin-1"
_SEPARATOR = re.compile(r'"?sep=([|\t,;])"?', re.IGNORECASE)
"""A first line that tells a spreadsheet what stands between cells."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TextTable:
    """An open table, read row by row."""

    file: Path
    columns: tuple[str, ...]
    """Names in lower case."""
    lines: Iterator[list[str]]

    def rows(self, wanted: Collection[str]) -> Iterator[dict[str, str]]:
        """The wanted cells of each row, stripped; "" where a column or a cell is missing.

        Raises:
            InputError: the rest of the file is no text.
        """
        places = {name: self.columns.index(name) for name in wanted if name in self.columns}
        empty = dict.fromkeys(wanted, "")
        try:
            for cells in self.lines:
                yield empty | {name: _cell(cells[place]) for name, place in places.items() if place < len(cells)}
        except (csv.Error, UnicodeError) as error:
            raise InputError(f"{self.file} cannot be read as a table: {error}") from error


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
            told = _SEPARATOR.fullmatch(header.strip())
            header = text.readline() if told else header
            delimiter = told[1] if told else max(_DELIMITERS, key=header.count)
            # In OAI's own tables a quotation mark is part of a remark, and does not begin a cell.
            quoting: Any = csv.QUOTE_MINIMAL if delimiter in ",;" or header.startswith('"') else csv.QUOTE_NONE
            names, *_ = [*csv.reader([header], delimiter=delimiter, quoting=quoting), []]
            lines = csv.reader(text, delimiter=delimiter, quoting=quoting)
            yield TextTable(file=file, columns=tuple(_cell(name).lower() for name in names), lines=lines)
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read as a table: {error}") from error


def _cell(text: str) -> str:
    """A cell without the quotation marks and blanks around it."""
    return text.strip().strip('"').strip()
