"""How much noise a latent holds at each step: beta and abar in float64, and what follows from them (eq. 4 and 8).

Shapes: B slices, C latent channels, h x w latent pixels, T steps of the forward process. z_t is a latent at step t,
eps its noise, abar[t] the signal fraction left; v = sqrt(abar) eps - sqrt(1 - abar) z_0 is the other thing a U-Net may
predict (Salimans and Ho, 2022).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Schedule:
    """The forward process, and what the U-Net predicts in it."""

    abar: Tensor
    """(T,) float64, falling, in (0, 1)."""
    prediction: str
    """epsilon or v."""

    @property
    def timesteps(self) -> int:
        """T."""
        return len(self.abar)

    def at(self, t: Tensor) -> Tensor:
        """Signal fraction of each slice: (B,) steps to (B, 1, 1, 1) float32 on the same device."""
        return self.abar.to(t.device)[t].float()[:, None, None, None]

    def q_sample(self, z_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """Eq. 4 and 8: add noise to (B, C, h, w) latents, each at its own step of (B,)."""
        abar = self.at(t)
        return abar.sqrt() * z_0 + (1 - abar).sqrt() * eps

    def target(self, z_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """What the U-Net should say: eps, or v; (B, C, h, w)."""
        if self.prediction == "epsilon":
            return eps
        abar = self.at(t)
        return abar.sqrt() * eps - (1 - abar).sqrt() * z_0

    def noise(self, predicted: Tensor, z_t: Tensor, t: Tensor) -> Tensor:
        """The noise that a prediction means, at (B,) steps; (B, C, h, w)."""
        if self.prediction == "epsilon":
            return predicted
        abar = self.at(t)
        return abar.sqrt() * predicted + (1 - abar).sqrt() * z_t


def make_schedule(*, timesteps: int, beta_start: float, beta_end: float, prediction: str) -> Schedule:
    """The forward process whose beta is linear in its square root, which diffusers calls scaled_linear."""
    beta = torch.linspace(beta_start**0.5, beta_end**0.5, timesteps, dtype=torch.float64) ** 2
    return Schedule(abar=torch.cumprod(1 - beta, dim=0), prediction=prediction)


def visited_steps(timesteps: int, count: int) -> list[int]:
    """The steps at which a sampler asks the U-Net: `count` of them, falling evenly from T-1.

    Raises:
        ValueError: count does not lie in 1..T.
    """
    if not 1 <= count <= timesteps:
        raise ValueError(f"a schedule of {timesteps} steps cannot be visited at {count}")
    return [timesteps - 1 - number * timesteps // count for number in range(count)]
