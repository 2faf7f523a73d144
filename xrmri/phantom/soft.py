"""Everything soft in one knee but its muscles, as signed distances: skin, tendons, ligaments, vessels, capsule.

Points are in the frame of the tibia, mm, and scaled with the bones; fat is apart from that.
"""

import numpy as np

from xrmri.phantom.anatomy import Knee
from xrmri.phantom.sdf import (
    Field,
    Points,
    add,
    boxed_capsule,
    boxed_column,
    column,
    common,
    ellipsoid,
    fillet,
    nowhere,
)

_EXTRUSION_MM = (0.0, 0.8, 2.2, 3.8)
"""How far a meniscus is pushed out of a joint space narrowed by grade 0-3; 3 mm and more is called major."""
_VESSELS: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...] = (
    ((-9, -20, 120), (-4, -22, 60), 2.9), ((-4, -22, 60), (0, -33, 20), 2.9), ((0, -33, 20), (2, -27, -30), 2.7),
    ((2, -27, -30), (6, -20, -110), 2.0), ((2, -25, 120), (3, -31, 62), 3.7), ((3, -31, 62), (7, -41, 22), 3.9),
    ((7, -41, 22), (5, -35, -28), 3.4), ((5, -35, -28), (6, -26, -110), 2.3),
    ((1, -33, 16), (-14, -27, 23), 0.8), ((-14, -27, 23), (-40, -24, 14), 0.7), ((3, -30, 6), (18, -36, 9), 0.8),
    ((18, -36, 9), (38, -27, 12), 0.7), ((-1, -34, 34), (-38, -10, 44), 0.9), ((8, -48, 30), (5, -44, -25), 1.1),
    ((5, -44, -25), (8, -47, -110), 1.1), ((-50, -33, 60), (-52, -26, 5), 1.4), ((-52, -26, 5), (-51, -10, -100), 1.4),
    ((-40, 4, 60), (-36, 20, 20), 0.7),
)  # fmt: skip


def limb(knee: Knee, p: Points) -> Field:
    """Distance to the skin, mm: boxy in section behind, and a blunt wedge in front that ends on patella and shin."""
    shape = knee.shape
    s, fat = (1 + shape.size) / 2, shape.fat_mm  # soft tissue follows the bones half way
    b = s * shape.muscle
    j = (s + b) / 2  # about the joint there is little muscle
    heights, widths, backs, fronts, wedges = np.array(
        (
            (220.0, 61 * b + 1.3 * fat, 55 * b + 1.3 * fat, 52 * b + 0.8 * fat, 47 * s + 0.8 * fat),
            (90.0, 58 * b + 1.25 * fat, 54 * b + 1.2 * fat, 51 * b + 0.6 * fat, 42 * s + 0.6 * fat),
            (50.0, 56 * j + 1.2 * fat, 53 * s + 1.1 * fat, 52.5 * s + 0.4 * fat, 37 * s + 0.55 * fat),
            (18.0, 55 * j + 1.15 * fat, 51 * s + 1.0 * fat, 53.5 * s + 0.3 * fat, 33.5 * s + 0.5 * fat),
            (-8.0, 53.5 * j + 1.1 * fat, 51 * s + 1.0 * fat, 47 * s + 0.4 * fat, 32 * s + 0.5 * fat),
            (-40.0, 54.5 * j + 1.05 * fat, 54 * b + 1.0 * fat, 38 * s + 0.5 * fat, 30 * s + 0.5 * fat),
            (-85.0, 55 * b + 1.0 * fat, 55 * b + 0.9 * fat, 36 * s + 0.5 * fat, 31 * s + 0.5 * fat),
            (-220.0, 39 * b + 0.6 * fat, 39 * b + 0.6 * fat, 28 * s + 0.5 * fat, 22 * s + 0.5 * fat),
        )
    ).T
    middles = -fat * np.interp(heights, (-85.0, -20.0, 30.0, 90.0), (0.0, 0.2, 0.2, 0.05))  # most fat lies medially
    knots = tuple(zip(heights, middles, (fronts - backs) / 2, widths, (fronts + backs) / 2, strict=True))
    wedge = np.interp(p.z, heights[::-1], wedges[::-1]).astype(np.float32) - np.float32(0.85) * (p.y - np.float32(31.0))
    return common(column(p, knots, 3.0), (np.abs(p.x) - wedge) * np.float32(0.76), 22.0)


def vessels(knee: Knee, p: Points) -> Field:
    """Distance to the popliteal vessels and their branches, mm; they wind."""
    q = p.scaled(1 / knee.shape.size)
    phase = np.float32(knee.shape.texture_seed % 628) / np.float32(100)
    wound = np.float32(1.4) * np.sin(q.z / np.float32(8.5) + phase)
    q = Points(q.x + wound, q.y + np.float32(0.8) * wound, q.z)
    nearest = nowhere(q)
    for start, end, radius in _VESSELS:
        add(nearest, q, boxed_capsule(start, end, radius), fillet(2.0))
    return nearest * np.float32(knee.shape.size)


def extensor_tendons(knee: Knee, p: Points) -> Field:
    """Distance to the quadriceps and patellar tendons, mm."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    nearest = nowhere(q)
    x, z = shape.patella_x_mm, shape.patella_z_mm + 5.0
    patellar = ((z - 12, x, 48, 12, 2.6), (z - 26, x, 43, 12, 2.6), (-26, 4, 30, 11, 2.4), (-40, 4, 27.5, 8, 1.0))
    quadriceps = ((z + 14, x, 46, 15, 3), (z + 36, x, 38, 15, 3.6), (130, x, 30, 13, 3))
    for knots in (patellar, quadriceps):
        add(nearest, q, boxed_column(knots))
    return nearest * np.float32(shape.size)


def collaterals(knee: Knee, p: Points) -> Field:
    """Distance to the collateral ligaments, the iliotibial band and the biceps tendon, mm."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    nearest = nowhere(q)
    fx, fz = shape.fibula_x_mm, shape.fibula_z_mm
    medial = (
        (34, -39.5, -4, 0.4, 3),
        (24, -40.5, -4, 1.3, 6),
        (8, -42.0, -3, 1.2, 6),
        (-8, -41.5, -2, 1.1, 6),
        (-40, -33, 0, 0.8, 5),
        (-60, -26, 2, 0.2, 2),
    )
    iliotibial = (
        (90, 46, 4, 1.1, 10),
        (30, 44, 8, 1.1, 8),
        (0, 41, 13, 1.3, 6),
        (-12, 36, 14, 1.0, 4),
        (-20, 32, 14, 0.2, 2),
    )
    for solid in (
        boxed_column(medial),
        boxed_column(iliotibial),
        boxed_capsule((39.0, -6.0, 24.0), (fx + 6.5, -19.0, fz + 3), 1.7),
        boxed_capsule((40.5, -29.0, 20.0), (fx + 5.5, -22.0, fz + 4), 2.4),
    ):
        add(nearest, q, solid)
    return nearest * np.float32(shape.size)


def cruciates(knee: Knee, p: Points) -> Field:
    """Distance to the cruciate ligaments in the notch, mm."""
    q = p.scaled(1 / knee.shape.size)
    nearest = nowhere(q)
    for start, end, radius in (
        ((-1, 9, 3), (3, -2, 12), 4.0), ((3, -2, 12), (8, -12, 23), 4.4),
        ((0, -25, -4), (-1, -18, 8), 5.0), ((-1, -18, 8), (-6, 0, 16), 5.0),
    ):  # fmt: skip
        add(nearest, q, boxed_capsule(start, end, radius), fillet(1.0))
    return nearest * np.float32(knee.shape.size)


def notch_space(knee: Knee, p: Points) -> Field:
    """Distance to the fat, folds and fluid between the condyles, mm."""
    q = p.scaled(1 / knee.shape.size)
    return ellipsoid(q, (0, -9, 13), (14, 21, 24)) * np.float32(knee.shape.size)


def recesses(knee: Knee, p: Points) -> Field:
    """Distance to where fluid gathers about the femur, mm: both gutters and the pouch above the patella."""
    q = p.scaled(1 / knee.shape.size)
    knots = ((64, 2, 22, 5, 4), (54, 2, 16, 18, 16), (42, 1, 9, 36, 25), (26, 0, 5, 42, 30), (8, 0, 3, 41, 28),
             (-2, 0, 0, 37, 24), (-4, 0, 0, 30, 18))  # fmt: skip
    return column(q, knots, 2.0) * np.float32(knee.shape.size)


def meniscus_depth(knee: Knee, p: Points) -> Field:
    """How far inside the outer rim of its meniscus a place is, mm; negative where there can be none."""
    q = p.scaled(1 / knee.shape.size)
    f = np.float32
    rims = []
    for side, variable, centre_x, a, b in ((-1.0, "XRJSM", -19.0, 21.5, 24.0), (1.0, "XRJSL", 19.5, 21.0, 20.5)):
        pushed_out = side * _EXTRUSION_MM[knee.grades[variable]]
        u, v = (q.x - f(centre_x + pushed_out)) / f(a), (q.y + f(4.0)) / f(b)
        inward = (1 - np.sqrt(u * u + v * v)) * f(min(a, b))
        rims.append(np.minimum(inward, f(side) * q.x - f(7.0)))  # no meniscus between the spines
    return np.maximum(rims[0], rims[1]) * f(knee.shape.size)
