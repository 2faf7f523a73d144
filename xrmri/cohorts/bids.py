"""A folder laid out as BIDS lays out people -> the table of knees that a person would have written of it.

    sub-P001[/ses-00m]/<any folder>/sub-P001[_ses-00m][_side-left][_more-labels]_<suffix>.nii.gz     an MRI
    sub-P001[/ses-00m]/<any folder>/sub-P001[_ses-00m][_side-left][_more-labels]_<suffix>.png        a radiograph
    participants.tsv      participant_id, and if wished age, sex, bmi, split
    sub-P001/sub-P001_sessions.tsv                   session_id, and what differs from visit to visit: age, bmi
    phenotype/*.tsv       participant_id, session_id if there are sessions, side, and readings by name

MRI are .nii, .nii.gz and .mha, radiographs .dcm, .png, .jpg, .tif; `side` may be called `hemi`, with L and R. A
radiograph without a side serves both knees. Of several of a knee the first by name counts, and that is told.
"""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from xrmri.cohorts.own_table import OwnRow, OwnTable, listed, read_own_table
from xrmri.data.covariates import COVARIATES
from xrmri.data.features import full_name, known_readings
from xrmri.errors import InputError

log = logging.getLogger(__name__)

_MRI = (".nii.gz", ".nii", ".mha")
_RADIOGRAPH = (".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_NO_IMAGE = ("_mask", "_dseg", "_probseg")
"""Suffixes of maps that lie beside an MRI and are none."""
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_ENTITY = re.compile(r"([a-zA-Z]+)-([^_]+)")
_PARTICIPANTS, _PHENOTYPE, _SESSIONS = "participants.tsv", "phenotype", "sessions.tsv"
_SHOWN = 40
"""Letters of a cell in a complaint."""
_KEYS = ("participant_id", "session_id", "side")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """A file, as its name tells of it."""

    file: Path
    participant: str
    session: str
    side: str
    """Left, right, or empty."""
    is_mri: bool

    @property
    def visit(self) -> tuple[str, str]:
        """Participant and session."""
        return self.participant, self.session


def is_bids(folder: Path) -> bool:
    """Whether a folder has people laid out as BIDS does: folders called sub-... directly below."""
    return folder.is_dir() and any(one.is_dir() for one in folder.glob("sub-*"))


def tables_of(folder: Path) -> list[Path]:
    """The tables of people and readings that there are."""
    sessions = [folder / _SESSIONS, *sorted(folder.glob(f"sub-*/sub-*_{_SESSIONS}"))]
    named = (folder / _PARTICIPANTS, *sessions, *sorted(folder.glob(f"{_PHENOTYPE}/*.tsv")))
    return [file for file in named if file.is_file()]


def bids_table(folder: Path, wanted: str = "") -> OwnTable:
    """The table of knees that such a folder makes: a row for each MRI.

    Args:
        folder: with sub-... below.
        wanted: regular expression that the name of an MRI fits, in either case; empty takes all.

    Raises:
        InputError: there is no MRI in it, or a table cannot be read, or says two things of one knee or person.
    """
    named = list(_named(folder))
    fitting = [one for one in named if one.is_mri and re.search(wanted, one.file.name, re.IGNORECASE)]
    if not fitting:
        there = sorted({one.file.name for one in named if one.is_mri})
        found = f"none of its MRI is called {wanted!r}: it has {', '.join(there[:6])}" if there else "it holds no MRI"
        raise InputError(f"{folder}: {found} (sub-P001/ses-00m/anat/sub-P001_ses-00m_side-left_T1w.nii.gz, say)")
    knees = Counter((one.visit, one.side) for one in fitting)
    if several := [one for one in fitting if knees[one.visit, one.side] > 1]:
        said = "%s: some knees have several MRI, such as %s: the first by name counts; --series names one"
        log.warning(said, folder.name, " and ".join(one.file.name for one in several[:2]))
    films = [one for one in named if not one.is_mri]
    views = Counter((one.visit, one.side) for one in films)
    if several := [one for one in films if views[one.visit, one.side] > 1]:
        said = "%s: some knees have several radiographs, such as %s: the first by name counts; %s names one"
        examples = " and ".join(one.file.name for one in several[:2])
        log.warning(said, folder.name, examples, f"a column radiograph in {_PHENOTYPE}")
    tables = _told(folder, {one.participant for one in fitting})
    rows = []
    for mri in fitting:
        cells = {"participant": mri.participant, "visit": mri.session, "side": mri.side}
        cells |= {"radiograph": _film_of(mri, films, folder), "mri": mri.file.relative_to(folder).as_posix()}
        for session in ("", mri.session):
            for side in ("", mri.side):
                cells |= tables.get((mri.participant, session, side), {})
        rows.append(cells)
    names = tuple(dict.fromkeys(name for cells in rows for name in cells))
    filled = [OwnRow(line=line, cells=dict.fromkeys(names, "") | cells, extra=0) for line, cells in enumerate(rows, 1)]
    return OwnTable(columns=names, names=names, rows=tuple(filled))


def _named(folder: Path) -> Iterator[_Named]:
    """The MRI and radiographs below sub-..., in the order of their paths."""
    for file in sorted(folder.glob("sub-*/**/*")):
        name = file.name.lower()
        if name.startswith(".") or not name.endswith((*_MRI, *_RADIOGRAPH)) or not file.is_file():
            continue
        if name.partition(".")[0].endswith(_NO_IMAGE):
            continue
        own: dict[str, str] = dict(_ENTITY.findall(file.name.partition(".")[0]))
        above: dict[str, str] = dict(_ENTITY.findall("_".join(file.relative_to(folder).parts[:-1])))
        side = _SIDES.get((own.get("side") or own.get("hemi") or "").lower(), "")
        yield _Named(
            file=file,
            participant=own.get("sub", above.get("sub", "")),
            session=own.get("ses", above.get("ses", "")),
            side=side,
            is_mri=name.endswith(_MRI),
        )


def _film_of(mri: _Named, films: Sequence[_Named], folder: Path) -> str:
    """The radiograph of the same visit, of that knee if there is one; empty where there is none."""
    for side in (mri.side, ""):
        for one in films:
            if (one.visit, one.side) == (mri.visit, side):
                return one.file.relative_to(folder).as_posix()
    return ""


def _told(folder: Path, participants: Set[str]) -> dict[tuple[str, str, str], dict[str, str]]:
    """What the tables say of people and of knees: cells by participant, session and side, empty where all are meant."""
    told: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for file in tables_of(folder):
        table = read_own_table(file)
        # A table in the folder of a person need not name the person.
        own = file.parent.name if file.name.endswith(f"_{_SESSIONS}") else ""
        if "participant_id" not in table.names and not own:
            raise InputError(f"{file} has no column participant_id, but {listed(table.columns)}")
        table.require_whole(file)
        called = [row.cells.get("participant_id", own).removeprefix("sub-") for row in table.rows]
        if called and not participants & set(called):
            said = "%s/%s tells of none of the people there: it calls them %s, the folders %s"
            log.warning(said, folder.name, file.name, listed(called[:2]), listed(sorted(participants)[:2]))
        for row in table.rows:
            participant, session, side = (row.cells.get(name, "") for name in _KEYS)
            participant = participant or own
            key = participant.removeprefix("sub-"), session.removeprefix("ses-"), _SIDES.get(side.lower(), "")
            cells = {name: cell for name, cell in row.cells.items() if name not in _KEYS}
            cells = {name: cell for name, cell in cells.items() if cell and cell.lower() != "n/a"}
            for name, cell in cells.items():
                other = told[key].get(name, cell)
                if other != cell and _counts(name):
                    both = f"{name} of {participant} is {other[:_SHOWN]!r} before and {cell[:_SHOWN]!r} here"
                    raise InputError(f"{file}, line {row.line}: {both}: keep one")
            told[key] |= cells
    return told


def _counts(name: str) -> bool:
    """Whether a column means something here; of others, notes say, a person may have as many as there are rows."""
    return name == "split" or name in COVARIATES or full_name(name) in known_readings().names
