"""What a release offers before any pixel is read: its pairs, what is left out and why, and the counts of all of it.

Every series found is counted once: in a pair, rejected with a reason, or of another kind.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrmri.config import BuildDataset
from xrmri.data.archive import is_archive
from xrmri.data.description import FILM, FLASH, OTHER
from xrmri.data.pairing import Candidate, RejectedSeries, pair_up
from xrmri.data.readings import read_readings
from xrmri.data.release import Release, Series, find_release
from xrmri.errors import InconsistentError, InputError
from xrmri.origins import ACQUIRED_IMAGES, PHANTOM
from xrmri.run import digest, fingerprint, read_record, sha256
from xrmri.trouble import opens

Row = Mapping[str, Any]
"""A line of a table, by column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A release, searched and paired but not yet read."""

    root: Path
    release: Release
    candidates: list[Candidate]
    rejected: list[RejectedSeries]

    @property
    def series(self) -> dict[str, int]:
        """How many series of each kind there are."""
        kinds = Counter(one.kind for one in self.release.series)
        return {kind: kinds[kind] for kind in (FLASH, FILM, OTHER)} | dict(kinds)

    def relative(self, path: Path) -> str:
        """A path from the root of the release on."""
        return path.relative_to(self.root).as_posix()

    def rejected_row(self, one: RejectedSeries) -> Row:
        """A line of rejected.csv, and the kind of the series."""
        series = one.series
        passing = one.passing or (one.reason.startswith("unreadable") and not opens(series.path))
        return {"participant": series.participant, "visit": series.visit, "side": one.side or "both",
                "series": self.relative(series.path), "reason": one.reason, "kind": series.kind,
                "passing": passing}  # fmt: skip

    def pair_row(self, one: Candidate) -> Row:
        """The two series of a pair."""
        return {"flash": self.relative(one.flash.path), "film": self.relative(one.film.path)}


def search(root: Path, config: BuildDataset) -> Found:
    """Find and pair, without reading any pixels.

    Args:
        root: folder of the release.
        config: which series are wanted, and how many files one has at least.

    Raises:
        InputError: no release, or one of its tables cannot be read.
        InconsistentError: it has no table of readings.
    """
    release = find_release(root, config.series)
    if not release.readings:
        raise InconsistentError(f"{root} has no table kxr_sq_bu00.txt: add the folder of semi-quantitative readings")
    candidates, rejected = pair_up(release.series, read_readings(release.readings))
    whole = []
    for one in candidates:
        files = 0 if is_archive(one.flash.path) else _count_files(one.flash)
        if 0 < files < config.slices:
            reason = f"slice count: {files} files, not {config.slices}"
            rejected += one.blamed(flash=reason, film="radiograph not needed: its FLASH series was rejected")
        else:
            whole.append(one)
    return Found(root=root, release=release, candidates=whole, rejected=rejected)


def _count_files(series: Series) -> int:
    """How many files a series has; 0 where nobody can tell now."""
    try:
        return len(series.files())
    except InputError:
        return 0


def left_out(pairs: Iterable[Row], rejected: Iterable[Row]) -> list[Row]:
    """The rows of rejected.csv: one a series that is in no pair, all its reasons in one cell."""
    used = {pair[name] for pair in pairs for name in ("flash", "film")}
    rows: dict[str, dict[str, Any]] = {}
    for row in sorted(rejected, key=lambda row: (row["participant"], row["visit"], row["series"], row["reason"])):
        if row["series"] in used:
            continue
        first = rows.setdefault(row["series"], dict(row))
        if row["reason"] not in first["reason"].split("; "):
            first["reason"] += f"; {row['reason']}"
    return sorted(rows.values(), key=lambda row: (row["participant"], row["visit"], row["side"], row["series"]))


def count(series: Mapping[str, int], pairs: Sequence[Row], left: Sequence[Row]) -> dict[str, Any]:
    """Series found, in pairs, rejected and of other kinds; none may go missing.

    Args:
        series: kind -> series found.
        pairs: with the paths of their two series.
        left: rows of rejected.csv with the kind of their series.
    """
    used = {pair[name] for pair in pairs for name in ("flash", "film")}
    assert sum(series.values()) == len(used) + len(left) + series[OTHER], "a series is neither paired nor rejected"
    return {
        "found": dict(series),
        "paired": len(used),
        "rejected": len(left),
        "other": series[OTHER],
        "pairs": len(pairs),
        "rejected_flash": sum(row["kind"] == FLASH for row in left),
        "reasons": dict(sorted(Counter(reason_kind(row) for row in left).items())),
    }


def reason_kind(row: Row) -> str:
    """The kind of a reason: what stands before the colon."""
    return str(row["reason"]).partition(":")[0]


def plan(found: Found, out: Path) -> dict[str, Any]:
    """What a dry run says: counts, and an example of each thing that a person may want to look at."""
    pairs = [found.pair_row(one) for one in found.candidates]
    left = left_out(pairs, map(found.rejected_row, found.rejected))
    release = found.release
    others = Counter(one.description for one in release.series if one.kind == OTHER)
    example = {one.description: found.relative(one.path) for one in reversed(release.series) if one.kind == OTHER}
    visits = Counter(one.flash.visit for one in found.candidates)
    sides = Counter(one.side for one in found.candidates)
    renamed = [f"{found.relative(one.path)}: header {one.header}, sheet {one.sheet}" for one in release.conflicts]
    return {
        "status": "dry run",
        "output": str(out),
        "counts": count(found.series, pairs, left),
        "examples": {reason_kind(row): str(found.root / row["series"]) for row in reversed(left)},
        "others": {name: {"count": number, "example": example[name]} for name, number in sorted(others.items())},
        "pairs_per_visit": dict(sorted(visits.items())),
        "pairs_per_side": dict(sorted(sides.items())),
        "pairs_without_readings": sum(not one.grades for one in found.candidates),
        "readings": [found.relative(file) for file in release.readings],
        "sheets": [found.relative(file) for file in release.sheets],
        "renamed": {"count": len(renamed), "examples": renamed[:3]},
        "unplaced": {"count": len(release.unplaced), "examples": [*map(found.relative, release.unplaced[:3])]},
    }


def inputs_of(found: Found, knees: Path | None) -> dict[str, str]:
    """Fingerprints that say whether release and knees are the same ones as in an earlier run."""
    if (found.root / "run.json").is_file():
        release = fingerprint(found.root)
    else:
        paths = [found.relative(one.path) for one in found.release.series]
        release = digest([paths, [sha256(file) for file in found.release.readings]])
    return {"release": release} | ({"knees": fingerprint(knees)} if knees else {})


def origin(root: Path) -> str:
    """Where the knees come from: what is trained on a phantom must say so for ever."""
    made = read_record(root)
    return PHANTOM if made and made["command"] == "phantom" else ACQUIRED_IMAGES
