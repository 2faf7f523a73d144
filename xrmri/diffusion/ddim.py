"""DDIM: eq. 9, and its general form with noise added at each step (Song et al., 2021).

Shapes: B slices, C latent channels, h x w latent pixels. abar[t] is the signal fraction left at step t.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xrmri.diffusion.schedule import visited_steps

PredictNoise = Callable[[Tensor, int], Tensor]
"""(z_t (B, C, h, w), t) -> eps (B, C, h, w)."""


def ddim_step(
    z_t: Tensor, eps: Tensor, abar_t: Tensor, abar_prev: Tensor, *, eta: float = 0.0, noise: Tensor | None = None
) -> Tensor:
    """Move a latent from one noise level to the next lower one: eq. 9 at eta = 0.

    Args:
        z_t: (B, C, h, w) latent at the current level.
        eps: (B, C, h, w) noise that the U-Net sees in it.
        abar_t: signal fraction at the current level, in (0, 1).
        abar_prev: signal fraction at the next level, in (abar_t, 1].
        eta: share of the noise of the ancestral sampler that is added anew, in [0, 1].
        noise: (B, C, h, w) standard normal; needed where eta is above 0.

    Returns:
        (B, C, h, w) latent at the next level.
    """
    sigma = eta * ((1 - abar_prev) / (1 - abar_t)).sqrt() * (1 - abar_t / abar_prev).sqrt()
    z_0 = (z_t - (1 - abar_t).sqrt() * eps) / abar_t.sqrt()
    z_prev = abar_prev.sqrt() * z_0 + (1 - abar_prev - sigma**2).sqrt() * eps
    return z_prev if noise is None else z_prev + sigma * noise


def sample(
    predict_noise: PredictNoise,
    z_T: Tensor,
    abar: Tensor,
    *,
    steps: int,
    eta: float = 0.0,
    generators: Sequence[torch.Generator] = (),
) -> Tensor:
    """Denoise from step T-1 to a clean latent, asking for the noise exactly `steps` times.

    Args:
        predict_noise: the U-Net under its condition, as a function of z_t and t.
        z_T: (B, C, h, w) starting noise.
        abar: (T,) signal fractions.
        steps: 1 to T.
        eta: as in ddim_step.
        generators: one a slice, on the CPU, so that a slice's noise does not depend on its batch; needed where eta is
            above 0.

    Returns:
        (B, C, h, w) z_0.
    """
    visited = visited_steps(len(abar), steps)
    clean = torch.ones((), dtype=abar.dtype)
    z_t = z_T
    for t, abar_prev in zip(visited, [*(abar[t] for t in visited[1:]), clean], strict=True):
        noise = added_noise(generators, z_t) if eta > 0 else None
        z_t = ddim_step(z_t, predict_noise(z_t, t), abar[t], abar_prev, eta=eta, noise=noise)
    return z_t


def added_noise(generators: Sequence[torch.Generator], like: Tensor) -> Tensor:
    """Standard normal noise like some latents, each slice's from its own generator."""
    return torch.stack([torch.randn(like.shape[1:], generator=own) for own in generators]).to(like)
