"""How far generated slices lie from acquired ones as sets: Fréchet distances on features of the bundled VAE.

The features are always the bundled VAE's, whatever model drew the volumes, so that distances of different runs compare.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xrmri.metrics.frechet import frechet_distance

AREAS = 3
"""Areas along each axis that latents are averaged over (choice: 36 features, so that 64 slices tell a covariance)."""
NAME = f"latent means of the bundled VAE, averaged over {AREAS} x {AREAS} areas"
VOLUMES, SLICES = 16, 4
"""Volumes in each set, evenly over the cohort, and slices of each (choice: a slice takes 80 ms of a core)."""
FEWEST = 16
"""Slices below which no distance is given (choice)."""
_AT_ONCE = 8


def set_distances(vae: Any, sets: Iterable[Mapping[str, np.ndarray]], real: str) -> dict[str, float]:
    """Fréchet distance of each kind of slices from the acquired ones.

    Args:
        vae: as `ceiling.load_vae` returns it.
        sets: for each pair: source -> (n, H, W) slices in [0, 1].
        real: the source of acquired slices.

    Returns:
        source -> distance, for every source but `real`; empty where there are too few slices.
    """
    found: dict[str, list[np.ndarray]] = {}
    for pair in sets:
        for source, pixels in pair.items():
            found.setdefault(source, []).append(latent_features(vae, pixels))
    features = {source: np.concatenate(parts) for source, parts in found.items()}
    if len(features.get(real, ())) < FEWEST:
        return {}
    acquired = features.pop(real)
    # Rounded, because the last digits depend on the processor.
    return {name: round(frechet_distance(v, acquired), 6) for name, v in features.items() if len(v) == len(acquired)}


def latent_features(vae: Any, pixels: np.ndarray) -> np.ndarray:
    """Features of slices: the VAE's latent means, averaged over 3 x 3 areas.

    Args:
        vae: as `load_vae` returns it.
        pixels: (S, H, W) in [0, 1].

    Returns:
        (S, 9 * C) float64 for C latent channels.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    from xrmri.models.autoencoder import encode

    done = []
    with torch.inference_mode():
        for first in range(0, len(pixels), _AT_ONCE):
            x = torch.from_numpy(pixels[first : first + _AT_ONCE].astype(np.float32) * 2 - 1).to(vae.device)
            done.append(adaptive_avg_pool2d(encode(vae, x)[0], AREAS).flatten(1).cpu().numpy())
    return np.concatenate(done).astype(np.float64)
