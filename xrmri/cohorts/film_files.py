"""Which films lie under the paths a person gave: files, folders, or an OAI release."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrmri.cohorts.description import FILM, kind_of
from xrmri.cohorts.release import Series, find_release
from xrmri.errors import InputError
from xrmri.formats.archive import beginning
from xrmri.formats.dicom import LABEL_BYTES, is_dicom, read_labels
from xrmri.formats.quiet import no_warnings
from xrmri.runs.record import read_record
from xrmri.storage.names import on_any_disk, safe_name

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_CALLED_DICOM = (".dcm", ".dcm.gz")
"""Names of films that are empty, cut off or packed: they are named, to be rejected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmFile:
    """A file with a film, and what its description promises."""

    file: Path
    name: str
    """For what is made of it; unlike every other."""
    knees: int | None
    """How many knees it shows; None where nothing tells."""
    side: str | None
    """Which knee a film of one shows; None for both, or where nothing tells."""


def find_films(paths: Sequence[Path]) -> list[FilmFile]:
    """Every film under some paths, in their order; folders are walked in the order of names.

    Args:
        paths: a file is taken as it is; of a release the knee films; of another folder all DICOM and picture files,
            but not what this program has made of such and put among them.

    Raises:
        InputError: a path that does not exist, or no film at all.
    """
    found = [film for path in paths for film in (_in_folder(path) if path.is_dir() else [_file(path)])]
    if not found:
        raise InputError(f"{paths[0]} holds no film: give DICOM, PNG, JPEG or TIFF files, a folder, or an OAI release")
    return list(_with_own_names(found))


def _file(path: Path) -> FilmFile:
    """One file that a person named."""
    if not path.exists():
        raise InputError(f"{path} does not exist: give a radiograph (DICOM, PNG, JPEG or TIFF)")
    return described(path, path.stem)


def _in_folder(folder: Path) -> list[FilmFile]:
    """The films in a folder."""
    try:
        release = find_release(folder)
    except InputError:
        return [described(file, "-".join(file.relative_to(folder).with_suffix("").parts)) for file in _images(folder)]
    films = [series for series in release.series if series.kind == FILM]
    return [
        FilmFile(
            file=_film_of(series),
            name=f"{series.participant}-{series.visit}-{series.number}",
            knees=1 if series.side else 2,
            side=series.side,
        )
        for series in films
    ]


def _film_of(series: Series) -> Path:
    """The film of a series; one without it, or that cannot be looked into, is named all the same, to be rejected."""
    try:
        return next(iter(series.files()), series.path / "001")
    except InputError:
        return series.path / "001"


def _images(folder: Path) -> Iterator[Path]:
    """DICOM and picture files at any depth, links followed; and files and folders that cannot be opened, to be rejected
    by name.
    """
    entered: set[tuple[int, int]] = set()
    closed: list[OSError] = []
    for place, folders, names in os.walk(folder, followlinks=True, onerror=closed.append):
        try:
            found = os.stat(place)
        except OSError as error:  # gone since it was listed
            closed.append(error)
            continue
        leads_back = (found.st_dev, found.st_ino) in entered  # by a link
        if leads_back or (Path(place) != folder and _is_made(Path(place))):
            folders.clear()
            continue
        entered.add((found.st_dev, found.st_ino))
        folders.sort()
        yield from (file for name in sorted(names) if _may_be_film(file := Path(place) / name))
    yield from (Path(error.filename) for error in closed)


def _is_made(folder: Path) -> bool:
    """Whether a folder among films is one that a command has written, whose pictures are crops."""
    try:
        return read_record(folder) is not None
    except InputError:  # its record is damaged
        return True


def _may_be_film(file: Path) -> bool:
    """Whether a file is DICOM or a picture, is called so, or nobody can tell."""
    name = file.name.lower()
    called = name.endswith(_SUFFIXES) or (name.endswith(_CALLED_DICOM) and not name.startswith("."))
    try:
        return called or is_dicom(file)
    except OSError:
        return True


def described(file: Path, name: str = "") -> FilmFile:
    """A file and what its DICOM header promises."""
    try:
        with no_warnings():
            labels = read_labels(beginning(file, LABEL_BYTES)) if is_dicom(file) else None
        kind, side = kind_of(labels.description, labels.study) if labels else ("", None)
    except (InputError, OSError):
        kind, side = "", None
    return FilmFile(file=file, name=name, knees=(1 if side else 2) if kind == FILM else None, side=side)


def _with_own_names(films: Sequence[FilmFile]) -> Iterator[FilmFile]:
    """The films under names that files can have, the second of a name called name-2, or as no other is by then."""
    seen: Counter[str] = Counter()
    taken: set[str] = set()
    for film in films:
        name = next(name for name in _numbered(safe_name(film.name), seen) if on_any_disk(name) not in taken)
        taken.add(on_any_disk(name))
        yield FilmFile(file=film.file, name=name, knees=film.knees, side=film.side)


def _numbered(name: str, seen: Counter[str]) -> Iterator[str]:
    """The name, name-2, name-3 and so on, from where an earlier film of that name has come to."""
    while True:
        seen[on_any_disk(name)] += 1
        number = seen[on_any_disk(name)]
        yield name if number == 1 else f"{name}-{number}"
