"""The tissues of one knee in the order in which they are painted, from the skin to the marrow and its lesions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom import bones, femoral, grain, soft
from xrmri.phantom.anatomy import Knee, Participant, stream
from xrmri.phantom.joint import joint
from xrmri.phantom.lesions import calcification, cysts, sclerosis, spur_distance, spurs
from xrmri.phantom.muscles import muscles
from xrmri.phantom.pose import Grid, Pose
from xrmri.phantom.sdf import Field, Points, nowhere
from xrmri.phantom.texture import slow_noise
from xrmri.phantom.tissue import Tissue

_REACH_MM = 1.5  # a border is no wider
_MARGIN = 2  # coarse pixels around a solid: interpolation looks one pixel beyond


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One tissue inside a box of the coarse grid."""

    tissue: Tissue
    distance: Field
    """(y, z, x) signed distance, mm."""
    brightness: Field | None = None
    """(y, z, x) of 255; None: that of the tissue."""
    opacity: float = 1.0
    slices: slice
    rows: slice
    columns: slice

    def touched(self) -> Iterator[tuple[int, tuple[slice, slice], tuple[int, slice, slice]]]:
        """Each slice that the tissue touches: its number, rows and columns there, and the same within the box."""
        for number, inside in enumerate(self.distance < np.float32(_REACH_MM)):
            rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            if len(rows):
                down, across = (
                    slice(max(int(hit[0]) - _MARGIN, 0), min(int(hit[-1]) + 1 + _MARGIN, size))
                    for hit, size in zip((rows, columns), inside.shape, strict=True)
                )
                above, left = (
                    slice(s.start + box.start, s.stop + box.start)
                    for s, box in ((down, self.rows), (across, self.columns))
                )
                yield self.slices.start + number, (above, left), (number, down, across)


def knee_layers(participant: Participant, grid: Grid, pose: Pose) -> list[Layer]:
    """All tissues of the imaged knee on a coarse grid.

    Args:
        participant: whose imaged knee is built.
        grid: coarse grid of the picture.
        pose: how the knee lies in it.

    Returns:
        layers in painting order.
    """
    knee = participant.knee(participant.imaged_side)
    p, generator = knee_places(participant, grid, pose)
    skin = soft.limb(knee, p)
    skin += np.float32(0.4) * _drift(generator, skin.shape)
    septum = np.clip(np.float32(0.7) + np.float32(0.5) * _drift(generator, skin.shape), 0, 1.3)
    muscle, owner = muscles(knee, p, septum)
    fascia = (
        skin
        + np.float32(2.0)
        + np.float32(knee.shape.fat_mm) * (np.float32(0.62) - np.float32(0.18) * np.tanh(p.x / np.float32(25.0)))
    )
    femur, tibia = femoral.femur(knee, p), bones.tibia(knee, p)
    fibula, patella = bones.fibula(knee, p), bones.patella(knee, p)
    bone = np.minimum(np.minimum(femur, tibia), np.minimum(fibula, patella))
    near = p.box((-60.0, -50.0, -14.0), (60.0, 60.0, 66.0))
    cartilage, meniscus, fluid = (nowhere(p) for _ in range(3))
    parts = joint(knee, p.cut(near), femur[near], tibia[near], patella=patella[near])
    for whole, part in zip((cartilage, meniscus, fluid), parts, strict=True):
        whole[near] = part
    ligament, tendon = soft.collaterals(knee, p), soft.extensor_tendons(knee, p)
    noise = grain.draw_grain(generator, skin.shape)
    vessels = soft.vessels(knee, p)
    swollen = np.float32(knee.shape.effusion_mm * (1 + 0.6 * knee.grades["XRKL"])) * (np.float32(0.5) + noise.slow)
    notch = soft.notch_space(knee, p)
    effusion = np.maximum(np.maximum(soft.recesses(knee, p), -notch), np.minimum(femur, patella) - swollen)
    between = np.maximum(np.minimum(tibia + fibula - np.float32(2.4), 9), np.maximum(tibia, fibula) - np.float32(1.8))
    holes = cysts(knee, p, femur, tibia)
    marrow = grain.marrow(generator, noise, p, knee.shape.size) + grain.oedema(generator, noise, holes)
    layers = [
        _layer(Tissue.SKIN, skin),
        _layer(Tissue.FAT, skin + np.float32(0.9), grain.fat(generator, noise)),
        _layer(
            Tissue.MUSCLE, np.maximum(muscle, fascia), grain.muscle(generator, noise, owner, knee.shape.fat_mm / 19)
        ),
        _layer(Tissue.TENDON, vessels - np.float32(0.6), opacity=0.5),
        _layer(Tissue.VESSEL, vessels),
        _layer(Tissue.CAPSULE, notch, grain.synovium(noise)),
        _layer(Tissue.FLUID, effusion),
        _layer(Tissue.FLUID, fluid),
        _layer(Tissue.LIGAMENT, soft.cruciates(knee, p), grain.cord(generator, noise)),
        _layer(Tissue.CAPSULE, np.minimum(ligament, tendon + np.float32(0.4)) - np.float32(0.9), opacity=0.3),
        _layer(Tissue.TENDON, np.minimum(ligament, tendon)),
        _layer(
            Tissue.CARTILAGE,
            np.minimum(cartilage, between),
            grain.cartilage(noise, _between(femur, tibia, patella), bone),
        ),
        _layer(Tissue.MENISCUS, meniscus),
        _layer(Tissue.CARTILAGE, _caps(knee, p), opacity=0.5),
        _layer(Tissue.CORTEX, bone),
        _layer(Tissue.FEMUR, femur + np.float32(1.0), marrow),
        _layer(Tissue.TIBIA, tibia + np.float32(1.0), marrow),
        _layer(Tissue.FIBULA, fibula + np.float32(1.0), marrow),
        _layer(Tissue.PATELLA, patella + np.float32(1.0), grain.small_marrow(noise)),
    ]
    layers.append(_layer(Tissue.SCLEROSIS, sclerosis(knee, p, femur, tibia), opacity=0.8))
    layers.append(_layer(Tissue.CYST, holes, grain.cyst(noise, holes)))
    layers.append(
        _layer(
            Tissue.CALCIFICATION,
            calcification(knee, p, np.maximum(np.minimum(cartilage, meniscus), -bone)),
            opacity=0.9,
        )
    )
    return [layer for layer in layers if layer is not None]


def knee_places(participant: Participant, grid: Grid, pose: Pose) -> tuple[Points, np.random.Generator]:
    """The places in the imaged knee that a picture looks at, and the generator of its soft tissue."""
    texture = participant.knee(participant.imaged_side).shape.texture_seed
    generator = stream("soft tissue", participant.seed, participant.index, texture)
    return _warped(pose.points(grid), generator), generator


def _layer(tissue: Tissue, distance: Field, brightness: Field | None = None, opacity: float = 1.0) -> Layer | None:
    """A layer cut to the box that holds its inside; None if it has none."""
    inside: NDArray[np.bool_] = distance < np.float32(_REACH_MM)
    front: Any = inside.any(axis=0)
    bounds = []
    each: tuple[Any, ...] = (inside.reshape(len(inside), -1).any(axis=1), front.any(axis=1), front.any(axis=0))
    for some in each:
        touched = np.flatnonzero(some)
        if not len(touched):
            return None
        bounds.append(slice(max(touched[0] - _MARGIN, 0), min(touched[-1] + 1 + _MARGIN, len(some))))
    box = (slice(bounds[0].start, bounds[0].stop), bounds[1], bounds[2])
    return Layer(
        tissue=tissue,
        distance=distance[box],
        brightness=None if brightness is None else brightness[box],
        opacity=opacity,
        slices=box[0],
        rows=box[1],
        columns=box[2],
    )


def _between(femur: Field, tibia: Field, patella: Field) -> Field:
    """How much nearer the nearest of three bones is than the next, mm; 0 where two cartilages meet."""
    near, far = np.minimum(femur, patella), np.maximum(femur, patella)
    return np.maximum(near, np.minimum(far, tibia)) - np.minimum(near, tibia)


def _caps(knee: Knee, p: Points) -> Field:
    """Distance to the cartilage that caps the osteophytes, mm; their bone is painted over it."""
    femur = spur_distance(spurs(knee, "F"), femoral.femur_points(knee, p))
    tibia = spur_distance(spurs(knee, "T"), p.scaled(1 / knee.shape.size))
    return np.minimum(femur, tibia) * np.float32(knee.shape.size) - np.float32(1.1)


def _warped(p: Points, generator: np.random.Generator) -> Points:
    """Places moved by up to about 2 mm, so that no outline is a perfect curve."""
    shape = np.broadcast_shapes(p.x.shape, p.y.shape, p.z.shape)
    dx, dy = (np.float32(1.1) * slow_noise(generator, shape, (10.0, 13.0, 13.0), 8) for _ in range(2))
    return Points(p.x + dx, p.y + dy, p.z)


def _drift(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Noise of deviation 1 that changes over about 10 mm."""
    return slow_noise(generator, shape, (6.0, 8.0, 8.0), 8)
