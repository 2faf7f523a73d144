"""What the sheets that come with the images say of each series: contents.csv, and NDA's image03.txt.

A series is named by the last four parts of its path, which are the same in every sheet and on every disk.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xrmri.formats.archive import ARCHIVE
from xrmri.formats.text_table import open_table

Place = tuple[str, str, str, str]
"""Release, participant, date, series."""

OAI_PARTICIPANT = re.compile("9[0-9]{6}")
"""A participant's number in the OAI."""
_PLACE = (re.compile(r"[0-9]+\.[A-Z]\.[0-9]+"), OAI_PARTICIPANT, re.compile("[0-9]{8}"), re.compile("[0-9]{8}"))
_CONTENTS = re.compile(r"contents.*\.(csv|txt)", re.IGNORECASE)
_IMAGE03 = re.compile(r"image03.*\.(txt|csv)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One series in a sheet."""

    path: Path
    """Where it should lie."""
    description: str
    study: str
    """StudyDescription."""


def is_sheet(name: str) -> bool:
    """Whether a file lists series, by its name."""
    return bool(_CONTENTS.fullmatch(name) or _IMAGE03.fullmatch(name))


def read_sheet(file: Path) -> Iterator[tuple[Place, Listed]]:
    """Each series that a sheet lists; rows that name none are passed over.

    Raises:
        InputError: the sheet cannot be read.
    """
    wanted = ("folder", "seriesdescription", "studydescription", "image_file", "image_description", "comments_misc")
    with open_table(file) as table:
        for row in table.rows(wanted):
            parts = split_path(row["folder"] or row["image_file"])
            place = place_of(parts)
            # A local path ends where an address in the cloud does, from the folder of the visit on.
            path = file.parent.joinpath(*parts if row["folder"] else parts[-5:])
            description = row["seriesdescription"] or row["image_description"]
            study = row["studydescription"] or row["comments_misc"]
            if place:
                yield place, Listed(path=path, description=description, study=study)


def place_of(parts: tuple[str, ...]) -> Place | None:
    """The series that a path leads to, or None."""
    if len(parts) < len(_PLACE):
        return None
    *above, name = parts[-len(_PLACE) :]
    archive = ARCHIVE.fullmatch(name)
    release, participant, date, number = (*above, archive[1] if archive else name)
    place = (release.upper(), participant, date, number)
    return place if all(p.fullmatch(part) for p, part in zip(_PLACE, place, strict=True)) else None


def holds_series(parts: tuple[str, ...]) -> bool:
    """Whether a folder is the day of a participant, in which the series lie."""
    return place_of((*parts, "00000000")) is not None


def split_path(text: str) -> tuple[str, ...]:
    """The parts of a path written with / or \\, doubled or not; the climbing ones left out."""
    return tuple(part for part in re.split(r"[/\\]+", text.strip()) if part not in ("", ".", ".."))
