"""A person's radiograph -> the joint that is meant, framed as the model was taught: a crop, or one knee of a film."""

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xrmri.cohorts.film_files import described
from xrmri.config import DetectKnee
from xrmri.data.askew import filled_corners
from xrmri.data.negative import is_negative, turned_round
from xrmri.data.radiograph import FEWEST_PIXELS, crop_knee, read_radiograph, whole_picture
from xrmri.errors import InputError
from xrmri.records import KneeBox, Radiograph

if TYPE_CHECKING:  # torch and ultralytics load where a picture is looked at
    from xrmri.detector.sides import Look

log = logging.getLogger(__name__)

CROP_ASPECT_AT_MOST = 1.3
"""A longer picture is a film, whatever is on it."""
_MARGIN = 0.02
"""A row or column at the rim that spans less of the greys of its picture is margin (choice: JPEG makes it uneven)."""
FAINT = 0.6
"""Knees that score less are unlike those the detector knows (measured: 60 real crops score 0.72 to 0.88)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointCrop:
    """A knee joint, cropped out."""

    pixels: np.ndarray
    """(H, W) uint16, windowed, in film orientation."""
    shown: np.ndarray | None = None
    """The same, black where a picture of a joint has ended and `pixels` go on; None of a film, which ends in black."""
    width_mm: float | None
    """None where the file does not tell."""
    side: str | None
    """None where nobody says which knee it is."""
    on_film: bool
    """Whether it had to be found on the picture."""
    told: dict[str, Any] = field(default_factory=dict)
    """How it was taken from the picture, for whoever reads the volume."""
    doubt: str = ""
    """Why the picture may be no knee, in a clause; empty where it is one."""


def read_joint(file: Path, side: str | None, detection: DetectKnee, *, as_is: bool = False) -> JointCrop:
    """The joint on a radiograph.

    Args:
        file: a joint crop or a film, in any format.
        side: the knee that is meant, where a person says it.
        detection: how joints are found.
        as_is: take the picture as it is: whole, and its greys as they run.

    Raises:
        InputError: not a readable radiograph, no knee on a film, or no telling which knee is meant.
    """
    radiograph = read_radiograph(file, side)
    if as_is:
        return _whole(radiograph, {"framing": "as it is", "greys": "as stored", "side_from": _whence(side)})
    look, (right, down) = _look(radiograph, detection)
    joint = _seen(file, look, side, detection)
    if not (right or down):
        return joint
    x0, y0, x1, y1 = joint.told["box"]
    return replace(joint, told=joint.told | {"box": [x0 + right, y0 + down, x1 + right, y1 + down]})


def _look(radiograph: Radiograph, detection: DetectKnee) -> tuple["Look", tuple[int, int]]:
    """A look at a picture, or where it shows no knee at what even margins leave of it; and where that begins."""
    from xrmri.detector.detect import load_detector
    from xrmri.detector.sides import look_at

    detector = load_detector(None)
    look = look_at(detector, radiograph)
    (top, bottom), (left, right) = _within_margins(radiograph.pixels)
    inside = radiograph.pixels[top:bottom, left:right]
    if look.surer(detection.min_score) or inside.shape == radiograph.pixels.shape or min(inside.shape) < FEWEST_PIXELS:
        return look, (0, 0)
    closer = look_at(detector, replace(radiograph, pixels=np.ascontiguousarray(inside)))
    return (closer, (left, top)) if closer.surer(detection.min_score) else (look, (0, 0))


def _seen(file: Path, look: "Look", side: str | None, detection: DetectKnee) -> JointCrop:
    """The joint of a picture that was looked at."""
    from xrmri.detector.framing import fills, knee_that_fills
    from xrmri.detector.sides import Look, look_at

    detector, radiograph, film = look.detector, look.film, described(file)
    found = look.surer(detection.min_score)
    if film.knees is not None or len(found) > 1 or (found and not fills(found[0], radiograph)):
        turned = bool(found) and all(is_negative(radiograph, box, detection.box_scale) for box in found)
        if turned:
            look = look_at(detector, _put_right(file, radiograph))
        knee = knee_on_film(file, look, side, detection)
        alone = film.knees is None and len(look.surer(detection.min_score)) == 1
        told = {"greys": _greys(turned), "side_from": _whence(side, "fibula" if alone else "film")}
        return _framed(look.film, knee, detection, told)
    turned = bool(found) and is_negative(radiograph, found[0], detection.box_scale)
    radiograph = _put_right(file, radiograph) if turned else radiograph
    box = knee_that_fills(detector, radiograph, found[0] if found else None)
    if box is None or box.score < detection.min_score:
        return _no_knee(file, radiograph, box.score if box else 0.0)
    framed = Look(detector=detector, film=radiograph, boxes=[box])
    return _of_crop(file, framed, detection, turned=turned)


def knee_on_film(file: Path, look: "Look", side: str | None, detection: DetectKnee) -> KneeBox:
    """The knee that is meant on a film that was looked at, told apart as detect-knee does."""
    from xrmri.detector.sides import see_knees

    film = described(file)
    if film.side and side and film.side != side:
        raise InputError(f"{file} is a film of the {film.side} knee, as its description says: --side {side} is wrong")
    alone = None if film.knees == 2 else film.side or side
    seen = see_knees(look, knees=film.knees, side=alone, min_score=detection.min_score)
    if alone is None and not seen.knees and len(seen.boxes) == 1 and film.knees != 2:
        other = look.perhaps_another(seen.boxes[0])
        if other:
            shown = f"one knee surely (score {seen.boxes[0].score:.2f}) and perhaps another ({other.score:.2f})"
            raise InputError(f"{file} shows {shown}: say --side left or --side right for the one you mean")
        return _by_fibula(file, seen.boxes[0])
    if not seen.knees:
        raise InputError(f"{file} is a film that cannot be used ({seen.left_out[0].reason}): crop the joint by hand")
    if side is None and len(seen.knees) > 1:
        raise InputError(f"{file} shows both knees: say --side left or --side right for the one you mean, or --both")
    chosen = next((knee for knee in seen.knees if side in (None, knee.side)), None)
    if chosen is None:
        raise InputError(f"{file} is a film on which the {side} knee was not found: crop the joint by hand")
    return chosen


def _of_crop(file: Path, look: "Look", detection: DetectKnee, *, turned: bool) -> JointCrop:
    """The joint of a picture that it fills: the one box of the look."""
    from xrmri.detector.detect import with_fibula
    from xrmri.detector.framing import SURELY, side_by_fibula

    radiograph = look.film
    (knee,) = with_fibula(look.detector, radiograph, look.boxes)
    looks, surely = side_by_fibula(knee)
    if radiograph.side is None:
        knee = _by_fibula(file, knee)
    elif looks != radiograph.side and surely > SURELY:
        said = "%s is drawn as a %s knee, as you say, but its fibula lies as on a %s one (%.2f): is it mirrored?"
        log.warning(said, file, radiograph.side, looks, surely)
    told = {"greys": _greys(turned), "side_from": _whence(radiograph.side, "fibula"), "fibula": f"{looks} {surely:.2f}"}
    joint = _framed(radiograph, replace(knee, side=radiograph.side or knee.side), detection, told, cut=True)
    if knee.score >= FAINT:
        return joint
    doubt = f"it is unlike the knees that the detector knows (score {knee.score:.2f}, knees have {FAINT:g} and more)"
    return replace(joint, doubt=doubt)


def _framed(
    radiograph: Radiograph, knee: KneeBox, detection: DetectKnee, told: dict[str, Any], *, cut: bool = False
) -> JointCrop:
    """A joint in the frame that every model is taught with.

    What somebody cut off a knee, or laid a margin over, goes on as its last pixels do; a film ends in black.
    """
    film, (x0, y0, x1, y1), shown = radiograph, knee.corners, None
    taken = partial(crop_knee, scale=detection.box_scale, pixels=detection.crop_pixels)
    if cut:
        shown, _ = taken(radiograph, knee.corners)
        beyond = round(max(x1 - x0, y1 - y0))
        film = replace(radiograph, pixels=_continued(radiograph.pixels, beyond))
        x0, y0, x1, y1 = (corner + beyond for corner in (x0, y0, x1, y1))
    crop, spacing_mm = taken(film, (x0, y0, x1, y1))
    framing = {
        "framing": "by the joint's box",
        "box": [round(corner, 1) for corner in knee.corners],
        "knee_score": round(knee.score, 3),
    }
    width_mm = spacing_mm[1] * crop.shape[1] if spacing_mm else None
    return JointCrop(pixels=crop, shown=shown, width_mm=width_mm, side=knee.side, on_film=True, told=framing | told)


def _continued(pixels: np.ndarray, beyond: int) -> np.ndarray:
    """A picture with so many pixels more on each side, and in place of even margins and corners, like its last ones."""
    pixels = filled_corners(pixels)
    bounds = _within_margins(pixels)
    (top, bottom), (left, right) = bounds
    added = [(beyond + first, beyond + count - last) for (first, last), count in zip(bounds, pixels.shape, strict=True)]
    return np.pad(pixels[top:bottom, left:right], added, mode="edge")


def _within_margins(pixels: np.ndarray) -> list[tuple[int, int]]:
    """First and last rows, and columns, of what even margins leave of a picture, the last not in it; of stripes all."""
    even = _MARGIN * float(np.ptp(pixels))
    kept = [np.flatnonzero(np.ptp(pixels, axis=axis) > even) for axis in (1, 0)]
    ends = [(int(lines[0]), int(lines[-1]) + 1) if lines.size else (0, 0) for lines in kept]
    return ends if min(last for _, last in ends) else [(0, count) for count in pixels.shape]


def _whole(radiograph: Radiograph, told: dict[str, Any]) -> JointCrop:
    """A picture as it is, its pixels made square."""
    crop, width_mm = whole_picture(radiograph)
    return JointCrop(pixels=crop, width_mm=width_mm, side=radiograph.side, on_film=False, told=told)


def _no_knee(file: Path, radiograph: Radiograph, score: float) -> JointCrop:
    """A picture on which no knee was found: drawn from as it is, if it may be a crop at all, and not without a word."""
    short, long = sorted(radiograph.pixels.shape)
    doubt = f"no knee was found on it (best score {score:.2f}, knees have {FAINT:g} and more)"
    if long > CROP_ASPECT_AT_MOST * short:
        raise InputError(f"{file}: {doubt}: crop the joint by hand and give --as-is")
    told = {"framing": "as it is", "greys": "as stored", "knee_score": round(score, 3)}
    return replace(_whole(radiograph, told | {"side_from": _whence(radiograph.side)}), doubt=doubt)


def _by_fibula(file: Path, knee: KneeBox) -> KneeBox:
    """The knee with the side that its fibula tells; InputError where it does not tell surely."""
    from xrmri.detector.framing import SURELY, side_by_fibula

    side, surely = side_by_fibula(knee)
    if surely < SURELY:
        told = f"its fibula lies as on a {side} knee, but only {surely:.2f} surely"
        raise InputError(f"{file} does not tell which knee it shows ({told}): give --side left or --side right")
    return replace(knee, side=side)


def _put_right(file: Path, radiograph: Radiograph) -> Radiograph:
    """A negative with bone bright."""
    log.warning("%s shows bone dark: its greys are turned round (--as-is keeps them)", file)
    return turned_round(radiograph)


def _greys(turned: bool) -> str:
    return "turned round" if turned else "as stored"


def _whence(side: str | None, otherwise: str = "nobody") -> str:
    """Who tells the side."""
    return "given" if side else otherwise
