"""One training film: a plate or another body part, real joints set into it, moved, and spoilt as films are.

A film is a function of (seed, index) and of the material, so a training that goes on sees the films it would have
seen. Boxes are x0, y0, x1, y1 in pixels; S is the rows and columns of the network's input.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_filter

from xrmri.detector.accidents import collimated, exposed, marked, metal
from xrmri.detector.bodies import BODIES
from xrmri.detector.letterbox import letterbox
from xrmri.detector.plates import CROP_SCALE, Plate, RealJoint
from xrmri.records import LEFT, RIGHT

Generator = np.random.Generator
FIBULA_SIDES = (LEFT, RIGHT)  # the classes of the network, in order
_OTHER = {LEFT: RIGHT, RIGHT: LEFT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What films are made of."""

    plates: tuple[Plate, ...]
    joints: tuple[RealJoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How often what happens to a film; shares in [0, 1]."""

    kneeless: float = 0.15
    one_knee: float = 0.2
    close_up: float = 0.08
    real: float = 0.6
    """Of the films with knees, those whose joints are real."""
    mirrored: float = 0.15
    metal: float = 0.06
    inverted: float = 0.1
    """Also looking at the negative where nothing is found would see knees on 37 % of films without (measured)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingFilm:
    """A film and its answer."""

    pixels: np.ndarray
    """(H, W) float32 in [0, 1]; bone bright unless inverted."""
    boxes: np.ndarray
    """(N, 4) float64 joint boxes."""
    classes: np.ndarray
    """(N,) int, index into FIBULA_SIDES."""


def draw_film(material: Material, recipe: Recipe, *, seed: int, index: int) -> TrainingFilm:
    """Make one film.

    Args:
        material: plates, and real joints or none.
        recipe: what happens how often.
        seed: of the set of films.
        index: of the film in the set.
    """
    generator = np.random.default_rng([crc32(b"training film"), seed, index])
    kneeless, close = generator.random() < recipe.kneeless, False
    if kneeless:
        pixels, boxes, fibulas = _kneeless(material, generator), np.zeros((0, 4)), []
    else:
        pixels, boxes, fibulas = _with_knees(material, recipe, generator)
        close = generator.random() < recipe.close_up
        if close or generator.random() < recipe.one_knee:
            pixels, boxes, fibulas = _one_knee(pixels, boxes, fibulas, generator, close=close)
        if generator.random() < recipe.metal:
            pixels = metal(pixels, generator, boxes[generator.integers(len(boxes))])
    if generator.random() < recipe.mirrored:
        pixels, boxes = pixels[:, ::-1], _mirrored(boxes, pixels.shape[1])
        fibulas = [_OTHER[fibula] for fibula in fibulas]
    pixels, boxes = _moved(pixels, boxes, generator, close=close)
    pixels = exposed(pixels, generator)
    if generator.random() < 0.4:
        pixels = collimated(pixels, generator, boxes)
    pixels = marked(pixels, generator)
    if generator.random() < recipe.inverted:
        pixels = 1 - pixels
    classes = np.array([FIBULA_SIDES.index(fibula) for fibula in fibulas], dtype=np.int64)
    return TrainingFilm(pixels=np.ascontiguousarray(pixels), boxes=boxes, classes=classes)


def network_example(film: TrainingFilm, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A film as the network learns it.

    Args:
        film: from draw_film.
        size: S.

    Returns:
        (S, S) float32 in [0, 1]; (N, 4) float32 boxes as centre x, centre y, width, height, shares of S; (N,) classes.
    """
    box = letterbox(film.pixels, size)
    corners = film.boxes * box.scale + np.array((box.left, box.top, box.left, box.top))
    middle, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return box.image, (np.concatenate((middle, extent), axis=1) / size).astype(np.float32), film.classes


def _with_knees(material: Material, recipe: Recipe, generator: Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Both knees of a plate, real ones set in on some; now and then a scrap elsewhere, whose seam means nothing."""
    plate = material.plates[generator.integers(len(material.plates))]
    pixels, fibulas = plate.pixels.copy(), [joint.fibula for joint in plate.joints]
    boxes = np.array([joint.corners for joint in plate.joints])
    if generator.random() < 0.3:
        _set_scrap(pixels, boxes, generator)
    if material.joints and generator.random() < recipe.real:
        pixels *= np.float32(generator.uniform(0.5, 1.0))
        first = material.joints[generator.integers(len(material.joints))]
        same = [joint for joint in material.joints if joint.participant == first.participant]
        for number, fibula in enumerate(fibulas):
            real = next((joint for joint in same if joint.fibula == fibula), first)
            boxes[number] = _set_joint(pixels, boxes[number], real, fibula, generator)
    return pixels, boxes, fibulas


def _set_joint(pixels: np.ndarray, box: np.ndarray, real: RealJoint, fibula: str, generator: Generator) -> np.ndarray:
    """Set a real joint into a film, in place, about where a joint was; its joint box."""
    side = (box[2] - box[0]) * generator.uniform(0.88, 1.12)
    middle = (box[:2] + box[2:]) / 2 + generator.normal(0, 0.05, size=2) * side
    crop = real.pixels if real.fibula == fibula else real.pixels[:, ::-1]
    extent = _lay(pixels, crop, middle, side * CROP_SCALE, generator)
    half = extent / CROP_SCALE / 2
    return np.concatenate((middle - half, middle + half))


def _lay(pixels: np.ndarray, patch: np.ndarray, middle: np.ndarray, extent: float, generator: Generator) -> float:
    """Blend a patch into a film, in place, at about the film's own brightness; its extent after rounding.

    `middle` (x, y) moves to whole pixels, in place, with the patch.
    """
    count = max(round(extent), 8)
    x, y = (round(float(value) - count / 2) for value in middle)
    middle[:] = x + count / 2, y + count / 2
    small = Image.fromarray(np.ascontiguousarray(patch, dtype=np.float32))
    small = np.asarray(small.resize((count, count), Image.Resampling.BOX))
    ramp = np.minimum(np.arange(count) + 0.5, count - np.arange(count) - 0.5) / (count * generator.uniform(0.03, 0.2))
    ramp = np.clip(ramp, 0, 1)
    weight = np.minimum(ramp[:, None], ramp).astype(np.float32)
    rows = slice(max(y, 0), min(y + count, pixels.shape[0]))
    columns = slice(max(x, 0), min(x + count, pixels.shape[1]))
    inner = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
    below = pixels[rows, columns]
    if below.size:
        gain = generator.uniform(0.5, 1.6) * (below.std() + 0.03) / (small.std() + 0.03)
        shown = (small - small.mean()) * np.float32(gain) + np.float32(below.mean() + generator.normal(0, 0.06))
        below += weight[inner] * (np.clip(shown[inner], 0, 1) - below)
    return float(count)


def _set_scrap(pixels: np.ndarray, boxes: np.ndarray, generator: Generator) -> None:
    """Set a piece of the film itself, without a joint, somewhere else in the film, in place."""
    height, width = pixels.shape
    extent = generator.uniform(60, 130)
    lowest = float(boxes[:, 3].max()) if len(boxes) else 0.0
    highest = float(boxes[:, 1].min()) if len(boxes) else float(height)
    top = generator.uniform(lowest, height - 20) if generator.random() < 0.5 else generator.uniform(0, highest) - extent
    left = int(generator.uniform(0, width - extent))
    rows = slice(max(int(top), 0), min(int(top + extent), height))
    if rows.stop - rows.start < 20:
        return
    patch = pixels[rows, left : left + int(extent)].copy()
    low = generator.random() < 0.5
    y = (lowest + extent / 2 + 8) if low else (highest - extent / 2 - 8)
    _lay(pixels, patch, np.array((generator.uniform(0, width), y)), extent, generator)


def _kneeless(material: Material, generator: Generator) -> np.ndarray:
    """Another body part, or a leg above or below its knee."""
    if generator.random() < 0.6:
        pixels = BODIES[generator.integers(len(BODIES))](generator).copy()
        if generator.random() < 0.4:
            patch = BODIES[generator.integers(len(BODIES))](generator)[120:320, 100:300]
            _lay(pixels, patch, generator.uniform(80, 320, size=2), generator.uniform(60, 150), generator)
        return pixels
    plate = material.plates[generator.integers(len(material.plates))]
    # A fifth of a box beyond it nothing of the joint is left but the shafts and their flare.
    boxes = np.array([joint.corners for joint in plate.joints])
    side = boxes[0, 2] - boxes[0, 0]
    top, bottom = boxes[:, 1].min() - 0.25 * side, boxes[:, 3].max() + 0.2 * side
    part = plate.pixels[: max(int(top), 40)] if generator.random() < 0.5 else plate.pixels[int(bottom) :]
    if part.shape[0] < 40:
        return gaussian_filter(generator.random((300, 300), dtype=np.float32), 3)
    if generator.random() < 0.5:
        half = part.shape[1] // 2
        part = part[:, :half] if generator.random() < 0.5 else part[:, half:]
    return part.copy()


def _one_knee(
    pixels: np.ndarray, boxes: np.ndarray, fibulas: list[str], generator: Generator, *, close: bool
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The part of a film about one of its knees; close up, hardly more than the joint."""
    chosen = int(generator.integers(len(boxes)))
    x0, y0, x1, y1 = boxes[chosen]
    side = x1 - x0
    room = generator.uniform(0.05, 0.4, size=4) if close else generator.uniform(0.25, (1.0, 1.6, 1.0, 1.6))
    height, width = pixels.shape
    top, bottom = max(int(y0 - room[1] * side), 0), min(int(y1 + room[3] * side), height)
    left, right = max(int(x0 - room[0] * side), 0), min(int(x1 + room[2] * side), width)
    other = 1 - chosen
    edge = (boxes[:, 0].max() + boxes[:, 2].min()) / 2  # halfway between the joints
    if boxes[other, 0] > x0:
        right = min(right, int(edge))
    else:
        left = max(left, int(edge))
    shifted = boxes[chosen : chosen + 1] - np.array((left, top, left, top))
    return pixels[top:bottom, left:right].copy(), shifted, [fibulas[chosen]]


def _mirrored(boxes: np.ndarray, width: int) -> np.ndarray:
    """Boxes on a film whose columns are reversed."""
    return np.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), axis=1)


def _moved(
    pixels: np.ndarray, boxes: np.ndarray, generator: Generator, *, close: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The film on a canvas of another shape: turned, scaled, shifted; the joints stay inside."""
    height, width = pixels.shape
    turn = np.radians(generator.normal(0, 2 if close else 4))
    grown = np.exp(generator.normal(0, 0.12))
    canvas = np.rint(np.array((height, width)) * generator.uniform((0.92, 0.92), (1.12, 1.12))).astype(int)
    forward = grown * np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))  # acts on (x, y)
    old, new = np.array((width, height)) / 2, canvas[::-1] / 2
    middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * grown
    placed = (middles - old) @ forward.T + new
    shift = generator.normal(0, 0.06, size=2) * canvas[::-1]
    if len(boxes):
        # Room for the shift before a box leaves the canvas; never mind one that did not fit before.
        low = -(placed - sides / 2).min(axis=0)
        high = canvas[::-1] - (placed + sides / 2).max(axis=0)
        shift = np.clip(shift, np.minimum(low, 0), np.maximum(high, 0))
    placed = placed + shift
    back = np.linalg.inv(forward)[::-1, ::-1]  # acts on (row, column)
    offset = old[::-1] - back @ (new + shift)[::-1]
    fill = float(pixels.min()) if generator.random() < 0.7 else float(generator.random())
    moved = affine_transform(pixels, back, offset, tuple(canvas), order=1, cval=fill)
    return moved, np.concatenate((placed - sides / 2, placed + sides / 2), axis=1)
