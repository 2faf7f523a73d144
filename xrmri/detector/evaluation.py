"""How good a detector is on films it was not trained on."""

from dataclasses import replace
from typing import Any

import numpy as np

from xrmri.detector.detect import Detector, find_knees
from xrmri.detector.films import Material, Recipe, TrainingFilm, draw_film
from xrmri.records import LEFT, RIGHT, KneeBox, Radiograph

MIN_SCORE = 0.25
_ORDINARY = Recipe(kneeless=0.0, one_knee=0.0, close_up=0.0, real=0.0, mirrored=0.0, metal=0.0, inverted=0.0)


def held_out_films(material: Material, *, seed: int, count: int) -> dict[str, list[TrainingFilm]]:
    """Films to be judged on, by kind.

    Args:
        material: plates and joints that no training saw.
        seed: of the films.
        count: films of each kind, fewer where the material ends.
    """
    boxes = [np.array([joint.corners for joint in plate.joints]) for plate in material.plates]
    plain = zip(material.plates, boxes, strict=True)
    classes = np.array((0, 1))
    kinds = {"phantom films": [TrainingFilm(pixels=p.pixels, boxes=b, classes=classes) for p, b in plain][:count]}
    recipes = {
        "spoilt phantom films": replace(_ORDINARY, metal=0.06, inverted=0.06),
        "films with real joints": replace(_ORDINARY, real=1.0, metal=0.06, inverted=0.06),
        "films without a knee": replace(_ORDINARY, kneeless=1.0, inverted=0.06),
        "films of one knee": replace(_ORDINARY, one_knee=1.0, real=0.5),
    }
    if not material.joints:
        del recipes["films with real joints"]
    for name, recipe in recipes.items():
        kinds[name] = [draw_film(material, recipe, seed=seed, index=index) for index in range(count)]
    return kinds


def judge(detector: Detector, films: list[TrainingFilm]) -> dict[str, Any]:
    """What a detector finds on films of one kind.

    Returns:
        films: count; found: share on which every knee and nothing else was found (IoU above 0.5); iou: median IoU of
        the knees found, None without; sides: share of pairs found with each knee on its side, None without.
    """
    complete, ious, sides = 0, [], []
    for film in films:
        radiograph = Radiograph(pixels=film.pixels, side=None, spacing_mm=None)
        found = find_knees(detector, radiograph, min_score=MIN_SCORE)
        order = np.argsort(film.boxes[:, 0])
        overlaps = [iou(np.array(box.corners), film.boxes[at]) for box, at in zip(found, order, strict=False)]
        complete += len(found) == len(order) and all(value > 0.5 for value in overlaps)
        ious += overlaps
        if len(found) == len(order) == 2:
            sides.append(_sides_right(found, film, order))
    return {
        "films": len(films),
        "found": complete / len(films),
        "iou": float(np.median(ious)) if ious else None,
        "sides": float(np.mean(sides)) if sides else None,
    }


def _sides_right(found: list[KneeBox], film: TrainingFilm, order: np.ndarray) -> bool:
    """Whether the knee whose fibula points to image left is called the right one, and the other left."""
    truth = [(RIGHT, LEFT)[film.classes[at]] for at in order]
    return [box.side for box in found] == truth


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Common area of two boxes as a share of their union."""
    extent = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    common = float(np.prod(extent))
    return common / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)
