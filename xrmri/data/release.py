"""What lies in an OAI release: every image series, found by the shape of its path, and the tables of readings.

Classic layout: <any depth>/<release such as 0.C.2>/<participant>/<yyyymmdd>/<series>/001, 002, ... without extension.
What a series shows is told by contents.csv where there is one, else by the header of its first file.
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xrmri.data.dicom import read_header
from xrmri.errors import InputError
from xrmri.records import LEFT, RIGHT

FILM, FLASH, OTHER = "radiograph", "FLASH", "other"

_MONTHS = {0: 0, 1: 12, 2: 18, 3: 24, 4: 30, 5: 36, 6: 48, 7: 60, 8: 72, 9: 84, 10: 96, 11: 108}
_RELEASE = re.compile(r"(\d+)\.[A-Z]\.\d+")
_PARTS = (_RELEASE, re.compile(r"9\d{6}"), re.compile(r"\d{8}"), re.compile(r"\d{8}"))
_SLICE = re.compile(r"\d+(\.dcm)?", re.IGNORECASE)
_CONTENTS = re.compile(r"contents.*\.(csv|txt)", re.IGNORECASE)
_READINGS = re.compile(r"kxr_sq_bu\d\d\.txt", re.IGNORECASE)
_BILATERAL = re.compile(r"BILATERAL PA FIXED FLEXION KNEE")
_UNILATERAL = re.compile(r"PA FIXED FLEXION (LEFT|RIGHT) KNEE")
_FLASH = re.compile(r"COR T1 3D FLASH (LEFT|RIGHT)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One image series of a participant."""

    folder: Path
    visit: str
    """Such as 00m."""
    participant: str
    date: str
    """yyyymmdd."""
    number: str
    """Name of the folder: the last eight digits of the barcode."""
    description: str
    kind: str
    """FILM, FLASH or OTHER."""
    side: str | None
    """None for both knees, or where it does not matter."""

    def files(self) -> list[Path]:
        """Its DICOM files, in the order of their names; anything else in the folder is not one."""
        if not self.folder.is_dir():
            return []
        return sorted(file for file in self.folder.iterdir() if file.is_file() and _SLICE.fullmatch(file.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What was found."""

    series: tuple[Series, ...]
    """Sorted by visit, participant, date and number."""
    readings: tuple[Path, ...]
    """Tables of semi-quantitative readings (kxr_sq_bu)."""


def find_release(root: Path) -> Release:
    """Walk a release.

    Raises:
        InputError: not a folder, or nothing in it looks like a release.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder: give the folder of an OAI release")
    folders: dict[str, Path] = {}
    listed: dict[str, tuple[Path, str]] = {}
    readings = []
    for folder, names in _walk(root):
        if _is_series(folder):
            folders[_key(folder.parts)] = folder
        for name in names:
            if _CONTENTS.fullmatch(name):
                listed.update(_read_contents(folder / name))
            elif _READINGS.fullmatch(name):
                readings.append(folder / name)
    for key, (folder, _) in listed.items():
        folders.setdefault(key, folder)
    if not folders:
        raise InputError(f"{root} holds no series .../0.C.2/<participant>/<yyyymmdd>/<series>/001: is it OAI?")
    series = [_series(folder, listed[key][1] if key in listed else None) for key, folder in folders.items()]
    series.sort(key=lambda one: (one.visit, one.participant, one.date, one.number))
    return Release(series=tuple(series), readings=tuple(readings))


def visit_of(code: str) -> str:
    """The visit behind OAI's number for it: "00" is 00m, "1" is 12m."""
    number = int(code)
    return f"{_MONTHS[number]:02d}m" if number in _MONTHS else f"V{number:02d}"


def kind_of(description: str) -> tuple[str, str | None]:
    """What a series shows, and of which knee, by its SeriesDescription in any spelling."""
    words = " ".join(re.sub(r"[\^_]", " ", description.upper()).split())
    if _BILATERAL.fullmatch(words):
        return FILM, None
    for pattern, kind in ((_UNILATERAL, FILM), (_FLASH, FLASH)):
        if match := pattern.fullmatch(words):
            return kind, {"LEFT": LEFT, "RIGHT": RIGHT}[match[1]]
    return OTHER, None


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder with the files in it, in the order of names, not going into series folders."""
    for name, folders, files in os.walk(root):
        folder = Path(name)
        folders[:] = [] if _is_series(folder) else sorted(folders)
        yield folder, sorted(files)


def _is_series(folder: Path) -> bool:
    parts = folder.parts[-len(_PARTS) :]
    return len(parts) == len(_PARTS) and all(p.fullmatch(part) for p, part in zip(_PARTS, parts, strict=True))


def _key(parts: tuple[str, ...]) -> str:
    """Release, participant, date and series: what names a series in contents.csv and on disk alike."""
    return "/".join(parts[-len(_PARTS) :])


def _read_contents(file: Path) -> Iterator[tuple[str, tuple[Path, str]]]:
    """Each series that contents.csv lists: key -> where it should lie, description."""
    with file.open(encoding="latin-1", newline="") as stream:
        for row in csv.DictReader(stream):
            cells = {(name or "").strip().lower(): value or "" for name, value in row.items() if isinstance(value, str)}
            parts = tuple(part for part in cells.get("folder", "").strip().split("/") if part)
            folder = file.parent.joinpath(*parts)
            if _is_series(folder):
                yield _key(folder.parts), (folder, cells.get("seriesdescription", "").strip())


def _series(folder: Path, listed: str | None) -> Series:
    """A series folder and what its path and description say."""
    release, participant, date, number = folder.parts[-len(_PARTS) :]
    description = listed or _description_in_header(folder)
    kind, side = kind_of(description)
    return Series(
        folder=folder,
        visit=visit_of(release.partition(".")[0]),
        participant=participant,
        date=date,
        number=number,
        description=description,
        kind=kind,
        side=side,
    )


def _description_in_header(folder: Path) -> str:
    """SeriesDescription of the first readable file; empty where there is none."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.is_file() and _SLICE.fullmatch(file.name):
            try:
                return read_header(file).description
            except InputError:
                continue
    return ""
