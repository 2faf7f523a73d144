"""What lies between the bones of the knee as signed distances: cartilage, menisci, fluid.

Points are in the frame of the tibia, mm; the bones' distances are on the same points.
"""

from typing import NamedTuple

import numpy as np

from xrmri.phantom import bones, femoral, soft
from xrmri.phantom.anatomy import Knee
from xrmri.phantom.sdf import Field, Points, cut_out


class JointTissues(NamedTuple):
    """Distances, mm, (Y, Z, X)."""

    cartilage: Field
    meniscus: Field
    fluid: Field


def joint(knee: Knee, p: Points, femur: Field, tibia: Field, *, patella: Field) -> JointTissues:
    """Cartilage, menisci and fluid of one knee.

    Args:
        knee: the knee.
        p: places near the joint.
        femur: distance to the femur, mm, as the two that follow.
        tibia: distance to the tibia.
        patella: distance to the patella.
    """
    f = np.float32
    q = p.scaled(1 / knee.shape.size)
    thick, above = _thickness(knee, q), bones.plateau(knee, q) * f(knee.shape.size)
    cartilage = np.minimum(_on_femur(knee, p, femur, thick), _on_tibia(knee, q, above, thick))
    cartilage = np.minimum(cartilage, _on_patella(knee, q, patella))
    inward = soft.meniscus_depth(knee, p)
    nearest = np.minimum(femur, tibia)
    margin = f(0.5) + np.maximum(np.minimum(thick, f(2.3)) - f(0.5), f(0.15)) * np.clip(inward / f(12.0), 0, 1.0)
    meniscus = np.maximum(margin - nearest, np.maximum(femur, above) - f(6.5))
    meniscus = np.maximum(meniscus, np.maximum(-inward, inward - f(11.0)))
    film = f(6.5) - f(0.25) * (np.maximum(np.abs(q.x) - f(18), 0) + np.maximum(q.y - f(2), 0))  # it runs out
    fluid = np.maximum(femur + tibia - film, np.maximum(np.abs(q.x) - f(34), np.abs(q.y + f(3)) - f(22)))
    return JointTissues(cartilage=cartilage, meniscus=meniscus, fluid=fluid)


def _thickness(knee: Knee, q: Points) -> Field:
    """Half the joint space of the compartment that a place belongs to, mm."""
    f = np.float32
    gaps = bones.joint_gaps(knee)
    lateral = 1 / (1 + np.exp(np.clip(-q.x / f(4.0), -30, 30)))
    return f(0.5) * (f(gaps.medial_mm) * (1 - lateral) + f(gaps.lateral_mm) * lateral)


def _on_femur(knee: Knee, p: Points, femur: Field, thick: Field) -> Field:
    """Distance to the cartilage of condyles and trochlea."""
    f = np.float32
    q = p.scaled(1 / knee.shape.size)
    x = np.abs(q.x)
    bare = f(36.5) - f(0.8) * np.maximum(q.y - f(8.0), 0)  # the side walls of the trochlea have none
    rim = np.clip((bare - x) / f(3.5), -1, 1)
    top = np.clip((f(39.0) + f(0.15) * q.y - q.z) / f(6.0), -1, 1)
    wall = (
        f(8.0)
        + f(2.2) * np.maximum(-f(14.0) - q.y, 0)
        + f(5.0) * np.maximum(q.y - f(8.0), 0)
        + f(2.0) * np.maximum(x - f(12.0), 0)
    )
    top = np.minimum(top, np.clip((wall - q.z) / f(4.0), -1, 1))  # the walls of the notch have none in front
    cover = femur - np.minimum(thick + f(0.15), np.where(q.y > f(10), f(1.9), f(2.9))) * np.minimum(rim, top)
    cut_out(cover, femoral.femur_points(knee, p), femoral.tunnel(knee), 0.6)
    return cover


def on_tibia(knee: Knee, q: Points) -> Field:
    """Distance to the cartilage of the plateau, mm; q are places in the reference knee."""
    return _on_tibia(knee, q, bones.plateau(knee, q) * np.float32(knee.shape.size), _thickness(knee, q))


def _on_tibia(knee: Knee, q: Points, surface: Field, thick: Field) -> Field:
    """The same above a known surface."""
    f = np.float32
    cover = surface - (thick + f(0.1)) * np.clip((f(37.5) - np.abs(q.x)) / f(4.0), 0, 1)
    return np.maximum(np.maximum(cover, f(-2.0) - surface), bones.tibial_side(knee, q) + f(1.2))


def _on_patella(knee: Knee, q: Points, patella: Field) -> Field:
    """Distance to the cartilage on the two facets behind the patella; its lower pole has none."""
    f = np.float32
    above_pole = np.clip((q.z - f(knee.shape.patella_z_mm - 8.0)) / f(6.0), -1, 1)
    cover = patella - f(2.1) * above_pole
    return np.maximum(cover, -bones.patella_facets(knee, q) - f(0.4))
