"""How bright each tissue is from place to place: mottle, septa and fine vessels, layers of cartilage, scars of marrow.

Fields are (y, z, x) float32 of 255 on the coarse grid; +-1 standard deviation of a texture is given in that unit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.muscles import MUSCLES
from xrmri.phantom.sdf import Field, Points
from xrmri.phantom.texture import slow_noise, smooth_noise, strands
from xrmri.phantom.tissue import BRIGHTNESS, Tissue


@dataclass(frozen=True, kw_only=True, slots=True)
class Grain:
    """Noise that the tissues of one knee share, since no two of them lie at one place; each of deviation 1."""

    fine: Field
    """From one pixel to the next."""
    slow: Field
    """Over about a centimetre."""
    sheet: Field
    """Crosses 0 in curved sheets about 2 cm apart."""
    other_sheet: Field
    """Another; the two cross in lines that wind like small vessels."""


def draw_grain(generator: np.random.Generator, shape: tuple[int, ...]) -> Grain:
    """Draw the noise of one knee."""
    return Grain(
        fine=generator.standard_normal(shape, dtype=np.float32),
        slow=slow_noise(generator, shape, (4.0, 5.0, 5.0), 4),
        sheet=slow_noise(generator, shape, (4.0, 7.0, 5.0), 4),
        other_sheet=slow_noise(generator, shape, (5.0, 5.0, 7.0), 4),
    )


def fat(generator: np.random.Generator, grain: Grain) -> Field:
    """Fat: dark and even, with faint septa and a few fine vessels."""
    level = np.float32(BRIGHTNESS[Tissue.FAT] + generator.normal(0, 0.8))
    vessels = strands(np.hypot(grain.sheet, grain.other_sheet), 0.16)
    return level + grain.slow * np.float32(0.3) + grain.fine * np.float32(0.9) + np.float32(20) * vessels


def muscle(generator: np.random.Generator, grain: Grain, owner: NDArray[np.int8], fatty: float) -> Field:
    """Muscle: plain, with a few thin septa of fat along its fibres, which lean as those of each muscle do.

    Args:
        generator: source.
        grain: noise of the knee.
        owner: (y, z, x) which of MUSCLES a place belongs to.
        fatty: 0 lean to 1 streaked with fat.
    """
    shape = owner.shape
    each = (generator.normal(0, 2.5) + generator.normal(0, 2.2, len(MUSCLES))).astype(np.float32)
    lean: Any = np.array([lean for _, lean in MUSCLES]) + generator.normal(0, 0.07, len(MUSCLES))
    along = smooth_noise(generator, (shape[0], shape[1] // 2, shape[2]), (1.6, 5.0, 1.5))
    along = np.repeat(_sheared(along, 2 * lean[owner[:, ::2]]), 2, axis=1)
    septa = strands(along, 0.08) * np.clip(grain.slow * np.float32(0.5) + np.float32(0.1 + 0.5 * fatty), 0, 1)
    plain = np.float32(BRIGHTNESS[Tissue.MUSCLE]) + each[owner] + np.float32(1.6) * grain.slow
    return plain + np.float32(2.0) * grain.fine + np.float32(2.2) * along - np.float32(28) * septa


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


def cartilage(grain: Grain, apart: Field, to_bone: Field) -> Field:
    """Cartilage: bright, a little uneven, darker deep down and where two layers meet.

    Args:
        grain: noise of the knee.
        apart: (y, z, x) how much nearer one bone is than the other, mm; 0 where their cartilages meet.
        to_bone: (y, z, x) distance to the nearest bone, mm.
    """
    uneven = np.float32(4) * grain.slow + np.float32(4) * grain.fine
    seam = np.exp(-((apart / np.float32(0.9)) ** 2))
    deep = np.exp(-np.maximum(to_bone, 0) / np.float32(0.8))
    return np.float32(BRIGHTNESS[Tissue.CARTILAGE]) + uneven - np.float32(20) * seam - np.float32(26) * deep


def cord(generator: np.random.Generator, grain: Grain) -> Field:
    """Cruciates: dark bundles and grey fat and fluid between them."""
    bundles = slow_noise(generator, grain.fine.shape, (1.5, 2.4, 1.3), 2)
    return np.float32(BRIGHTNESS[Tissue.LIGAMENT]) + 15 * np.maximum(bundles, -1) + 3 * grain.fine


def synovium(grain: Grain) -> Field:
    """What fills the notch: fat and folds, half way to fluid."""
    folds = strands(grain.sheet + np.float32(0.4) * grain.fine, 0.5)
    return np.float32(BRIGHTNESS[Tissue.CAPSULE]) + 26 * folds + 3 * grain.fine + 4 * grain.slow


def cyst(grain: Grain, holes: Field) -> Field:
    """A cyst: fluid in its middle, ill-defined at its wall; holes is the distance to it, mm."""
    inside = np.clip(-holes / np.float32(2.6), 0, 1)
    return np.float32(20) + np.float32(BRIGHTNESS[Tissue.CYST] - 20) * inside + 4 * grain.fine


def oedema(generator: np.random.Generator, grain: Grain, holes: Field) -> Field:
    """How much brighter the marrow about cysts is, here much and there hardly; holes is the distance to them, mm."""
    strength = np.float32(generator.uniform(4.0, 26.0))
    if holes.min() >= 0:
        return np.zeros((), np.float32)
    reach = np.float32(5.0) + np.float32(2.0) * grain.slow
    return strength * np.exp(-((np.maximum(holes, 0) / np.maximum(reach, 1)) ** 2))


def marrow(generator: np.random.Generator, grain: Grain, p: Points, size: float) -> Field:
    """Marrow of femur and tibia: dark, finely mottled, brighter where it is red, beyond the scars of growth plates.

    Args:
        generator: source.
        grain: noise of the knee.
        p: places, mm.
        size: of the knee.
    """
    f = np.float32
    femoral, tibial = generator.normal((24.0, 15.0), 1.5) * size
    red = f(np.clip(generator.normal(0.6, 1.4), 0, 4))
    beyond = np.where(p.z > 0, p.z - f(femoral), -f(tibial) - p.z) + f(0.006) * p.x * p.x - f(2.5) * grain.slow
    level = f(BRIGHTNESS[Tissue.FEMUR]) + f(1.1) * grain.fine + f(0.4) * grain.slow
    level += red * np.clip(beyond / f(12.0) - f(0.5), 0, 1) * np.clip(grain.sheet + f(0.6), 0, 2)
    return level - f(3.5) * strands(beyond, 0.9)


def small_marrow(grain: Grain) -> Field:
    """Marrow of a bone without a scar: dark, finely mottled."""
    return np.float32(BRIGHTNESS[Tissue.PATELLA]) + np.float32(1.1) * grain.fine + np.float32(0.4) * grain.slow
