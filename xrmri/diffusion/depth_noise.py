"""The noise a volume starts from: how z_T varies along depth.

Each kind is a function of (seed, stream, sample, depth) alone, so a slice at a given depth starts from the same noise
however many slices are drawn, in whatever batches, and whoever else is drawn from the same seed.
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

Shape = tuple[int, int, int]
# Seeds of one volume are told apart by a key: depths in 0.1 um, or knots, then one for all, then fresh noise. Of a seed
# torch's generator heeds the lowest 32 bits, so keys that are alike in these would give the same noise.
KNOT_KEYS, SHARED_KEY, FRESH_KEYS = 0, 2**31, 3 * 2**30


def starting_noise(
    kind: str,
    depths_mm: Sequence[float],
    *,
    shape: Shape,
    seed: int,
    sample: int,
    stream: int = 0,
    length_mm: float = 6.0,
) -> Tensor:
    """Draw z_T for each depth.

    Args:
        kind: "independent" (paper: its own for each slice), "shared" (one for all) or "correlated".
        depths_mm: distance of each slice from the first, in mm, at least 0.
        shape: (C, h, w) of one latent.
        seed: seed of the volume.
        sample: number of the volume among several from one seed.
        stream: whose volume it is, among several knees from one seed; 0 for a radiograph on its own.
        length_mm: distance over which correlated noise stays alike.

    Returns:
        (len(depths_mm), C, h, w) float32, standard normal at every depth.
    """

    def normal(key: int) -> Tensor:
        return torch.randn(shape, generator=_generator(seed, stream, sample, key))

    if kind == "shared":
        return normal(SHARED_KEY).expand(len(depths_mm), *shape).clone()
    if kind == "independent":
        return torch.stack([normal(_depth_key(depth)) for depth in depths_mm])
    knot = cache(lambda index: normal(KNOT_KEYS + index))
    return torch.stack([_blend(depth / length_mm, knot) for depth in depths_mm])


def _blend(position: float, knot: Callable[[int], Tensor]) -> Tensor:
    """Unit-variance blend of the noise at the knots nearest to a position, weighted by a Gaussian of width 1 knot."""
    nearest = round(position)
    knots = range(nearest - 3, nearest + 4)
    weights = torch.tensor([-0.5 * (position - index) ** 2 for index in knots], dtype=torch.float64).exp()
    weights = (weights / weights.square().sum().sqrt()).float()
    return sum(weight * knot(index) for weight, index in zip(weights, knots, strict=True))


def generator_at(depth_mm: float, *, seed: int, sample: int, stream: int = 0) -> torch.Generator:
    """Where the noise comes from that a stochastic sampler adds to the slice at one depth."""
    return _generator(seed, stream, sample, FRESH_KEYS + _depth_key(depth_mm))


def _depth_key(depth_mm: float) -> int:
    return round(depth_mm * 1e4)


def _generator(seed: int, stream: int, sample: int, key: int) -> torch.Generator:
    # One 64-bit seed from four numbers: odd multipliers spread them, so that near keys share no seed. A stream is
    # spread already.
    mixed = (stream + seed * 0x9E3779B97F4A7C15 + sample * 0xBF58476D1CE4E5B9 + key * 0x94D049BB133111EB) % 2**63
    return torch.Generator().manual_seed(mixed)
