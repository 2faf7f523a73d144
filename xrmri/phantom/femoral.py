"""The femur of one knee as a signed distance, with the disease that changes its shape.

Points and lengths are as in `bones`; the femur rests on the plateau over the joint gaps.
"""

import numpy as np

from xrmri.phantom.anatomy import Knee
from xrmri.phantom.bones import ATTRITION_MM, LATERAL_DISH_MM, MEDIAL_DISH_MM, joint_gaps
from xrmri.phantom.lesions import spurs
from xrmri.phantom.relief import roughen
from xrmri.phantom.sdf import (
    Field,
    Points,
    Solid,
    add,
    boxed_ellipsoid,
    column,
    common,
    cut_out,
    extruded,
    fillet,
    nowhere,
    union,
)

CONDYLE_X_MM = 23.0
"""Where the middle of a condyle bears on the plateau."""
HINGE_YZ_MM = (-9.0, 20.0)
"""Centre of the posterior condyles above the plateau, without cartilage: the knee bends about it."""
_EPICONDYLES = (
    ((-36.5, -3.0, 26.0), (7.0, 13.0, 11.0)), ((34.0, -4.0, 24.0), (6.6, 12.0, 10.0)),
    ((-37.0, -6.0, 37.0), (4.0, 5.0, 6.0)),
)  # fmt: skip
"""The epicondyles and, last, the adductor tubercle."""
_POPLITEAL_GROOVE = ((39.0, -10.0, 13.0), (2.2, 8.0, 4.0))


def femur(knee: Knee, p: Points) -> Field:
    """Distance to the femur, mm. It rests on the plateau over the joint gaps, so it tilts with narrowing."""
    s = knee.shape.size
    d = nowhere(p)
    add(
        d, p, Solid(distance=lambda part: _femur(knee, part), low=(-99.0, -50 * s, -14 * s), high=(99.0, 40 * s, 250.0))
    )
    return d


def _femur(knee: Knee, p: Points) -> Field:
    """Distance to the femur where it can be near."""
    shape = knee.shape
    q = femur_points(knee, p)
    d = nowhere(q)
    add(d, q, Solid(distance=lambda part: _condyles(knee, part), low=(-46.0, -46.0, -16.0), high=(46.0, 40.0, 50.0)))
    pulley = Solid(distance=lambda part: _trochlea(knee, part), low=(-40.0, -14.0, -2.0), high=(40.0, 40.0, 56.0))
    add(d, q, pulley, fillet(4.0))
    add(d, q, boxed_ellipsoid((0.0, 7.0, 24.0), (30.0, 15.0, 23.0)), fillet(4.0))  # joins the condyles above the notch
    lean = np.tan(np.radians(shape.femur_valgus_degrees))
    wide, deep = 17.0 * shape.shaft_size, 14.5 * shape.shaft_size
    knots = (
        (12.0, 0.0, 5.0, 33.0, 14.0),
        (24.0, -0.8, 6.5, 39.2, 16.5),
        (34.0, -1.0, 7.5, 39.6, 17.2),
        (43.0, lean * 5 - 1.0, 7.8, 35.6, 17.0),
        (53.0, lean * 12, 7.4, 29.2, 16.4),
        (64.0, lean * 22, 7.0, wide + 6.6, deep + 1.2),
        (77.0, lean * 36, 6.6, wide + 2.8, deep + 0.5),
        (92.0, lean * 56, 6.6, wide + 0.5, deep),
        (220.0, lean * 175, 9.0, wide - 3.0, deep),
    )
    d = union(d, column(q, knots, 2.7), 4.0)
    cut_out(d, q, tunnel(knee), 4.0)
    for centre, radii in _EPICONDYLES:
        add(d, q, boxed_ellipsoid(centre, radii), fillet(5.0))
    cut_out(d, q, boxed_ellipsoid(*_POPLITEAL_GROOVE), 4.0)
    for spur in spurs(knee, "F"):
        add(d, q, spur.solid, fillet(spur.blend_mm))
    rough = np.clip((q.z - np.float32(8.0)) / np.float32(14.0), 0.25, 1.0)
    return roughen(d, q, rough, shape.bone_seed) * np.float32(shape.size)


def femur_points(knee: Knee, p: Points) -> Points:
    """Places in the reference femur: its condyles touch z = 0 where they bear."""
    shape, gaps = knee.shape, joint_gaps(knee)
    medial = gaps.medial_mm / shape.size - shape.dish * MEDIAL_DISH_MM - ATTRITION_MM[knee.grades["XRATTM"]]
    lateral = gaps.lateral_mm / shape.size - shape.dish * LATERAL_DISH_MM - ATTRITION_MM[knee.grades["XRATTL"]]
    tilt = np.float32((lateral - medial) / (2 * CONDYLE_X_MM))
    q = p.scaled(1 / shape.size)
    return Points(q.x + tilt * (q.z - np.float32(20)), q.y, q.z - np.float32((medial + lateral) / 2) - tilt * q.x)


def _condyles(knee: Knee, q: Points) -> Field:
    """Two wheels side by side, balls behind and rounded treads below, that fall away towards the notch."""
    f = np.float32
    wheels, edge = [], f(knee.shape.condyle_rounding_mm)
    round_edge = edge * (f(0.75) + f(0.7) / (1 + np.exp(np.clip((q.y + f(14.0)) / f(4.0), -30, 30))))
    below = f(0.35) + f(0.65) / (1 + np.exp(np.clip((q.z - f(10.0)) / f(2.5), -30, 30)))  # their inner walls are steep
    for side, radius, back in ((-1.0, 20.4, -9.0), (1.0, 19.8, -8.6)):
        across = q.x * f(side) - f(CONDYLE_X_MM)
        inner = f(0.036 + 0.016 * knee.shape.dish) * below  # the condyles curve up to the notch
        crown = f(0.008) * np.maximum(across - f(1.0), 0) ** 2 + inner * np.minimum(across - f(2.0), 0) ** 2
        rise = q.z - f(radius)
        rise = np.where(rise > 0, f(0.95) * rise, rise)  # above its middle the wheel runs out into the shaft
        posterior = np.hypot(q.y - f(back), rise) - f(radius)
        distal = np.hypot(q.y - f(2.0), q.z - f(30.0)) - f(29.9)
        distal = common(distal, (q.z - f(31.0) + np.maximum(q.y - f(2.0), 0)) * f(0.72), 8.0)
        profile = union(posterior, common(distal, f(-20.0) - q.y, 6.0), 3.0) + crown
        wheels.append(extruded(profile, across + f(0.2), 16.4, round_edge))
    return np.minimum(*wheels)


def tunnel(knee: Knee) -> Solid:
    """The room between the condyles, in reference mm of the femur."""
    return Solid(distance=lambda part: notch(knee, part), low=(-22.0, -50.0, -20.0), high=(22.0, 20.0, 62.0))


def notch(knee: Knee, q: Points) -> Field:
    """Between the condyles: a tunnel with steep walls behind, a low tent in front; the roof rises backwards."""
    f = np.float32
    half_width = f(knee.shape.notch_half_width_mm)
    u, v = np.abs(q.x) / (half_width + f(0.5)), np.abs(q.z) / np.clip(f(24.0) - f(1.3) * q.y, 6.0, 60.0)
    hollow = ((u ** f(2.3) + v ** f(2.3) + f(1e-6)) ** f(1 / 2.3) - 1) * half_width
    peak = np.clip(f(7.5) - f(0.28) * q.y, 3.8, 12.0) * np.exp(-((np.abs(q.x) / (half_width + f(1.0))) ** f(1.8)))
    tent = common((q.z - peak) * f(0.8), np.abs(q.x) - f(1.7) * half_width, 2.0)
    front = 1 / (1 + np.exp(np.clip((f(10.0) - q.y) / f(1.2), -30, 30)))
    return common(hollow + front * (tent - hollow), q.y - f(18.0), 4.0)


def _trochlea(knee: Knee, q: Points) -> Field:
    """The grooved pulley in front that joins the condyles; its lateral lip stands further forward."""
    f = np.float32
    groove = np.exp(-(((q.x - f(groove_x_mm(knee))) / f(9.5)) ** 2)) * np.clip((f(47.0) - q.z) / f(16.0), 0.1, 1.0)
    lateral_lip = f(1.8) * np.clip(q.x / f(18.0), 0, 1)
    reach = (
        f(27.4)
        - f(3.4) * groove
        - f(0.012) * np.maximum(q.z - f(30.0), 0) ** 2
        + lateral_lip
        - f(0.015) * np.maximum(np.abs(q.x) - f(13.0), 0) ** 2
    )
    pulley = np.hypot(q.y - f(6.0), (q.z - f(27.0)) * f(0.97)) - reach
    pulley = common(pulley, np.abs(q.x) - f(35.5), 9.0)
    return common(pulley, f(-14.0) - q.y, 5.0)


def groove_x_mm(knee: Knee) -> float:
    """Where the groove runs, reference mm: it half follows the patella, or the patella the groove."""
    return 1.0 + 0.6 * (knee.shape.patella_x_mm - 2.5)
