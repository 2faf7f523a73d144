"""How bright each tissue is from place to place: strands in fat, fascicles in muscle, layers of cartilage, marrow.

Fields are (y, z, x) float32 of 255 on the coarse grid; +-1 standard deviation of a texture is given in that unit.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.muscles import MUSCLES
from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import slow_noise, smooth_noise, strands
from xrmri.phantom.tissue import BRIGHTNESS, Tissue


def fat(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Fat: dark, crossed by fine brighter strands."""
    along, across = (slow_noise(generator, shape, scales, 2) for scales in ((2.8, 5.0, 2.0), (2.4, 2.0, 4.2)))
    fine = smooth_noise(generator, shape, (0.7, 0.9, 0.9))
    lumps = slow_noise(generator, shape, (5.0, 5.0, 5.0), 4)
    webs = np.maximum(strands(along, 0.24), np.float32(0.8) * strands(across, 0.24))
    webs *= np.clip(np.float32(0.8) + np.float32(0.8) * lumps, 0.1, 2.0)
    level = np.float32(BRIGHTNESS[Tissue.FAT] + generator.normal(0, 1.2))
    return level + 2 * lumps + 4 * fine + np.float32(17) * webs


def muscle(generator: np.random.Generator, owner: NDArray[np.int8], fatty: float) -> Field:
    """Muscle: bright, its fascicles parted by fine dark streaks that lean as the fibres of each muscle do.

    Args:
        generator: source.
        owner: (y, z, x) which of MUSCLES a place belongs to.
        fatty: 0 lean to 1 streaked with fat.
    """
    shape = owner.shape
    each = (generator.normal(0, 2.5) + generator.normal(0, 4.0, len(MUSCLES))).astype(np.float32)
    lean = np.array([lean for _, lean in MUSCLES]) + generator.normal(0, 0.07, len(MUSCLES))
    fascicles = smooth_noise(generator, shape, (1.3, 7.0, 0.65))
    streaks = np.clip(smooth_noise(generator, shape, (1.4, 6.0, 0.9)) - np.float32(1.5 - 0.5 * fatty), 0, 1.4)
    patches = slow_noise(generator, shape, (4.0, 8.0, 5.0), 4)
    grain = _sheared(9 * fascicles - np.float32(34) * streaks, lean[owner])
    return np.float32(BRIGHTNESS[Tissue.MUSCLE]) + each[owner] + 4 * patches + grain


def _sheared(field: Field, lean: Field) -> Field:
    """A texture that runs along z, made to run aslant; both arrays (y, z, x), field wraps at its sides."""
    _, height, width = field.shape
    rise = np.arange(height, dtype=np.float32)[None, :, None] - np.float32(height / 2)
    place = np.arange(width, dtype=np.float32) - lean.astype(np.float32) * rise
    first = np.floor(place)
    share = place - first
    column = first.astype(np.int64) % width
    left = np.take_along_axis(field, column, axis=2)
    return left + share * (np.take_along_axis(field, (column + 1) % width, axis=2) - left)


def cartilage(generator: np.random.Generator, apart: Field, to_bone: Field) -> Field:
    """Cartilage: bright and uneven, darker deep down and where two layers meet.

    Args:
        generator: source.
        apart: (y, z, x) how much nearer one bone is than the other, mm; 0 where their cartilages meet.
        to_bone: (y, z, x) distance to the nearest bone, mm.
    """
    uneven = slow_noise(generator, apart.shape, (1.6, 1.4, 2.0), 2)
    seam = np.exp(-((apart / np.float32(1.1)) ** 2))
    deep = np.exp(-np.maximum(to_bone, 0) / np.float32(0.9))
    return np.float32(BRIGHTNESS[Tissue.CARTILAGE]) + 20 * uneven - np.float32(30) * seam - np.float32(45) * deep


def blood(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Vessels: now brighter, now darker, as blood flows in or stands."""
    return np.float32(BRIGHTNESS[Tissue.VESSEL]) + 22 * slow_noise(generator, shape, (6.0, 8.0, 8.0), 8)


def cord(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Cruciates: streaks of dark bundles and bright fluid."""
    return np.float32(BRIGHTNESS[Tissue.LIGAMENT]) + 34 * smooth_noise(generator, shape, (1.3, 2.0, 0.75))


def synovium(generator: np.random.Generator, around: Field) -> Field:
    """What fills the capsule: fat and folds, half way to fluid."""
    return around + np.float32(26) + 15 * slow_noise(generator, around.shape, (1.6, 1.6, 1.4), 2)


def marrow(generator: np.random.Generator, shape: tuple[int, ...], tissue: Tissue) -> Field:
    """Marrow: dark, faintly mottled."""
    return np.float32(BRIGHTNESS[tissue]) + np.float32(4.5) * slow_noise(generator, shape, (1.6, 3.0, 1.8), 2)
