"""What radiologists read on each film: OAI's table kXR_SQ_BU as grades by participant, visit and side.

A cell is a number with or without its meaning ("2", "2: 2"); anything else was not read, which is not grade 0.
The table comes as text, as sas7bdat, and in NDA's form (oai_kxrsemiquant01.txt), which has a column for the visit.
"""

import io
import logging
import re
import struct
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np

from xrmri.cohorts.codes import MISSING, NUMBER, VISIT, code_of
from xrmri.cohorts.release import visit_of
from xrmri.cohorts.sheets import OAI_PARTICIPANT
from xrmri.data.features import known_readings
from xrmri.errors import InputError
from xrmri.formats.text_table import open_table
from xrmri.records import LEFT, RIGHT
from xrmri.storage.limits import MOST_PIXELS, read_whole

if TYPE_CHECKING:  # of all tables SAS's alone need it, and it takes a third of a second to import
    import pandas as pd

log = logging.getLogger(__name__)

Key = tuple[str, str, str]
"""Participant, visit, side."""

_SIDES = {"1": RIGHT, "R": RIGHT, "RIGHT": RIGHT, "2": LEFT, "L": LEFT, "LEFT": LEFT}
_PROJECTS = ("15", "37", "42")  # the main project; re-readings; re-readings under a wrong code
_WHOLE = re.compile(r"([0-9]+)\.0*")
_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError,
           MemoryError, struct.error)  # fmt: skip
"""What pandas raises of a SAS table that is damaged."""
_CLASSIC = re.compile(r"kxr_sq_bu(\d\d)", re.IGNORECASE)
_LETTERS = {code: letter for n, letter in enumerate(ascii_uppercase) for code in (n + 2, ord(letter))}
"""The third byte from the top of a number that SAS calls missing, inverted: SAS counts, other programs write ASCII."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The readings of one knee on one film."""

    grades: Mapping[str, int | None]
    """Variable with the prefix V00, whatever the visit -> grade; None where nobody read."""
    prosthesis: bool
    """The knee has been replaced: its code is P."""


def read_readings(files: Iterable[Path]) -> dict[Key, Reading]:
    """All readings of some tables; where a knee was read in several projects, 15 before 37 before 42.

    Of rows of one project that contradict one another the first counts, and that is told.

    Raises:
        InputError: a table cannot be read, or lacks ID or SIDE.
    """
    chosen: dict[Key, tuple[int, Reading]] = {}
    contradicted: dict[Key, str] = {}
    for file in files:
        unknown, odd = 0, Counter[str]()
        for key, project, reading in _readings(file, odd):
            if key is None:
                unknown += 1
                continue
            rank = _PROJECTS.index(project) if project in _PROJECTS else len(_PROJECTS)
            if key not in chosen or rank < chosen[key][0]:
                chosen[key] = rank, reading
            elif rank == chosen[key][0] and (said := _contradiction(chosen[key][1], reading)):
                contradicted.setdefault(key, said)
        if unknown:
            log.warning("%s: %d rows passed over: they name no participant, visit and side of OAI", file, unknown)
        if count := odd.total():
            example = odd.most_common(1)[0][0]
            log.warning("%s: %d cells are no grade and count as not read, such as %s", file, count, example)
    if contradicted:
        key, said = next(iter(contradicted.items()))
        told = "%d knees have rows of one project that contradict one another, of which the first counts: %s, say, %s"
        log.warning(told, len(contradicted), " ".join(key), said)
    return {key: reading for key, (_, reading) in chosen.items()}


def _contradiction(first: Reading, other: Reading) -> str:
    """Where two readings of one knee differ, in words; empty where the one says no more than the other does not."""
    if first.prosthesis != other.prosthesis:
        return "a prosthesis and none"
    both = ((name, first.grades[name], other.grades[name]) for name in first.grades)
    differing = (f"{name} {one} and {two}" for name, one, two in both if None not in (one, two) and one != two)
    return next(differing, "")


def _readings(file: Path, odd: Counter[str]) -> Iterator[tuple[Key | None, str, Reading]]:
    """Key, project and reading of each row of one table, None for a key that is none; counts cells that say nothing."""
    match = _CLASSIC.match(file.name)
    number = match[1] if match else ""
    grades = {name: f"v{number}{name.removeprefix('V00')}" if number else name.removeprefix("V00") for name in _names()}
    columns = {name: column.lower() for name, column in grades.items()}
    wanted = ("id", "src_subject_id", "side", "visit", "readprj", *columns.values())
    rows = _sas_rows(file, wanted) if file.suffix.lower() == ".sas7bdat" else _text_rows(file, wanted)
    for place, row in enumerate(rows):
        participant = _code(row["id"]) or _code(row["src_subject_id"])
        visit = VISIT.fullmatch(number or _code(row["visit"]))
        side = _SIDES.get(_code(row["side"]))
        known = OAI_PARTICIPANT.fullmatch(participant) and visit and side
        if place == 0 and not known and not number:
            continue  # NDA's second line says in words what the columns are
        cells = {name: row[column] for name, column in columns.items()}
        odd.update(f"{cell!r} of {name}" for name, cell in cells.items() if _is_odd(name, cell))
        reading = Reading(
            grades={name: grade_of(name, cell) for name, cell in cells.items()},
            prosthesis=any(map(is_prosthesis, cells.values())),
        )
        key = (participant, visit_of(visit[1]), side) if known and visit and side else None
        yield key, _code(row["readprj"]), reading


def _text_rows(file: Path, wanted: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a text table."""
    with open_table(file) as table:
        _require_columns(file, table.columns)
        yield from table.rows(wanted)


def _sas_rows(file: Path, wanted: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a SAS table, its numbers as text and its missing codes as letters."""
    import pandas as pd

    content = io.BytesIO(read_whole(file))
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stdout(io.StringIO()):  # pandas prints what is odd
            reader: Any = pd.read_sas(content, format="sas7bdat", encoding="latin-1", iterator=True)
            if reader.row_count * reader.column_count > MOST_PIXELS:
                raise ValueError(f"it claims {reader.row_count} rows")
            table = reader.read()
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as a SAS table: {error}") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    table = table.loc[:, ~table.columns.duplicated()]
    _require_columns(file, table.columns)
    cells = {name: _sas_texts(table[name]) for name in wanted if name in table.columns}
    for row in range(len(table)):
        yield dict.fromkeys(wanted, "") | {name: texts[row] for name, texts in cells.items()}


def _sas_texts(column: "pd.Series") -> list[str]:
    """A column as text; a missing number as the letter that SAS hides in it, such as P, or as nothing."""
    if column.dtype.kind != "f":
        return ["" if missing else str(value).strip() for value, missing in zip(column, column.isna(), strict=True)]
    values = column.to_numpy(np.float64)
    letters = (~values.view(np.uint64) >> np.uint64(40)) & np.uint64(0xFF)
    return [
        f"{value:.10g}" if np.isfinite(value) else _LETTERS.get(code, "")
        for value, code in zip(values, letters.tolist(), strict=True)
    ]


def _require_columns(file: Path, columns: Iterable[str]) -> None:
    """InputError when a table has no column for the participant or the side."""
    columns = set(columns)
    for needed in ({"id", "src_subject_id"}, {"side"}):
        if not needed & columns:
            raise InputError(f"{file} has no column {' or '.join(sorted(needed)).upper()}: is it a kxr_sq_bu table?")


def _names() -> tuple[str, ...]:
    return known_readings().names


def _code(cell: str) -> str:
    """`code_of`; whole numbers without their point."""
    code = code_of(cell)
    whole = _WHOLE.fullmatch(code)
    return whole[1] if whole else code


def is_prosthesis(cell: str) -> bool:
    """Whether a cell says that the knee has been replaced."""
    return _code(cell).lstrip(".") == "P"


def grade_of(name: str, cell: str) -> int | None:
    """The grade in a cell; follow-up narrowing is graded in fractions of a grade, of which the whole part counts."""
    code = _code(cell)
    if not NUMBER.fullmatch(code):
        return None
    grade = int(float(code))
    return grade if grade in known_readings().allowed(name) else None


def _is_odd(name: str, cell: str) -> bool:
    """Whether a cell is neither a grade nor a way to say that there is none."""
    return grade_of(name, cell) is None and not MISSING.fullmatch(_code(cell))
