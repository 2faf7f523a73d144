"""The fine struts of spongy bone on a radiograph."""

import numpy as np

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.exposure import Exposure
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import refine, smooth_noise

_STRENGTH = 0.0015  # of white


def trabecular_pattern(participant: Participant, core: Field, exposure: Exposure) -> Field:
    """Change of the log signal by trabeculae: primary ones along the load, bent a little, crossed by others.

    Args:
        participant: whose bones.
        core: (H, W) square root of the mm of spongy bone with visible struts: independent struts add like noise.
        exposure: the film's settings.

    Returns:
        (H, W) float32.
    """
    generator = stream("trabeculae", participant.seed, participant.index)
    mm = 1 / exposure.spacing_mm
    size = (704, 896)
    along = _bent(smooth_noise(generator, size, (1.1 * mm, 0.19 * mm)), generator, mm)
    oblique = smooth_noise(generator, (size[0], size[1] // 2), (0.8 * mm, 0.19 * mm))
    crossing = np.tile(_leaning(oblique, 1) + _leaning(oblique[:, ::-1], -1), (1, 2))  # at 32 degrees
    net = smooth_noise(generator, size, (0.24 * mm, 0.24 * mm))
    across = smooth_noise(generator, size, (0.20 * mm, 0.9 * mm))
    clumps = smooth_noise(generator, size, (1.3 * mm, 0.6 * mm))
    patches = refine(smooth_noise(generator, (size[0] // 16, size[1] // 16), (1.2, 0.9)), 16)
    f = np.float32
    pattern = f(0.85) * along + f(0.45) * crossing + f(0.8) * net + f(0.4) * across
    pattern += f(0.28) * clumps + f(0.55) * patches
    strength = _STRENGTH * np.exp(generator.normal(0.0, 0.3))
    rows, columns = core.shape
    repeats = (-(-rows // size[0]), -(-columns // size[1]))
    return core * np.tile(f(strength) * pattern, repeats)[:rows, :columns]


def _leaning(pattern: Field, turns: int) -> Field:
    """A pattern whose upright lines lean until they have gone `turns` times across: so it still tiles."""
    height, width = pattern.shape
    shift = np.rint(np.arange(height) * turns * width / height).astype(int)
    return np.take_along_axis(pattern, (np.arange(width) + shift[:, None]) % width, axis=1)


def _bent(pattern: Field, generator: np.random.Generator, mm: float) -> Field:
    """A pattern whose upright lines sway: each row is shifted a little further than the one above."""
    sway = smooth_noise(generator, (len(pattern),), (14.0 * mm,)) * np.float32(1.2 * mm)
    columns = np.arange(pattern.shape[1]) + np.rint(sway).astype(int)[:, None]
    return np.take_along_axis(pattern, columns % pattern.shape[1], axis=1)
