"""Which DICOM series lie in a folder, as scanners and archives export it: at any depth, several beside each other."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InputError, UnusableError
from xrmri.formats.archive import beginning
from xrmri.formats.dicom import LABEL_BYTES, count_images, is_dicom, no_warnings, read_labels

_NAMED = 6
"""Series that a reason lists (choice: a row of a table)."""


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
        UnusableError: no DICOM in it, or none or several that fit; lists what there is.
    """
    found = _series_in(folder)
    if not found:
        raise UnusableError("no DICOM", f"{folder.name} holds no DICOM file")
    fitting = [one for one in found if re.search(wanted, one.description, re.IGNORECASE)]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{one.description or 'undescribed'} ({len(one.files)})" for one in found[:_NAMED])
    listed += f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    if not fitting:
        raise UnusableError("no such series", f"none in {folder.name} is described as {wanted!r}; it has {listed}")
    advice = "name one by --series" if not wanted else f"{len(fitting)} fit {wanted!r}: be more exact"
    raise UnusableError("several series", f"{folder.name} has {listed}: {advice}")


def _series_in(folder: Path) -> list[FoundSeries]:
    """All series, by the number that the scanner gave them."""
    series: dict[tuple[int, str, str], list[Path]] = defaultdict(list)
    with no_warnings():
        for file in _dicom_files(folder):
            try:
                labels = read_labels(beginning(file, LABEL_BYTES))
            except InputError:
                continue
            series[labels.series_number, labels.series_uid, labels.description].append(file)
    return [
        FoundSeries(description=description, files=tuple(files))
        for (_, _, description), files in sorted(series.items())
    ]


def _dicom_files(folder: Path) -> Iterator[Path]:
    """Every DICOM file below a folder, in the order of names; links to folders are not entered."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place) / name
            try:
                if not name.startswith(".") and name != "DICOMDIR" and file.is_file() and is_dicom(file):
                    yield file
            except OSError as error:
                raise UnusableError("unreadable folder", f"{name} ({error.strerror})") from error
