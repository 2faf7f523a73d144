"""DPM-Solver++(2M): fewer steps than DDIM for the same latent (Lu et al., 2022, algorithm 2).

Shapes: B slices, C latent channels, h x w latent pixels. alpha = sqrt(abar) and sigma = sqrt(1 - abar) are the signal
and noise of a level, lambda = log(alpha / sigma) its half log-SNR.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from xrmri.diffusion.schedule import visited_steps


def sample(predict_noise: Callable[[Tensor, int], Tensor], z_T: Tensor, abar: Tensor, steps: int) -> Tensor:
    """Denoise from step T-1 to a clean latent, asking for the noise exactly `steps` times.

    The first step is of first order, for lack of an earlier one; so is the last, whose lambda is infinite.

    Args:
        predict_noise: the U-Net under its condition, as a function of z_t and t.
        z_T: (B, C, h, w) starting noise.
        abar: (T,) float64 signal fractions.
        steps: 1 to T.

    Returns:
        (B, C, h, w) z_0.
    """
    visited = visited_steps(len(abar), steps)
    levels = torch.cat([abar[visited], torch.ones(1, dtype=abar.dtype, device=abar.device)])
    alpha, sigma = levels.sqrt(), (1 - levels).sqrt()
    half_log_snr = alpha.log() - sigma.log()
    z_t, before = z_T, None
    for i, t in enumerate(visited):
        z_0 = (z_t - sigma[i] * predict_noise(z_t, t)) / alpha[i]
        h = half_log_snr[i + 1] - half_log_snr[i]
        towards = z_0
        if before is not None and i + 1 < steps:
            h_before = half_log_snr[i] - half_log_snr[i - 1]
            towards = z_0 + (z_0 - before) * (h / (2 * h_before))
        z_t = sigma[i + 1] / sigma[i] * z_t - alpha[i + 1] * torch.expm1(-h) * towards
        before = z_0
    return z_t
