"""summary.json: what an evaluation found, as records; written here, and read and checked here alone.

In the file the scores of each metric stand under the metric's own name, beside the other fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from xrmri.errors import InconsistentError
from xrmri.evaluation.entries import (
    AgreementEntry,
    AuditEntry,
    ComparisonEntry,
    ContinuityEntry,
    CountsEntry,
    DatasetEntry,
    DifferenceEntry,
    DrawnEntry,
    FigureEntry,
    FlipEntry,
    MetricEntry,
    RecognisedEntry,
    RegionEntry,
    RejectedEntry,
    SamplesEntry,
    Scores,
    SetDistancesEntry,
    SpreadEntry,
    WayEntry,
)
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.typed import UnfitError, record_of

FILE = "summary.json"
SCHEMA = 3
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
