"""Signs of disease inside the bones and the joint as signed distances; the same for the volume and the radiograph."""

from typing import NamedTuple

import numpy as np

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.sdf import Corner, Field, Points, Solid, add, boxed_ellipsoid, ellipsoid, nowhere
from xrmri.phantom.texture import smooth_noise

_NOWHERE_MM = np.float32(99.0)
_SCLEROSIS_DEPTH_MM = (0.0, 3.0, 5.0, 7.5)
_OSTEOPHYTE_MM = (0.0, 2.4, 4.6, 7.4)


class Spur(NamedTuple):
    """One part of an osteophyte, in the reference femur or tibia."""

    variable: str
    """Reading that grades it, such as XROSFM."""
    solid: Solid
    blend_mm: float
    """Over which it runs out into its bone."""


def spurs(knee: Knee, bone: str) -> list[Spur]:
    """The osteophytes of the femur ("F") or the tibia ("T"), larger with the grade: uneven beads along the margin."""
    found = []
    generator = stream(f"osteophytes {bone}", knee.shape.bone_seed)
    for side, letter in ((-1.0, "M"), (1.0, "L")):
        variable = f"XROS{bone}{letter}"
        places = generator.normal(np.linspace(-19.0, 9.0, 6), 2.2)
        stout = np.exp(generator.normal(0.0, 0.38, 6)) * np.where(generator.random(6) < 0.2, 0.45, 1.0)
        tilt = generator.normal(0.0, 0.9, 6)
        r = _OSTEOPHYTE_MM[knee.grades[variable]]
        if not r:
            continue
        for y, own, up in zip(places, r * np.clip(stout, 0.4, 1.5), tilt, strict=True):
            found += [
                Spur(variable, solid, 0.8 + 0.3 * r)
                for solid in _beak(bone, side, float(y), float(own), tilt=float(up))
            ]
        if bone == "F":
            for y, own in zip(places[:3], r * np.clip(stout[::-1], 0.4, 1.5), strict=False):
                found.append(Spur(variable, boxed_ellipsoid((side * 10.5, y, 7.0), (0.5 * own, 3.6, 0.5 * own)), 2.0))
    return found


def _beak(bone: str, side: float, y: float, r: float, *, tilt: float) -> list[Solid]:
    """One bead of an osteophyte: its base on the margin, its tip turned towards the joint."""
    if bone == "F":
        x, z, turn = 35.0 - 0.02 * max(abs(y + 4.0) - 8.0, 0.0) ** 2, 7.0, -1.0
    else:
        x, z, turn = 38.0 * max(1 - abs((y + 3.0) / 25.5) ** 2.6, 0.05) ** (1 / 2.6) - 1.5, -3.2, 1.0
    base = boxed_ellipsoid((side * (x + 0.2 * r), y, z + 0.1 * tilt), (0.7 * r + 1.2, 4.8, 1.5 + 0.22 * r))
    rise = turn * 0.28 * r + 0.3 * tilt
    tip = boxed_ellipsoid((side * (x + 0.75 * r), y + 0.5 * tilt, z + rise), (0.45 * r + 0.4, 3.2, 0.9 + 0.18 * r))
    return [base, tip]


def spur_distance(found: list[Spur], q: Points) -> Field:
    """Distance to the osteophytes of one bone, in reference mm; q are places in that reference bone."""
    nearest = nowhere(q)
    for spur in found:
        add(nearest, q, spur.solid)
    return nearest


def sclerosis(knee: Knee, p: Points, femur: Field, tibia: Field) -> Field:
    """Distance to dense bone under the cartilage, mm; it reaches deeper with the grade."""
    f, size = np.float32, knee.shape.size
    q = p.scaled(1 / size)
    nearest = np.full(femur.shape, _NOWHERE_MM, dtype=np.float32)
    for bone, own, reach in (("F", femur, q.z - f(12.0)), ("T", tibia, f(-12.0) - q.z)):
        for side, letter in ((-1.0, "M"), (1.0, "L")):
            depth = _SCLEROSIS_DEPTH_MM[knee.grades[f"XRSC{bone}{letter}"]]
            if depth:
                u, v = (q.x - f(side * 24.0)) / f(13.0), (q.y + f(2.0)) / f(17.0)
                lens = f(depth) * np.clip(1.25 - u * u - v * v, 0, 1)
                patch = np.maximum(own, -own - lens)
                near_joint = np.maximum(reach, (u * u + v * v - f(1.2)) * f(6.0))
                nearest = np.minimum(nearest, np.maximum(patch, near_joint))
    return nearest


def cyst_places(knee: Knee) -> list[tuple[Corner, Corner]]:
    """Centre and radii, mm, of every cyst in the reference knee."""
    places = []
    generator = stream("cysts", knee.shape.bone_seed)
    for bone, z in (("F", 11.0), ("T", -7.0)):
        for side, letter in ((-1.0, "M"), (1.0, "L")):
            count = int(generator.integers(1, 4))
            spots = generator.normal((side * 24.0, -2.0, z), (5.0, 7.0, 1.2), size=(3, 3))
            radii = generator.uniform(2.2, 4.4, size=(3, 1)) * np.exp(generator.normal(0.0, 0.22, (3, 3)))
            if knee.grades[f"XRCY{bone}{letter}"]:
                pairs = zip(spots.tolist(), radii.tolist(), strict=True)
                places += [(tuple(spot), tuple(size)) for spot, size in pairs][:count]
    return places


def cysts(knee: Knee, p: Points, femur: Field, tibia: Field) -> Field:
    """Distance to the cysts, mm, their walls uneven; none breaks through its bone."""
    nearest = np.full(femur.shape, _NOWHERE_MM, dtype=np.float32)
    q = p.scaled(1 / knee.shape.size)
    for centre, radii in cyst_places(knee):
        x, y, z = (axis - np.float32(c) for axis, c in zip(q, centre, strict=True))
        wall = np.float32(0.4) * (np.sin(x * np.float32(1.9) + y) + np.cos(z * np.float32(2.3) - y))
        nearest = np.minimum(nearest, ellipsoid(q, centre, radii) + wall)
    return np.maximum(nearest * np.float32(knee.shape.size), np.minimum(femur, tibia) + np.float32(1.2))


def calcification(knee: Knee, p: Points, soft_joint: Field) -> Field:
    """Distance to crystal deposits, mm; soft_joint is the distance to menisci and cartilage between femur and tibia."""
    if not (knee.grades["XRCHM"] or knee.grades["XRCHL"]):
        return np.full(soft_joint.shape, _NOWHERE_MM, dtype=np.float32)
    generator = stream("crystals", knee.shape.texture_seed)
    specks = smooth_noise(generator, soft_joint.shape, (0.5, 0.55, 0.7))
    here = np.maximum((np.float32(1.15) - specks) * np.float32(1.2), soft_joint + np.float32(0.3))
    between = np.maximum(p.z - np.float32(15 * knee.shape.size), np.abs(p.y + np.float32(4)) - np.float32(22))
    return np.maximum(np.maximum(here, between), _other_side(knee, p))


def crystal_line(knee: Knee, p: Points, femur: Field, tibia: Field, *, depth: Field) -> Field:
    """Distance to the sheet of crystals in the menisci that a radiograph shows edge-on, mm; depth inside their rim."""
    if not (knee.grades["XRCHM"] or knee.grades["XRCHL"]):
        return np.full(femur.shape, _NOWHERE_MM, dtype=np.float32)
    sheet = np.maximum(np.abs(femur - tibia) - np.float32(0.9), np.maximum(femur, tibia) - np.float32(5.0))
    sheet = np.maximum(sheet, np.maximum(-depth, depth - np.float32(9.0)))
    return np.maximum(sheet, _other_side(knee, p))


def _other_side(knee: Knee, p: Points) -> Field:
    """Distance to the compartments that have crystals."""
    medial, lateral = knee.grades["XRCHM"], knee.grades["XRCHL"]
    if medial and lateral:
        return np.abs(p.x) - np.float32(60.0)
    return p.x + np.float32(8.0) if medial else np.float32(8.0) - p.x
