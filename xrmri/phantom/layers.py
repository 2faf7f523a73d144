"""The tissues of one knee in the order in which they are painted, from the skin to the marrow and its lesions."""

from dataclasses import dataclass

import numpy as np

from xrmri.phantom import bones, soft
from xrmri.phantom.anatomy import Knee, Participant, stream
from xrmri.phantom.lesions import calcification, cysts, sclerosis
from xrmri.phantom.pose import Grid, Pose
from xrmri.phantom.sdf import Field, Points, nowhere
from xrmri.phantom.texture import refine, smooth_noise, strands
from xrmri.phantom.tissue import BRIGHTNESS, Tissue

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

    def fine_box(self, factor: int) -> tuple[slice, slice]:
        """Rows and columns of the box in a picture whose pixels are `factor` times smaller."""
        return (
            slice(self.rows.start * factor, self.rows.stop * factor),
            slice(self.columns.start * factor, self.columns.stop * factor),
        )


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
    generator = stream("soft tissue", participant.seed, participant.index, knee.shape.texture_seed)
    p = _warped(pose.points(grid), generator)
    skin = soft.limb(knee, p)
    muscle = soft.muscles(knee, p)
    femur, tibia = bones.femur(knee, p), bones.tibia(knee, p)
    fibula, patella = bones.fibula(knee, p), bones.patella(knee, p)
    bone = np.minimum(np.minimum(femur, tibia), np.minimum(fibula, patella))
    near = p.box((-60.0, -50.0, -14.0), (60.0, 60.0, 58.0))
    cartilage, meniscus, fluid = (nowhere(p) for _ in range(3))
    parts = _joint(knee, p.cut(near), femur[near], tibia[near], patella[near])
    for whole, part in zip((cartilage, meniscus, fluid), parts, strict=True):
        whole[near] = part
    ligament = soft.collaterals(knee, p)
    fat_value, muscle_value = _fat(generator, skin), _muscle(generator, skin.shape)
    layers = [
        _layer(Tissue.SKIN, skin),
        _layer(Tissue.FAT, skin + np.float32(1.6), fat_value),
        _layer(Tissue.MUSCLE, np.maximum(muscle, skin + np.float32(2.5 + 0.55 * knee.shape.fat_mm)), muscle_value),
        _layer(Tissue.VESSEL, soft.vessels(knee, p)),
        _layer(Tissue.CAPSULE, np.maximum(soft.capsule_space(knee, p), -bone), fat_value + np.float32(60)),
        _layer(Tissue.FLUID, fluid),
        _layer(Tissue.LIGAMENT, soft.cruciates(knee, p), _cord(generator, skin.shape)),
        _layer(Tissue.CAPSULE, ligament - np.float32(1.0), opacity=0.5),
        _layer(Tissue.TENDON, np.minimum(ligament, soft.extensor_tendons(knee, p))),
        _layer(Tissue.CARTILAGE, cartilage),
        _layer(Tissue.MENISCUS, meniscus),
        _layer(Tissue.CORTEX, bone),
    ]
    layers += [
        _layer(tissue, d + np.float32(1.0), _marrow(generator, d, tissue))
        for tissue, d in (
            (Tissue.FEMUR, femur),
            (Tissue.TIBIA, tibia),
            (Tissue.FIBULA, fibula),
            (Tissue.PATELLA, patella),
        )
    ]
    layers.append(_layer(Tissue.SCLEROSIS, sclerosis(knee, p, femur, tibia), opacity=0.8))
    layers.append(_layer(Tissue.CYST, cysts(knee, p, femur, tibia)))
    layers.append(
        _layer(
            Tissue.CALCIFICATION,
            calcification(knee, p, np.maximum(np.minimum(cartilage, meniscus), -bone)),
            opacity=0.9,
        )
    )
    return [layer for layer in layers if layer is not None]


def _layer(tissue: Tissue, distance: Field, brightness: Field | None = None, opacity: float = 1.0) -> Layer | None:
    """A layer cut to the box that holds its inside; None if it has none."""
    inside = distance < np.float32(1.5)
    bounds = []
    for axis in range(3):
        touched = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(touched):
            return None
        bounds.append(slice(max(touched[0] - _MARGIN, 0), min(touched[-1] + 1 + _MARGIN, distance.shape[axis])))
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


def _joint(knee: Knee, p: Points, femur: Field, tibia: Field, patella: Field) -> tuple[Field, Field, Field]:
    """Cartilage, menisci and fluid: what lies between the bones of the joint."""
    f = np.float32
    gaps = bones.joint_gaps(knee)
    q = p.scaled(1 / knee.shape.size)
    lateral = 1 / (1 + np.exp(np.clip(-q.x / f(4.0), -30, 30)))
    thick = f(0.5) * (f(gaps.medial_mm) * (1 - lateral) + f(gaps.lateral_mm) * lateral)
    x = np.abs(q.x)
    rim = np.clip((f(36.5) - np.maximum(x, x + f(0.25) * (q.y - f(8.0)))) / f(5.0), -1, 1)
    top = np.clip((f(38.0) + f(0.15) * q.y - q.z) / f(6.0), -1, 1)
    on_femur = femur - np.minimum(thick + f(0.15), f(2.9)) * np.minimum(rim, top)
    on_femur = np.maximum(on_femur, f(0.6) - bones.notch(knee, q))
    surface = bones.plateau(knee, q) * f(knee.shape.size)
    on_tibia = surface - (thick + f(0.1)) * np.clip((f(37.5) - x) / f(4.0), 0, 1)
    on_tibia = np.maximum(np.maximum(on_tibia, f(-2.0) - surface), bones.tibial_side(knee, q) + f(1.2))
    behind = np.maximum(patella - f(2.4), q.y - f(27.0) - f(0.2) * x)
    cartilage = np.minimum(np.minimum(on_femur, on_tibia), behind)
    inward = soft.meniscus_depth(knee, p)
    margin = f(0.8) + np.maximum(thick - f(0.8), f(0.15)) * np.clip(inward / f(9.0), 0, 2)
    meniscus = np.maximum(margin - np.minimum(femur, tibia), np.maximum(femur, tibia) - f(7.0))
    meniscus = np.maximum(meniscus, np.maximum(-inward, inward - f(10.0)))
    fluid = np.maximum(femur + tibia - f(9.0), np.maximum(np.abs(q.x) - f(36), np.abs(q.y + f(3)) - f(23)))
    return cartilage, meniscus, fluid


def _warped(p: Points, generator: np.random.Generator) -> Points:
    """Places moved by up to about 2 mm, so that no outline is a perfect curve."""
    shape = np.broadcast_shapes(p.x.shape, p.y.shape, p.z.shape)
    small = (shape[0], shape[1] // 8, shape[2] // 8)
    dx, dy = (np.float32(1.1) * refine(smooth_noise(generator, small, (10, 1.6, 1.6)), 8) for _ in range(2))
    return Points(p.x + dx, p.y + dy, p.z)


def _fat(generator: np.random.Generator, skin: Field) -> Field:
    """Fat: dark, crossed by fine brighter strands."""
    along, across = (smooth_noise(generator, skin.shape, scales) for scales in ((2.0, 3.2, 1.3), (1.6, 1.4, 2.4)))
    lumps = smooth_noise(generator, skin.shape, (4.0, 4.0, 4.0))
    webs = np.maximum(strands(along, 0.24), np.float32(0.6) * strands(across, 0.2)) * np.clip(
        1 + np.float32(0.7) * lumps, 0, 2
    )
    return np.float32(BRIGHTNESS[Tissue.FAT]) + 3 * lumps + np.float32(20) * webs


def _muscle(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Muscle: bright, with darker streaks along its fibres."""
    fibres = smooth_noise(generator, shape, (1.8, 9.0, 1.2))
    patches = smooth_noise(generator, shape, (5.0, 6.0, 4.0))
    return (
        np.float32(BRIGHTNESS[Tissue.MUSCLE]) + 9 * patches - np.float32(38) * np.clip(fibres - 1, 0, 1.3) + 3 * fibres
    )


def _cord(generator: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Cruciates: streaks of dark bundles and bright fluid."""
    return np.float32(BRIGHTNESS[Tissue.LIGAMENT]) + 42 * smooth_noise(generator, shape, (1.5, 2.2, 0.8))


def _marrow(generator: np.random.Generator, bone: Field, tissue: Tissue) -> Field:
    """Marrow: dark, faintly mottled."""
    coarse = smooth_noise(generator, (bone.shape[0], bone.shape[1] // 2, bone.shape[2] // 2), (2.0, 2.0, 1.2))
    return np.float32(BRIGHTNESS[tissue]) + np.float32(3.5) * refine(coarse, 2)
