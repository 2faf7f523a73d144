"""Everything soft in one knee as signed distances: skin, muscles, tendons, ligaments, vessels.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk and fat are apart from that.
"""

import numpy as np

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
    (38, -19, -30, 4, 3),
    (26, -21, -34, 11, 6),
    (8, -21, -35, 16, 7.5),
    (-12, -21, -33, 20, 9.5),
    (-35, -24, -30, 24, 13),
    (-70, -26, -28, 27, 15),
    (-110, -26, -28, 27, 16),
)
_GASTROCNEMIUS_LATERAL: Knots = (
    (38, 20, -29, 4, 3),
    (26, 21, -33, 10, 6),
    (8, 21, -34, 15, 7.5),
    (-12, 21, -33, 19, 9),
    (-35, 24, -30, 22, 12),
    (-70, 26, -28, 25, 14),
    (-110, 26, -28, 25, 15),
)
_SOLEUS: Knots = (
    (-14, 6, -25, 8, 3),
    (-24, 6, -23, 22, 5),
    (-40, 3, -18, 32, 8),
    (-65, 2, -14, 39, 9),
    (-110, 1, -13, 41, 10),
)
_POPLITEUS: Knots = ((2, 16, -27, 7, 3), (-12, 4, -27, 17, 4), (-32, -10, -23, 19, 6), (-60, -16, -17, 12, 6))
_ANTERIOR: Knots = (
    (-16, 33, 0, 3, 4),
    (-28, 35, -1, 7, 9),
    (-44, 34, -2, 11, 13),
    (-72, 32, -2, 15, 15),
    (-120, 31, -2, 16, 16),
)
_PERONEI: Knots = ((-22, 45, -16, 2, 5), (-34, 46, -14, 5, 9), (-60, 45, -12, 8, 12), (-110, 43, -12, 10, 13))
_BICEPS: Knots = (
    (110, 25, -27, 22, 16),
    (70, 30, -27, 18, 15),
    (42, 36, -27, 13, 13),
    (18, 41, -26, 8, 9),
    (0, 42, -25, 4, 6),
)
_SEMIMEMBRANOSUS: Knots = (
    (110, -24, -26, 22, 14),
    (70, -28, -26, 20, 14),
    (42, -32, -28, 14, 12),
    (18, -36, -29, 8, 9),
    (-4, -35, -27, 4, 5),
)
_SEMITENDINOSUS: Knots = (
    (110, -17, -44, 12, 6),
    (70, -25, -43, 9, 5),
    (40, -33, -41, 5, 4),
    (10, -39, -37, 2.8, 3),
    (-30, -37, -20, 2.6, 3),
)
_SARTORIUS: Knots = (
    (110, -48, -12, 7, 15),
    (70, -50, -19, 6, 12),
    (30, -49, -25, 5, 10),
    (0, -47, -24, 3.2, 7),
    (-25, -40, -12, 2, 4),
)
_VASTUS_MEDIALIS: Knots = (
    (14, -42, -1, 2, 5),
    (24, -45, -1, 6, 11),
    (40, -44, -2, 12, 17),
    (60, -41, -2, 17, 20),
    (85, -37, 0, 20, 22),
    (120, -34, 2, 20, 23),
)
_VASTUS_LATERALIS: Knots = (
    (28, 42, -4, 2, 6),
    (42, 43, -4, 6, 13),
    (60, 41, -3, 13, 17),
    (85, 38, -1, 18, 20),
    (120, 36, 1, 19, 22),
)
_RECTUS: Knots = ((66, 2, 30, 8, 2), (82, 3, 29, 18, 5), (120, 4, 28, 24, 9))

MUSCLES: tuple[Knots, ...] = (
    _GASTROCNEMIUS_MEDIAL, _GASTROCNEMIUS_LATERAL, _SOLEUS, _POPLITEUS, _ANTERIOR, _PERONEI, _BICEPS,
    _SEMIMEMBRANOSUS, _SEMITENDINOSUS, _SARTORIUS, _VASTUS_MEDIALIS, _VASTUS_LATERALIS, _RECTUS,
)  # fmt: skip

_VESSELS: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...] = (
    ((-6, -32, 120), (-2, -37, 45), 2.4), ((-2, -37, 45), (1, -35, 10), 2.4), ((1, -35, 10), (4, -31, -40), 2.2),
    ((4, -31, -40), (8, -28, -110), 1.8), ((5, -38, 110), (1, -42, 55), 2.4), ((1, -42, 55), (5, -41, 15), 2.4),
    ((5, -41, 15), (2, -36, -30), 2.1), ((2, -36, -30), (5, -33, -110), 2.0),
    ((1, -36, 12), (-16, -37, 18), 1.1), ((-16, -37, 18), (-40, -30, 14), 0.9), ((1, -36, 10), (18, -36, 16), 1.1),
    ((18, -36, 16), (38, -30, 12), 0.9), ((-1, -37, 34), (-38, -10, 44), 1.0), ((8, -50, 30), (5, -46, -25), 1.3),
    ((5, -46, -25), (8, -48, -110), 1.3), ((-50, -35, 60), (-52, -26, 5), 1.6), ((-52, -26, 5), (-51, -16, -100), 1.6),
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


def muscles(knee: Knee, p: Points) -> Field:
    """Distance to the nearest muscle, mm; neighbours keep a thin layer of fat between them."""
    q = p.scaled(1 / knee.shape.size)
    bulk = knee.shape.muscle
    nearest = nowhere(q)
    for knots in MUSCLES:
        add(nearest, q, boxed_column(tuple((z, x, y, a * bulk, b * bulk) for z, x, y, a, b in knots)), _beside)
    return nearest * np.float32(knee.shape.size)


def _beside(a: Field, b: Field) -> Field:
    """Both muscles, with fat where they meet."""
    return np.maximum(np.minimum(a, b), np.float32(0.9) - np.float32(0.6) * np.abs(a - b))


def vessels(knee: Knee, p: Points) -> Field:
    """Distance to the popliteal vessels and their branches, mm."""
    q = p.scaled(1 / knee.shape.size)
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
    add(nearest, q, boxed_column(((z - 12, x, 38, 12, 3), (z - 30, x, 34, 11, 2.6), (-32, 4, 25, 10, 2.8))))
    add(nearest, q, boxed_column(((z + 14, x, 38, 15, 3), (z + 40, x, 32, 14, 3.6), (130, x, 24, 13, 3))))
    return nearest * np.float32(shape.size)


def collaterals(knee: Knee, p: Points) -> Field:
    """Distance to the collateral ligaments, the iliotibial band and the biceps tendon, mm."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    nearest = nowhere(q)
    fx, fz = shape.fibula_x_mm, shape.fibula_z_mm
    for solid in (
        boxed_column(((30, -40.5, -4, 1.3, 6), (8, -42.0, -3, 1.2, 6), (-8, -41.5, -2, 1.2, 6), (-55, -27, 2, 1.1, 5))),
        boxed_column(((90, 46, 4, 1.1, 10), (30, 44, 8, 1.1, 8), (0, 41, 13, 1.3, 6), (-14, 35, 14, 1.5, 5))),
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


def capsule_space(knee: Knee, p: Points) -> Field:
    """Distance to the inside of the joint capsule, mm: notch, recesses and the pouch above the patella."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    notch = ellipsoid(q, (0, -8, 10), (14, 20, 16))
    gutters = column(q, ((34, 0, 0, 38.5, 22), (20, 0, -2, 40, 27), (4, 0, -3, 39.5, 27), (-3, 0, -3, 37, 24)), 2.6)
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
