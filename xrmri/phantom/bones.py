"""The bones of one knee but the femur as signed distances, with the disease that changes their shape.

Reference lengths are for a plateau 76 mm wide; every function scales them with the knee. Points are in the frame of
the tibia: origin in the middle of the plateau, x lateral, y anterior, z superior.
"""

from typing import NamedTuple

import numpy as np

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.lesions import spurs
from xrmri.phantom.relief import roughen
from xrmri.phantom.sdf import (
    Field,
    Points,
    Solid,
    add,
    boxed_capsule,
    boxed_column,
    boxed_ellipsoid,
    column,
    common,
    cut_out,
    fillet,
    nowhere,
)

_NARROWING_LEFT = (1.0, 0.68, 0.36, 0.03)
"""Share of the joint space that is left at JSN 0-3 (OARSI atlas, by eye)."""
MEDIAL_DISH_MM = 2.6
"""How hollow the medial plateau is; the femur lies in it."""
LATERAL_DISH_MM = 2.1
"""How hollow the lateral plateau is from side to side where its femur bears; from back to front it bulges."""
TIBIOFIBULAR_MM = 1.6
"""Bone-to-bone distance of the joint of tibia and fibula."""
ATTRITION_MM = (0.0, 1.2, 2.6, 4.4)
_TUBEROSITY = (
    (-12, 3, 10, 14, 9),
    (-27, 4, 16, 15, 11),
    (-40, 4, 17.5, 13, 10.5),
    (-56, 3, 15, 9, 9),
    (-85, 2, 9, 6, 8),
)


class Gaps(NamedTuple):
    """Bone-to-bone distance of each compartment, mm, at the size of the knee."""

    medial_mm: float
    lateral_mm: float


def joint_gaps(knee: Knee) -> Gaps:
    """Joint space of both compartments after narrowing."""
    shape, grades = knee.shape, knee.grades
    return Gaps(
        medial_mm=shape.size * shape.cartilage_medial_mm * _NARROWING_LEFT[grades["XRJSM"]],
        lateral_mm=shape.size * shape.cartilage_lateral_mm * _NARROWING_LEFT[grades["XRJSL"]],
    )


def tibial_side(knee: Knee, q: Points) -> Field:
    """Distance to the outline of the tibia without its articular surface, in reference mm."""
    wide = deep = knee.shape.shaft_size
    flare = knee.shape.tibia_flare
    lean = np.tan(np.radians(knee.shape.tibia_tilt_degrees))
    knots = (
        (14.0, 0.0, -3.0, 38.0, 25.5),
        (-4.0, 0.0, -3.0, 38.2, 25.5),
        (-9.0, 0.0, -3.2, 38.0, 24.0),
        (-17.0, 1.0 - lean * 9, -2.0, 36.2 * (1 + 0.5 * (flare - 1)), 22.5),
        (-27.0, 3.0 - lean * 19, 0.5, 31.2 * flare, 20.5),
        (-38.0, 2.6 - lean * 30, 1.8, 26.0 * flare, 19.5),
        (-50.0, 1.5 - lean * 42, 1.6, 21.8 * wide, 18.2 * deep),
        (-70.0, -lean * 62, 0.8, 17.2 * wide, 17.0 * deep),
        (-110.0, -lean * 102, -0.5, 14.0 * wide, 16.0 * deep),
        (-220.0, -lean * 212, -3.0, 13.0 * wide, 14.0 * deep),
    )
    return column(q, knots, 2.6)


def tibia(knee: Knee, p: Points) -> Field:
    """Distance to the tibia, mm."""
    s = knee.shape.size
    d = nowhere(p)
    add(
        d, p, Solid(distance=lambda part: _tibia(knee, part), low=(-70.0, -50 * s, -250.0), high=(70.0, 45 * s, 18 * s))
    )
    return d


def _tibia(knee: Knee, p: Points) -> Field:
    """Distance to the tibia where it can be near."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    d = common(tibial_side(knee, q), plateau(knee, q), 3.0)
    add(d, q, boxed_column(_TUBEROSITY), fillet(7.0))
    cut_out(d, q, boxed_ellipsoid((0.0, -31.0, -2.0), (8.0, 8.0, 30.0)), 5.0)  # the hollow behind the spines
    for spur in spurs(knee, "T"):
        add(d, q, spur.solid, fillet(spur.blend_mm))
    rough = np.clip((np.float32(-2.0) - q.z) / np.float32(10.0), 0.25, 1.0)
    return roughen(d, q, rough, shape.bone_seed + 1) * np.float32(shape.size)


def plateau(knee: Knee, q: Points) -> Field:
    """Signed height above the articular surface of the tibia, in reference mm, spines included."""
    shape, grades = knee.shape, knee.grades
    f = np.float32
    spine = np.zeros(q.span(), dtype=np.float32)
    add(spine, q, Solid(distance=lambda part: _spines(knee, part), low=(-20, -30, -99), high=(20, 17, 99)), _second)
    across = f(shape.dish) * np.exp(-(((np.abs(q.x) - f(23.0)) / f(10.5)) ** 2))
    hollow = f(-MEDIAL_DISH_MM) * np.exp(-(((q.y + f(3.0)) / f(26.0)) ** 2))
    saddle = f(-LATERAL_DISH_MM) - f(0.002) * np.minimum((q.y + f(5.0)) ** 2, 400)
    dish = across * np.where(q.x < 0, hollow, saddle)
    rim = f(0.02) * np.maximum(np.abs(q.x) - f(32.5), 0) ** 2
    sunken_medial = f(ATTRITION_MM[grades["XRATTM"]]) / (1 + np.exp(np.clip((q.x + f(9.0)) / f(2.5), -30, 30)))
    sunken_lateral = f(ATTRITION_MM[grades["XRATTL"]]) / (1 + np.exp(np.clip((f(9.0) - q.x) / f(2.5), -30, 30)))
    slope = f(np.tan(np.radians(shape.plateau_slope_degrees))) * (q.y + f(5.0))
    slope = slope - f(0.004) * np.maximum(q.y - f(2.0), 0) ** 2
    return q.z - spine - dish - slope + rim + sunken_medial + sunken_lateral


def _spines(knee: Knee, q: Points) -> Field:
    """Height of the ridge between the compartments in its middle, mm: a tent with two tips of the knee's own."""
    f = np.float32
    generator = stream("spines", knee.shape.bone_seed)
    ridge = f(0.60) * np.exp(-((np.abs(q.x - f(0.5)) / f(13.5)) ** f(1.8)))
    for place, share in ((-5.5, 0.62), (6.0, 0.52)):
        middle, part, width = generator.normal((place, share, 2.3), (1.2, 0.16, 0.5))
        away = np.sqrt(((q.x - f(middle)) / f(np.clip(width, 1.6, 4.5))) ** 2 + f(0.04)) - f(0.2)
        ridge = ridge + f(np.clip(part, 0.15, 1.0)) * np.exp(-(np.maximum(away, 0) ** f(1.3)))
    peak = np.maximum(1 - (q.x / f(13.0)) ** 2, 0) ** 2  # it ends where the plateaus begin
    arthritis = f(0.3 * max(knee.grades["XROSTM"], knee.grades["XROSTL"])) * peak
    sharp = f(3.2 + 0.74 * knee.shape.spine_height_mm) * ridge + arthritis
    edge = np.clip((f(24.0) - np.abs(q.x)) / f(6.0), 0, 1)
    return sharp * edge * np.exp(-(((q.y + f(6.5)) / f(10.5)) ** 2))


def _second(_: Field, new: Field) -> Field:
    """The new value alone."""
    return new


def fibula(knee: Knee, p: Points) -> Field:
    """Distance to the fibula, mm; its head lies behind and under the lateral plateau, in a joint of its own."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    x, z = shape.fibula_x_mm, shape.fibula_z_mm
    head = Solid(
        distance=lambda part: _fibular_head(knee, part), low=(x - 20, -40.0, z - 24), high=(x + 16, -4.0, z + 12)
    )
    d = nowhere(q)
    add(d, q, head)
    neck, shaft = 6.4 * shape.shaft_size, 6.0 * shape.shaft_size
    add(d, q, boxed_capsule((x - 4.0, -19.0, z - 8.0), (x - 5.0, -16.5, z - 55.0), neck), fillet(7.0))
    add(d, q, boxed_capsule((x - 5.0, -16.6, z - 50.0), (x - 8.0, -15.0, z - 210.0), shaft), fillet(4.0))
    return d * np.float32(shape.size)


def _fibular_head(knee: Knee, q: Points) -> Field:
    """The head in reference mm: a broad oval with a styloid, cut by the tibia over the gap of their joint."""
    x, z = knee.shape.fibula_x_mm - 4.0, knee.shape.fibula_z_mm
    d = nowhere(q)
    add(d, q, boxed_ellipsoid((x, -20.5, z - 3.0), (14.5, 10.5, 11.0)))
    add(d, q, boxed_ellipsoid((x + 5.0, -23.0, z + 4.0), (4.5, 4.5, 6.0)), fillet(4.0))
    return common(d, np.float32(TIBIOFIBULAR_MM) - common(tibial_side(knee, q), plateau(knee, q), 3.0), 1.5)


def patella(knee: Knee, p: Points) -> Field:
    """Distance to the patella, mm; its back is a keel of two facets."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    s, z = shape.patella_size, shape.patella_z_mm + 5.0
    d = nowhere(q)
    whole = Solid(
        distance=lambda part: _patella(knee, part),
        low=(-32.0 * s, 26.0, z - 30.0 * s),
        high=(32.0 * s, 60.0, z + 24.0 * s),
    )
    add(d, q, whole)
    return d * np.float32(shape.size)


def _patella(knee: Knee, q: Points) -> Field:
    """Distance to the patella in reference mm: a rounded triangle, its apex below."""
    s, x, z = knee.shape.patella_size, knee.shape.patella_x_mm, knee.shape.patella_z_mm + 5.0
    knots = tuple(
        (z + rise * s, x, 41.0, half_width * s, half_depth)
        for rise, half_width, half_depth in (
            (-25, 3.5, 4), (-19, 8.5, 6.5), (-10, 16, 8.8), (0, 20.5, 9.3), (8, 21.5, 9.3), (15, 18.5, 8.5),
            (20, 11, 7), (23, 3, 3),
        )
    )  # fmt: skip
    return common(column(q, knots, 2.4), patella_facets(knee, q) * np.float32(0.93), 3.0)


def patella_facets(knee: Knee, q: Points) -> Field:
    """How far a place lies behind the keel-shaped back of the patella, reference mm along y."""
    f = np.float32
    rise = (q.z - f(knee.shape.patella_z_mm + 7.0)) / f(22.0)
    across = q.x - f(knee.shape.patella_x_mm)
    slope = np.where(across > 0, f(0.26), f(0.34))  # the lateral facet is the wider and flatter one
    return f(34.0) + slope * (np.sqrt(across * across + f(4.0)) - f(2.0)) + f(1.5) * rise**2 - q.y
