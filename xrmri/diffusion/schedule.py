"""How much noise a latent holds at each step: beta and abar in float64, and what follows from them (eq. 4 and 8).

Shapes: B slices, C latent channels, h x w latent pixels, T steps of the forward process. z_t is a latent at step t,
eps its noise, abar[t] the signal fraction left; v = sqrt(abar) eps - sqrt(1 - abar) z_0 is the other thing a U-Net may
predict (Salimans and Ho, 2022).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

PRETRAINED_STEPS = 1_000
"""T of the public checkpoints (code)."""
LEFT_AT_THE_END = 1e-6
"""Signal fraction that a zero terminal SNR leaves: with none at all eq. 9 divides by zero (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Schedule:
    """The forward process, and what the U-Net predicts in it."""

    abar: Tensor
    """(T,) float64, falling, in (0, 1)."""
    prediction: str
    """epsilon or v."""
    steps_told: Tensor
    """(T,) float32, what the U-Net is told for each step."""

    @property
    def timesteps(self) -> int:
        """T."""
        return len(self.abar)

    def at(self, t: Tensor) -> Tensor:
        """Signal fraction of each slice: (B,) steps to (B, 1, 1, 1) float32 on the same device."""
        return self.abar.to(t.device)[t].float()[:, None, None, None]

    def told(self, t: Tensor) -> Tensor:
        """What the U-Net is told for (B,) steps: (B,) float32."""
        return self.steps_told.to(t.device)[t]

    def loss_weight(self, t: Tensor, *, min_snr: float) -> Tensor:
        """Min-SNR weights (B,) float32 of steps t (Hang et al., 2023): min(SNR, gamma) over what the target implies.

        Args:
            t: (B,) steps.
            min_snr: gamma; 0 weighs all steps alike.
        """
        if min_snr == 0:
            return torch.ones(len(t), device=t.device)
        abar = self.abar.to(t.device)[t]
        snr = abar / (1 - abar)
        return (snr.clamp(max=min_snr) / (snr if self.prediction == "epsilon" else snr + 1)).float()

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


def make_schedule(
    *,
    timesteps: int,
    beta_start: float,
    beta_end: float,
    prediction: str,
    timestep_map: str = "raw",
    zero_terminal_snr: bool = False,
) -> Schedule:
    """The forward process whose beta is linear in its square root, which diffusers calls scaled_linear.

    Args:
        timesteps: T.
        beta_start: first beta.
        beta_end: last beta.
        prediction: epsilon or v.
        timestep_map: "raw" tells the U-Net t; "match-snr" tells it the step of the pretrained process, of 1,000 steps
            on the same betas, that holds as much noise (its last step where none holds as much).
        zero_terminal_snr: leave no signal at T-1 (Lin et al., 2024), down to LEFT_AT_THE_END.
    """
    abar = _signal(timesteps, beta_start, beta_end)
    steps = torch.arange(timesteps, dtype=torch.float64)
    if timestep_map == "match-snr":
        pretrained = _signal(PRETRAINED_STEPS, beta_start, beta_end)
        steps = _interpolated(_log_snr(abar), _log_snr(pretrained))
    if zero_terminal_snr:
        root, last = abar.sqrt(), LEFT_AT_THE_END**0.5
        abar = (last + (root - root[-1]) * (root[0] - last) / (root[0] - root[-1])).square()
    return Schedule(abar=abar, prediction=prediction, steps_told=steps.float())


def _signal(timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    beta = torch.linspace(beta_start**0.5, beta_end**0.5, timesteps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - beta, dim=0)


def _log_snr(abar: Tensor) -> Tensor:
    return abar.log() - (1 - abar).log()


def _interpolated(values: Tensor, falling: Tensor) -> Tensor:
    """The fractional position of each value in a falling list, within its ends."""
    after = torch.searchsorted(-falling, -values).clamp(1, len(falling) - 1)
    share = (falling[after - 1] - values) / (falling[after - 1] - falling[after])
    return (after - 1 + share).clamp(0, len(falling) - 1)


def visited_steps(timesteps: int, count: int) -> list[int]:
    """The steps at which a sampler asks the U-Net: `count` of them, falling evenly from T-1.

    Raises:
        ValueError: count does not lie in 1..T.
    """
    if not 1 <= count <= timesteps:
        raise ValueError(f"a schedule of {timesteps} steps cannot be visited at {count}")
    return [timesteps - 1 - number * timesteps // count for number in range(count)]


def half_log_snr(abar: Tensor) -> Tensor:
    """Lambda of levels with signal fractions abar: log(sqrt(abar) / sqrt(1 - abar))."""
    return torch.special.logit(abar) / 2


BY_NOISE = 0.7
"""Of 0.5, 0.7, 0.85 and 1, at 8 to 18 steps of three volumes: 1 is best for some numbers of steps and worse than
half the steps for others; 0 takes twice the steps (measured)."""


def steps_by_noise(abar: Tensor, count: int, *, by_noise: float = BY_NOISE) -> list[int]:
    """The steps that a second-order sampler visits: `count` of them, falling from T-1 to 0.

    They are even in a blend of lambda, in which such a sampler's error is even, and t, in which the U-Net was trained.

    Args:
        abar: (T,) float64 signal fractions.
        count: 1 to T.
        by_noise: share of lambda in the blend.

    Raises:
        ValueError: count does not lie in 1..T.
    """
    last = len(abar) - 1
    if not 1 <= count <= last + 1:
        raise ValueError(f"a schedule of {last + 1} steps cannot be visited at {count}")
    lam = half_log_snr(abar).flip(0)
    way = by_noise * (lam - lam[0]) / (lam[-1] - lam[0]) + (1 - by_noise) * torch.linspace(0, 1, last + 1).to(lam)
    nearest = torch.searchsorted(way, torch.linspace(0, 1, count).to(lam)).tolist()
    steps = [last]
    for number, place in enumerate(nearest[1:], start=2):
        # Where levels lie denser than steps, a step of its own for each, and one left for each that follows.
        steps.append(max(min(last - place, steps[-1] - 1), count - number))
    return steps
