"""A cohort by a person's own table: which radiograph and which MRI show the same knee, and what was read.

Nothing is guessed. A row that cannot be used is told by its line; what would spoil the whole (a column that is missing,
a participant in two splits) is an error.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from xrmri.cohorts.bids import bids_table
from xrmri.cohorts.own_table import OwnRow, listed, number_in, read_own_table
from xrmri.cohorts.pairing import Particulars
from xrmri.cohorts.participants import covariate_of
from xrmri.cohorts.readings import grade_of, is_prosthesis
from xrmri.data.covariates import COVARIATES, Covariates
from xrmri.data.features import full_name, known_readings
from xrmri.errors import InconsistentError, InputError, Reason, UnusableError
from xrmri.geometry import Lying
from xrmri.records import LEFT, RIGHT, SPLITS
from xrmri.storage.files import real
from xrmri.storage.names import is_safe_name

log = logging.getLogger(__name__)

NEEDED = ("participant", "side", "radiograph", "mri")
COLUMNS = {
    "participant": "a pseudonym; it becomes part of file names",
    "visit": "a name for the visit; empty: 00m",
    "side": "left or right",
    "radiograph": "the film or the cropped joint: DICOM, PNG, JPEG or TIFF; from this table's folder on, or absolute",
    "mri": "NIfTI, MHA, a folder with a DICOM series, one multi-frame DICOM, or .npy",
    "split": "train, val or test, the same for all rows of a participant; empty: drawn",
    "crop": "joint where the radiograph is the cropped joint, or x0 y0 x1 y1 of it in pixels; empty: it is detected",
    "pixel_mm": "millimetres of a pixel of the radiograph, where its file does not tell",
    "slice_mm": "of a .npy: millimetres between slices",
    "row_mm": "of a .npy: millimetres between rows",
    "column_mm": "of a .npy: millimetres between columns",
    "axes": "of a .npy: where its axes run to, in letters of R L A P S I; empty: AIL (coronal, as displayed)",
    "age": "years",
    "sex": "female or male",
    "bmi": "kg/m2",
}
_SIDES = {"l": LEFT, "lt": LEFT, "left": LEFT, "r": RIGHT, "rt": RIGHT, "right": RIGHT}
_SPLITS = {**{split: split for split in SPLITS}, "training": "train", "validation": "val", "testing": "test"}
_NOTHING = re.compile(r"\.?[a-oq-z]?|#?na|#?n/a|nan|none|null|-", re.IGNORECASE)
"""What a person writes where nobody read: nothing, or a word for it; P is a prosthesis."""
_FIRST_VISIT = "00m"
_LONGEST_ID = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row that cannot be used, with its own words where they tell."""

    line: int
    mri: str
    participant: str
    visit: str
    side: str | None
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestRow:
    """A knee, as a row tells of it."""

    line: int
    participant: str
    visit: str
    side: str
    radiograph: Path
    mri: Path
    grades: Mapping[str, int | None]
    covariates: Covariates
    particulars: Particulars

    @property
    def pair_id(self) -> str:
        """Participant, visit and side."""
        return f"{self.participant}_{self.visit}_{self.side}"

    def without(self, reason: Reason) -> RejectedRow:
        """The row as one that cannot be used."""
        whose = {"participant": self.participant, "visit": self.visit}
        return RejectedRow(line=self.line, mri=str(self.mri), side=self.side, reason=reason, **whose)


class Manifest(NamedTuple):
    """A table, read."""

    rows: list[ManifestRow]
    rejected: list[RejectedRow]


def read_manifest(file: Path, wanted: str = "") -> Manifest:
    """The knees of a table, or of a folder laid out as BIDS is.

    Args:
        file: the table, or the folder.
        wanted: of a folder, which MRI is meant: a regular expression that its name fits.

    Raises:
        InputError: it cannot be read, or lacks a column.
        InconsistentError: it puts a participant into two splits.
    """
    table = bids_table(file, wanted) if file.is_dir() else read_own_table(file)
    names = table.names
    missing = [name for name in NEEDED if name not in names]
    if missing:
        has = listed(table.columns)
        raise InputError(f"{file} has no column {' and '.join(missing)}, but {has}: see --manifest-template")
    readings = {name: full_name(name) for name in names if full_name(name) in known_readings().names}
    called: dict[str, str] = {}
    for name, full in readings.items():
        if called.setdefault(full, name) != name:
            raise InputError(f"{file} has two columns for {full}, {called[full]} and {name}: keep one")
    unknown = sorted(name for name in names if name and name not in COLUMNS and name not in readings)
    if unknown:
        log.warning("%s: columns that mean nothing here are passed over: %s", file.name, listed(unknown))
    rows, rejected, odd = [], [], Counter[str]()
    for row in table.rows:
        try:
            rows.append(_row(file if file.is_dir() else file.parent, row, readings, odd))
        except UnusableError as error:
            rejected.append(_unreadable(row, error.reason))
    if count := odd.total():
        log.warning("%s: %d cells not understood count as not known, such as %s", file.name, count, next(iter(+odd)))
    _require_one_split(file, rows)
    _tell_of_spellings(file, rows)
    kept = list(_without_repeats(rows, rejected))
    return Manifest(rows=kept, rejected=sorted(rejected, key=lambda one: one.line))


def template() -> str:
    """An empty table: a remark for each column, then their names."""
    readings = known_readings()
    remarks = [f"# {name}: {meaning}{' (needed)' * (name in NEEDED)}" for name, meaning in COLUMNS.items()]
    grades = zip(readings.names, readings.meanings, readings.grades, strict=True)
    remarks += [f"# {name}: {meaning}, {valid[0]} to {valid[-1]}; empty: not read" for name, meaning, valid in grades]
    return "\n".join([*remarks, ",".join([*COLUMNS, *readings.names]), ""])


def _row(folder: Path, row: OwnRow, readings: Mapping[str, str], odd: Counter[str]) -> ManifestRow:
    """One row; UnusableError says why it cannot be used, and `odd` counts the cells that say nothing."""
    told = {name: "" if _is_unsaid(name, cell) else cell for name, cell in row.cells.items()}
    if row.extra:
        raise UnusableError("cells", f"{row.extra} more than there are columns: put quotation marks around commas")
    empty = [name for name in NEEDED if not told[name]]
    if empty:
        raise UnusableError("cells", f"nothing stands in {' and '.join(empty)}")
    side = _SIDES.get(told["side"].lower())
    if side is None:
        raise UnusableError("side", f"{told['side'][:40]!r} is neither left nor right")
    made = ManifestRow(
        line=row.line,
        participant=told["participant"],
        visit=told.get("visit") or _FIRST_VISIT,
        side=side,
        radiograph=_path(folder, told["radiograph"]),
        mri=_path(folder, told["mri"]),
        grades={full: _grade(full, told[name], odd) for name, full in readings.items()},
        covariates={name: _covariate(name, told.get(name, ""), odd) for name in COVARIATES},
        particulars=_particulars(told),
    )
    names = (made.participant, made.visit, made.pair_id)
    if not all(one.isascii() and is_safe_name(one) for one in names) or len(made.pair_id) > _LONGEST_ID:
        raise UnusableError("name", f"{made.pair_id[:80]!r} cannot name a file: use letters, digits, - and _")
    if any(is_prosthesis(told[name]) for name in readings):
        raise UnusableError("prosthesis", "the readings say that the knee has been replaced")
    return made


def _is_unsaid(name: str, cell: str) -> bool:
    """Whether a cell that may be empty has a word for it, as #N/A of a spreadsheet."""
    return name in COLUMNS and name not in NEEDED and len(cell) > 1 and bool(_NOTHING.fullmatch(cell))


def _path(folder: Path, text: str) -> Path:
    """A path from the table's folder on, or absolute; written on Windows or not."""
    path = folder / text
    try:
        return path if path.exists() or "\\" not in text else folder / text.replace("\\", "/")
    except OSError as error:  # too long a name, say
        raise UnusableError("missing file", f"{text[:80]!r} cannot be looked up: {error.strerror}") from error


def _particulars(told: Mapping[str, str]) -> Particulars:
    split = told.get("split", "").lower()
    if split and split not in _SPLITS:
        raise UnusableError("split", f"{split[:40]!r} is none of {', '.join(SPLITS)}")
    crop = told.get("crop", "").lower()
    box = None if crop in ("", "joint") else _box(crop)
    spacing = [_length(told, name) for name in ("slice_mm", "row_mm", "column_mm")]
    slice_mm, row_mm, column_mm = spacing
    known = None if slice_mm is None or row_mm is None or column_mm is None else (slice_mm, row_mm, column_mm)
    return Particulars(
        split=_SPLITS[split] if split else None,
        box=box,
        is_joint=crop == "joint",
        pixel_mm=_length(told, "pixel_mm"),
        lying=Lying(spacing_mm=known, axes=told.get("axes", "").upper()),
    )


def _box(text: str) -> tuple[float, float, float, float]:
    """The corners of a joint: four numbers, the first two the smaller ones."""
    parts = text.replace(";", " ").split() if " " in text or ";" in text else text.split(",")
    numbers = [number for part in parts if (number := number_in(part.strip(","))) is not None]
    if len(numbers) != 4 or len(parts) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise UnusableError("crop", f"{text[:60]!r} is neither joint nor x0 y0 x1 y1")
    x0, y0, x1, y1 = numbers
    return x0, y0, x1, y1


def _length(told: Mapping[str, str], name: str) -> float | None:
    """Millimetres in a cell; None where it is empty."""
    cell = told.get(name, "")
    value = number_in(cell)
    if cell and (value is None or not 0.001 <= value <= 100):
        raise UnusableError("spacing", f"{name} is {cell[:40]!r}, not a length in mm")
    return value


def _grade(name: str, cell: str, odd: Counter[str]) -> int | None:
    grade = grade_of(name, cell.replace(",", "."))
    odd[f"{name} {cell[:40]!r}"] += grade is None and not _NOTHING.fullmatch(cell) and not is_prosthesis(cell)
    return grade


def _covariate(name: str, cell: str, odd: Counter[str]) -> float | str | None:
    value = covariate_of(name, cell.replace(",", "."))
    odd[f"{name} {cell[:40]!r}"] += value is None and not _NOTHING.fullmatch(cell)
    return value


def _require_one_split(file: Path, rows: list[ManifestRow]) -> None:
    first: dict[str, ManifestRow] = {}
    for row in rows:
        split = row.particulars.split
        if split is None:
            continue
        other = first.setdefault(row.participant, row)
        if other.particulars.split != split:
            both = f"{other.particulars.split} in line {other.line} and {split} in line {row.line}"
            raise InconsistentError(f"{file}: participant {row.participant} is {both}: give one split")


def _tell_of_spellings(file: Path, rows: list[ManifestRow]) -> None:
    """Say where one participant may count as two, who may then stand in two splits."""
    spelt: dict[str, dict[str, int]] = {}
    for row in rows:
        spelt.setdefault(row.participant.casefold(), {}).setdefault(row.participant, row.line)
    several = [names for names in spelt.values() if len(names) > 1]
    if several:
        (one, line), (other, further) = list(several[0].items())[:2]
        told = "%s: %d participants are spelt in several ways and count as several: %s (line %d) and %s (line %d), say"
        log.warning(told, file.name, len(several), one, line, other, further)


def _without_repeats(rows: list[ManifestRow], rejected: list[RejectedRow]) -> Iterator[ManifestRow]:
    """Each knee and each MRI once, and each radiograph for one participant; others join the rejected."""
    knees: dict[str, int] = {}
    series: dict[Path, int] = {}
    films: dict[Path, ManifestRow] = {}
    mris = {real(row.mri) for row in rows}
    for row in rows:
        film = films.setdefault(real(row.radiograph), row)
        if row.pair_id in knees:
            reason = Reason("repeated knee", f"line {knees[row.pair_id]} has this participant, visit and side")
        elif real(row.mri) in series:
            reason = Reason("repeated MRI", f"line {series[real(row.mri)]} has this MRI for another knee")
        elif real(row.radiograph) in mris:
            reason = Reason("radiograph", "this file stands as an MRI too")
        elif film.participant != row.participant:
            reason = Reason("repeated radiograph", f"line {film.line} has it for another participant")
        else:
            knees[row.pair_id] = series[real(row.mri)] = row.line
            yield row
            continue
        rejected.append(row.without(reason))


def _unreadable(row: OwnRow, reason: Reason) -> RejectedRow:
    """A row that tells of no knee, with what it does tell."""
    told = row.cells
    return RejectedRow(
        line=row.line,
        mri=told["mri"],
        participant=told["participant"],
        visit=told.get("visit", ""),
        side=_SIDES.get(told["side"].lower()),
        reason=reason,
    )
