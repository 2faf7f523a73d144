"""What a volume is: noise along depth, denoised slice by slice under a radiograph and its features, decoded.

Shapes: S depths, B slices at once, C latent channels, h x w latent pixels, F feature slots.
"""

from collections.abc import Callable

import numpy as np
import torch

from xrmri.config import Generate
from xrmri.diffusion.ddim import sample as sample_ddim
from xrmri.diffusion.depth_noise import fresh_noise, starting_noise
from xrmri.diffusion.dpm import sample as sample_dpm
from xrmri.generation.deliver import DEPTH_EXTENT_MM
from xrmri.models.bundle import Bundle, Condition, decode, encode_radiograph, predict_noise


def draw(
    bundle: Bundle,
    radiograph: np.ndarray,
    r: np.ndarray,
    config: Generate,
    *,
    sample: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Draw a volume (Algorithm 2 of the paper, at every depth).

    Args:
        bundle: the model.
        radiograph: (H, W) float32 in [-1, 1], a left knee mirrored to look right.
        r: (F,) uint8 one-hot features.
        config: depths, steps, sampler, noise and seed.
        sample: number of the volume among several from one seed.
        tell: called with the number of slices done.

    Returns:
        (S, H, W) float32 in [-1, 1], posterior to anterior.
    """
    depths = np.linspace(0, 1, config.num_slices)
    z_start = starting_noise(
        config.noise, depths * DEPTH_EXTENT_MM, shape=bundle.latent_shape, seed=config.seed, sample=sample
    )
    slices = []
    with torch.inference_mode():
        y = torch.from_numpy(radiograph)[None].to(bundle.device)
        condition = encode_radiograph(bundle, y)
        features = torch.from_numpy(r.astype(np.float32))[None].to(bundle.device)
        for first in range(0, config.num_slices, config.batch_size):
            part = slice(first, first + config.batch_size)
            z_0 = _denoise(bundle, z_start[part].to(bundle.device), condition, features, depths[part], config, sample)
            slices.append(decode(bundle, z_0).float().cpu().numpy())
            tell(min(part.stop, config.num_slices))
    return np.concatenate(slices)


def _denoise(
    bundle: Bundle,
    z_T: torch.Tensor,
    condition: Condition,
    features: torch.Tensor,
    depths: np.ndarray,
    config: Generate,
    sample: int,
) -> torch.Tensor:
    """z_0 of some slices: (B, C, h, w) from (B, C, h, w)."""
    d = torch.from_numpy(depths.astype(np.float32)).to(z_T.device)
    many = condition.expand(len(d))
    r = features.expand(len(d), -1)

    def guided(z_t: torch.Tensor, t: int) -> torch.Tensor:
        eps = predict_noise(bundle, z_t, t, many, d, r)
        if config.guidance == 1:
            return eps
        free = predict_noise(bundle, z_t, t, many.dropped(), d, torch.zeros_like(r))
        return free + config.guidance * (eps - free)

    if config.sampler == "dpm++":
        return sample_dpm(guided, z_T, bundle.schedule.abar, config.steps)
    fresh = [fresh_noise(depth * DEPTH_EXTENT_MM, seed=config.seed, sample=sample) for depth in depths]
    return sample_ddim(guided, z_T, bundle.schedule.abar, config.steps, eta=config.eta, generators=fresh)
