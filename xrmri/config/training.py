"""What every training may be told."""

from dataclasses import dataclass
from typing import Literal

from xrmri.config.settings import Seeded, require, require_one_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Training(Seeded):
    """What both trainings have."""

    free = ("shard_optimiser",)

    max_steps: int = 233_000
    """Optimiser steps; the paper's 5,000 epochs at one random depth a volume and epoch (paper, III-C; choice)."""
    batch_size: int = 64
    """Slices per optimiser step, over all GPUs together (paper, III-C)."""
    micro_batch: int = 0
    """Slices per forward pass and GPU; gradients add up to the batch. 0: the whole share at once (choice)."""
    learning_rate: float = 1e-6
    """Peak learning rate of AdamW (paper, III-C)."""
    warmup_steps: int = 100
    """Optimiser steps of the one linear warm-up, from a millionth of the peak (paper, III-C; code)."""
    decay: Literal["constant", "cosine"] = "constant"
    """Learning rate after the warm-up: constant (paper, III-C) or cosine, to nothing at max_steps."""
    weight_decay: float = 0.01
    """AdamW weight decay (code)."""
    ema_decay: float = 0.99
    """Decay of the averaged weights (paper, III-C), warming up as (1 + n) / (10 + n) (code)."""
    clip_norm: float = 0.0
    """Largest gradient norm; 0 does not clip (code)."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """fp32, bf16, fp16, or auto: bf16 where the device multiplies it faster than fp32 (choice)."""
    radiograph_grid: Literal["crop", "slice"] = "crop"
    """crop: the joint crop fills the network's input (paper); slice: it lies on the slice's millimetres (choice)."""
    radiograph_variants: int = 1
    """Exposures in which each radiograph is seen: 1 as it is (paper); more add random gamma and blur (choice)."""
    norm_groups: int = 0
    """Groups of every normalisation; 0: 32 in the paper's widths (code), fewer in narrower networks (choice)."""
    checkpointing: bool = False
    """Compute activations again on the way back rather than keep them: less memory, a third more time (choice)."""
    shard_optimiser: bool = False
    """Several processes share out the moments of AdamW: less memory a GPU, the same result (choice)."""
    init_partial: bool = False
    """Accept weights in --init that fill the networks only in part; what is lacking starts anew (choice)."""
    init_average: bool = True
    """Take the averaged weights of an imported checkpoint, where it has them, as its own sampler does (code)."""
    save_minutes: float = 10.0
    """Minutes between checkpoints (choice)."""
    log_steps: int = 50
    """Optimiser steps between rows of metrics.jsonl (choice)."""
    validate_steps: int = 1_000
    """Optimiser steps between validation losses, on fixed noise (choice)."""
    picture_steps: int = 5_000
    """Optimiser steps between pictures of held-out knees in samples/; 0 draws none (choice)."""
    track: tuple[str, ...] = ()
    """Trackers beside metrics.jsonl: tensorboard, wandb, mlflow; each must be installed (choice)."""
    time_limit_minutes: float = 0.0
    """Stop and save after this long; 0 is no limit (choice)."""
    finish_minutes: float = 0.0
    """Be finished after this long: as many steps as the pace of the first 50 allows, at most max_steps, and a cosine
    that ends with them; 0 takes max_steps (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        require(self.max_steps >= 0, "--max-steps must be at least 0; 0 writes the weights as they start")
        for name in ("log_steps", "validate_steps"):
            require(getattr(self, name) >= 1, f"--{name.replace('_', '-')} must be at least 1")
        require(1 <= self.batch_size <= 65_536, f"--batch-size must be 1 to 65536, not {self.batch_size}")
        variants = self.radiograph_variants
        require(1 <= variants <= 1000, f"radiograph_variants must be 1 to 1000, not {variants}")
        require(self.learning_rate > 0, f"--learning-rate must be above 0, not {self.learning_rate}")
        require(0 <= self.ema_decay < 1, f"ema_decay must lie in [0, 1), not {self.ema_decay}")
        for name in self.track:
            require_one_of("track", name, ("tensorboard", "wandb", "mlflow"))


def require_sizes(channels: tuple[int, ...], blocks: int, norm_groups: int) -> None:
    """Refuse sizes that make no network, or none that a computer holds."""
    require(0 < len(channels) <= 8, f"channels must be 1 to 8 numbers, not {len(channels)}")
    require(all(4 <= width <= 4096 for width in channels), f"channels must be 4 to 4096, not {list(channels)}")
    require(1 <= blocks <= 8, f"blocks must be 1 to 8, not {blocks}")
    divides = norm_groups == 0 or (norm_groups > 0 and all(width % norm_groups == 0 for width in channels))
    require(divides, f"norm_groups must divide all of channels, or be 0, not {norm_groups}")
