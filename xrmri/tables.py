"""CSV tables of this project, read row by row into the frozen dataclass that says what is in a row."""

import csv
import io
import re
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.limits import read_whole
from xrmri.typed import UnfitError, record_of

R = TypeVar("R")
_WHOLE = re.compile(r"-?\d{1,18}")


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
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        hints = {name: _basic(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
        needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]
        missing = next((name for name in needed if name not in (reader.fieldnames or ())), None)
        if missing:
            raise UnfitError(f"it has no column {missing}")
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
    if float in types:
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell
