"""Which DICOM series lie in a folder, as scanners and archives export it: at any depth, several beside each other."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InputError, UnusableError
from xrmri.formats.archive import beginning
from xrmri.formats.dicom import LABEL_BYTES, count_images, is_dicom, read_labels
from xrmri.formats.quiet import no_warnings

_NAMED = 6
"""Series that a reason lists (choice: a row of a table)."""
_DIGITS = re.compile(r"\d+")
_PACKED = re.compile(r"\.(gz|bz2|xz|zip|zst)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundSeries:
    """One series in a folder."""

    description: str
    files: tuple[Path, ...]

    @property
    def slices(self) -> int:
        """As many as files, but where the only one holds them all; InputError where it is no image."""
        return len(self.files) if len(self.files) > 1 else count_images(self.files[0])


def the_series_in(folder: Path, wanted: str) -> FoundSeries:
    """The one series of a folder, or the one whose description is wanted.

    Args:
        folder: its DICOM files may lie at any depth, and be called anything.
        wanted: regular expression, in either case; empty takes the only one.

    Raises:
        UnusableError: no DICOM in it, or none or several that fit; lists what there is. Or a slice lacks.
    """
    found, strange = _series_in(folder)
    if not found:
        raise UnusableError("no DICOM", f"{folder.name} holds no DICOM file")
    fitting = [one for one in found if re.search(wanted, one.description, re.IGNORECASE)]
    if len(fitting) == 1:
        require_no_lost_slice(folder, fitting[0].files, strange)
        return fitting[0]
    listed = ", ".join(f"{one.description or 'undescribed'} ({len(one.files)})" for one in found[:_NAMED])
    listed += f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    if not fitting:
        raise UnusableError("no such series", f"none in {folder.name} is described as {wanted!r}; it has {listed}")
    advice = "name one by --series" if not wanted else f"{len(fitting)} fit {wanted!r}: be more exact"
    raise UnusableError("several series", f"{folder.name} has {listed}: {advice}")


def require_no_lost_slice(folder: Path, files: Iterable[Path], strange: Iterable[Path]) -> None:
    """Refuse a series beside which lies what was one of its slices, by its name: empty, cut off, packed, a dead link.

    Args:
        folder: where they lie, at any depth.
        files: of the series.
        strange: what lies there and is not DICOM.

    Raises:
        UnusableError: names the first.
    """
    called = {_pattern(folder, file) for file in files}
    lost = next((file for file in strange if _pattern(folder, file) in called), None)
    if lost:
        told = f"{lost.name} is called like the slices beside it, and is no DICOM file: copy or unpack it again"
        raise UnusableError("unreadable slice", told)


def _pattern(folder: Path, file: Path) -> str:
    """A name without its numbers, and without the ending of a packed file."""
    return _DIGITS.sub("#", _PACKED.sub("", file.relative_to(folder).as_posix()))


def _series_in(folder: Path) -> tuple[list[FoundSeries], list[Path]]:
    """All series, by the number that the scanner gave them, and the files that are not DICOM."""
    series: dict[tuple[int, str, str], list[Path]] = defaultdict(list)
    strange = []
    with no_warnings():
        for file in _files(folder):
            try:
                labels = read_labels(beginning(file, LABEL_BYTES)) if file.is_file() and is_dicom(file) else None
            except InputError:
                labels = None
            except OSError as error:
                raise UnusableError("unreadable folder", f"{file.name} ({error.strerror})") from error
            if labels is None:
                strange.append(file)
            else:
                series[labels.series_number, labels.series_uid, labels.description].append(file)
    return [
        FoundSeries(description=description, files=tuple(files))
        for (_, _, description), files in sorted(series.items())
    ], strange


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in the order of names; links to folders are not entered."""

    def closed(error: OSError) -> None:
        raise UnusableError("unreadable folder", f"{Path(error.filename).name} ({error.strerror})") from error

    for place, folders, names in os.walk(folder, onerror=closed):
        folders.sort()
        yield from (Path(place) / name for name in sorted(names) if not name.startswith(".") and name != "DICOMDIR")
