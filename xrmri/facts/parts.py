"""What a model's xrmri.json says of its parts: forward process, sampler, denoiser, anchor, tissue reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from xrmri.storage.typed import Between

Count = Annotated[int, Between(0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleFacts:
    """The forward process, as `make_schedule` takes it."""

    timesteps: Annotated[int, Between(1, 100_000)]
    beta_start: Annotated[float, Between(0, 1)]
    beta_end: Annotated[float, Between(0, 1)]
    prediction: Literal["epsilon", "v"]
    timestep_map: Literal["raw", "match-snr"] = "raw"
    zero_terminal_snr: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplerFacts:
    """The sampler that was fitted to a model."""

    visited: tuple[Count, ...]
    """Steps at which it asks for the noise, falling from T-1."""
    weights: tuple[tuple[float, ...], ...]
    """For each: the weights of z_t and of the clean latents seen, the newest first."""

    def __post_init__(self) -> None:
        """Refuse weights that are not one row a step."""
        if len(self.visited) != len(self.weights) or not self.visited:
            raise ValueError(f"the sampler visits {len(self.visited)} steps and has weights of {len(self.weights)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiserFacts:
    """How the U-Net is told radiograph, depth and readings."""

    method: str
    guidance: Literal["context", "time"]
    halves: Literal["paper", "swapped", "joint"]
    without: tuple[str, ...]
    """What it is never told: "features", "clip", "concat", or single readings."""
    hidden_slots: tuple[Count, ...]
    """Slots of r that are always zero to it."""
    feature_slots: Annotated[int, Between(1, 100_000)]
    """F, of readings and covariates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternFacts:
    """What was learnt from people whom an anchor had not met."""

    pairs: Count
    """Of them."""
    dataset_sha256: str
    """Which they stand in."""
    share: float
    """Of the squares that the anchor missed of people left out, which the patterns tell."""
    signs: tuple[str, ...]
    """Readings that have a pattern of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorFacts:
    """What the anchor of a model learnt from, and what it is worth."""

    pairs: Count
    """That it learnt from."""
    dataset_sha256: str
    """Which they stand in."""
    r2: float
    """Share of the variance between held-out people that it explains, at its own resolution."""
    films: Annotated[int, Between(0)] = 0
    """That taught its reader beforehand."""
    reader_r2: float | None = None
    """Mean share of the variance of what is known of held-out films that the reader then told."""
    patterns: PatternFacts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TissueFacts:
    """What the tissue reader of a model tells apart, and how well."""

    codes: Mapping[str, Count]
    """Tissue -> its number in a label map, from 0 on."""
    dice: Mapping[str, float]
    """Tissue -> Dice's overlap with the truth, of held-out drawn people as the autoencoder gives them back."""
    people: Count
    """That it learnt from."""
