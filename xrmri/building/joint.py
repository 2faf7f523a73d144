"""The joint on the radiograph of a pair: cropped by its owner, found by detect-knee before, or by the detector now."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from xrmri.cohorts.film_files import described
from xrmri.cohorts.pairing import Candidate
from xrmri.config import DetectKnee
from xrmri.data.knees import open_knees
from xrmri.data.negative import is_negative, turned_round
from xrmri.data.radiograph import (
    FEWEST_PIXELS,
    crop_knee,
    crop_width_mm,
    read_radiograph,
    squared,
    told_width_mm,
    whole_picture,
)
from xrmri.errors import InputError, UnusableError
from xrmri.records import KneeBox, Radiograph

log = logging.getLogger(__name__)

Cut = Callable[[Candidate, Path, str], tuple[np.ndarray, float | None]]
"""(pair, film, hash of the film) -> (n, n) uint16 joint crop in film orientation, and its width in mm if known."""
Corners = tuple[float, float, float, float]
"""x0, y0, x1, y1 of a joint in pixels of the film."""


def cut_of(candidate: Candidate, knees: Path | None, *, device: str, detection: DetectKnee) -> Cut:
    """What cuts the joint out of a pair's radiograph.

    Args:
        candidate: the pair; what its owner says of the crop comes first.
        knees: folder from detect-knee; without it the bundled detector looks at the film.
        device: where the detector runs.
        detection: how it finds joints.
    """
    told = candidate.particulars
    if told.is_joint or told.box:
        return partial(_by_owner, detection)
    return _from_folder(knees) if knees else _by_detector(device, detection)


def _by_owner(detection: DetectKnee, candidate: Candidate, file: Path, digest: str) -> tuple[np.ndarray, float | None]:
    """Take the joint as its owner says: the whole picture, or a box on it."""
    film, box = _film(candidate, file), candidate.particulars.box
    if box is None:
        rows, columns = film.pixels.shape
        crop, width_mm = whole_picture(_put_right(file, film, [(0, 0, columns, rows)], 1.0))
        return squared(crop), told_width_mm(width_mm)
    (x0, y0, x1, y1), (height, width) = box, film.pixels.shape
    longer = max(x1 - x0, y1 - y0)
    if not FEWEST_PIXELS <= longer <= 2 * max(height, width):
        raise UnusableError("crop", f"a box of {longer:.0f} pixels is no joint on a film of {width} x {height}")
    film = _put_right(file, film, [box], detection.box_scale)
    crop, spacing_mm = crop_knee(film, box, scale=detection.box_scale, pixels=detection.crop_pixels)
    return crop, crop_width_mm(crop, spacing_mm)


@cache
def _from_folder(folder: Path) -> Cut:
    """Take crops from a folder that detect-knee wrote; opened once a process."""
    knees = open_knees(folder)

    def cut(candidate: Candidate, file: Path, digest: str) -> tuple[np.ndarray, float | None]:
        knee = knees.find(digest, candidate.side)
        if knee is None:
            raise UnusableError(f"knee not in {folder.name}", f"detect-knee has no {candidate.side} knee of this film")
        return knee.crop, crop_width_mm(knee.crop, knee.spacing_mm)

    return cut


@cache
def _by_detector(device: str, detection: DetectKnee) -> Cut:
    """Find the knees on the film itself; the bundled detector is loaded once a process."""
    from xrmri.detector.detect import load_detector
    from xrmri.detector.sides import look_at, see_knees

    detector = load_detector(None, device)

    def cut(candidate: Candidate, file: Path, digest: str) -> tuple[np.ndarray, float | None]:
        film = _film(candidate, file)
        knees, side = _promised(candidate, file)
        seen = see_knees(look_at(detector, film), knees=knees, side=side, min_score=detection.min_score)
        box = next((knee for knee in seen.knees if knee.side == candidate.side), None)
        if box is None:
            reasons = "; ".join(one.reason for one in seen.left_out)
            raise UnusableError("knee not found", f"none is surely the {candidate.side} one ({reasons})")
        film = _put_right(file, film, [knee.corners for knee in seen.knees], detection.box_scale)
        crop, spacing_mm = crop_knee(film, box.corners, scale=detection.box_scale, pixels=detection.crop_pixels)
        return crop, crop_width_mm(crop, spacing_mm)

    return cut


def _film(candidate: Candidate, file: Path) -> Radiograph:
    """The radiograph, its spacing from the owner where the file does not tell."""
    try:
        film = read_radiograph(file, candidate.film.side)
    except InputError as error:
        raise UnusableError("unreadable radiograph", str(error)) from error
    pixel_mm = candidate.particulars.pixel_mm
    return replace(film, spacing_mm=(pixel_mm, pixel_mm)) if pixel_mm and not film.spacing_mm else film


def _put_right(file: Path, film: Radiograph, joints: Sequence[Corners], scale: float) -> Radiograph:
    """The film with bone bright; a negative, by all joints on it, is told."""
    boxes = [KneeBox(side="", score=1.0, corners=corners) for corners in joints]
    if not all(is_negative(film, box, scale) for box in boxes):
        return film
    log.warning("%s shows bone dark: its greys are turned round", file)
    return turned_round(film)


def _promised(candidate: Candidate, file: Path) -> tuple[int | None, str | None]:
    """How many knees the film shows, None where nothing tells; and which one, where it is one."""
    if not candidate.film.members:  # of a release, whose films say in their descriptions which knees they show
        return 1 if candidate.film.side else 2, candidate.film.side
    told = described(file)
    return told.knees, None if told.knees == 2 else told.side or candidate.side
