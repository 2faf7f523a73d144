"""A release, or a person's own table of knees -> the pairs it offers, and the settings that its series decide.

No pixel is read. From here on a cohort by a table is built, verified and reported as a release is.
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xrmri.building.search import Found, count_files, search
from xrmri.cohorts.bids import is_bids, tables_of
from xrmri.cohorts.description import FILM, FLASH, sequence_of
from xrmri.cohorts.manifest import Manifest, ManifestRow, RejectedRow, read_manifest
from xrmri.cohorts.pairing import Candidate, RejectedSeries
from xrmri.cohorts.release import Release, Series
from xrmri.config import BuildDataset
from xrmri.data.volume_file import count_slices
from xrmri.errors import InputError, UnusableError
from xrmri.formats.archive import is_archive
from xrmri.formats.nifti import read_sidecar
from xrmri.formats.series_folder import the_series_in
from xrmri.sequences import UNKNOWN
from xrmri.slice_window import PAPER, kept_slices
from xrmri.storage.trouble import is_passing

log = logging.getLogger(__name__)

_KNEE = re.compile(r"(?<![A-Za-z])(left|right|lt|rt|l|r)(?![A-Za-z])", re.IGNORECASE)
_FEWEST = 2
"""Slices of a dataset that will have no pair."""
_NAMED = 6
"""Kinds of series that a message lists (choice: a line)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mri:
    """What is known of a row's MRI from headers."""

    series: Series
    kept: int
    """Slices in the window."""


def find_cohort(source: Path, config: BuildDataset) -> tuple[Found, BuildDataset]:
    """The pairs of a release or of a table, and the settings with what the series decide filled in.

    Args:
        source: root of a release, a table, or a folder laid out as BIDS is.
        config: as a person gave them. Of a table, where they say nothing of slices, the paper's window counts as shares
            of the way through a series.

    Returns:
        what was found; the settings, depths and sequence known.

    Raises:
        InputError: it cannot be read, a table lacks a column, or no series is described as wanted.
        InconsistentError: a release has no readings, or a table puts a participant into two splits.
    """
    if not source.is_dir() or is_bids(source):
        return _by_table(source, config)
    found = search(source, config)
    if config.slice_window:
        kept = [_kept(config, count_files(one.flash)) for one in found.candidates]
        config = replace(config, depths=_depths(config, kept))
    return found, config


def _by_table(file: Path, config: BuildDataset) -> tuple[Found, BuildDataset]:
    config = replace(config, slice_window=config.slice_window or _window(config))
    manifest = read_manifest(file, config.series)
    if not (manifest.rows or manifest.rejected):
        raise InputError(f"{file} has no rows: write one for each knee")
    candidates, kept = [], []
    rejected = [_rejected(file, one) for one in manifest.rejected]
    for row in manifest.rows:
        path = row.mri
        try:
            mri = _mri(row, config)
            path = row.radiograph
            film = _film(row)
        except UnusableError as error:
            left_out = _rejected(file, row.without(error.reason))
            rejected.append(replace(left_out, passing=True, unopened=path) if is_passing(error, path) else left_out)
            continue
        kept.append(mri.kept)
        candidates.append(
            Candidate(
                flash=mri.series,
                film=film,
                grades=row.grades,
                covariates=row.covariates,
                particulars=row.particulars,
            )
        )
    candidates.sort(key=lambda one: (one.flash.participant, one.flash.visit, one.side))
    films = {one.film.path: one.film for one in candidates}
    series = [*(one.flash for one in candidates), *films.values(), *(one.series for one in rejected)]
    tables = tuple(tables_of(file)) if file.is_dir() else (file,)
    release = Release(series=tuple(series), readings=tables, people=(), sheets=(), conflicts=(), unplaced=())
    resolved = replace(
        config,
        depths=_depths(config, kept),
        sequence=config.sequence or _sequence(candidates),
    )
    root = file if file.is_dir() else file.parent
    named = _named(manifest, file)
    found = Found(root=root, release=release, candidates=candidates, rejected=rejected, manifest=file, named=named)
    return found, resolved


def _named(manifest: Manifest, file: Path) -> tuple[Path, ...]:
    """Every MRI, every radiograph, and the rows that are of no knee."""
    rows = sorted(manifest.rows, key=lambda row: (row.participant, row.visit, row.side))
    others = (_rejected(file, one).series.path for one in manifest.rejected)
    return (*(row.mri for row in rows), *dict.fromkeys(row.radiograph for row in rows), *others)


def _window(config: BuildDataset) -> str:
    """The window where a person gave none as such: their own numbers, or else the paper's as shares of the way."""
    numbers = (config.slices, config.first_slice, config.last_slice)
    default = tuple(BuildDataset.default(name) for name in ("slices", "first_slice", "last_slice"))
    return PAPER if numbers == default else f"{config.first_slice}:{config.last_slice}"


def _mri(row: ManifestRow, config: BuildDataset) -> _Mri:
    """The MRI of a row; UnusableError says why it cannot be used, as far as headers tell."""
    path = row.mri
    if path.is_dir():
        found = the_series_in(path, config.series)
        description, members, count = found.description, found.files, found.slices
    elif path.is_file():
        description, members = _described(path), (path,)
        archive = is_archive(path)
        count = 0 if archive else count_slices(path, config.plane, row.particulars.lying)
    else:
        raise UnusableError("missing file", f"there is no MRI {path}")
    series = _series(row, path, FLASH, row.side, description=description, members=members)
    return _Mri(series=series, kept=_kept(config, count))


def _kept(config: BuildDataset, count: int) -> int:
    """How many slices of a series are in the window; 0 where nobody knows how many it has."""
    first, stop = kept_slices(config.slice_window, count) if count else (0, 0)
    return stop - first


def _film(row: ManifestRow) -> Series:
    """The radiograph of a row, of whichever knees."""
    if not row.radiograph.exists():
        raise UnusableError("missing file", f"there is no radiograph {row.radiograph}")
    members = (row.radiograph,) if row.radiograph.is_file() else ()
    return _series(row, row.radiograph, FILM, None, members=members)


def _series(
    row: ManifestRow,
    path: Path,
    kind: str,
    side: str | None,
    *,
    description: str = "",
    members: tuple[Path, ...] = (),
) -> Series:
    return Series(
        path=path, visit=row.visit, participant=row.participant, date="", number="", description=description,
        kind=kind, side=side, members=members,
    )  # fmt: skip


def _described(file: Path) -> str:
    """What a converter wrote beside a volume of its series' description; empty where nothing did."""
    try:
        return str(read_sidecar(file).get("SeriesDescription") or "").strip()
    except InputError:
        return ""


def _depths(config: BuildDataset, kept: Sequence[int]) -> int:
    """As many as were asked for, else as most series keep, the greater number where two are as frequent."""
    counts = Counter(count for count in kept if count)
    if kept and not counts and not config.depths:
        raise InputError("archives do not tell how many slices they hold: set depths in --config")
    return config.depths or max(counts, key=lambda count: (counts[count], count), default=_FEWEST)


def _sequence(candidates: Sequence[Candidate]) -> str:
    """What the series call themselves, whichever knee they show, the most frequent first."""
    named = Counter(_contrast(one.flash.description) for one in candidates)
    names = [name for name, _ in sorted(named.items(), key=lambda one: (-one[1], one[0]))]
    if len(names) > 1:
        listed = ", ".join(f"{name} ({named[name]})" for name in names[:_NAMED])
        log.warning("the series are of several kinds: %s; --series takes one, --sequence names them all", listed)
    return " / ".join(names) or UNKNOWN


def _contrast(description: str) -> str:
    """A description without the knee; OAI's FLASH under the name that datasets of a release have for it."""
    if sequence_of(description) == "T1":
        return FLASH
    return " ".join(_KNEE.sub(" ", description).split()).strip(" _-") or UNKNOWN


def _rejected(file: Path, row: RejectedRow) -> RejectedSeries:
    """A row as a series that is left out: it is found in the table by its line, in a folder by its MRI."""
    place = file / row.mri if file.is_dir() else file.with_name(f"{file.name} line {row.line}")
    series = Series(path=place, visit=row.visit, participant=row.participant, date="", number="", description="",
                    kind=FLASH, side=row.side)  # fmt: skip
    return RejectedSeries(series=series, side=row.side, reason=row.reason)
