"""How good a detector is on films it was not trained on."""

from dataclasses import replace
from typing import Any

import numpy as np

from xrmri.config import DetectKnee
from xrmri.detector.detect import Detector, find_knees, with_fibula
from xrmri.detector.sides import tell_apart
from xrmri.records import LEFT, RIGHT, KneeBox, Radiograph
from xrmri.teaching.films import Material, Recipe, TrainingFilm, draw_film

MIN_SCORE: float = DetectKnee.default("min_score")
KNEELESS = "films without a knee"
_ORDINARY = Recipe(
    kneeless=0.0, one_knee=0.0, close_up=0.0, bare=0.0, real=0.0, mirrored=0.0, cut=0.0, metal=0.06, inverted=0.06
)


def held_out_films(material: Material, *, seed: int, count: int) -> dict[str, list[TrainingFilm]]:
    """Films to be judged on, by kind.

    Args:
        material: plates and joints that no training saw.
        seed: of the films.
        count: films of each kind, fewer where the material ends.
    """
    boxes = [np.array([joint.corners for joint in plate.joints]) for plate in material.plates]
    plain = zip(material.plates, boxes, strict=True)
    outward = (LEFT, RIGHT)
    kinds = {"phantom films": [TrainingFilm(pixels=p.pixels, boxes=b, fibulas=outward) for p, b in plain][:count]}
    recipes = {
        "spoilt phantom films": _ORDINARY,
        "films with real joints": replace(_ORDINARY, real=1.0),
        "real joint crops alone": replace(_ORDINARY, bare=1.0),
        "films of one knee": replace(_ORDINARY, one_knee=1.0, real=0.5),
        KNEELESS: replace(_ORDINARY, kneeless=1.0),
    }
    if not material.joints:
        del recipes["films with real joints"], recipes["real joint crops alone"]
    for name, recipe in recipes.items():
        kinds[name] = [draw_film(material, recipe, seed=seed, index=index) for index in range(count)]
    return kinds


def judge(detector: Detector, films: list[TrainingFilm]) -> dict[str, Any]:
    """What a detector finds on films of one kind.

    Returns:
        films: count; found: how many on which every knee and nothing else was found (IoU above 0.5); iou: median IoU
        of the knees found, None without; told: of those found with knees, how many were told apart, each knee by its
        side; mirrored: of those films that show one knee, how many were refused once reversed, None without (a film
        of both knees still looks like one when it is reversed).
    """
    complete, told, ious = 0, 0, []
    mirrored: list[bool] = []
    for film in films:
        found = _look(detector, film.pixels)
        order = np.argsort(film.boxes[:, 0])
        overlaps = [iou(np.array(box.corners), film.boxes[at]) for box, at in zip(found, order, strict=False)]
        ious += overlaps
        if len(found) != len(order) or not all(value > 0.5 for value in overlaps):
            continue
        complete += 1
        truth = [_side(film, at) for at in order]
        if truth and _told(found, film.pixels.shape[1], truth) == truth:
            told += 1
            if len(truth) == 1:
                again = _look(detector, np.ascontiguousarray(film.pixels[:, ::-1]))
                mirrored.append(not _told(again, film.pixels.shape[1], truth))
    return {
        "films": len(films),
        "found": complete,
        "iou": float(np.median(ious)) if ious else None,
        "told": told,
        "mirrored": sum(mirrored) if mirrored else None,
    }


def _look(detector: Detector, pixels: np.ndarray) -> list[KneeBox]:
    """Boxes on a film, from image left to right, with the side of each fibula."""
    film = Radiograph(pixels=pixels, side=None, spacing_mm=None)
    return with_fibula(detector, film, find_knees(detector, film, min_score=MIN_SCORE))


def _told(found: list[KneeBox], width: int, truth: list[str]) -> list[str]:
    """The sides that knees are called by, when a film of one is said to show the knee it shows."""
    knees, _ = tell_apart(found, width, knees=len(truth), side=truth[0] if len(truth) == 1 else None)
    return [knee.side for knee in knees]


def _side(film: TrainingFilm, at: int) -> str:
    """The side of a knee on an unmirrored film: the fibula of a right one points to image left."""
    return RIGHT if film.fibulas[at] == LEFT else LEFT


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Common area of two boxes as a share of their union."""
    extent = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    common = float(np.prod(extent))
    return common / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)
