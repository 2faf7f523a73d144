"""Where everything of a synthetic participant lies in a release with OAI's classic layout.

<root>/00m/<release>/<participant>/<yyyymmdd>/<series>/001, 002, ...; the film is from the screening visit, the MRI
from enrolment, some weeks later.
"""

import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from zlib import crc32

from pydicom.dataset import Dataset

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.dicom_series import SeriesFacts, film_file, flash_files, iw_files, locator_files, mpr_files, save
from xrmri.phantom.film import Film
from xrmri.phantom.flash import FLASH, MrSeries
from xrmri.phantom.other_sequences import IW, MPR
from xrmri.storage.files import partial_name

VISIT = "00m"
_FIRST_DAY = date(2004, 2, 1)
_OTHERS = 200_000  # beyond the numbers of the first series of 99,999 participants
_NUMBERS = 9_999_991  # a prime below 10**7: the stride below then meets every number once


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a participant lies, and the series they have."""

    release: str
    """0.C.2 or 0.E.1, the two halves of the cohort."""
    film: SeriesFacts
    locator: SeriesFacts
    flash: SeriesFacts
    iw: SeriesFacts
    mpr: SeriesFacts

    def series(self, others: bool) -> tuple[SeriesFacts, ...]:
        """All series, in the order of their numbers; IW and MPR only where the release has them."""
        first = (self.film, self.locator, self.flash)
        return (*first, self.iw, self.mpr) if others else first

    def folder(self, facts: SeriesFacts) -> Path:
        """The folder of a series, from the visit's folder."""
        return Path(self.release, facts.participant.participant, facts.date, facts.barcode[4:])


def place(participant: Participant) -> Place:
    """The dates, numbers and names of a participant's series."""
    generator = stream("calendar", participant.seed, participant.index)
    release = "0.C.2" if generator.random() < 0.56 else "0.E.1"
    screened = _FIRST_DAY + timedelta(days=int(generator.integers(850)))
    scanned = screened + timedelta(days=int(generator.integers(10, 120)))
    side = participant.imaged_side.upper()
    mr_study = f"OAI^MR^ENROLLMENT^{side}"
    film, locator, flash, iw, mpr = (
        SeriesFacts(participant=participant, date=f"{day:%Y%m%d}", barcode=barcode, number=number, study=study,
                    description=description)
        for number, (day, barcode, study, description) in enumerate((
            (screened, _barcode(participant, "0", 0), "OAI^XRAY^SCREENING^KNEE", "Bilateral PA Fixed Flexion Knee"),
            (scanned, _barcode(participant, "1", 0), mr_study, f"MP_LOCATOR_{side}"),
            (scanned, _barcode(participant, "1", 1), mr_study, f"{FLASH}_{side}"),
            (scanned, _barcode(participant, "1", _OTHERS), mr_study, f"{IW}_{side}"),
            (scanned, _barcode(participant, "1", _OTHERS + 1), mr_study, f"{MPR}_{side}"),
        ), start=1)
    )  # fmt: skip
    return Place(release=release, film=film, locator=locator, flash=flash, iw=iw, mpr=mpr)


def write_series(
    root: Path, participant: Participant, film: Film, flash: MrSeries, *, others: Sequence[MrSeries] = ()
) -> None:
    """Write a participant's DICOM files: all of them, or none."""
    where = place(participant)
    final = root / VISIT / where.release / participant.participant
    partial = partial_name(final)
    shutil.rmtree(partial, ignore_errors=True)
    series: list[tuple[SeriesFacts, Iterable[Dataset]]] = [
        (where.film, [film_file(film, where.film)]),
        (where.locator, locator_files(flash, where.locator)),
        (where.flash, flash_files(flash, where.flash)),
    ]
    for other in others:
        series.append(
            (where.iw, iw_files(other, where.iw)) if other.name == IW else (where.mpr, mpr_files(other, where.mpr))
        )
    for facts, files in series:
        folder = partial / facts.date / where.folder(facts).name
        folder.mkdir(parents=True)
        for number, dataset in enumerate(files, start=1):
            save(dataset, folder / f"{number:03d}")
    shutil.rmtree(final, ignore_errors=True)
    partial.replace(final)


def is_written(root: Path, participant: Participant) -> bool:
    """Whether a participant's DICOM files are there."""
    return (root / VISIT / place(participant).release / participant.participant).is_dir()


def contents_table(people: Iterable[Participant], others: bool = False) -> str:
    """contents.csv of the visit: one row a series, IW and MPR where there are `others`; barcodes lost their zeros."""
    lines = [("Folder", "ParticipantID", "StudyDate", "Barcode", "StudyDescription", "SeriesDescription")]
    for person in people:
        where = place(person)
        for facts in where.series(others):
            barcode = str(int(facts.barcode[4:]))
            folder = where.folder(facts).as_posix()
            lines.append((folder, person.participant, facts.date, barcode, facts.study, facts.description))
    return _csv(lines)


def boxes_table(boxes: Mapping[str, Mapping[str, Iterable[float]]], people: Iterable[Participant]) -> str:
    """film_boxes.csv: the true joint boxes of each film in pixels; OAI has no such file."""
    lines: list[tuple[object, ...]] = [("film", "participant", "side", "x0", "y0", "x1", "y1")]
    for person in people:
        where = place(person)
        film = (VISIT / where.folder(where.film) / "001").as_posix()
        for side, corners in sorted(boxes[person.participant].items()):
            lines.append((film, person.participant, side, *(f"{corner:.2f}" for corner in corners)))
    return _csv(lines)


def _barcode(participant: Participant, modality: str, number: int) -> str:
    """Twelve digits: 0166, 0 for a film or 1 for MR, and seven that no other series of the cohort has."""
    start = crc32(f"barcode {participant.seed}".encode())
    return f"0166{modality}{(start + 104_729 * (2 * participant.index + number)) % _NUMBERS:07d}"


def _csv(lines: Iterable[Iterable[object]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
