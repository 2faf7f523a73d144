"""The entries of summary.json: what stands inside its fields."""

from collections.abc import Mapping
from typing import Any, TypedDict

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
    told: str | None
    """How long that model was trained, and on what; None where its folder is gone."""


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
