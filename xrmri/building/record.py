"""What lies beside a shard as JSON: its pairs, what was left out and why, and the settings it was built with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from xrmri.cohorts.release import NOT_ON_DISK
from xrmri.config import BuildDataset
from xrmri.errors import InconsistentError, InputError, Reason
from xrmri.facts.origins import FLASH_FIELD_OF_VIEW_MM, FLASH_SLICE_MM, PHANTOM
from xrmri.runs.seals import require_own_seal, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.typed import Between, UnfitError, content_of, record_of

_LARGEST_BYTES = 2**30
"""A pair is 600 bytes (measured), and all of OAI some 40,000 pairs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairOfSeries:
    """The two series of a pair, by their paths in the release."""

    flash: str
    film: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRecord:
    """A pair as it was built: its line of index.csv but for the split, which mostly all pairs together decide."""

    pair_id: str
    participant: str
    visit: str
    side: str
    flash: str
    """Path in the release; likewise the film's."""
    film: str
    shard: str
    """File name."""
    row: Annotated[int, Between(0, 10**8)]
    kl: Annotated[int, Between(0, 4)] | None = None
    """Kellgren-Lawrence grade; None where nobody read it."""
    radiograph_mm: Annotated[float, Between(1, 5000)] | None = None
    """Width of the joint crop, where the film told its spacing."""
    extent_mm: tuple[float, float, float]
    """Of the volume, as Geometry gives it."""
    source_mri_sha256: str
    source_radiograph_sha256: str
    split: str | None = None
    """Where it was drawn before any volume was read, as the knee's frame wants it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOutSeries:
    """A series that is in no pair: a line of rejected.csv."""

    participant: str
    visit: str
    side: str
    """right, left, or both where the series shows both knees or does not tell."""
    series: str
    """Its path in the release."""
    kind: str
    """What it shows, as `description.kind_of` says."""
    reasons: tuple[Reason, ...]
    """At least one; the first is the one that counts."""
    passing: bool = False
    """It, or what it pairs with, could not be opened: no word about what it holds."""
    unopened: str | None = None
    """Path in the release of what could not be, where the series is a row of a table."""

    @property
    def reason(self) -> str:
        """All its reasons, for people."""
        return "; ".join(map(str, self.reasons))


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardRecord:
    """Everything about a finished shard."""

    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Fingerprints of release and knees."""
    origin: str
    """Where the knees come from, in words."""
    is_synthetic: bool
    found: Mapping[str, int]
    """Kind -> series in the whole release."""
    pairs: tuple[PairRecord, ...]
    candidates: str = ""
    """One digest of the pairs that it was to hold."""
    rejected: tuple[LeftOutSeries, ...]
    not_read: Mapping[str, int]
    """Reading -> pairs of which nobody read it."""
    sha256: str
    """Of the shard's file."""
    root: str | None = None
    """Of the release, where something in it could not be opened; else None, as in records of earlier versions."""
    frame_lacks: tuple[str, ...] | None = None
    """What could not be opened when the frame was made that the volumes lie in; None where it lacks nothing."""
    template_sha256: str | None = None
    """Of the file of that frame; None in the scanner's, and in records of earlier versions."""

    def __post_init__(self) -> None:
        """Refuse settings that build-dataset does not have."""
        try:
            BuildDataset.of(self.config)
        except InputError as error:
            raise UnfitError(str(error)) from error

    @property
    def passing(self) -> tuple[str, ...]:
        """What could not be opened, from the root of the release on, so that series are left out."""
        return tuple(one.unopened or one.series for one in self.rejected if one.passing)

    @property
    def lost(self) -> bool:
        """Whether something that was there could not be opened; of a release, most have a part alone."""
        return any(one.passing and one.reasons[0].kind != NOT_ON_DISK for one in self.rejected)

    @property
    def unopened(self) -> tuple[str, ...]:
        """Where those lie, and what the frame lacks, for the same command to look again."""
        return (*(str(Path(self.root or "") / path) for path in self.passing), *(self.frame_lacks or ()))

    def is_of(self, config: BuildDataset, inputs: Mapping[str, str]) -> bool:
        """Whether the shard was built with these settings; one that its version did not have was at its default."""
        return (BuildDataset.of(self.config), self.inputs) == (config, inputs)


def read_shard_record(file: Path) -> ShardRecord:
    """The record of a shard; InconsistentError where it is damaged."""
    advice = "remove it and build the shard again"
    content = read_json(file, advice=advice, damaged=InconsistentError, largest_bytes=_LARGEST_BYTES)
    try:
        record = record_of(ShardRecord, _up_to_date(content))
    except (UnfitError, InputError, KeyError, TypeError, AttributeError) as error:
        raise InconsistentError(f"{file} is not as xrmri writes it ({error}): {advice}") from error
    require_own_seal(content, file, advice)
    return record


def write_shard_record(file: Path, record: ShardRecord) -> None:
    """Write the record of a shard."""
    write_json(file, sealed(content_of(record)))


def _up_to_date(content: dict[str, Any]) -> dict[str, Any]:
    """What this version reads of a record of any version: the first kept no extent, and reasons as prose."""
    if "is_synthetic" in content:
        return content
    config = BuildDataset.of(content["config"])
    depth_mm = FLASH_SLICE_MM * (config.last_slice - config.first_slice - 1)
    extent_mm = [depth_mm, FLASH_FIELD_OF_VIEW_MM, FLASH_FIELD_OF_VIEW_MM]
    rejected = [{**row, "reasons": [_reason(row["reason"])]} for row in content["rejected"]]
    pairs = [{"extent_mm": extent_mm, **pair} for pair in content["pairs"]]
    synthetic = content["origin"] == PHANTOM
    return {**content, "is_synthetic": synthetic, "pairs": pairs, "rejected": rejected}


def _reason(prose: str) -> dict[str, str]:
    kind, _, detail = prose.partition(": ")
    return {"kind": kind, "detail": detail}
