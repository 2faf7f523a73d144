"""Signs of disease inside the bones and the joint as signed distances; the same for the volume and the radiograph."""

import numpy as np

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.sdf import Field, Points, ellipsoid

_NOWHERE_MM = np.float32(99.0)
_SCLEROSIS_DEPTH_MM = (0.0, 3.0, 5.0, 7.5)


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
    return nearest * f(1.0)


def cyst_places(knee: Knee) -> list[tuple[tuple[float, float, float], float]]:
    """Centre in the reference knee and radius, mm, of every cyst."""
    places = []
    generator = stream("cysts", knee.shape.texture_seed)
    for bone, z in (("F", 11.0), ("T", -7.0)):
        for side, letter in ((-1.0, "M"), (1.0, "L")):
            count = int(generator.integers(1, 4))
            spots = generator.normal((side * 24.0, -2.0, z), (5.0, 7.0, 1.2), size=(3, 3))
            radii = generator.uniform(2.2, 4.4, size=3)
            if knee.grades[f"XRCY{bone}{letter}"]:
                places += [
                    ((float(x), float(y), float(h)), float(r)) for (x, y, h), r in zip(spots, radii, strict=True)
                ][:count]
    return places


def cysts(knee: Knee, p: Points, femur: Field, tibia: Field) -> Field:
    """Distance to the cysts, mm; none breaks through its bone."""
    nearest = np.full(femur.shape, _NOWHERE_MM, dtype=np.float32)
    q = p.scaled(1 / knee.shape.size)
    for centre, radius in cyst_places(knee):
        nearest = np.minimum(nearest, ellipsoid(q, centre, (radius, radius, radius * 0.85)))
    return np.maximum(nearest * np.float32(knee.shape.size), np.minimum(femur, tibia) + np.float32(1.2))


def calcification(knee: Knee, p: Points, soft_joint: Field) -> Field:
    """Distance to crystal deposits, mm; soft_joint is the distance to menisci and cartilage."""
    if not (knee.grades["XRCHM"] or knee.grades["XRCHL"]):
        return np.full(soft_joint.shape, _NOWHERE_MM, dtype=np.float32)
    generator = stream("crystals", knee.shape.texture_seed)
    specks = generator.random(soft_joint.shape, dtype=np.float32)
    here = np.where(specks < np.float32(0.10), np.float32(-0.7), np.float32(0.6))
    here = np.maximum(here, soft_joint + np.float32(0.4))
    return np.maximum(here, _other_side(knee, p))


def crystal_line(knee: Knee, p: Points, femur: Field, tibia: Field, depth: Field) -> Field:
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
