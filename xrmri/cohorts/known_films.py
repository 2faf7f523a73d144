"""Films of which more is known than a model is told: what teaches the reader of an anchor, where pairs are few.

A folder of detect-knee has the joints; a table has a line for each: its `name`, as in knees.csv, and in every other
column a number, or nothing where nobody knows. Grades of any visit and both knees do, and so do true shapes.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.cohorts.own_table import OwnRow, number_in, read_own_table
from xrmri.data.knees import Knees, open_knees
from xrmri.data.radiograph import crop_width_mm, mirrored
from xrmri.errors import InputError
from xrmri.records import LEFT
from xrmri.storage.files import write_text

TABLE = "known.csv"
"""What `draw_films` calls the table that it puts beside its knees."""
NAME = "name"
"""The column that says which knee of knees.csv a line is about."""
_FEWEST = 2
"""Knees that a column must tell apart."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KnownFilms:
    """Knees on films, and what is known of them."""

    knees: Knees
    rows: tuple[int, ...]
    """Of the knees that the table names."""
    columns: tuple[str, ...]
    known: np.ndarray
    """(P, K) float32, a row for each of `rows`; each column has mean 0 and standard deviation 1; NaN is not known."""

    def upright(self, number: int) -> tuple[np.ndarray, float | None]:
        """The joint of one of them, (H, W) uint16 looking like a right knee, and its width in mm where that is told."""
        knee = self.knees.read(self.rows[number])
        width_mm = crop_width_mm(knee.crop, knee.spacing_mm)
        return mirrored(knee.crop) if knee.box.side == LEFT else knee.crop, width_mm

    def films(self) -> list[str]:
        """The hash of the film that each is on: both knees of a film have the same."""
        hashes = self.knees.table["source_sha256"]
        return [str(hashes.iloc[row]) for row in self.rows]


def read_known_films(folder: Path, table: Path) -> KnownFilms:
    """The knees of a folder that a table names.

    Args:
        folder: from detect-knee.
        table: its lines as above.

    Raises:
        InputError: no such folder or table, a cell that is no number, or nothing that tells knees apart.
    """
    knees, content = open_knees(folder), read_own_table(table)
    content.require_whole(table)
    columns = [name for name in content.names if name and name != NAME]
    if NAME not in content.names or not columns:
        raise InputError(f"{table} needs a column name, as in knees.csv of {folder}, and others with numbers")
    places = {str(name): row for row, name in enumerate(knees.table["name"])}
    lines: dict[str, OwnRow] = {}
    for row in content.rows:
        if row.cells[NAME] in places and lines.setdefault(row.cells[NAME], row) is not row:
            first = lines[row.cells[NAME]].line
            raise InputError(f"{table}, line {row.line}: line {first} has this knee already: keep one of them")
    if len(lines) < _FEWEST:
        told = f"{table} names {len(lines)} of the knees in {folder}"
        raise InputError(f"{told}: its column name must hold names as in knees.csv")
    known = np.array([[_number(table, line, column) for column in columns] for line in lines.values()], np.float32)
    told_apart = [n for n, column in enumerate(known.T) if len(set(column[np.isfinite(column)])) >= _FEWEST]
    if not told_apart:
        raise InputError(f"{table} tells no two knees apart: every column has one value alone")
    known = known[:, told_apart]
    return KnownFilms(
        knees=knees,
        rows=tuple(places[name] for name in lines),
        columns=tuple(columns[n] for n in told_apart),
        known=((known - np.nanmean(known, axis=0)) / np.nanstd(known, axis=0)).astype(np.float32),
    )


def write_known(file: Path, lines: Sequence[Mapping[str, object]]) -> None:
    """Write such a table: a line a knee, all with the same columns; None is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_text(file, text.getvalue())


def _number(table: Path, line: OwnRow, column: str) -> float:
    """What a cell says, NaN where it is empty."""
    cell = line.cells[column]
    number = number_in(cell) if cell else math.nan
    if number is None or abs(number) > 1e6:
        raise InputError(f"{table}, line {line.line}: {column} must be a number or empty, not {cell[:40]!r}")
    return number


def split(films: Sequence[str], every: int = 12) -> tuple[list[int], list[int]]:
    """Who teaches and who is held out, about one film in `every`, by the hashes of their films: (rows, rows)."""
    held_out = [row for row, film in enumerate(films) if int(film[:8], 16) % every == 0]
    apart = set(held_out)
    return [row for row in range(len(films)) if row not in apart], held_out
