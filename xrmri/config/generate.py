"""What `xrmri generate` may be told."""

import math
from dataclasses import dataclass
from typing import Literal

from xrmri.config.settings import Seeded, require

SamplerName = Literal["auto", "ddim", "dpm++", "fitted"]
"""auto, the rows of `generation.sampling.SAMPLERS`, and fitted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generate(Seeded):
    """Settings of `xrmri generate`."""

    num_slices: int = 50
    """Depths at which a slice is drawn, evenly from the first to the last (paper, "inference steps")."""
    steps: int | None = None
    """Denoising steps, from T-1 down; not given: as many as come as near to 1,000 of ddim as 50 of ddim (choice)."""
    sampler: SamplerName = "auto"
    """ddim (paper, eq. 9), dpm++ (second order), fitted (the model's own weights), or auto: the fastest (choice)."""
    eta: float = 0.0
    """Noise added at each step, 0 to 1; 0 in eq. 9 (paper)."""
    guidance: float = 1.0
    """Classifier-free guidance weight of the radiograph; 1 is the plain model (choice: the paper does not say)."""
    guidance_features: float = 1.0
    """Classifier-free guidance weight of the radiographic features; likewise (choice)."""
    noise: Literal["independent", "shared", "correlated"] = "correlated"
    """Starting noise along depth: independent a slice (paper), one shared by all, or correlated (choice)."""
    noise_length_mm: float = 0.0
    """Distance over which correlated noise stays alike; 0 takes the model's, fitted to its training set (choice)."""
    samples: int = 1
    """Volumes drawn for each radiograph; above 1, their mean and standard deviation are written too (choice)."""
    mean: bool = False
    """Write the expected volume instead, and its standard deviation: blurred where the film does not tell (choice)."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """fp32, bf16, or auto: bf16 where the hardware multiplies it; part of a volume's last bits (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        require(2 <= self.num_slices <= 4096, f"--num-slices must be 2 to 4096, not {self.num_slices}")
        require(self.steps is None or 1 <= self.steps <= 100_000, f"--steps must be 1 to 100000, not {self.steps}")
        require(0 <= self.eta <= 1, f"--eta must be 0 to 1, not {self.eta}")
        length_mm = self.noise_length_mm
        require(0 <= length_mm <= 10_000, f"--noise-length-mm must be 0 to 10000, not {length_mm}")
        require(1 <= self.samples <= 1000, f"--samples must be 1 to 1000, not {self.samples}")
        require(not self.mean or self.samples == 1, "--mean is one volume: leave --samples out")
        for name in ("guidance", "guidance_features"):
            require(math.isfinite(getattr(self, name)), f"--{name.replace('_', '-')} must be a finite number")
