"""Numbers that say how like real knee radiographs the phantom's are; the targets are measured on 422 real joint crops.

Crops are (224, 224), 0-255, bone bright, cut about the joint box enlarged 1.3 times and averaged over area. The real
ones are those of Chen, Pingjun (2018), "Knee Osteoarthritis Severity Grading Dataset", Mendeley Data V1, doi
10.17632/56rmx5bjcr.1, CC BY 4.0: the numbers below are all that is kept of them here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.film import CROP_SCALE, Film
from xrmri.records import SIDES

Crop = NDArray[np.uint8]

SIZE = 224
PERCENTILES = (5, 25, 50, 75, 95)
BANDS = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 112))
"""Octaves of the spectrum, cycles per crop."""
SHARES = (10, 50, 90)
"""Percentiles over the crops of a cohort."""

REAL: Mapping[str, tuple[float, float, float]] = {
    "mean": (117.10, 155.47, 191.05),
    "deviation": (21.14, 34.65, 58.01),
    "percentile 5": (33.0, 81.0, 118.0),
    "percentile 25": (94.1, 135.0, 171.0),
    "percentile 50": (121.0, 163.0, 207.0),
    "percentile 75": (136.0, 183.0, 225.9),
    "percentile 95": (151.0, 203.0, 243.0),
    "gradient median": (1.41, 2.06, 3.04),
    "gradient 95 %": (4.61, 6.67, 10.12),
    "spectrum 2-4": (4.78, 8.48, 13.47),
    "spectrum 4-8": (4.18, 6.68, 10.19),
    "spectrum 8-16": (2.95, 4.75, 7.33),
    "spectrum 16-32": (1.73, 2.85, 4.52),
    "spectrum 32-64": (1.14, 2.12, 3.33),
    "spectrum 64-112": (0.68, 1.45, 2.07),
}
"""SHARES of each statistic over the real crops."""

REAL_HISTOGRAM = (1.0, 0.6, 1.2, 2.0, 3.3, 4.9, 6.3, 8.5, 10.6, 12.5, 13.9, 12.4, 9.1, 6.8, 4.7, 2.3)
"""Share of the pixels of all real crops in 16 equal steps of grey, %."""
_SLACK = 0.25
_FRAMED_PX = (7.3, 4.2)
"""Deviation of the joint's row and column in real crops, which are framed by hand, beyond that at the joint box."""
_FRAMED_WIDTH = 0.046
"""Deviation of the logarithm of their width, likewise."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnCrop:
    """The joint crop of one phantom knee."""

    index: int
    """Of the participant in the cohort."""
    side: str
    grade: int
    """Kellgren-Lawrence."""
    pixels: Crop
    width_mm: float
    """Of the crop, on the film."""


class Framing(NamedTuple):
    """How a crop lies about the joint box, enlarged 1.3 times."""

    down: float = 0.0
    """Shift of its middle, as a share of its width."""
    right: float = 0.0
    wider: float = 1.0
    """Its width, of the enlarged box."""


AT_THE_BOX = Framing()


class FilmTarget(NamedTuple):
    """One number of a cohort beside what it must keep to."""

    name: str
    measured: float
    low: float
    high: float
    passed: bool


def drawn_crop(participant: Participant, film: Film, side: str) -> DrawnCrop:
    """Cut out one joint, framed as unevenly as real crops are.

    Args:
        participant: whose film it is.
        film: the radiograph.
        side: "right" or "left".
    """
    x0, _, x1, _ = film.joint_box[side]
    framing = _by_hand(participant.seed, participant.index, side)
    return DrawnCrop(
        index=participant.index,
        side=side,
        grade=participant.knee(side).grades["XRKL"],
        pixels=cut(film, side, framing),
        width_mm=framing.wider * CROP_SCALE * (x1 - x0) * film.spacing_mm,
    )


def _by_hand(seed: int, index: int, side: str) -> Framing:
    """The framing of one knee."""
    normal = stream("framing", seed, index, SIDES.index(side)).normal
    down, right = (float(normal(0.0, deviation / SIZE)) for deviation in _FRAMED_PX)
    return Framing(down=down, right=right, wider=float(np.exp(normal(0.0, _FRAMED_WIDTH))))


def cut(film: Film, side: str, framing: Framing = AT_THE_BOX) -> Crop:
    """The joint crop of one knee, averaged over area, 8 bit; not mirrored."""
    x0, y0, x1, y1 = film.joint_box[side]
    width = framing.wider * CROP_SCALE * (x1 - x0)
    x, y, half = (x0 + x1) / 2 + framing.right * width, (y0 + y1) / 2 + framing.down * width, width / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    part = Image.fromarray(film.pixels.astype(np.float32)).crop(box)
    small = np.asarray(part.resize((SIZE, SIZE), Image.Resampling.BOX))
    return np.rint(np.clip(small * np.float32(255 / 4095), 0, 255)).astype(np.uint8)


def measure(crop: NDArray[np.generic]) -> dict[str, float]:
    """All statistics of one crop.

    Args:
        crop: (224, 224), 0-255.

    Returns:
        name as in REAL to value, in grey levels of 255: mean, deviation, five percentiles, median and 95th percentile
        of the gradient's magnitude per pixel, and the root mean square of six octaves of the spectrum (Hann window).
    """
    picture = crop.astype(np.float32)
    slope = np.hypot(*np.gradient(picture))
    window = np.outer(np.hanning(SIZE), np.hanning(SIZE))
    spectrum = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2 / (window**2).sum() / picture.size
    along = np.fft.fftfreq(SIZE, 1 / SIZE)
    cycles = np.hypot(along[:, None], along)
    numbers = {"mean": picture.mean(), "deviation": picture.std()}
    numbers |= {f"percentile {q}": np.percentile(picture, q) for q in PERCENTILES}
    numbers |= {"gradient median": np.median(slope), "gradient 95 %": np.percentile(slope, 95)}
    for low, high in BANDS:
        inside = (cycles >= low) & (cycles < high)
        numbers[f"spectrum {low}-{high}"] = np.sqrt(spectrum[inside].sum())
    return {name: float(value) for name, value in numbers.items()}


def shares(measured: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float, float]]:
    """SHARES of each statistic over a cohort, to be set beside REAL."""
    return {
        name: tuple(float(v) for v in np.percentile([one[name] for one in measured], SHARES))  # type: ignore[misc]
        for name in REAL
    }


def targets(measured: Iterable[Mapping[str, float]]) -> list[FilmTarget]:
    """Whether a cohort stays within the spread of the real crops.

    Args:
        measured: statistics of 40 crops or more.

    Returns:
        the 10th, 50th and 90th percentile of each statistic over the cohort, each of which must lie between 75 % of
        the 10th and 125 % of the 90th percentile of the real crops.
    """
    rows = []
    for name, reached in shares(list(measured)).items():
        low, high = (1 - _SLACK) * REAL[name][0], (1 + _SLACK) * REAL[name][2]
        for share, value in zip(SHARES, reached, strict=True):
            rows.append(FilmTarget(f"film {name}, {share} % of crops", value, low, high, low <= value <= high))
    return rows


def histogram(crops: Sequence[Crop]) -> tuple[float, ...]:
    """Share of the pixels of all crops in 16 equal steps of grey, %."""
    counts = np.sum([np.bincount(crop.ravel() // 16, minlength=16) for crop in crops], axis=0)
    return tuple(float(v) for v in 100 * counts / counts.sum())
