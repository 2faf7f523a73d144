"""What `xrmri train-ldm` may be told."""

from dataclasses import dataclass, replace
from typing import Literal

from xrmri.config.settings import require
from xrmri.config.training import Training, require_sizes

MethodName = Literal["xray2mri", "ldm", "cola-diff", "x-diffusion"]
"""The rows of `models.methods.METHODS`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainLdm(Training):
    """Settings of `xrmri train-ldm`."""

    method: MethodName = "xray2mri"
    """xray2mri is the paper; ldm, cola-diff and x-diffusion are what it compares with, rebuilt (paper, IV)."""
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    """Channels of each level of the U-Net (paper, II-B)."""
    blocks: int = 2
    """Residual blocks a level (paper, II-B)."""
    attention: tuple[bool, ...] = (True, True, True, False)
    """Which levels attend, from the finest: factors 4, 2, 1 (paper, II-B); the middle block always does (code)."""
    heads: int = 8
    """Attention heads (paper, II-B)."""
    context_width: int = 768
    """Width of the context token (paper, II-B)."""
    radiograph_token: Literal["clip", "none"] = "clip"
    """clip: the context starts from a CLIP image embedding of y (code); none: from zeros, y acts by concatenation."""
    guidance: Literal["context", "time"] = "context"
    """Where d and r enter, each in its half of the U-Net (paper, II-B): context (how is a choice) or time embedding."""
    halves: Literal["paper", "swapped", "joint"] = "paper"
    """Ablation of xray2mri: paper (d down, r up: II-B), swapped, or joint, both in both halves (choice)."""
    without: tuple[str, ...] = ()
    """Ablations: never tell the denoiser features, clip, concat, or single readings such as V00XRKL (choice)."""
    timesteps: int = 2_000
    """T, steps of the forward process (paper, III-C)."""
    beta_start: float = 0.00085
    """First beta; the square roots are linear in between (code)."""
    beta_end: float = 0.0120
    """Last beta (code)."""
    prediction: Literal["epsilon", "v"] = "epsilon"
    """What the U-Net predicts: epsilon (paper, eq. 7) or v."""
    timestep_map: Literal["raw", "match-snr"] = "raw"
    """What the U-Net is told for a step: raw, or match-snr, the step of 1,000 with as much noise (choice)."""
    zero_terminal_snr: bool = False
    """Leave no signal at the last step (choice: Lin et al., 2024); needs prediction v."""
    min_snr: float = 0.0
    """Min-SNR loss weighting with this gamma, 5 where it is used (choice: Hang et al., 2023); 0 is the plain loss."""
    latent_scale: float = 0.2
    """Factor on target latents (paper, III-C); 0 measures 1 / standard deviation. The condition is never scaled."""
    projection_rate: float = 10.0
    """Learning rate of new projections relative to the rest (code)."""
    drop_token: float = 0.05
    """Share of slices trained without the context token (code)."""
    drop_both: float = 0.05
    """Share of slices trained without token and concatenated radiograph (code)."""
    drop_concat: float = 0.05
    """Share of slices trained without the concatenated radiograph (code)."""
    covariates: bool = False
    """Tell the denoiser age, sex and BMI too, as further slots of r (choice: the paper's own wish)."""
    drop_features: float = 0.0
    """Share of slices trained with every feature missing, or any one covariate, on top of those not read (choice)."""
    fits: bool = True
    """At the end, fit sampler and noise along depth to the training set: some minutes of the device (choice); the paper
    fits neither (paper, eq. 9)."""
    radiograph_encoder: str = ""
    """File of the CLIP tower, or random; needed for a clip token that --init does not bring along (choice)."""
    anchor: bool = False
    """Train a network from radiograph and readings to the expected volume first, and show the denoiser its slices in
    place of the radiograph's latent (choice)."""
    anchor_channels: tuple[int, ...] = (64, 96, 160, 208, 224)
    """Channels of each level of the anchor, in whole eights; the first has half its volume's resolution (choice)."""
    anchor_steps: int = 3_000
    """Optimiser steps of the anchor; it is taken where held-out people are explained best. 0: that of --init as it is
    (choice)."""
    anchor_batch_size: int = 16
    """Knees per optimiser step of the anchor (choice)."""
    anchor_finish_minutes: float = 0.0
    """The anchor's finish_minutes; finish_minutes is then the denoiser's (choice)."""
    anchor_learning_rate: float = 8e-4
    """Its peak, before a cosine down to nothing (choice: at 1.5e-3 the warp may start dead)."""
    anchor_edge_weight: float = 12.0
    """How many times more an error counts where the mean knee changes most from row to row; 0: all alike (choice)."""
    edge_weight: float = 0.0
    """The same for the denoiser's errors where an anchor is, by its template (choice; the paper counts all alike)."""
    anchor_folds: int = 2
    """Parts of the training split that each get an anchor which learnt from the others: the denoiser must not see how
    well an anchor knows its own people (choice)."""
    reader_steps: int = 3_000
    """Optimiser steps of the anchor's reader on --films, before the anchor (choice)."""
    reader_batch_size: int = 32
    """Joints per optimiser step of the reader (choice)."""
    reader_finish_minutes: float = 0.0
    """The reader's finish_minutes (choice)."""
    reader_learning_rate: float = 1e-3
    """Its peak, before a cosine down to nothing (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        paper = self.method == "xray2mri" or self.halves == "paper"
        require(paper, f"halves is of --method xray2mri, not of {self.method}")
        require(self.prediction == "v" or not self.zero_terminal_snr, "zero_terminal_snr needs prediction v")
        require(self.min_snr >= 0, f"min_snr must be at least 0, not {self.min_snr}")
        require_sizes(self.channels, self.blocks, self.norm_groups)
        heads = self.heads >= 1 and all(width % self.heads == 0 for width in self.channels)
        require(heads, f"heads must divide all of channels, not be {self.heads}")
        require(1 <= self.context_width <= 4096, f"context_width must be 1 to 4096, not {self.context_width}")
        require(len(self.attention) == len(self.channels), "attention needs one value for each of channels")
        require(2 <= self.timesteps <= 100_000, f"timesteps must be 2 to 100000, not {self.timesteps}")
        require(not self.anchor or self.method == "xray2mri", "anchor is of --method xray2mri")
        for name in ("drop_token", "drop_both", "drop_concat", "drop_features"):
            require(0 <= getattr(self, name) <= 1, f"{name} must be 0 to 1, not {getattr(self, name)}")
        eights = all(0 < width <= 1024 and width % 8 == 0 for width in self.anchor_channels)
        told = f"anchor_channels must be 1 to 5 whole eights, not {self.anchor_channels}"
        require(1 <= len(self.anchor_channels) <= 5 and eights, told)
        require(self.anchor_steps >= 0, f"anchor_steps must be at least 0, not {self.anchor_steps}")
        for name in ("anchor_batch_size", "reader_steps", "reader_batch_size"):
            require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("anchor_learning_rate", "reader_learning_rate"):
            require(getattr(self, name) > 0, f"{name} must be above 0")
        require(0 <= self.anchor_edge_weight <= 1000, "anchor_edge_weight must be 0 to 1000")
        require(0 <= self.edge_weight <= 1000, "edge_weight must be 0 to 1000")
        require(2 <= self.anchor_folds <= 20, f"anchor_folds must be 2 to 20, not {self.anchor_folds}")

    def recipe_of(self, part: Literal["anchor", "reader"]) -> "TrainLdm":
        """The recipe by which a part is trained that has steps, batches, a rate and a time of its own."""
        return replace(
            self,
            max_steps=getattr(self, f"{part}_steps"),
            batch_size=getattr(self, f"{part}_batch_size"),
            learning_rate=getattr(self, f"{part}_learning_rate"),
            finish_minutes=getattr(self, f"{part}_finish_minutes"),
            decay="cosine",
            micro_batch=0,
        )
