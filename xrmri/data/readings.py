"""What radiologists read on each film: OAI's table kXR_SQ_BU as grades by participant, visit and side.

A cell is a number with or without its meaning ("2", "2: 2"); anything else was not read, which is not grade 0.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from xrmri.data.features import feature_set
from xrmri.data.release import visit_of
from xrmri.errors import InputError
from xrmri.records import LEFT, RIGHT

Key = tuple[str, str, str]
"""Participant, visit, side."""

_SIDES = {"1": RIGHT, "2": LEFT}
_PROJECTS = ("15", "37", "42")  # the main project; re-readings; re-readings under a wrong code
_NUMBER = re.compile(r"\d*\.?\d+")
_FILE = re.compile(r"kxr_sq_bu(\d\d)\.txt", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The readings of one knee on one film."""

    grades: Mapping[str, int | None]
    """Variable with the prefix V00, whatever the visit -> grade; None where nobody read."""
    prosthesis: bool
    """The knee has been replaced: its code is P."""


def read_readings(files: Iterable[Path]) -> dict[Key, Reading]:
    """All readings of some tables; where a knee was read in several projects, 15 before 37 before 42.

    Raises:
        InputError: a table cannot be read, or lacks ID or SIDE.
    """
    chosen: dict[Key, tuple[int, Reading]] = {}
    for file in files:
        for key, project, reading in _rows(file):
            rank = _PROJECTS.index(project) if project in _PROJECTS else len(_PROJECTS)
            if key not in chosen or rank < chosen[key][0]:
                chosen[key] = rank, reading
    return {key: reading for key, (_, reading) in chosen.items()}


def _rows(file: Path) -> Iterable[tuple[Key, str, Reading]]:
    """Key, project and reading of each row of one table."""
    match = _FILE.fullmatch(file.name)
    number = match[1] if match else "00"
    try:
        table = pd.read_csv(file, sep="|", dtype=str, encoding="latin-1", keep_default_na=False, index_col=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a table with | between its columns: {error}") from error
    table.columns = table.columns.str.strip().str.upper()
    for column in ("ID", "SIDE"):
        if column not in table:
            raise InputError(f"{file} has no column {column}: is it a kxr_sq_bu table?")
    names = {name: f"V{number}{name.removeprefix('V00')}" for name in feature_set("full").names}
    for row in table.to_dict("records"):
        side = _SIDES.get(_code(row["SIDE"]))
        if side is None:
            continue
        cells = {name: row.get(column, "") for name, column in names.items()}
        reading = Reading(
            grades={name: _grade(name, cell) for name, cell in cells.items()},
            prosthesis=any(_code(cell).lstrip(".") == "P" for cell in cells.values()),
        )
        yield (_code(row["ID"]), visit_of(number), side), _code(row.get("READPRJ", "")), reading


def _code(cell: str) -> str:
    """What stands before the meaning of a coded cell: "1: Right" -> "1"."""
    return cell.partition(":")[0].strip().upper()


def _grade(name: str, cell: str) -> int | None:
    """The grade in a cell; follow-up narrowing is graded in fractions of a grade, of which the whole part counts."""
    code = _code(cell)
    if not _NUMBER.fullmatch(code):
        return None
    grade = int(float(code))
    return grade if grade in feature_set("full").allowed(name) else None
