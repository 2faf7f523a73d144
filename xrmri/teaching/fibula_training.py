"""Teach the classifier of the fibula's side: joints of plates and real joints, moved, exposed and mirrored."""

import math

import numpy as np
import torch
from PIL import Image
from torch import nn

from xrmri.detector.fibula import CROP_SCALE, SIZE, as_seen, build
from xrmri.records import LEFT
from xrmri.teaching.accidents import exposed
from xrmri.teaching.films import Material

Generator = np.random.Generator
_BATCH, _LEARNING_RATE, _WARMUP = 32, 2e-3, 50


def learn_fibula(material: Material, *, seed: int, steps: int) -> nn.Module:
    """Train a classifier from nothing.

    Args:
        material: plates, and real joints or none.
        seed: of weights and crops.
        steps: batches of 32 crops.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng([seed, SIZE])
    network = build().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=0.05)
    for step in range(steps):
        crops, left = zip(*(fibula_example(material, generator) for _ in range(_BATCH)), strict=True)
        wanted = torch.tensor(left, dtype=torch.float32)
        loss = nn.functional.binary_cross_entropy_with_logits(
            network(torch.from_numpy(np.stack(crops)[:, None])), wanted
        )
        for group in optimiser.param_groups:
            fall = 0.505 + 0.495 * math.cos(math.pi * step / steps)
            group["lr"] = _LEARNING_RATE * min((step + 1) / _WARMUP, 1) * fall
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return network.eval()


def fibula_example(material: Material, generator: Generator) -> tuple[np.ndarray, bool]:
    """One crop, (SIZE, SIZE) float32 in [0, 1], and whether its fibula lies at image left."""
    if material.joints and generator.random() < 0.7:
        real = material.joints[generator.integers(len(material.joints))]
        pixels, fibula = real.pixels, real.fibula
        middle, side = np.array(pixels.shape[::-1]) / 2, float(pixels.shape[1])
    else:
        plate = material.plates[generator.integers(len(material.plates))]
        joint = plate.joints[generator.integers(len(plate.joints))]
        pixels, fibula = plate.pixels, joint.fibula
        x0, y0, x1, y1 = joint.corners
        middle, side = np.array(((x0 + x1) / 2, (y0 + y1) / 2)), (x1 - x0) * CROP_SCALE
    crop = _moved(pixels, middle, side, generator)
    crop = exposed(crop / max(float(crop.max()), 1e-6), generator)
    left = fibula == LEFT
    if generator.random() < 0.5:
        crop, left = crop[:, ::-1], not left
    if generator.random() < 0.1:
        crop = 1 - crop
    return as_seen(crop), left


def _moved(pixels: np.ndarray, middle: np.ndarray, side: float, generator: Generator) -> np.ndarray:
    """A window about a joint, as far off, as wide and as tilted as boxes and legs are: (SIZE, SIZE)."""
    middle = middle + generator.normal(0, 0.04, size=2) * side
    turn, step = np.radians(generator.normal(0, 5)), side * np.exp(generator.normal(0, 0.07)) / SIZE
    film = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    factor = max(int(step), 1)
    if factor > 1:  # averaged first, because the transform takes single pixels
        film, middle, step = film.reduce(factor), middle / factor, step / factor
    back = step * np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    offset = middle - back @ (np.array((SIZE, SIZE)) / 2)
    numbers = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    return np.array(film.transform((SIZE, SIZE), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))
