"""What lies in an OAI release: every image series, found by the shape of its path, and the tables of readings.

Classic layout: <any depth>/<release such as 0.C.2>/<participant>/<yyyymmdd>/<series>/001, 002, ... without extension;
NDA's is the same with one <series>.tar.gz in place of the folder. What a series shows is told by the header of its
first file, and by a sheet (contents.csv, image03.txt) where the header does not tell.
"""

import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from xrmri.cohorts.description import FLASH, UNDESCRIBED, kind_of, words_of
from xrmri.cohorts.sheets import OAI_PARTICIPANT, Listed, Place, holds_series, is_sheet, place_of, read_sheet
from xrmri.errors import InputError, Reason, reason_of
from xrmri.formats.archive import ARCHIVE, DICOM_NAME, beginning, is_archive
from xrmri.formats.dicom import LABEL_BYTES, Labels, is_dicom, read_labels
from xrmri.formats.quiet import no_warnings

log = logging.getLogger(__name__)

_MONTHS = {0: 0, 1: 12, 2: 18, 3: 24, 4: 30, 5: 36, 6: 48, 7: 60, 8: 72, 9: 84, 10: 96, 11: 108}
_NUMBER = re.compile(r"\d{8}")
_READINGS = re.compile(r"(kxr_sq_bu\d\d|oai_kxrsemiquant\d\d)\.(txt|csv|sas7bdat)", re.IGNORECASE)
_PEOPLE = re.compile(r"(enrollees|allclinical\d\d|(oai_)?enrollee\d\d|oai_oarisk\d\d)\.(txt|csv)", re.IGNORECASE)
_THREADS = 8
"""Headers read at a time: the disks of a cluster answer slowly, but many at once (choice)."""
NOT_ON_DISK, NO_FILES = "not on disk", "no files"
"""Kinds of reasons why a series is left out that may be there tomorrow."""
_TRIES = 3
"""Files of a series whose labels are looked for before its header counts as unreadable (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One image series of a participant."""

    path: Path
    """A folder, or the archive of one."""
    visit: str
    """Such as 00m."""
    participant: str
    date: str
    """yyyymmdd."""
    number: str
    """Name of the folder: the last eight digits of the barcode."""
    description: str
    kind: str
    """FILM, FLASH, OTHER, or UNDESCRIBED."""
    side: str | None
    """None for both knees, or where it does not matter."""
    series_number: int = 0
    """Of the scanner, within one examination; 0 where the header does not tell."""
    problem: Reason | None = None
    """Why it cannot be used, as far as its labels tell."""
    members: tuple[Path, ...] = ()
    """Its files, where a person named them or the folder holds others too."""

    def files(self) -> list[Path]:
        """Its DICOM files, in the order of their names, or its archive."""
        return list(self.members) or _files(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A series that is called otherwise in its header than in a sheet."""

    path: Path
    header: str
    sheet: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What was found."""

    series: tuple[Series, ...]
    """Sorted by visit, participant, date, number and path."""
    readings: tuple[Path, ...]
    """Tables of semi-quantitative readings (kxr_sq_bu)."""
    people: tuple[Path, ...]
    """Tables of age, sex and BMI (Enrollees, AllClinical)."""
    sheets: tuple[Path, ...]
    """Tables that list the series."""
    conflicts: tuple[Conflict, ...]
    unplaced: tuple[Path, ...]
    """Folders with numbered files that lie in no series."""


@dataclass(kw_only=True, slots=True)
class _Walked:
    """What a walk through the folders finds."""

    paths: list[Path] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)
    readings: list[Path] = field(default_factory=list)
    people: list[Path] = field(default_factory=list)
    unplaced: list[Path] = field(default_factory=list)


def find_release(root: Path, series: str = "") -> Release:
    """Walk a release.

    Args:
        root: its folder.
        series: regular expression of the descriptions of the MR series wanted; empty: the coronal FLASH.

    Raises:
        InputError: not a folder, or nothing in it looks like a release.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder: give the folder of an OAI release")
    walked = _walk(root)
    listed = {place: one for file in walked.sheets for place, one in _read_sheet(file)}
    if not walked.paths and not listed:
        raise InputError(f"{root} holds no 0.C.2/<participant>/<yyyymmdd>/<series> of OAI, no BIDS: use --manifest")
    with no_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        labelled = list(zip(walked.paths, pool.map(_labels, walked.paths), strict=True))
    first: dict[Place, Path] = {}
    found, conflicts = [], []
    for path, labels in labelled:
        place = _place(path)
        twin = first.setdefault(place, path)
        copy = Reason("copied", f"the same series lies in {_relative(twin, root)}") if twin != path else None
        sheet = listed.get(place)
        found.append(_series(path, place, labels, sheet, copy=copy, series=series))
        if sheet and isinstance(labels, Labels) and _differ(labels.description, sheet.description):
            conflicts.append(Conflict(path=path, header=labels.description, sheet=sheet.description))
    found += [_absent(place, sheet, series) for place, sheet in listed.items() if place not in first]
    found.sort(key=lambda one: (one.visit, one.participant, one.date, one.number, str(one.path)))
    _warn(root, conflicts, walked.unplaced)
    return Release(
        series=tuple(found),
        readings=tuple(walked.readings),
        people=tuple(walked.people),
        sheets=tuple(walked.sheets),
        conflicts=tuple(conflicts),
        unplaced=tuple(walked.unplaced),
    )


def visit_of(code: str) -> str:
    """The visit behind OAI's number for it: "00" is 00m, "1" is 12m."""
    number = int(code)
    return f"{_MONTHS[number]:02d}m" if number in _MONTHS else f"V{number:02d}"


def _walk(root: Path) -> _Walked:
    """Every series, sheet and table under a folder, in the order of names; series folders are not entered."""
    walked = _Walked()
    entered: set[str] = set()

    def unreadable(error: OSError) -> None:
        log.warning("%s cannot be read (%s): what lies in it is not counted", error.filename, error.strerror)

    for name, folders, files in os.walk(root, onerror=unreadable, followlinks=True):
        folder = Path(name)
        real = os.path.realpath(name)
        if real in entered:  # a link that leads back
            folders.clear()
            continue
        entered.add(real)
        parts = Path(os.path.abspath(name)).parts
        if place_of(parts):
            walked.paths.append(folder)
            folders.clear()
            continue
        if holds_series(parts):
            walked.paths += [folder / one for one in sorted(folders) if _NUMBER.fullmatch(one)]
            walked.paths += [folder / one for one in sorted(files) if ARCHIVE.fullmatch(one)]
            folders[:] = [one for one in folders if not _NUMBER.fullmatch(one)]
        folders.sort()
        for file in sorted(files):
            if is_sheet(file):
                walked.sheets.append(folder / file)
            elif _READINGS.fullmatch(file):
                walked.readings.append(folder / file)
            elif _PEOPLE.fullmatch(file):
                walked.people.append(folder / file)
        if any(DICOM_NAME.fullmatch(file) for file in files):
            walked.unplaced.append(folder)
    return walked


def _read_sheet(file: Path) -> list[tuple[Place, Listed]]:
    """What a sheet lists; nothing, and a warning, where it cannot be read: headers tell as much."""
    try:
        return list(read_sheet(file))
    except InputError as error:
        log.warning("%s: its series are told by their headers alone", error)
        return []


def _place(path: Path) -> Place:
    """Where a series that was walked past lies, however the root was written."""
    place = place_of(Path(os.path.abspath(path)).parts)
    assert place is not None
    return place


def _files(path: Path) -> list[Path]:
    """The DICOM files of a series folder, or its archive; numbered ones, else whatever begins as DICOM does."""
    if is_archive(path):
        return [path] if path.is_file() else []
    if not path.is_dir():
        return []
    try:
        with os.scandir(path) as entries:
            files = sorted(path / one.name for one in entries if not one.name.startswith(".") and one.is_file())
    except OSError as error:
        raise InputError(f"unreadable folder: {path.name} ({error.strerror})") from error
    return [file for file in files if DICOM_NAME.fullmatch(file.name)] or [file for file in files if is_dicom(file)]


def _labels(path: Path) -> Labels | Reason:
    """The labels of a series, or why it has none."""
    reason: Reason | None = None
    try:
        for file in _first_files(path):
            try:
                return read_labels(beginning(file, LABEL_BYTES))
            except InputError as error:
                header = Reason("unreadable header", f"{file.name}: {error}")
                reason = reason or (reason_of(error) if is_archive(file) else header)
    except OSError as error:
        return Reason("unreadable folder", f"{path.name} ({error.strerror})")
    return reason or Reason(NO_FILES, f"{path.name} holds no DICOM file")


def _first_files(path: Path) -> Iterator[Path]:
    """001, and what else stands first in a series; a release has millions of files, so they are listed last."""
    usual = path / "001"
    if usual.is_file():
        yield usual
    yield from (file for file in _files(path)[:_TRIES] if file != usual)


def _series(
    path: Path, place: Place, labels: Labels | Reason, sheet: Listed | None, *, copy: Reason | None, series: str
) -> Series:
    """A series on disk; its header counts before a sheet."""
    known = labels if isinstance(labels, Labels) else Labels(participant="", description="", study="", series_number=0)
    description = known.description or (sheet.description if sheet else "")
    kind, side = kind_of(description, known.study or (sheet.study if sheet else ""), series)
    _, participant, _, _ = place
    problem = copy
    if isinstance(labels, Reason):
        problem = problem or labels
    elif OAI_PARTICIPANT.fullmatch(known.participant) and known.participant != participant:
        problem = problem or Reason("other participant", f"the header says {known.participant}")
    if kind == UNDESCRIBED:
        problem = problem or Reason("no description", "neither header nor sheet tells what the series shows")
    if kind == FLASH and side is None:
        problem = problem or Reason("side unknown", f"{description} does not name a knee")
    return _made(path, place, description, kind, side=side, series_number=known.series_number, problem=problem)


def _absent(place: Place, sheet: Listed, series: str) -> Series:
    """A series that is in a sheet alone."""
    kind, side = kind_of(sheet.description, sheet.study, series)
    problem = Reason(NOT_ON_DISK, "a sheet lists it")
    return _made(sheet.path, place, sheet.description, kind, side=side, series_number=0, problem=problem)


def _made(
    path: Path,
    place: Place,
    description: str,
    kind: str,
    *,
    side: str | None,
    series_number: int,
    problem: Reason | None,
) -> Series:
    release, participant, date, number = place
    return Series(path=path, visit=visit_of(release.split(".")[0]), participant=participant, date=date, number=number,
                  description=description, kind=kind, side=side, series_number=series_number, problem=problem)


def _differ(header: str, sheet: str) -> bool:
    """Whether two descriptions say different things."""
    return bool(words_of(header) and words_of(sheet)) and words_of(header) != words_of(sheet)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _warn(root: Path, conflicts: list[Conflict], unplaced: list[Path]) -> None:
    """Say what a person should look into, once each."""
    if conflicts:
        one = conflicts[0]
        message = "%d series have other names in their headers than in the sheet; the header counts: %s is %r, not %r"
        log.warning(message, len(conflicts), _relative(one.path, root), one.header, one.sheet)
    if unplaced:
        told = "%d folders with numbered files are not read, for they are no <participant>/<yyyymmdd>/<series>: %s"
        log.warning(told, len(unplaced), unplaced[0])
