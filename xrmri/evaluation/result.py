"""summary.json: what an evaluation found, as records; written here, and read and checked here alone.

In the file the scores of each metric stand under the metric's own name, beside the other fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

from xrmri.documents import read_json
from xrmri.errors import InconsistentError
from xrmri.files import write_json
from xrmri.typed import UnfitError, record_of

FILE = "summary.json"
SCHEMA = 3
Interval = tuple[float, float]
"""95 %, over participants."""


class SpreadEntry(TypedDict):
    """Values over participants, as `metrics.interval.Spread` explains them."""

    median: float
    quartiles: Interval
    interval: Interval
    participants: int
    volumes: int


class ContinuityEntry(SpreadEntry):
    """Correlation of neighbours among all slices that a run drew."""

    slices: int
    """Drawn of a volume, in the median."""


class DifferenceEntry(SpreadEntry):
    """Paired differences within participants, as `metrics.difference.Difference` explains them."""

    effect: float
    share_above: float
    p: float
    verdict: str


class ComparisonEntry(DifferenceEntry):
    """Two runs by one metric."""

    metric: str
    one: str
    other: str
    p_holm: float


class FigureEntry(TypedDict):
    """A pooled figure."""

    value: float
    interval: Interval | None
    participants: int


class RegionEntry(TypedDict):
    """Fidelity in the whole volume, or in the joint region."""

    sources: Mapping[str, Mapping[str, FigureEntry | None]]
    """Source -> figure, such as r2."""
    ceiling: FigureEntry | None
    share_of_ceiling: FigureEntry | None
    """Of the generated volumes; `shares` has that of the other sources."""
    shares: Mapping[str, FigureEntry | None]


class RecognisedEntry(TypedDict):
    """How often the volumes of a source are recognised."""

    accuracy: float
    interval: Interval | None
    chance: float
    median_rank: float
    candidates: int
    participants: int


class WayEntry(TypedDict):
    """One way to look for whose a volume is."""

    sources: Mapping[str, RecognisedEntry]
    share_of_ceiling: Mapping[str, FigureEntry | None]


class AgreementEntry(TypedDict):
    """Sizes beside those of the acquired volumes."""

    correlation: float | None
    bias: float
    limits: Interval
    participants: int
    intervals: Mapping[str, Interval | None]


class CopiesEntry(TypedDict):
    """How near the nearest volume of somebody else lies."""

    generated: float
    acquired: float
    copies: int
    volumes: int
    copied: tuple[str, ...]


class DiversityEntry(TypedDict):
    """How much volumes of different people differ."""

    generated: float
    acquired: float
    ratio: float | None


class AuditEntry(TypedDict):
    """Signs of copies."""

    memorisation: CopiesEntry | None
    other_patients: CopiesEntry | None
    diversity: DiversityEntry | None


class FlipEntry(TypedDict):
    """What other grades changed."""

    grades: Mapping[str, tuple[int | None, int | None]]
    """Reading -> before and after."""
    change: float
    inside: float | None
    interval: Interval | None
    volumes: int


class SamplesEntry(TypedDict):
    """Chance and calibration of volumes drawn several times."""

    volumes: int
    adjacent: float
    reliability: float
    anatomy: float
    within_1_sd: float
    within_2_sd: float
    expected_1_sd: float
    expected_2_sd: float
    error_per_sd: float
    rank_correlation: float


class SetDistancesEntry(TypedDict):
    """Frechet distances of sets of slices from acquired ones."""

    features: str
    slices: int
    distances: Mapping[str, float]


class RejectedEntry(TypedDict):
    """A volume that could not be compared."""

    pair_id: str
    file: str
    reason: str


class MetricEntry(TypedDict):
    """What a metric is."""

    title: str
    unit: str
    meaning: str
    data_range: int


class DrawnEntry(TypedDict):
    """How the volumes were drawn: settings of generate, none where other hands drew them."""

    config: Mapping[str, Any]
    model: str


class DatasetEntry(TypedDict):
    """What they were compared with."""

    folder: str
    pairs: int
    training_pairs: int


class CountsEntry(TypedDict):
    """How many there are."""

    pairs: int
    volumes: int
    rejected: int
    participants: int
    slices: int
    slices_without_joint: int


Scores = Mapping[str, Mapping[str, SpreadEntry | None]]
"""Metric -> source -> its scores over participants."""


@dataclass(frozen=True, kw_only=True)
class EvaluationHeader:
    """What was compared with what, and how."""

    schema: int = SCHEMA
    metrics: Mapping[str, MetricEntry]
    intensities: str
    aggregation: str
    settings: Mapping[str, Any]
    """Of evaluate."""
    generated_with: DrawnEntry
    dataset: DatasetEntry
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Further:
    """What was examined beside the metrics; None where it was not, or nothing was there to examine."""

    run_names: tuple[str, ...]
    """The first is the run that the report is about."""
    runs: tuple[ComparisonEntry, ...]
    """Every two of them by every measure of likeness."""
    audit: AuditEntry
    flips: FlipEntry | None
    samples: SamplesEntry | None
    set_distances: SetDistancesEntry | None


@dataclass(frozen=True, kw_only=True)
class Summary(EvaluationHeader, Further):
    """All that an evaluation found."""

    scores: Scores
    adjacent_correlation_own: SpreadEntry | None
    """Among all slices that were drawn, however many the acquired volume has."""
    continuity: Mapping[str, ContinuityEntry | None]
    """By run."""
    differences: Mapping[str, Mapping[str, DifferenceEntry | None]]
    """Measure of likeness -> baseline."""
    by_kl: Scores
    """Metric -> KL grade."""
    by_kl_sources: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    """Measure of likeness -> source -> KL grade -> median."""
    recognition: Mapping[str, WayEntry] | None
    identification: RecognisedEntry | None
    """Of the generated volumes by the plainest way."""
    identification_accuracy: float | None
    fidelity: Mapping[str, RegionEntry] | None
    agreement: Mapping[str, Mapping[str, AgreementEntry | None]]
    share_of_ceiling: Mapping[str, Mapping[str, FigureEntry]]
    """Measure of likeness -> ceiling."""
    skipped_baselines: Mapping[str, str]
    """Source -> why it is not there."""
    rejected: tuple[RejectedEntry, ...]
    counts: CountsEntry
    verdicts: tuple[str, ...] = ()
    """In words; the first is the conclusion."""

    @property
    def whole(self) -> RegionEntry | None:
        """Fidelity in the whole volume."""
        return self.fidelity["whole"] if self.fidelity else None


def write_summary(folder: Path, summary: Summary) -> None:
    """Write summary.json."""
    content = {field.name: getattr(summary, field.name) for field in fields(summary)}
    scores = content.pop("scores")
    write_json(folder / FILE, {**content, **scores})


def read_summary(folder: Path) -> Summary:
    """What summary.json of an evaluation says.

    Raises:
        InputError: there is none that can be opened.
        InconsistentError: it is no such document, or one of another version.
    """
    file = folder / FILE
    advice = "evaluate again"
    content = read_json(file, advice=advice, damaged=InconsistentError)
    if content.get("schema") != SCHEMA:
        raise InconsistentError(f"{file} has schema {content.get('schema')}, not {SCHEMA}: {advice}")
    try:
        return summary_of(content)
    except UnfitError as error:
        raise InconsistentError(f"{file}: {error}: {advice}") from error


def summary_of(content: Mapping[str, Any]) -> Summary:
    """The record of what the file holds; UnfitError where something is missing or of another type."""
    metrics = content.get("metrics")
    names = metrics if isinstance(metrics, Mapping) else {}
    return record_of(Summary, {**content, "scores": {name: content[name] for name in names if name in content}})
