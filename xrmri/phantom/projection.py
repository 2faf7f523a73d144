"""Shadows of one knee: how many mm of bone and soft tissue the x-rays cross, knee bent as for a fixed-flexion film.

Arrays are (row, column) in the frame of a right knee: rows from the top, columns from lateral to medial.
"""

from dataclasses import dataclass

import numpy as np

from xrmri.phantom import bones, femoral, markings, soft
from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.lesions import crystal_line, cysts, sclerosis
from xrmri.phantom.pose import Grid
from xrmri.phantom.sdf import Field, Points, coverage
from xrmri.phantom.texture import refine, smooth_noise

SPONGY = 0.17
"""Attenuation of spongy bone above soft tissue, relative to cortical bone."""


_PATELLA_FOLLOWS = 1.1
"""Share of the flexion that the patella turns about the hinge, by eye on real crops."""


_PLANES_MM = 1.4
"""How much muscles and the fat between them change what the rays cross, as mm of flesh (choice)."""
_CALF_LEANS = 0.45
"""How far the leg below the knee leans outwards from the medial skin, mm per mm: it is dark there on real crops."""
_PATELLA_DENSITY = 1.5
"""Of its spongy bone beside that of the femur (choice, by eye)."""
_RIM_MM = 0.5
"""How thick the patella is where its bone is half as dense as that of the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stance:
    """How one knee stands before the film."""

    flexion_degrees: float
    """Of the femur against the tibia."""
    tibia_lean_degrees: float
    """Of the tibia against the film; when it equals the slope, the beam grazes the plateau."""
    rotation_degrees: float
    """About the long axis; positive turns the front lateral."""
    roll_degrees: float
    """In the plane of the film; positive tips the top lateral."""
    thinning: float = 0.5
    """How fast the limb thins towards its sides, as an exponent: 0 as lying in the coil, 1 or more a round limb."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """Path lengths behind each pixel, mm."""

    bone: Field
    """(Z, X) equivalent thickness of cortical bone."""
    spongy: Field
    """(Z, X) thickness of spongy bone."""
    struts: Field
    """(Z, X) the part of it, mm, whose trabeculae are stout enough to be seen: near the joint."""


def cast(knee: Knee, stance: Stance, grid: Grid, factor: int) -> Shadow:
    """Project one knee along y.

    Args:
        knee: the knee.
        stance: how it stands.
        grid: coarse grid; its columns and rows are refined by `factor` in the shadow.
        factor: whole number.
    """
    p = _turned(grid, stance)
    thigh, kneecap = (_bent(knee, p, share * stance.flexion_degrees) for share in (1.0, _PATELLA_FOLLOWS))
    step = float(grid.y[1] - grid.y[0])
    femur, tibia = femoral.femur(knee, thigh), bones.tibia(knee, p)
    fibula, patella = bones.fibula(knee, p), bones.patella(knee, kneecap)
    solids = (  # distance, and cortex near the joint and in the shaft, mm
        (femur, 0.50, 2.6),
        (tibia, 0.55, 2.8),
        (fibula, 0.60, 1.7),
        (patella, 0.45, 0.45),
    )
    uneven = refine(markings.patches(knee, grid), factor)
    shape = (len(grid.z) * factor, len(grid.x) * factor)
    shell, spongy = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    shaft = np.clip((np.abs(grid.z - 5.0) - 28.0) / 60.0, 0, 1).astype(np.float32)
    stout = np.float32(0.25) + np.float32(0.75) * np.exp(-((np.repeat(grid.z, factor) / np.float32(30.0)) ** 2))
    for distance, near, far in solids:
        rows, columns, slices = _box(distance)
        d = refine(distance[slices, rows, columns], factor)
        along = np.repeat(shaft[rows], factor)[:, None]
        cortex = near + along * np.float32(far - near)
        if distance is tibia:  # the plate under the cartilage is the densest line of a knee
            cortex = cortex + np.repeat(_plate_mm(grid)[rows][:, columns], factor, axis=0).repeat(factor, axis=1)
        width = 1.1 * abs(float(grid.x[1] - grid.x[0])) / factor
        whole, core = _chords(d, cortex, step, width)
        place = (slice(rows.start * factor, rows.stop * factor), slice(columns.start * factor, columns.stop * factor))
        if distance is patella:  # its thin rim hardly stops the rays
            whole, core = (chord * chord / (chord + np.float32(_RIM_MM)) for chord in (whole, core))
            core *= np.float32(_PATELLA_DENSITY)
        shell[place] += whole - core
        if distance is tibia:
            part = Grid(x=grid.x[columns], y=grid.y, z=grid.z[rows])
            shell[place] += markings.crest(whole, part.refined(factor), knee.shape.size)
        core *= 1 - np.float32(0.75) * along
        if distance is femur or distance is tibia:
            core *= refine(_density(grid)[rows, columns], factor)
        spongy[place] += core * uneven[place]
    inside = markings.lines(knee, grid, factor) * np.minimum(spongy / np.float32(30.0), 1)
    dense, holes = sclerosis(knee, p, femur, tibia), cysts(knee, p, femur, tibia)
    bone = shell + np.float32(SPONGY) * spongy + inside
    bone += np.float32(0.22 * step) * refine(coverage(dense, 4.0).sum(axis=0), factor)
    bone -= np.float32(0.15 * step) * refine(coverage(holes, 2.0).sum(axis=0), factor)
    crystals = crystal_line(knee, p, femur, tibia, depth=soft.meniscus_depth(knee, p))
    bone += np.float32(0.12 * step) * refine(coverage(crystals, 1.2).sum(axis=0), factor)
    return Shadow(bone=bone, spongy=spongy, struts=spongy * stout[:, None])


def _density(grid: Grid) -> Field:
    """(Z, X) density of spongy bone: most at the joint, where the load goes through; least between the condyles."""
    femur = 1.08 + 0.82 * np.exp(-np.maximum(grid.z - 6.0, 0) / 7.0)
    tibia = 0.50 + 0.76 * np.exp(np.minimum(grid.z, 0) / 8.0)
    core = np.where(grid.z > 2.5, 0.22, 0.50)[:, None] * np.exp(-((grid.x / 16.0) ** 2))
    return (np.where(grid.z > 2.5, femur, tibia)[:, None] * (1 - core)).astype(np.float32)


def _plate_mm(grid: Grid) -> Field:
    """(Z, X) how much thicker than its cortex the plate under the cartilage is, most medially, mm."""
    middle = 0.5 + 6.0 * np.exp(-((grid.x / 9.0) ** 2))  # up on the spines
    above = grid.z[:, None] - middle
    along = np.where(above > 0, np.exp(-((above / 4.0) ** 2)), np.exp(-(np.abs(above / 4.5) ** 1.3)))
    across = 0.34 - 0.14 * np.tanh(grid.x / 15.0) - 0.20 * np.exp(-((grid.x / 9.0) ** 2))
    return (along * across).astype(np.float32)


def flesh(knee: Knee, stance: Stance, grid: Grid) -> Field:
    """Thickness of the limb, bone included.

    Returns:
        (Z, X) mm on the grid.
    """
    p = _turned(grid, stance)
    standing = Points(p.x + np.float32(_CALF_LEANS) * np.minimum(p.z + np.float32(5.0), 0), p.y, p.z)
    inside = coverage(soft.limb(knee, standing), float(grid.y[1] - grid.y[0]))
    chord = inside.sum(axis=0) * (grid.y[1] - grid.y[0])
    share = chord / np.maximum(chord.max(axis=1, keepdims=True), 1)
    chord = chord * share ** np.float32(stance.thinning)
    generator = stream("flesh", knee.shape.bone_seed)
    step = abs(float(grid.x[1] - grid.x[0]))
    planes = smooth_noise(generator, chord.shape, (14.0 / step, 3.5 / step))
    return chord + np.float32(_PLANES_MM) * planes * np.minimum(chord / np.float32(40.0), 1)


def _chords(d: Field, cortex: Field, step_mm: float, width_mm: float) -> tuple[Field, Field]:
    """How far a ray runs inside a solid, and inside what its cortex encloses, mm.

    Between two slices the distance is taken as linear, so faces across the beam leave no rings.
    """
    middle = (d[1:] + d[:-1]) * np.float32(0.5)
    slope = np.float32(1) / np.maximum(np.abs(d[1:] - d[:-1]), np.float32(width_mm))
    middle *= slope
    half = np.float32(0.5)
    whole = np.clip(half - middle, 0, 1).sum(axis=0)
    slope *= cortex
    middle += slope
    core = np.clip(half - middle, 0, 1).sum(axis=0)
    return whole * np.float32(step_mm), core * np.float32(step_mm)


def _turned(grid: Grid, stance: Stance) -> Points:
    """Places in the frame of the tibia, which leans and is turned against the film."""
    lean, turn = np.float32(np.radians(stance.tibia_lean_degrees)), np.float32(np.radians(stance.rotation_degrees))
    x, y, z = grid.x[None, None, :], grid.y[:, None, None], grid.z[None, :, None]
    roll = np.float32(np.tan(np.radians(stance.roll_degrees)))
    x, z = x - roll * z, z + roll * x
    return Points(x - turn * y, y + turn * x - lean * z, z + lean * y)


def _bent(knee: Knee, p: Points, flexion_degrees: float) -> Points:
    """Places in the extended femur of a knee bent about its posterior condyles."""
    size = knee.shape.size
    y0, z0 = (np.float32(size * value) for value in femoral.HINGE_YZ_MM)
    z0 = z0 + np.float32(np.mean(bones.joint_gaps(knee)))
    angle = np.radians(flexion_degrees)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y, z = p.y - y0, p.z - z0
    return Points(p.x, y0 + c * y + s * z, z0 - s * y + c * z)


def _box(distance: Field) -> tuple[slice, slice, slice]:
    """Rows, columns and slices that hold the inside of a solid, with a margin of two."""
    inside = distance < 1.0
    spans = []
    for axis in (1, 2, 0):
        touched = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(touched):
            spans.append(slice(0, 1))
            continue
        spans.append(slice(max(touched[0] - 2, 0), min(touched[-1] + 3, distance.shape[axis])))
    return spans[0], spans[1], spans[2]
