"""Algorithm 2 of the paper: slices at some depths of a knee, from noise, under its radiograph and readings.

Shapes: B slices, H x W pixels.
"""

import numpy as np
import torch

from xrmri.config import Generate
from xrmri.diffusion.depth_noise import generator_at, starting_noise
from xrmri.generation.guidance import guided
from xrmri.generation.sampling import sampler_of
from xrmri.models.bundle import Model
from xrmri.models.condition import Condition

DECODED_ON_CPU, DECODED_ON_GPU = 1, 10
"""Slices decoded at once: one is as fast as thirteen on a core, whose cache it fits (measured), and takes no memory."""


@torch.inference_mode()
def draw_slices(
    depths: np.ndarray, model: Model, knee: Condition, *, config: Generate, sample: int, stream: int
) -> np.ndarray:
    """Draw the slices at some depths.

    Args:
        depths: (B,) float64 in [0, 1], from the back of the knee to the front.
        model: the networks.
        knee: what they are told of the knee, as `condition_of` gives it.
        config: resolved settings: sampler, steps, guidance, noise and seed.
        sample: number of the volume among several from one seed.
        stream: whose noise it starts from (Case.noise_stream).

    Returns:
        (B, H, W) float32 in [-1, 1].
    """
    depths_mm = depths * model.facts.extent_mm[0]
    whose = {"seed": config.seed, "sample": sample, "stream": stream}
    z_T = starting_noise(
        config.noise, depths_mm.tolist(), shape=model.latent_shape, length_mm=config.noise_length_mm, **whose
    ).to(model.device)
    condition = knee.at(torch.from_numpy(depths.astype(np.float32)).to(model.device))
    predict_noise = guided(
        model, condition, radiograph_weight=config.guidance, features_weight=config.guidance_features
    )
    generators = [generator_at(depth_mm, **whose) for depth_mm in depths_mm]
    denoise = sampler_of(config, model.facts, generators)
    z_0 = denoise(predict_noise, z_T, model.schedule.abar)
    parts = z_0.split(DECODED_ON_CPU if z_0.device.type == "cpu" else DECODED_ON_GPU)
    return np.concatenate([model.decode(part).cpu().numpy() for part in parts])
