"""What a command hands back when it has ended: the document that --json prints."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["finished", "already done", "dry run", "verified", "written"]


class Outcome(TypedDict):
    """Of every command."""

    status: Status
    output: str
    """What was written, or lay there."""
    outputs: NotRequired[list[str]]
    """All that was written, where that is several files."""


class BuildOutcome(Outcome, total=False):
    """Of build-dataset; from `slices` on, of a dry run alone."""

    counts: Mapping[str, Any]
    pairs: int
    """In a dataset that was verified, likewise `shards`."""
    shards: int
    slices: int
    sequence: str
    examples: Mapping[str, str]
    """Reason -> a series that was left out for it."""
    others: Mapping[str, Any]
    pairs_per_visit: Mapping[str, int]
    pairs_per_side: Mapping[str, int]
    pairs_without_readings: int
    readings: Sequence[str]
    people: Sequence[str]
    sheets: Sequence[str]
    renamed: Mapping[str, Any]
    unplaced: Mapping[str, Any]


class PhantomOutcome(Outcome, total=False):
    """Of phantom."""

    participants: int
    targets: Sequence[Mapping[str, Any]]
    """Which the figures show, and whether they are met."""
    files: int
    """In a dry run, likewise `bytes`."""
    bytes: int


class DetectOutcome(Outcome, total=False):
    """Of detect-knee."""

    counts: Mapping[str, Any]


class TrainOutcome(Outcome, total=False):
    """Of train-vae and train-ldm."""

    parameters: Mapping[str, int]
    """Of each network, in a dry run."""
    counts: Mapping[str, Any]
    psnr_db: float
    """Of an autoencoder."""
    validation_loss: float
    """Of a denoiser."""


class GenerateOutcome(Outcome, total=False):
    """Of generate."""

    model: str
    identity: Mapping[str, object]
    """Of a volume on its own: by which the same command knows it again."""
    sweep: str
    """The reading that was changed."""
    volumes: int
    """That were asked for, of a folder."""
    counts: Mapping[str, Any]


class EvaluateOutcome(Outcome, total=False):
    """Of evaluate."""

    report: str
    conclusion: str
    """The first sentence of the report."""
    counts: Mapping[str, Any]
    medians: Mapping[str, float | None]
    pairs: int
    """In a dry run, likewise `volumes`."""
    volumes: int
