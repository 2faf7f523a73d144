"""Everything soft in one knee as signed distances: skin, muscles, tendons, ligaments, vessels.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk and fat are apart from that.
"""

import numpy as np

from xrmri.phantom.anatomy import Knee
from xrmri.phantom.sdf import Field, Points, capsule, column, common, ellipsoid, union

Knots = tuple[tuple[float, float, float, float, float], ...]

# (z, x, y, half-width, half-depth), mm, for a knee of size 1 and muscle of average bulk
_GASTROCNEMIUS_MEDIAL: Knots = ((34, -19, -30, 5, 3), (22, -20, -36, 12, 8), (0, -20, -42, 16, 11), (-25, -21, -42, 20, 14), (-60, -23, -40, 23, 17), (-110, -23, -40, 23, 18))  # fmt: skip
_GASTROCNEMIUS_LATERAL: Knots = ((36, 20, -29, 5, 3), (22, 20, -35, 11, 8), (0, 20, -40, 14, 10), (-25, 20, -41, 18, 13), (-60, 22, -40, 20, 16), (-110, 22, -40, 20, 17))  # fmt: skip
_SOLEUS: Knots = ((-16, 4, -26, 8, 3), (-26, 5, -26, 20, 5), (-45, 4, -24, 28, 9), (-70, 3, -23, 33, 12), (-110, 2, -22, 34, 14))  # fmt: skip
_POPLITEUS: Knots = ((0, 14, -27, 8, 3), (-15, 2, -27, 16, 5), (-35, -10, -24, 16, 6), (-60, -12, -19, 8, 4))
_ANTERIOR: Knots = ((-16, 30, 4, 3, 4), (-28, 31, 3, 8, 10), (-45, 30, 2, 12, 14), (-75, 27, 2, 15, 17), (-120, 24, 2, 15, 18))  # fmt: skip
_PERONEI: Knots = ((-24, 43, -16, 2, 4), (-36, 42, -14, 4, 8), (-60, 40, -12, 7, 11), (-110, 37, -12, 9, 12))
_BICEPS: Knots = ((110, 24, -38, 17, 15), (70, 29, -37, 14, 14), (40, 35, -35, 9, 12), (15, 39, -31, 5, 8), (0, 40, -27, 3, 5))  # fmt: skip
_SEMIMEMBRANOSUS: Knots = ((110, -22, -38, 18, 14), (70, -26, -38, 16, 13), (40, -31, -37, 11, 11), (15, -34, -34, 6, 8), (-4, -33, -29, 3, 4))  # fmt: skip
_SEMITENDINOSUS: Knots = ((110, -17, -54, 11, 7), (70, -25, -53, 8, 6), (40, -32, -49, 4, 4), (10, -38, -42, 2.6, 2.6), (-30, -36, -20, 2.6, 2.6))  # fmt: skip
_SARTORIUS: Knots = ((110, -44, -14, 6, 15), (70, -46, -22, 5, 12), (30, -46, -28, 4, 9), (0, -45, -26, 2.5, 6), (-25, -39, -12, 2, 4))  # fmt: skip
_VASTUS_MEDIALIS: Knots = ((14, -39, 8, 2, 5), (24, -42, 8, 6, 11), (40, -40, 8, 12, 17), (60, -36, 8, 17, 21), (85, -32, 9, 19, 24), (120, -28, 10, 20, 26))  # fmt: skip
_VASTUS_LATERALIS: Knots = ((28, 39, 4, 2, 6), (42, 39, 6, 6, 13), (62, 36, 8, 13, 20), (85, 33, 9, 17, 24), (120, 30, 10, 20, 26))  # fmt: skip
_RECTUS: Knots = ((62, 2, 31, 8, 3), (80, 3, 30, 18, 7), (120, 4, 30, 24, 11))

MUSCLES: tuple[Knots, ...] = (
    _GASTROCNEMIUS_MEDIAL, _GASTROCNEMIUS_LATERAL, _SOLEUS, _POPLITEUS, _ANTERIOR, _PERONEI, _BICEPS,
    _SEMIMEMBRANOSUS, _SEMITENDINOSUS, _SARTORIUS, _VASTUS_MEDIALIS, _VASTUS_LATERALIS, _RECTUS,
)  # fmt: skip

_VESSELS: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...] = (
    ((-4, -34, 120), (-1, -38, 40), 3.0), ((-1, -38, 40), (1, -35, -20), 3.0), ((1, -35, -20), (6, -31, -110), 2.2),
    ((2, -43, 110), (4, -43, 10), 3.6), ((4, -43, 10), (3, -37, -110), 2.6),
    ((1, -36, 12), (-30, -34, 14), 1.1), ((1, -36, 12), (32, -33, 16), 1.1), ((-1, -37, 34), (-38, -10, 44), 1.0),
    ((10, -55, 20), (6, -54, -110), 1.5), ((-46, -35, 60), (-50, -20, -100), 1.8),
)  # fmt: skip


def limb(knee: Knee, p: Points) -> Field:
    """Distance to the skin, mm: boxy in section, wider above and behind than below and in front."""
    shape = knee.shape
    s, fat, bulk = shape.size, shape.fat_mm, shape.muscle
    knots = (
        (220.0, 2.0, -4.0, 60 * s * bulk + 1.6 * fat, 62 * s * bulk + 1.6 * fat),
        (100.0, 0.0, -6.0, 52 * s * bulk + 1.25 * fat, 50 * s * bulk + 1.25 * fat),
        (50.0, -1.0, -6.0, 47.5 * s + 1.05 * fat, 47 * s + 1.05 * fat),
        (18.0, -1.0, -4.0, 44.0 * s + 0.85 * fat, 46 * s + 0.9 * fat),
        (-8.0, 0.5, -5.5, 42.0 * s + 0.8 * fat, 43 * s + 0.8 * fat),
        (-40.0, 0.5, -9.0, 41.5 * s * bulk + 0.85 * fat, 43.5 * s * bulk + 0.85 * fat),
        (-85.0, 0.0, -11.0, 43.0 * s * bulk + 0.8 * fat, 44.5 * s * bulk + 0.8 * fat),
        (-220.0, 0.0, -14.0, 33.0 * s * bulk + 0.6 * fat, 36 * s * bulk + 0.6 * fat),
    )
    return column(p, knots, 2.5)


def muscles(knee: Knee, p: Points) -> Field:
    """Distance to the nearest muscle, mm; neighbours keep a thin layer of fat between them."""
    q = p.scaled(1 / knee.shape.size)
    bulk = knee.shape.muscle
    nearest = None
    for knots in MUSCLES:
        d = column(q, tuple((z, x, y, a * bulk, b * bulk) for z, x, y, a, b in knots))
        nearest = d if nearest is None else np.maximum(np.minimum(nearest, d), np.float32(0.5) - np.abs(nearest - d))
    return nearest * np.float32(knee.shape.size)


def vessels(knee: Knee, p: Points) -> Field:
    """Distance to the popliteal vessels and their branches, mm."""
    q = p.scaled(1 / knee.shape.size)
    nearest = None
    for start, end, radius in _VESSELS:
        d = capsule(q, start, end, radius)
        nearest = d if nearest is None else union(nearest, d, 2.0)
    return nearest * np.float32(knee.shape.size)


def tendons(knee: Knee, p: Points) -> Field:
    """Distance to the dark cords: quadriceps, patellar and biceps tendon, both collaterals."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    x, z = shape.patella_x_mm, shape.patella_z_mm + 5.0
    patellar = column(q, ((z - 12, x, 40, 12, 3), (z - 30, x, 36, 11, 2.6), (-32, 4, 25, 10, 2.8)))
    quadriceps = column(q, ((z + 14, x, 40, 15, 3), (z + 40, x, 33, 14, 3.6), (130, x, 24, 13, 3)))
    medial = column(q, ((30, -40.5, -4, 1.3, 6), (8, -42.0, -3, 1.2, 6), (-8, -41.5, -2, 1.2, 6), (-55, -26, 2, 1.1, 5)))
    fx, fz = shape.fibula_x_mm, shape.fibula_z_mm
    lateral = capsule(q, (39.0, -6.0, 24.0), (fx + 6.5, -19.0, fz + 3), 1.7)
    biceps = capsule(q, (40.5, -29.0, 20.0), (fx + 5.5, -22.0, fz + 4), 2.4)
    iliotibial = column(q, ((90, 44, 4, 1.1, 10), (30, 43, 8, 1.1, 8), (0, 40.5, 13, 1.3, 6), (-14, 34, 14, 1.5, 5)))
    nearest = np.minimum(np.minimum(patellar, quadriceps), np.minimum(medial, iliotibial))
    return np.minimum(nearest, np.minimum(lateral, biceps)) * np.float32(shape.size)


def cruciates(knee: Knee, p: Points) -> Field:
    """Distance to the cruciate ligaments in the notch, mm."""
    q = p.scaled(1 / knee.shape.size)
    anterior = union(capsule(q, (-1, 9, 3), (3, -2, 12), 4.0), capsule(q, (3, -2, 12), (8, -12, 23), 4.4), 2.0)
    posterior = union(capsule(q, (0, -25, -4), (-1, -18, 8), 5.0), capsule(q, (-1, -18, 8), (-6, 0, 16), 5.0), 2.0)
    return np.minimum(anterior, posterior) * np.float32(knee.shape.size)


def capsule_space(knee: Knee, p: Points) -> Field:
    """Distance to the inside of the joint capsule, mm: notch, recesses and the pouch above the patella."""
    shape = knee.shape
    q = p.scaled(1 / shape.size)
    notch = ellipsoid(q, (0, -8, 10), (14, 20, 16))
    gutters = column(q, ((34, 0, 0, 38.5, 22), (20, 0, -2, 40, 27), (4, 0, -3, 39.5, 27), (-3, 0, -3, 37, 24)), 2.6)
    pouch = column(q, ((66, 2, 22, 14, 2), (45, 2, 25, 19, 3), (30, 2, 25, 22, 4), (18, 2, 24, 20, 4)))
    return np.minimum(np.minimum(notch, gutters), pouch) * np.float32(shape.size) - np.float32(shape.effusion_mm)


def meniscus_ring(knee: Knee, p: Points) -> Field:
    """Distance to the rims of the plateau where menisci lie, mm; the bones bound them above and below."""
    q = p.scaled(1 / knee.shape.size)
    f = np.float32
    rims = []
    for side, centre_x, a, b in ((-1.0, -20.0, 21.0, 24.5), (1.0, 20.0, 20.5, 20.5)):
        u, v = (q.x - f(centre_x)) / f(a), (q.y + f(4.0)) / f(b)
        radius = np.sqrt(u * u + v * v)
        out = (radius - 1) * f(min(a, b))
        ring = np.maximum(out, -out - f(9.5))
        open_root = f(-side) * (q.x - f(side * 7.0)) * f(0.8)  # no meniscus between the spines
        rims.append(common(ring, open_root, 2.0))
    return np.minimum(rims[0], rims[1]) * f(knee.shape.size)
