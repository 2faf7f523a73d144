"""CSV tables of this project: a frozen dataclass says what is in a row, and each is read and written by it."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.storage.files import complete_or_absent
from xrmri.storage.limits import read_whole
from xrmri.storage.names import cells
from xrmri.storage.typed import UnfitError, record_of

R = TypeVar("R")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Digits:
    """How many digits behind the point a number is written with: `Annotated[float, Digits(4)]`."""

    places: int


def read_table(file: Path, kind: type[R], *, advice: str, damaged: type[XrmriError] = InconsistentError) -> list[R]:
    """The rows of a table.

    Args:
        file: comma-separated, UTF-8, the names of the columns in its first line.
        kind: a dataclass; an empty cell of a field that may be None is None. Other columns are left out.
        advice: ends every complaint.
        damaged: the error for what is no such table.

    Raises:
        damaged: it cannot be read, lacks a column, or a row has a cell too many, too few, or with an unfit value.
    """
    try:
        text = read_whole(file).decode("utf-8-sig")
        if "\0" in text:
            raise UnfitError("it holds a NUL, as no text does")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        hints = {name: _basic(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
        needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]
        missing = next((name for name in needed if name not in (reader.fieldnames or ())), None)
        if missing:
            raise UnfitError(f"it has no column {missing}")
        twice = next((name for name in hints if (reader.fieldnames or []).count(name) > 1), None)
        if twice:
            raise UnfitError(f"it has the column {twice} twice")
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise UnfitError(f"line {reader.line_num} does not have {len(reader.fieldnames or ())} cells")
            values = {name: _value(row[name], types) for name, types in hints.items() if name in row}
            rows.append(record_of(kind, values, place=f"line {reader.line_num}: "))
    except InputError as error:
        raise damaged(f"{error}: {advice}") from error
    except (UnfitError, csv.Error, UnicodeDecodeError) as error:
        raise damaged(f"{file} cannot be used ({error}): {advice}") from error
    return rows


@contextmanager
def new_table(file: Path, kind: type[R]) -> Iterator[Callable[[R], None]]:
    """A function that adds a row to a table; complete when the block ends well, absent when it does not.

    Args:
        file: where it shall be.
        kind: a dataclass; its fields are the columns, in order. None is an empty cell.
    """
    digits = {name: _digits(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
    with complete_or_absent(file) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(digits)

        def add(row: R) -> None:
            values = ((getattr(row, name), places) for name, places in digits.items())
            table.writerow(cells(value if places is None or value is None else f"{value:.{places}f}"
                                 for value, places in values))  # fmt: skip

        yield add


def write_table(file: Path, kind: type[R], rows: Iterable[R]) -> None:
    """Write a table whose rows are all known; arguments as of `new_table`."""
    with new_table(file, kind) as add:
        for row in rows:
            add(row)


def _digits(hint: Any) -> int | None:
    """With how many digits behind the point a field is written; None where it is written as it is."""
    if get_origin(hint) in (Union, UnionType):
        return next((places for inner in get_args(hint) if (places := _digits(inner)) is not None), None)
    return next((one.places for one in get_args(hint)[1:] if isinstance(one, Digits)), None)


def _basic(hint: Any) -> tuple[Any, ...]:
    """The plain types that a field may have."""
    if get_origin(hint) is Annotated:
        return _basic(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return tuple(one for inner in get_args(hint) for one in _basic(inner))
    return (hint,)


def _value(cell: str, types: tuple[Any, ...]) -> Any:
    """A cell as the first of its types that it can be; the text itself where it can be none."""
    if not cell and type(None) in types:
        return None
    if int in types and _WHOLE.fullmatch(cell):
        return int(cell)
    if float in types and cell.isascii() and "_" not in cell:  # Python would read 1_0 as ten
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell
