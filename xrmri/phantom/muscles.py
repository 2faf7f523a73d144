"""The muscles about one knee as signed distances.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk is apart from that.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.anatomy import Knee
from xrmri.phantom.sdf import Field, Knots, Points, boxed_column, nowhere

# (z, x, y, half-width, half-depth), mm, for a knee of size 1 and muscle of average bulk
_GASTROCNEMIUS_MEDIAL: Knots = (
    (36, -19, -24.8, 3, 3),
    (24, -19.5, -27.3, 9.5, 6),
    (8, -19, -27.8, 16, 8.5),
    (-12, -19.5, -28.3, 20, 11.5),
    (-40, -20.5, -30.8, 22.5, 16),
    (-75, -21.5, -32.8, 24.5, 19),
    (-120, -21, -31.8, 24, 19),
)
_GASTROCNEMIUS_LATERAL: Knots = (
    (38, 19, -23.8, 3, 3),
    (26, 19.5, -26.3, 9, 5.5),
    (8, 19.5, -27.3, 15.5, 8),
    (-12, 20, -27.8, 19, 11),
    (-40, 21, -30.3, 22, 15),
    (-75, 22, -32.3, 23.5, 18),
    (-120, 21, -31.3, 23, 18),
)
_SOLEUS: Knots = (
    (-10, 8, -24, 7.1, 3),
    (-24, 6, -22, 23.2, 7),
    (-45, 4, -17, 32.2, 11),
    (-75, 2, -12, 36.6, 13),
    (-120, 1, -11, 37.5, 14),
)
_POPLITEUS: Knots = ((4, 20, -27, 6, 3), (-10, 8, -27, 17, 4), (-30, -8, -22, 20, 6), (-60, -14, -16, 13, 6))
_ANTERIOR: Knots = (
    (-12, 34, -1, 2.7, 3.6),
    (-26, 36, -1, 6.3, 9),
    (-44, 35, -1, 11.7, 12.6),
    (-72, 32, -1, 15.3, 14.4),
    (-120, 31, -2, 15.3, 15.3),
)
_PERONEI: Knots = ((-18, 45, -16, 2, 5), (-34, 46, -14, 6, 11), (-60, 45, -12, 9, 14), (-120, 43, -12, 11, 15))
_BICEPS: Knots = (
    (120, 25, -27.8, 20, 19),
    (80, 28.5, -26.8, 17, 16),
    (45, 34, -25.8, 12.5, 12),
    (20, 39, -24.8, 8, 8.5),
    (2, 42, -22.8, 4.5, 6),
    (-14, 41, -18.8, 2, 3),
)
_SEMIMEMBRANOSUS: Knots = (
    (120, -22, -28.8, 21, 20),
    (80, -25, -27.8, 18, 17),
    (45, -29, -27.3, 14, 12.5),
    (20, -34, -25.8, 9, 8.5),
    (2, -36, -23.8, 5.5, 6),
    (-14, -34, -19.8, 2, 3),
)
_SARTORIUS: Knots = (
    (120, -46, -13, 7, 13.5),
    (70, -48, -19, 7, 10.8),
    (30, -48, -24, 5.5, 9),
    (0, -46, -21, 3.5, 6.3),
    (-25, -40, -9, 2.2, 4.5),
)
_VASTUS_MEDIALIS: Knots = (
    (10, -42, -1, 2, 5.1),
    (24, -43, 0, 4.8, 9.5),
    (40, -41, 1, 8.9, 14.6),
    (60, -37, 2, 13.1, 17.5),
    (85, -33, 4, 15.2, 19),
    (120, -30, 4, 16.6, 19.8),
)
_VASTUS_MEDIALIS_OBLIQUE: Knots = (
    (20, -33, 12, 2.1, 2.3),
    (32, -31, 15, 5.4, 4.1),
    (55, -27, 18, 8.2, 5.4),
    (85, -24, 21, 9.7, 5.9),
    (120, -23, 21, 10.2, 6.3),
)
_VASTUS_LATERALIS: Knots = (
    (28, 42, -3.5, 2, 5.3),
    (42, 42, -1.5, 5.6, 11.3),
    (60, 38, 0.5, 10.4, 15.8),
    (85, 34, 2.5, 13.8, 18),
    (120, 32, 2.5, 15.2, 18.8),
)
_VASTUS_LATERALIS_OBLIQUE: Knots = (
    (36, 29, 14, 2.5, 2.1),
    (52, 28, 17, 6, 3.8),
    (80, 26, 20, 7.9, 4.6),
    (120, 25, 21, 8.4, 4.9),
)
_INTERMEDIUS: Knots = ((56, 2, 17, 4.1, 0.8), (64, 2, 19, 10.9, 2), (90, 3, 20, 16.3, 3.6), (120, 4, 21, 18.4, 4.2))

MUSCLES: tuple[tuple[Knots, float], ...] = (
    (_GASTROCNEMIUS_MEDIAL, 0.16), (_GASTROCNEMIUS_LATERAL, -0.16), (_BICEPS, -0.12), (_SEMIMEMBRANOSUS, 0.14),
    (_SOLEUS, 0.05), (_POPLITEUS, -0.45), (_ANTERIOR, -0.10), (_PERONEI, 0.12), (_SARTORIUS, 0.05),
    (_VASTUS_MEDIALIS, 0.45), (_VASTUS_LATERALIS, -0.35), (_VASTUS_MEDIALIS_OBLIQUE, 0.7),
    (_VASTUS_LATERALIS_OBLIQUE, -0.5), (_INTERMEDIUS, 0.0),
)  # fmt: skip
"""Outline of each muscle, and how far its fibres lean to the side as they rise (mm per mm)."""


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
        solid = boxed_column(tuple((z, x, y, a * bulk, b * bulk) for z, x, y, a, b in knots), 2.6)
        box = q.box(solid.low, solid.high)
        other, own = nearest[box], solid.distance(q.cut(box))
        owner[box][own < other] = number
        nearest[box] = np.maximum(np.minimum(other, own), septum_mm[box] - np.float32(0.7) * np.abs(other - own))
    return nearest * np.float32(knee.shape.size), owner
