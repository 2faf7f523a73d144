"""Everything soft in one knee as signed distances: skin, muscles, tendons, ligaments, vessels.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk and fat are apart from that.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.anatomy import Knee
from xrmri.phantom.sdf import (
    Field,
    Knots,
    Points,
    add,
    boxed_capsule,
    boxed_column,
    column,
    ellipsoid,
    fillet,
    nowhere,
)

# (z, x, y, half-width, half-depth), mm, for a knee of size 1 and muscle of average bulk
_GASTROCNEMIUS_MEDIAL: Knots = (
    (34, -19, -28, 3, 3),
    (22, -20, -31, 11, 7),
    (5, -19.5, -33.5, 18, 10),
    (-15, -20, -34, 21.5, 13),
    (-40, -21, -33.5, 24, 15),
    (-75, -22, -33, 26, 16),
    (-120, -21, -32, 25, 16),
)
_GASTROCNEMIUS_LATERAL: Knots = (
    (36, 19, -27, 3, 3),
    (24, 20, -30, 10, 6.5),
    (5, 20, -32.5, 17, 9.5),
    (-15, 20.5, -33, 20.5, 12),
    (-40, 21, -32.5, 23.5, 14),
    (-75, 22, -32, 25, 15),
    (-120, 21, -31, 24, 15),
)
_SOLEUS: Knots = (
    (-10, 8, -25, 8, 3),
    (-24, 6, -23, 26, 7),
    (-45, 4, -18, 36, 11),
    (-75, 2, -13, 41, 13),
    (-120, 1, -12, 42, 14),
)
_POPLITEUS: Knots = ((4, 20, -27, 6, 3), (-10, 8, -27, 17, 4), (-30, -8, -22, 20, 6), (-60, -14, -16, 13, 6))
_ANTERIOR: Knots = (
    (-12, 34, -1, 3, 4),
    (-26, 36, -1, 7, 10),
    (-44, 35, -1, 13, 14),
    (-72, 32, -1, 17, 16),
    (-120, 31, -2, 17, 17),
)
_PERONEI: Knots = ((-18, 45, -16, 2, 5), (-34, 46, -14, 6, 11), (-60, 45, -12, 9, 14), (-120, 43, -12, 11, 15))
_BICEPS: Knots = (
    (120, 26, -31, 23, 19),
    (80, 29, -31, 20, 18),
    (45, 34, -31, 15, 15),
    (20, 39, -30, 9, 11),
    (2, 42, -27, 5, 7),
    (-14, 41, -23, 2, 3),
)
_SEMIMEMBRANOSUS: Knots = (
    (120, -22, -32, 24, 20),
    (80, -25, -32, 21, 18),
    (45, -29, -33, 16, 14),
    (20, -34, -32, 10, 11),
    (2, -36, -29, 6, 7),
    (-14, -34, -24, 2, 3),
)
_SARTORIUS: Knots = (
    (120, -46, -16, 7, 15),
    (70, -48, -22, 7, 12),
    (30, -48, -27, 5.5, 10),
    (0, -46, -24, 3.5, 7),
    (-25, -40, -12, 2.2, 5),
)
_VASTUS_MEDIALIS: Knots = (
    (10, -42, 3, 3, 7),
    (24, -43, 4, 7, 13),
    (40, -41, 5, 13, 20),
    (60, -37, 6, 19, 24),
    (85, -33, 8, 22, 26),
    (120, -30, 8, 24, 27),
)
_VASTUS_MEDIALIS_OBLIQUE: Knots = (
    (20, -33, 17, 4, 5),
    (32, -31, 20, 10, 9),
    (55, -27, 23, 15, 12),
    (85, -24, 26, 18, 13),
    (120, -23, 26, 19, 14),
)
_VASTUS_LATERALIS: Knots = (
    (28, 42, 0, 3, 7),
    (42, 42, 2, 8, 15),
    (60, 38, 4, 15, 21),
    (85, 34, 6, 20, 24),
    (120, 32, 6, 22, 25),
)
_VASTUS_LATERALIS_OBLIQUE: Knots = (
    (36, 29, 19, 5, 5),
    (52, 28, 22, 12, 9),
    (80, 26, 25, 16, 11),
    (120, 25, 26, 17, 12),
)
_INTERMEDIUS: Knots = ((50, 2, 18, 6, 1.5), (64, 2, 20, 16, 3.5), (90, 3, 21, 24, 6), (120, 4, 22, 27, 7))

MUSCLES: tuple[tuple[Knots, float], ...] = (
    (_GASTROCNEMIUS_MEDIAL, 0.16), (_GASTROCNEMIUS_LATERAL, -0.16), (_BICEPS, -0.12), (_SEMIMEMBRANOSUS, 0.14),
    (_SOLEUS, 0.05), (_POPLITEUS, -0.9), (_ANTERIOR, -0.10), (_PERONEI, 0.12), (_SARTORIUS, 0.05),
    (_VASTUS_MEDIALIS, 0.45), (_VASTUS_LATERALIS, -0.35), (_VASTUS_MEDIALIS_OBLIQUE, 0.7),
    (_VASTUS_LATERALIS_OBLIQUE, -0.5), (_INTERMEDIUS, 0.0),
)  # fmt: skip
"""Outline of each muscle, and how far its fibres lean to the side as they rise (mm per mm)."""

_VESSELS: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...] = (
    ((-8, -20, 120), (-3, -25, 60), 2.2), ((-3, -25, 60), (1, -35, 20), 2.2), ((1, -35, 20), (3, -29, -30), 2.0),
    ((3, -29, -30), (7, -20, -110), 1.6), ((3, -24, 120), (2, -31, 62), 2.3), ((2, -31, 62), (6, -40, 22), 2.3),
    ((6, -40, 22), (3, -34, -28), 2.0), ((3, -34, -28), (4, -25, -110), 1.8),
    ((1, -36, 12), (-16, -33, 18), 1.0), ((-16, -33, 18), (-40, -27, 14), 0.8), ((1, -36, 10), (18, -33, 16), 1.0),
    ((18, -33, 16), (38, -27, 12), 0.8), ((-1, -34, 34), (-38, -10, 44), 0.9), ((8, -48, 30), (5, -44, -25), 1.1),
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


def muscles(knee: Knee, p: Points, septum_mm: Field) -> tuple[Field, NDArray[np.int8]]:
    """Distance to the nearest muscle, mm, and which of MUSCLES it is.

    Args:
        knee: the knee.
        p: places.
        septum_mm: (Y, Z, X) half the thickness of the fat where two muscles meet; 0 or less: none.
    """
    q = p.scaled(1 / knee.shape.size)
    bulk = knee.shape.muscle
    nearest, owner = nowhere(q), np.zeros(p.span(), dtype=np.int8)
    for number, (knots, _) in enumerate(MUSCLES):
        solid = boxed_column(tuple((z, x, y, a * bulk, b * bulk) for z, x, y, a, b in knots), 2.3)
        box = q.box(solid.low, solid.high)
        other, own = nearest[box], solid.distance(q.cut(box))
        owner[box][own < other] = number
        nearest[box] = np.maximum(np.minimum(other, own), septum_mm[box] - np.float32(0.7) * np.abs(other - own))
    return nearest * np.float32(knee.shape.size), owner


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
    add(nearest, q, boxed_column(((z - 12, x, 38, 12, 3), (z - 30, x, 34, 11, 2.6), (-32, 4, 25, 9, 2.2), (-40, 4, 22, 3, 0.5))))
    add(nearest, q, boxed_column(((z + 14, x, 38, 15, 3), (z + 40, x, 32, 14, 3.6), (130, x, 24, 13, 3))))
    return nearest * np.float32(shape.size)


def collaterals(knee: Knee, p: Points) -> Field:
    """Distance to the collateral ligaments, the iliotibial band and the biceps tendon, mm."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    nearest = nowhere(q)
    fx, fz = shape.fibula_x_mm, shape.fibula_z_mm
    for solid in (
        boxed_column(((34, -39.5, -4, 0.4, 3), (24, -40.5, -4, 1.3, 6), (8, -42.0, -3, 1.2, 6), (-8, -41.5, -2, 1.1, 6),
             (-40, -33, 0, 0.8, 5), (-60, -26, 2, 0.2, 2))),
        boxed_column(((90, 46, 4, 1.1, 10), (30, 44, 8, 1.1, 8), (0, 41, 13, 1.3, 6), (-12, 36, 14, 1.0, 4), (-20, 32, 14, 0.2, 2))),
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
    return np.maximum(np.maximum(sheet, np.float32(-8.0) - q.y), np.abs(q.z - np.float32(15)) - np.float32(34)) * np.float32(knee.shape.size)


def capsule_space(knee: Knee, p: Points) -> Field:
    """Distance to the inside of the joint capsule, mm: notch, recesses and the pouch above the patella."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    notch = ellipsoid(q, (0, -8, 10), (14, 20, 16))
    gutters = column(q, ((42, 0, 0, 30, 16), (34, 0, 0, 38, 22), (20, 0, -2, 40, 27), (4, 0, -3, 39.5, 27), (-3, 0, -3, 37, 24), (-6, 0, -3, 25, 14)), 2.6)
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
