"""From path lengths to a radiograph: beam, scatter, film and digitiser, collimation and letters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from xrmri.phantom.sdf import Field
from xrmri.phantom.texture import resample

_FLESH_PER_MM = 0.0185
_BONE_PER_MM = 0.040
_SLOW_MM = 8.3
_CONTRAST, _DETAIL = 0.137, 0.037
_WHITE = 4095
_TOE = 0.3
"""Where the display curve begins to bend towards black, of white: in nine of ten real crops 95 % are above 0.13."""
_GLYPHS = {"right": ("1110", "1001", "1110", "1010", "1001"), "left": ("1000", "1000", "1000", "1000", "1111")}


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
    """Deviation of the log signal in the middle of the limb."""
    grey: float
    """Median about the joints, of white."""
    contrast: float
    """Deviation of the slow part of the picture about the joints, of white."""
    detail: float
    """Deviation of what is finer, of white."""
    shoulder: float
    """Where the display curve begins to bend towards white, of white."""
    tilt: tuple[float, float]
    """Uneven field (heel effect): change of the log signal from edge to edge, along rows and columns."""
    collimation_mm: float
    """Width of the shuttered border; 0: none."""
    letter_mm: float


def draw_exposure(generator: np.random.Generator) -> Exposure:
    """Draw the settings of one radiograph; real ones differ very much in grey and contrast.

    Grey, contrast and detail follow 422 real joint crops: of 255, median 163 +- 33, slow deviation 27 and fine
    deviation 12 with 0.43 and 0.30 of their logarithms, correlated 0.4 (grey, slow) and 0.8 (slow, fine).
    """
    grey = float(np.clip(generator.normal(0.0, 1.0), -2.3, 2.3))
    contrast = 0.42 * grey + 0.91 * float(np.clip(generator.normal(0.0, 1.0), -2.3, 2.3))
    detail = 0.80 * contrast + 0.60 * float(generator.normal(0.0, 1.0))
    spacing = float(generator.choice([0.15, 0.1675, 0.17, 0.2]))
    return Exposure(
        shape=(round(generator.uniform(300, 345) / spacing), round(generator.uniform(352, 400) / spacing)),
        spacing_mm=spacing,
        scatter=float(generator.uniform(0.25, 0.6)),
        blur_mm=float(generator.uniform(0.12, 0.40)),
        noise=float(np.clip(0.0095 * np.exp(generator.normal(0.0, 0.5)), 0.003, 0.03)),
        grey=0.66 + 0.13 * grey,
        contrast=_CONTRAST * float(np.exp(0.38 * contrast)),
        detail=_DETAIL * float(np.exp(0.36 * detail)),
        shoulder=float(generator.uniform(0.6, 0.85)),
        tilt=(float(generator.normal(0, 0.4)), float(generator.normal(0, 0.12))),
        collimation_mm=float(generator.uniform(4, 16)) if generator.random() < 0.4 else 0.0,
        letter_mm=float(generator.uniform(7, 12)),
    )


def develop(
    bone: Field,
    flesh: Field,
    exposure: Exposure,
    spacing_mm: float,
    *, boxes: tuple[tuple[float, float, float, float], ...],
) -> Field:
    """Expose, and read out so that the joints have the grey and contrast of the exposure.

    Args:
        bone: (h, w) equivalent mm of cortical bone.
        flesh: (h, w) mm of limb.
        exposure: the settings.
        spacing_mm: of these arrays.
        boxes: x0, y0, x1, y1 of each joint in these arrays.

    Returns:
        (h, w) float32: 0 black, 1 white, not clipped; bone bright.
    """
    path = np.float32(_FLESH_PER_MM) * flesh + np.float32(_BONE_PER_MM) * bone / (1 + np.float32(0.006) * bone)
    light = gaussian_filter(np.exp(-path), exposure.blur_mm / spacing_mm, truncate=3.0)
    small = gaussian_filter(light[::6, ::6], 20.0 / (6 * spacing_mm), truncate=2.5)
    scale = tuple(n / m for n, m in zip(light.shape, small.shape, strict=True))
    haze = zoom(small, scale, order=1, grid_mode=True, mode="nearest")
    light = (1 - np.float32(exposure.scatter)) * light + np.float32(0.7 * exposure.scatter) * haze
    signal = -np.log(np.maximum(light, np.float32(1e-4)))
    rows, columns = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in signal.shape)
    signal += np.float32(exposure.tilt[0]) * rows[:, None] + np.float32(exposure.tilt[1]) * columns
    slow = gaussian_filter(signal[::4, ::4], _SLOW_MM / (4 * spacing_mm), truncate=2.5)
    slow = resample(slow, signal.shape, (-0.375, -0.375), 0.25)
    shown = _scaled(slow, exposure.contrast, boxes) + _scaled(signal - slow, exposure.detail, boxes)
    middle = np.median(np.concatenate([_around(shown, box).ravel() for box in boxes]))
    return shown + np.float32(exposure.grey - middle)


def _scaled(part: Field, deviation: float, boxes: tuple[tuple[float, float, float, float], ...]) -> Field:
    """A part of the picture with this deviation about the joints."""
    joints = np.concatenate([_around(part, box).ravel() for box in boxes])
    return part * np.float32(deviation / joints.std())


def _around(signal: Field, box: tuple[float, float, float, float]) -> Field:
    """The crop that is 1.3 times as wide as a box."""
    x0, y0, x1, y1 = box
    grow = 0.15 * (x1 - x0)
    rows, columns = (slice(max(round(low - grow), 0), round(high + grow)) for low, high in ((y0, y1), (x0, x1)))
    return signal[rows, columns]


def digitise(signal: Field, exposure: Exposure, generator: np.random.Generator) -> NDArray[np.uint16]:
    """Grain, the film's toe and shoulder, shutters and 12 bits.

    Args:
        signal: (H, W), 0 black, 1 white.
        exposure: the settings.
        generator: of the grain.

    Returns:
        (H, W) uint16, 0-4095.
    """
    grain = np.float32(exposure.noise) * generator.standard_normal(signal.shape, dtype=np.float32)
    shown = signal + grain
    knee = np.float32(exposure.shoulder)
    shown = np.where(shown > knee, knee + (1 - knee) * np.tanh((shown - knee) / (1 - knee)), shown)
    toe = np.float32(_TOE)
    shown = np.where(shown < toe, toe * np.exp(np.minimum(shown - toe, 0) / toe), shown)
    pixels = np.rint(np.clip(shown, 0, 1) * np.float32(_WHITE)).astype(np.uint16)
    border = round(exposure.collimation_mm / exposure.spacing_mm)
    if border:
        pixels[:border], pixels[-border:], pixels[:, :border], pixels[:, -border:] = 0, 0, 0, 0
    return pixels


def letter(pixels: NDArray[np.uint16], side: str, box: tuple[float, float, float, float], exposure: Exposure) -> None:
    """Write R or L above the outside of a knee, in place, as a lead marker shows."""
    glyph = np.array([[int(c) for c in row] for row in _GLYPHS[side]], dtype=bool)
    dot = max(1, round(exposure.letter_mm / 5 / exposure.spacing_mm))
    mask = np.kron(glyph, np.ones((dot, dot), dtype=bool))
    outward = (-66 if side == "right" else 66) / exposure.spacing_mm
    top = round((box[1] + box[3]) / 2 - 105 / exposure.spacing_mm)
    left = round((box[0] + box[2]) / 2 + outward) - mask.shape[1] // 2
    top = int(np.clip(top, 0, pixels.shape[0] - mask.shape[0]))
    left = int(np.clip(left, 0, pixels.shape[1] - mask.shape[1]))
    pixels[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = _WHITE
