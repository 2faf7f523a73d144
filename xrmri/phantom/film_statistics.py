"""Numbers that say how like real knee radiographs the phantom's are; the targets are measured on 422 real joint crops.

Crops are (224, 224), 0-255, bone bright, cut at the joint box enlarged 1.3 times.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.film import Film, render_film
from xrmri.records import SIDES

Crop = NDArray[np.uint8]

SIZE = 224
CROP_SCALE = 1.3
PERCENTILES = (5, 25, 50, 75, 95)
BANDS = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 112))
"""Cycles per crop."""


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


def draw_crops(seed: int, participants: int) -> list[DrawnCrop]:
    """Take the radiographs of a cohort and cut out both joints of each.

    Args:
        seed: of the cohort.
        participants: how many.

    Returns:
        two crops a participant, the right knee first.
    """
    crops = []
    for index in range(participants):
        person = draw_participant(seed, index)
        film = render_film(person)
        for side in SIDES:
            x0, _, x1, _ = film.joint_box[side]
            crops.append(
                DrawnCrop(
                    index=index,
                    side=side,
                    grade=person.knee(side).grades["XRKL"],
                    pixels=cut(film, side),
                    width_mm=CROP_SCALE * (x1 - x0) * film.spacing_mm,
                )
            )
    return crops


def cut(film: Film, side: str) -> Crop:
    """The joint crop of one knee, averaged over area, 8 bit."""
    x0, y0, x1, y1 = film.joint_box[side]
    x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, CROP_SCALE * (x1 - x0) / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    part = Image.fromarray(film.pixels.astype(np.float32)).crop(box)
    small = np.asarray(part.resize((SIZE, SIZE), Image.Resampling.BOX))
    return np.rint(np.clip(small * np.float32(255 / 4095), 0, 255)).astype(np.uint8)


def measure(crop: Crop) -> dict[str, float]:
    """All statistics of one crop.

    Args:
        crop: (224, 224), 0-255.

    Returns:
        name to value, in grey levels of 255: mean, deviation, five percentiles, gradient (median and 95th percentile of
        its magnitude per pixel), and the root mean square of six octaves of the radial spectrum.
    """
    picture = crop.astype(np.float32)
    slope = np.hypot(*np.gradient(picture))
    window = np.outer(np.hanning(SIZE), np.hanning(SIZE))
    spectrum = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2 / (window**2).sum() / picture.size
    cycles = np.hypot(*np.meshgrid(*(2 * [np.fft.fftfreq(SIZE, 1 / SIZE)]), indexing="ij"))
    numbers = {"mean": picture.mean(), "deviation": picture.std()}
    numbers |= {f"percentile {q}": np.percentile(picture, q) for q in PERCENTILES}
    numbers |= {"gradient median": np.median(slope), "gradient 95 %": np.percentile(slope, 95)}
    for low, high in BANDS:
        inside = (cycles >= low) & (cycles < high)
        numbers[f"spectrum {low}-{high}"] = np.sqrt(spectrum[inside].sum())
    return {name: float(value) for name, value in numbers.items()}
