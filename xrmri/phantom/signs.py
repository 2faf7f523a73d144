"""Where each graded sign of disease is in a FLASH volume: the ground truth behind the readings.

Arrays are (slice, row, column) on the grid of the volume, or (Y, Z, X) on its coarse grid.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom import bones, femoral
from xrmri.phantom.anatomy import Knee, Participant
from xrmri.phantom.disease import GRADE_LIMITS
from xrmri.phantom.flash import COARSE, SLICES, coarse_grid, displayed, scan_pose
from xrmri.phantom.joint import joint, on_tibia
from xrmri.phantom.layers import knee_places
from xrmri.phantom.lesions import calcification, cysts, sclerosis
from xrmri.phantom.sdf import Field, Points
from xrmri.phantom.texture import refine

SIGN_CODES = {name: code for code, name in enumerate((n for n in GRADE_LIMITS if n != "XRKL"), start=1)}
"""Code of each reading in the sign map; 0 is no sign. KL sums up the others and has no place of its own."""


def render_signs(participant: Participant, matrix: int, scan: int = 0) -> NDArray[np.uint8]:
    """The signs of the imaged knee, on the grid of `render_flash`.

    Args:
        participant: who was scanned.
        matrix: rows and columns, a multiple of 128.
        scan: as for the volume.

    Returns:
        (80, M, M) uint8 SIGN_CODES; where two signs meet, the later in the list narrowing, attrition, osteophyte,
        sclerosis, cyst, chondrocalcinosis.
    """
    knee = participant.knee(participant.imaged_side)
    places, _ = knee_places(participant, coarse_grid(), scan_pose(participant, scan))
    signs = np.zeros((SLICES, matrix, matrix), dtype=np.uint8)
    factor = matrix // COARSE
    for variable, distance in _sign_distances(knee, places):
        for picture, part in zip(signs, distance, strict=True):
            if part.min() < 1.0:
                picture[refine(part, factor) < 0] = SIGN_CODES[variable]
    return displayed(signs, participant)


def _sign_distances(knee: Knee, p: Points) -> Iterator[tuple[str, Field]]:
    """Each sign that the knee has, and the distance to where it is, mm."""
    femur, tibia = femoral.femur(knee, p), bones.tibia(knee, p)
    present = [name for name in SIGN_CODES if knee.grades[name]]
    q = p.scaled(1 / knee.shape.size)
    for name in (n for n in present if n.startswith("XRJS")):  # cartilage of the plateau that is gone
        yield name, np.maximum(on_tibia(_without(knee, name), q), -on_tibia(knee, q))
    for name in (n for n in present if n.startswith("XRATT")):  # bone of the plateau that is gone
        yield name, np.maximum(bones.tibia(_without(knee, name), p), -tibia)
    for name in (n for n in present if n.startswith("XROS")):  # bone that has grown
        own, draw = (femur, femoral.femur) if name[4] == "F" else (tibia, bones.tibia)
        yield name, np.maximum(own, -draw(_without(knee, name), p))
    for letters, draw_lesion in (("XRSC", sclerosis), ("XRCY", cysts)):
        for name in (n for n in present if n.startswith(letters)):
            yield name, draw_lesion(_only(knee, name), p, femur, tibia)
    crystals = [n for n in present if n.startswith("XRCH")]
    if crystals:
        patella = bones.patella(knee, p)
        parts = joint(knee, p, femur, tibia, patella=patella)
        bone = np.minimum(np.minimum(femur, tibia), np.minimum(patella, bones.fibula(knee, p)))
        within = np.maximum(np.minimum(parts.cartilage, parts.meniscus), -bone)
        for name in crystals:
            yield name, calcification(_only(knee, name), p, within)


def _without(knee: Knee, name: str) -> Knee:
    """The same knee before it had one sign."""
    return replace(knee, grades={**knee.grades, name: 0})


def _only(knee: Knee, name: str) -> Knee:
    """The same knee with one sign alone; its bones must come from the knee itself."""
    return replace(knee, grades={**dict.fromkeys(knee.grades, 0), name: knee.grades[name]})
