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
    ellipsoid,
    fillet,
    nowhere,
)

_VESSELS: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...] = (
    ((-8, -20, 120), (-3, -25, 60), 2.2), ((-3, -25, 60), (1, -35, 20), 2.2), ((1, -35, 20), (3, -29, -30), 2.0),
    ((3, -29, -30), (7, -20, -110), 1.6), ((3, -24, 120), (2, -31, 62), 2.3), ((2, -31, 62), (6, -40, 22), 2.3),
    ((6, -40, 22), (3, -34, -28), 2.0), ((3, -34, -28), (4, -25, -110), 1.8),
    ((1, -33, 16), (-14, -27, 23), 0.8), ((-14, -27, 23), (-40, -24, 14), 0.7), ((3, -30, 6), (18, -36, 9), 0.8),
    ((18, -36, 9), (38, -27, 12), 0.7), ((-1, -34, 34), (-38, -10, 44), 0.9), ((8, -48, 30), (5, -44, -25), 1.1),
    ((5, -44, -25), (8, -47, -110), 1.1), ((-50, -33, 60), (-52, -26, 5), 1.4), ((-52, -26, 5), (-51, -10, -100), 1.4),
    ((-20, -36, -5), (-24, -30, -60), 0.8), ((20, -35, -5), (24, -29, -60), 0.8), ((-40, 4, 60), (-36, 20, 20), 0.7),
)  # fmt: skip


def limb(knee: Knee, p: Points) -> Field:
    """Distance to the skin, mm: boxy in section, wider above and behind than below and in front."""
    shape = knee.shape
    s, fat, bulk = shape.size, shape.fat_mm, shape.muscle
    knots = (
        (220.0, 2.0, -4.0, 62 * s * bulk + 1.1 * fat, 52 * s * bulk + 1.2 * fat),
        (100.0, 0.0, -6.0, 58 * s * bulk + 1.0 * fat, 51 * s * bulk + 1.1 * fat),
        (50.0, -1.0, -6.5, 55.5 * s + 0.95 * fat, 49 * s + 1.05 * fat),
        (18.0, -1.0, -6.0, 53.0 * s + 0.88 * fat, 47.5 * s + 0.9 * fat),
        (-8.0, 0.5, -7.5, 52.0 * s + 0.85 * fat, 46 * s + 0.8 * fat),
        (-40.0, 0.5, -9.5, 52.5 * s + 0.85 * fat, 46 * s * bulk + 0.85 * fat),
        (-85.0, 0.0, -11.0, 52.0 * s * bulk + 0.85 * fat, 46.5 * s * bulk + 0.8 * fat),
        (-220.0, 0.0, -14.0, 38.0 * s * bulk + 0.6 * fat, 34 * s * bulk + 0.6 * fat),
    )
    return column(p, knots, 3.0)


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
    patellar = ((z - 12, x, 38, 12, 3), (z - 30, x, 34, 11, 2.6), (-32, 4, 25, 9, 2.2), (-40, 4, 22, 3, 0.5))
    quadriceps = ((z + 14, x, 38, 15, 3), (z + 40, x, 32, 14, 3.6), (130, x, 24, 13, 3))
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


def retinacula(knee: Knee, p: Points) -> Field:
    """Distance to the sheets of the capsule beside and before the joint, mm."""
    q = p.scaled(1 / knee.shape.size)
    knots = ((80, 2, 0, 12, 20), (60, 1, -2, 34, 30), (45, 1, -2, 40, 33), (22, 0, -2, 43, 35), (0, 0, -3, 42, 34),
             (-22, 0, -3, 36, 30), (-60, 0, -3, 20, 20))  # fmt: skip
    sheet = np.abs(column(q, knots, 2.5)) - np.float32(0.4)
    ends = np.maximum(np.float32(-8.0) - q.y, np.abs(q.z - np.float32(15)) - np.float32(34))
    return np.maximum(sheet, ends) * np.float32(knee.shape.size)


def capsule_space(knee: Knee, p: Points) -> Field:
    """Distance to the inside of the joint capsule, mm: notch, recesses and the pouch above the patella."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    notch = ellipsoid(q, (0, -8, 10), (14, 20, 16))
    gutters = column(
        q,
        (
            (54, 0, 0, 6, 6),
            (42, 0, 0, 30, 16),
            (34, 0, 0, 38, 22),
            (20, 0, -2, 40, 27),
            (4, 0, -3, 39.5, 27),
            (-3, 0, -3, 37, 24),
            (-6, 0, -3, 25, 14),
        ),
        2.2,
    )
    pouch = column(
        q,
        (
            (72, 2, 20, 2, 0.4),
            (60, 2, 21, 9, 1.0),
            (45, 2, 23, 15, 1.6),
            (30, 2, 23, 20, 3),
            (16, 2, 22, 14, 3),
            (8, 2, 21, 4, 1),
        ),
    )
    return np.minimum(np.minimum(notch, gutters), pouch) * np.float32(shape.size) - np.float32(shape.effusion_mm)


def meniscus_depth(knee: Knee, p: Points) -> Field:
    """How far inside the outer rim of its meniscus a place is, mm; negative where there can be none."""
    q = p.scaled(1 / knee.shape.size)
    f = np.float32
    rims = []
    for side, centre_x, a, b in ((-1.0, -19.0, 21.5, 24.0), (1.0, 19.5, 21.0, 20.5)):
        u, v = (q.x - f(centre_x)) / f(a), (q.y + f(4.0)) / f(b)
        inward = (1 - np.sqrt(u * u + v * v)) * f(min(a, b))
        rims.append(np.minimum(inward, f(side) * q.x - f(7.0)))  # no meniscus between the spines
    return np.maximum(rims[0], rims[1]) * f(knee.shape.size)
