"""What a release offers before any pixel is read: its pairs, what is left out and why, and the counts of all of it.

Every series found is counted once: in a pair, rejected with a reason, or of another kind.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xrmri.building.record import LeftOutSeries, PairOfSeries, PairRecord
from xrmri.cohorts.description import FILM, FLASH, OTHER
from xrmri.cohorts.pairing import NOT_NEEDED, Candidate, RejectedSeries, pair_up
from xrmri.cohorts.participants import read_people
from xrmri.cohorts.readings import read_readings
from xrmri.cohorts.release import NO_FILES, NOT_ON_DISK, Release, Series, find_release
from xrmri.config import BuildDataset
from xrmri.errors import InconsistentError, InputError, Reason, UnusableError
from xrmri.facts.origins import DRAWN_MARK
from xrmri.formats.archive import beginning, is_archive
from xrmri.formats.dicom import LABEL_BYTES
from xrmri.runs.outcome import BuildOutcome
from xrmri.runs.record import read_record
from xrmri.slice_window import kept_slices
from xrmri.storage.trouble import opens

log = logging.getLogger(__name__)

_NAMED = 8
"""Descriptions that a message lists (choice: a line)."""
_GZIP = b"\x1f\x8b"
_MAY_PASS = ("unreadable", NOT_ON_DISK, NO_FILES)
"""How reasons begin that say nothing of what a series holds, as long as it does not open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A release, searched and paired but not yet read."""

    root: Path
    release: Release
    candidates: list[Candidate]
    rejected: list[RejectedSeries]
    manifest: Path | None = None
    """The table that names the pairs; None for a release."""
    named: tuple[Path, ...] = ()
    """The files that it names, whether they are there now or not, and the rows that name none."""

    @property
    def series(self) -> dict[str, int]:
        """How many series of each kind there are."""
        kinds = Counter(one.kind for one in self.release.series)
        return {kind: kinds[kind] for kind in (FLASH, FILM, OTHER)} | dict(kinds)

    def relative(self, path: Path) -> str:
        """A path from the root of the release on; one that a table leads elsewhere stays as it is."""
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def left_out(self, one: RejectedSeries) -> LeftOutSeries:
        """A series that is in no pair, as the tables name it."""
        series = one.series
        return LeftOutSeries(
            participant=series.participant,
            visit=series.visit,
            side=one.side or "both",
            series=self.relative(series.path),
            kind=series.kind,
            reasons=(one.reason,),
            passing=one.passing or self._may_pass(one),
            unopened=self.relative(one.unopened) if one.unopened else None,
        )

    def _may_pass(self, one: RejectedSeries) -> bool:
        """Whether a series of a release may be there tomorrow; a row of a table is looked at where it is read."""
        return not self.manifest and one.reason.kind.startswith(_MAY_PASS) and not opens(one.series.path)

    def pair_of(self, one: Candidate) -> PairOfSeries:
        """The two series of a pair."""
        return PairOfSeries(flash=self.relative(one.flash.path), film=self.relative(one.film.path))


def search(root: Path, config: BuildDataset) -> Found:
    """Find and pair, without reading any pixels.

    Args:
        root: folder of the release.
        config: which series are wanted, and how many files one has at least.

    Raises:
        InputError: no release, one of its tables cannot be read, or no series is described as wanted.
        InconsistentError: it has no table of readings.
    """
    release = find_release(root, config.series)
    if not release.readings:
        raise InconsistentError(f"{root} has no table kxr_sq_bu00.txt: add the folder of semi-quantitative readings")
    if config.series:
        _tell_what_is_passed_over(release, config.series)
    candidates, rejected = pair_up(release.series, read_readings(release.readings))
    people = read_people(release.people)
    whole = []
    for one in candidates:
        reason = _too_few(count_files(one.flash), config)
        if reason:
            rejected += one.blamed(flash=reason, film=Reason(NOT_NEEDED, "its MRI series was rejected"))
        else:
            whole.append(replace(one, covariates=people.of(one.flash.participant, one.flash.visit)))
    return Found(root=root, release=release, candidates=whole, rejected=rejected)


def count_files(series: Series) -> int:
    """How many files a series has; 0 where nobody can tell now."""
    try:
        return 0 if is_archive(series.path) else len(series.files())
    except InputError:
        return 0


def _too_few(files: int, config: BuildDataset) -> Reason | None:
    """Why a series of so many files, where they are known, cannot have the slices wanted."""
    if not files:
        return None
    if not config.slice_window:
        return Reason("slice count", f"{files} files, not {config.slices}") if files < config.slices else None
    try:
        kept_slices(config.slice_window, files)
    except UnusableError as error:
        return error.reason
    return None


def _tell_what_is_passed_over(release: Release, wanted: str) -> None:
    """Say which MR series are not described as wanted; InputError where none is."""
    others = Counter(one.description for one in release.series if one.kind == OTHER)
    listed = ", ".join(f"{name} ({count})" for name, count in others.most_common(_NAMED))
    listed += f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    if not any(one.kind == FLASH for one in release.series):
        raise InputError(f"no series is described as {wanted!r}: there are {listed or 'none but radiographs'}")
    if others:
        log.info("%d series are passed over, for they are not described as %r: %s", others.total(), wanted, listed)


def left_out(pairs: Iterable[PairOfSeries | PairRecord], rejected: Iterable[LeftOutSeries]) -> list[LeftOutSeries]:
    """What rejected.csv lists: each series that is in no pair once, with all its reasons."""
    used = {series for pair in pairs for series in (pair.flash, pair.film)}
    found: dict[str, LeftOutSeries] = {}
    for one in sorted(rejected, key=lambda one: (one.participant, one.visit, one.series, one.reason)):
        if one.series in used:
            continue
        first = found.setdefault(one.series, one)
        further = tuple(reason for reason in one.reasons if reason not in first.reasons)
        found[one.series] = replace(first, reasons=first.reasons + further)
    return sorted(found.values(), key=lambda one: (one.participant, one.visit, one.side, one.series))


def count(
    series: Mapping[str, int], pairs: Sequence[PairOfSeries | PairRecord], left: Sequence[LeftOutSeries]
) -> dict[str, Any]:
    """Series found, in pairs, rejected and of other kinds; none may go missing.

    Args:
        series: kind -> series found.
        pairs: with the paths of their two series.
        left: what is in no pair.
    """
    used = {series for pair in pairs for series in (pair.flash, pair.film)}
    assert sum(series.values()) == len(used) + len(left) + series[OTHER], "a series is neither paired nor rejected"
    return {
        "found": dict(series),
        "paired": len(used),
        "rejected": len(left),
        "other": series[OTHER],
        "pairs": len(pairs),
        "rejected_flash": sum(one.kind == FLASH for one in left),
        "reasons": dict(sorted(Counter(one.reasons[0].kind for one in left).items())),
    }


def plan(found: Found, out: Path, config: BuildDataset) -> BuildOutcome:
    """What a dry run says: counts, and an example of each thing that a person may want to look at."""
    pairs = [found.pair_of(one) for one in found.candidates]
    left = left_out(pairs, map(found.left_out, found.rejected))
    release = found.release
    others = Counter(one.description for one in release.series if one.kind == OTHER)
    example = {one.description: found.relative(one.path) for one in reversed(release.series) if one.kind == OTHER}
    visits = Counter(one.flash.visit for one in found.candidates)
    sides = Counter(one.side for one in found.candidates)
    renamed = [f"{found.relative(one.path)}: header {one.header}, sheet {one.sheet}" for one in release.conflicts]
    return {
        "status": "dry run",
        "output": str(out),
        "slices": config.kept,
        "sequence": config.contrast,
        "counts": count(found.series, pairs, left),
        "examples": {one.reasons[0].kind: str(found.root / one.series) for one in reversed(left)},
        "others": {name: {"count": number, "example": example[name]} for name, number in sorted(others.items())},
        "pairs_per_visit": dict(sorted(visits.items())),
        "pairs_per_side": dict(sorted(sides.items())),
        "pairs_without_readings": sum(not one.grades for one in found.candidates),
        "readings": [found.relative(file) for file in release.readings],
        "people": [found.relative(file) for file in release.people],
        "sheets": [found.relative(file) for file in release.sheets],
        "renamed": {"count": len(renamed), "examples": renamed[:3]},
        "unplaced": {"count": len(release.unplaced), "examples": [*map(found.relative, release.unplaced[:3])]},
    }


def is_synthetic(found: Found) -> bool:
    """Whether the knees are drawn: what is trained on a phantom must say so for ever.

    Its run.json says so, and, where that is gone or a part of a release is given, each of its DICOM files.
    """
    made = read_record(found.root)
    if made is not None and made.command == "phantom":
        return True
    looked_at = found.candidates if found.manifest else found.candidates[:1]
    return any(_is_marked(file) for one in looked_at for file in one.flash.files()[:1])


def _is_marked(file: Path) -> bool:
    """Whether the first bytes of a file say that this program drew it."""
    try:
        start = beginning(file, LABEL_BYTES)
    except InputError:
        return False
    if start[:2] == _GZIP:
        start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, LABEL_BYTES)
    return DRAWN_MARK in start
