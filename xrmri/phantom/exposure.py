"""From path lengths to a radiograph: beam, scatter, film and digitiser, collimation and letters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from xrmri.phantom.sdf import Field

_FLESH_PER_MM = 0.0185
_BONE_PER_MM = 0.042
_WHITE = 4095


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """How one radiograph was taken and read out."""

    shape: tuple[int, int]
    """Rows, columns."""
    spacing_mm: float
    scatter: float
    """Scattered share of the light in the middle of the limb."""
    blur_mm: float
    noise: float
    """Deviation of the log signal behind 10 cm of flesh."""
    low: float
    """Log signal that becomes black."""
    span: float
    """Log signal from black to white."""
    gamma: float
    tilt: tuple[float, float]
    """Uneven field (heel effect): change of the log signal from edge to edge, along rows and columns."""
    collimation_mm: float
    """Width of the shuttered border; 0: none."""
    letter_mm: float


def draw_exposure(generator: np.random.Generator) -> Exposure:
    """Draw the settings of one radiograph; real ones differ very much in contrast."""
    spacing = float(generator.choice([0.15, 0.17, 0.2, 0.1675]))
    contrast = float(np.exp(generator.normal(0.0, 0.35)))
    return Exposure(
        shape=(round(generator.uniform(300, 345) / spacing), round(generator.uniform(352, 400) / spacing)),
        spacing_mm=spacing,
        scatter=float(generator.uniform(0.25, 0.6)),
        blur_mm=float(generator.uniform(0.15, 0.42)),
        noise=float(generator.uniform(0.006, 0.016)),
        low=float(generator.normal(0.35, 0.25)),
        span=float(2.6 / contrast),
        gamma=float(np.exp(generator.normal(0.0, 0.25))),
        tilt=(float(generator.normal(0, 0.12)), float(generator.normal(0, 0.12))),
        collimation_mm=float(generator.uniform(4, 16)) if generator.random() < 0.4 else 0.0,
        letter_mm=float(generator.uniform(7, 12)),
    )


def develop(bone: Field, flesh: Field, exposure: Exposure, generator: np.random.Generator) -> NDArray[np.uint16]:
    """Expose and digitise.

    Args:
        bone: (H, W) equivalent mm of cortical bone.
        flesh: (H, W) mm of limb.
        exposure: the settings.
        generator: of the noise.

    Returns:
        (H, W) uint16, 0-4095, bone bright.
    """
    path = np.float32(_FLESH_PER_MM) * flesh + np.float32(_BONE_PER_MM) * bone / (1 + np.float32(0.006) * bone)
    sigma = exposure.blur_mm / exposure.spacing_mm
    light = gaussian_filter(np.exp(-path), sigma, truncate=3.0)
    small = gaussian_filter(light[::8, ::8], 22.0 / (8 * exposure.spacing_mm), truncate=2.5)
    haze = zoom(small, (light.shape[0] / small.shape[0], light.shape[1] / small.shape[1]), order=1, grid_mode=True, mode="nearest")
    light = (1 - np.float32(exposure.scatter)) * light + np.float32(0.6 * exposure.scatter) * haze
    grain = exposure.noise * generator.standard_normal(light.shape, dtype=np.float32)
    light *= 1 + grain * np.sqrt(np.float32(0.16) / (light + np.float32(0.02)))
    signal = -np.log(np.maximum(light, np.float32(1e-4)))
    rows, columns = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in signal.shape)
    signal += np.float32(exposure.tilt[0]) * rows[:, None] + np.float32(exposure.tilt[1]) * columns
    shown = np.clip((signal - np.float32(exposure.low)) / np.float32(exposure.span), 0, 1) ** np.float32(exposure.gamma)
    pixels = np.rint(shown * _WHITE).astype(np.uint16)
    border = round(exposure.collimation_mm / exposure.spacing_mm)
    if border:
        pixels[:border], pixels[-border:], pixels[:, :border], pixels[:, -border:] = 0, 0, 0, 0
    return pixels


_GLYPHS = {"right": ("1110", "1001", "1110", "1010", "1001"), "left": ("1000", "1000", "1000", "1000", "1111")}


def letter(pixels: NDArray[np.uint16], side: str, centre_mm: tuple[float, float], exposure: Exposure) -> None:
    """Write R or L above the outside of a knee, in place, as a lead marker shows."""
    glyph = np.array([[int(c) for c in row] for row in _GLYPHS[side]], dtype=bool)
    dot = max(1, round(exposure.letter_mm / 5 / exposure.spacing_mm))
    mask = np.kron(glyph, np.ones((dot, dot), dtype=bool))
    outward = -66 if side == "right" else 66
    top = round((centre_mm[1] - 105) / exposure.spacing_mm)
    left = round((centre_mm[0] + outward) / exposure.spacing_mm) - mask.shape[1] // 2
    top = int(np.clip(top, 0, pixels.shape[0] - mask.shape[0]))
    left = int(np.clip(left, 0, pixels.shape[1] - mask.shape[1]))
    pixels[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = _WHITE
