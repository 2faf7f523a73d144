"""DPM-Solver++(2M): fewer steps than DDIM for the same latent (Lu et al., 2022, algorithm 2), and its form with noise.

Shapes: B slices, C latent channels, h x w latent pixels. alpha = sqrt(abar) and sigma = sqrt(1 - abar) are the signal
and noise of a level, lambda = log(alpha / sigma) its half log-SNR.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from xrmri.diffusion.ddim import PredictNoise, added_noise
from xrmri.diffusion.schedule import half_log_snr, steps_by_noise


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

    The first step is of first order, for lack of an earlier one; so is the last, whose lambda is infinite.

    Args:
        predict_noise: the U-Net under its condition, as a function of z_t and t.
        z_T: (B, C, h, w) starting noise.
        abar: (T,) float64 signal fractions.
        steps: 1 to T.
        eta: noise added at each step; 0 follows the differential equation, 1 the stochastic one.
        generators: as in ddim.sample.

    Returns:
        (B, C, h, w) z_0.
    """
    visited = steps_by_noise(abar, steps)
    levels = abar[visited]
    alpha, sigma, lam = levels.sqrt(), (1 - levels).sqrt(), half_log_snr(levels)
    z_t, before = z_T, None
    for i, t in enumerate(visited):
        z_0 = (z_t - sigma[i] * predict_noise(z_t, t)) / alpha[i]
        if i + 1 == steps:
            break
        h = lam[i + 1] - lam[i]
        towards = z_0
        if before is not None:
            towards = z_0 + (z_0 - before) * (h / (2 * (lam[i] - lam[i - 1])))
        z_t = sigma[i + 1] / sigma[i] * torch.exp(-eta * h) * z_t - alpha[i + 1] * torch.expm1(-(1 + eta) * h) * towards
        if eta > 0:
            z_t = z_t + sigma[i + 1] * (-torch.expm1(-2 * eta * h)).sqrt() * added_noise(generators, z_t)
        before = z_0
    return z_0
