"""A person's radiograph -> the joint that is meant: a crop as it is, or one knee of a film."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.config import DetectKnee
from xrmri.data.film_files import described
from xrmri.data.radiograph import crop_knee, read_radiograph, windowed
from xrmri.errors import InputError
from xrmri.records import KneeBox, Radiograph

CROP_PIXELS_AT_MOST = 700
"""A larger radiograph is a film: joint crops in use have 224 to 512 pixels, films over 1,500."""
CROP_ASPECT_AT_MOST = 1.3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointCrop:
    """A knee joint, cropped out."""

    pixels: np.ndarray
    """(H, W) uint16, windowed, in film orientation."""
    width_mm: float | None
    """None where the file does not tell."""
    side: str | None
    """None where nobody says which knee it is."""
    on_film: bool
    """Whether it had to be found on a film."""


def read_joint(file: Path, side: str | None, detection: DetectKnee) -> JointCrop:
    """The joint on a radiograph.

    Args:
        file: a joint crop or a film, in any format.
        side: the knee that is meant, where a person says it.
        detection: how joints are found on films.

    Raises:
        InputError: not a readable radiograph, no knee on it, or no telling which knee is meant.
    """
    radiograph = read_radiograph(file, side)
    spacing_mm = radiograph.spacing_mm
    short, long = sorted(radiograph.pixels.shape)
    if long <= min(CROP_PIXELS_AT_MOST, CROP_ASPECT_AT_MOST * short):
        width_mm = spacing_mm[1] * long if spacing_mm else None
        return JointCrop(pixels=windowed(radiograph.pixels), width_mm=width_mm, side=side, on_film=False)
    knee = knee_on_film(file, radiograph, side, detection)
    crop, spacing_mm = crop_knee(radiograph, knee.corners, scale=detection.box_scale, pixels=detection.crop_pixels)
    width_mm = spacing_mm[1] * crop.shape[1] if spacing_mm else None
    return JointCrop(pixels=crop, width_mm=width_mm, side=side or knee.side, on_film=True)


def knee_on_film(file: Path, radiograph: Radiograph, side: str | None, detection: DetectKnee) -> KneeBox:
    """The knee that is meant on a film, found and told apart as detect-knee does."""
    from xrmri.detector.detect import load_detector
    from xrmri.detector.sides import see_knees

    film = described(file)
    if film.side and side and film.side != side:
        raise InputError(f"{file} is a film of the {film.side} knee, as its description says: --side {side} is wrong")
    alone = None if film.knees == 2 else film.side or side
    seen = see_knees(load_detector(None), radiograph, knees=film.knees, side=alone, min_score=detection.min_score)
    if not seen.knees:
        raise InputError(f"{file} is a film that cannot be used ({seen.left_out[0].reason}): crop the joint by hand")
    if side is None and len(seen.knees) > 1:
        raise InputError(f"{file} is a film: say --side left or --side right for the knee you mean")
    chosen = next((knee for knee in seen.knees if side in (None, knee.side)), None)
    if chosen is None:
        raise InputError(f"{file} is a film on which the {side} knee was not found: crop the joint by hand")
    return chosen
