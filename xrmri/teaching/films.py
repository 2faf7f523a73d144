"""One training film: a plate or another body part, real joints set into it, moved, and spoilt as films are.

A film is a function of (seed, index) and of the material, so a training that goes on sees the films it would have
seen. Boxes are x0, y0, x1, y1 in pixels; S is the rows and columns of the network's input.
"""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from xrmri.data.resample import resized
from xrmri.detector.fibula import CROP_SCALE
from xrmri.detector.letterbox import letterbox
from xrmri.records import LEFT, RIGHT
from xrmri.teaching.accidents import collimated, exposed, fleshed, marked, metal
from xrmri.teaching.bodies import BODIES
from xrmri.teaching.patches import lay, set_joint, set_scrap, without_joint
from xrmri.teaching.plates import Plate, RealJoint

Generator = np.random.Generator
_OTHER = {LEFT: RIGHT, RIGHT: LEFT}
_LARGEST = 384  # rows or columns of a film, half as many again as the network sees: more costs time alone (choice)
_FAINTEST = 0.03  # contrast of a joint below which a person would not find it (choice, by eye)


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What films are made of."""

    plates: tuple[Plate, ...]
    joints: tuple[RealJoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How often what happens to a film; shares in [0, 1]."""

    kneeless: float = 0.25
    one_knee: float = 0.2
    close_up: float = 0.08
    bare: float = 0.06
    """Films that are a real joint crop and nothing else."""
    real: float = 0.6
    """Of the films with knees, those whose joints are real."""
    mirrored: float = 0.5
    cut: float = 0.1
    """Films whose edge may cut off a fifth of a joint box."""
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
    fibulas: tuple[str, ...]
    """N sides of the picture on which the fibulas lie."""


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
    fibulas: list[Any] = []
    if kneeless:
        pixels, boxes = _kneeless(material, generator), np.zeros((0, 4))
    elif material.joints and generator.random() < recipe.bare:
        pixels, boxes, fibulas = _bare(material.joints[generator.integers(len(material.joints))])
        close = True
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
    cut = 0.2 if generator.random() < recipe.cut else 0.0
    pixels, boxes = _moved(pixels, boxes, generator, close=close, cut=cut)
    pixels = _seen(pixels, boxes, generator)
    if generator.random() < 0.4:
        pixels = collimated(pixels, generator, boxes)
    pixels = marked(pixels, generator)
    if generator.random() < recipe.inverted:
        pixels = 1 - pixels
    return TrainingFilm(pixels=np.ascontiguousarray(pixels), boxes=boxes, fibulas=tuple(fibulas))


def _seen(pixels: np.ndarray, boxes: np.ndarray, generator: Generator) -> np.ndarray:
    """The film exposed; where nothing of a joint is left to see, exposed once more, five times at most."""
    for _ in range(5):
        shown = exposed(pixels, generator)
        if all(_contrast(shown, box) > _FAINTEST for box in boxes):
            break
    return shown


def _contrast(film: np.ndarray, box: np.ndarray) -> float:
    """Of the middle of a joint, where its line lies, without grain: standard deviation in shares of white."""
    x0, y0, x1, y1 = np.maximum(np.rint(box + 0.2 * (box[2] - box[0]) * np.array((1, 1, -1, -1))), 0).astype(int)
    part = film[y0:y1, x0:x1]
    return float(resized(part, 12).std()) if part.size else 0.0


def network_example(film: TrainingFilm, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A film as the network learns it.

    Args:
        film: from draw_film.
        size: S.

    Returns:
        (S, S) float32 in [0, 1]; (N, 4) float32 boxes as centre x, centre y, width, height, shares of S.
    """
    box = letterbox(film.pixels, size)
    corners = box.there(film.boxes)
    middle, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return box.image, (np.concatenate((middle, extent), axis=1) / size).astype(np.float32)


def _with_knees(material: Material, recipe: Recipe, generator: Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Both knees of a plate, real ones set in on some; now and then a scrap elsewhere, whose seam means nothing."""
    plate = material.plates[generator.integers(len(material.plates))]
    pixels, fibulas = plate.pixels.copy(), [joint.fibula for joint in plate.joints]
    boxes = np.array([joint.corners for joint in plate.joints])
    if generator.random() < 0.3:
        set_scrap(pixels, boxes, generator)
    if generator.random() < 0.4:
        pixels = fleshed(pixels, generator, boxes)
    if material.joints and generator.random() < recipe.real:
        pixels *= np.float32(generator.uniform(0.5, 1.0))
        first = material.joints[generator.integers(len(material.joints))]
        same = [joint for joint in material.joints if joint.participant == first.participant]
        for number, fibula in enumerate(fibulas):
            real = next((joint for joint in same if joint.fibula == fibula), first)
            boxes[number] = set_joint(pixels, boxes[number], real, fibula, generator=generator)
    return pixels, boxes, fibulas


def _bare(real: RealJoint) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A real joint crop as a film of its own."""
    size = len(real.pixels)
    margin = size * (1 - 1 / CROP_SCALE) / 2
    return real.pixels, np.array(((margin, margin, size - margin, size - margin),)), [real.fibula]


def _kneeless(material: Material, generator: Generator) -> np.ndarray:
    """Another body part, or a leg above or below its knee."""
    if generator.random() < 0.6:
        pixels = BODIES[generator.integers(len(BODIES))](generator).copy()
        if generator.random() < 0.4:
            if material.joints and generator.random() < 0.6:
                patch = without_joint(material.joints[generator.integers(len(material.joints))], generator)
            else:
                patch = BODIES[generator.integers(len(BODIES))](generator)[120:320, 100:300]
            lay(pixels, patch, generator.uniform(80, 320, size=2), generator.uniform(60, 150), generator=generator)
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
    pixels: np.ndarray, boxes: np.ndarray, generator: Generator, *, close: bool, cut: float
) -> tuple[np.ndarray, np.ndarray]:
    """The film on a canvas of another shape: turned, scaled, shifted; all but `cut` of each joint box stays inside."""
    height, width = pixels.shape
    turn = np.radians(generator.normal(0, 2 if close else 4))
    grown = np.exp(generator.normal(0, 0.12))
    canvas = np.rint(np.array((height, width)) * generator.uniform((0.92, 0.92), (1.12, 1.12))).astype(int)
    shrunk = min(_LARGEST / canvas.max(), 1.0)
    canvas, grown = np.rint(canvas * shrunk).astype(int), grown * shrunk
    forward = grown * np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))  # acts on (x, y)
    old, new = np.array((width, height)) / 2, canvas[::-1] / 2
    middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * grown
    placed = (middles - old) @ forward.T + new
    shift = generator.normal(0, 0.25 if cut else 0.06, size=2) * canvas[::-1]
    if len(boxes):
        # Room for the shift before a box leaves the canvas; never mind one that did not fit before.
        low = -(placed - sides * (0.5 - cut)).min(axis=0)
        high = canvas[::-1] - (placed + sides * (0.5 - cut)).max(axis=0)
        shift = np.clip(shift, np.minimum(low, 0), np.maximum(high, 0))
    placed = placed + shift
    back = np.linalg.inv(forward)
    offset = old - back @ (new + shift)
    fill = float(pixels.min()) if generator.random() < 0.7 else float(generator.random())
    numbers = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    film = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    extent = int(canvas[1]), int(canvas[0])
    moved = np.array(film.transform(extent, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR, fillcolor=fill))
    return moved, np.concatenate((placed - sides / 2, placed + sides / 2), axis=1)
