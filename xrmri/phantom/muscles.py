"""The muscles about one knee as signed distances.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk is apart from that.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.sdf import Field, Knots, Points, boxed_column, nowhere

# (z, x, y, half-width, half-depth), mm, for a knee of size 1 and muscle of average bulk
_GASTROCNEMIUS_MEDIAL: Knots = (
    (36, -24, -24.1, 2, 3),
    (24, -24.5, -26.6, 7, 6),
    (8, -23.5, -27.1, 13, 8.5),
    (-12, -22, -27.6, 18.5, 11.5),
    (-40, -21.5, -30.1, 22.5, 16),
    (-75, -21.5, -32.1, 24.5, 19),
    (-120, -21, -31.1, 24, 19),
)
_GASTROCNEMIUS_LATERAL: Knots = (
    (38, 25, -23.1, 2, 3),
    (26, 25, -25.6, 6.5, 5.5),
    (8, 24, -26.6, 12, 8),
    (-12, 22.5, -27.1, 17, 11),
    (-40, 22, -29.6, 21, 15),
    (-75, 22, -31.6, 23.5, 18),
    (-120, 21, -30.6, 23, 18),
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
    (120, 25, -27.1, 20, 19),
    (80, 28.5, -26.1, 17, 16),
    (45, 34, -25.1, 12.5, 12),
    (20, 39, -24.1, 8, 8.5),
    (2, 42, -22.1, 4.5, 6),
    (-14, 41, -18.1, 2, 3),
)
_SEMIMEMBRANOSUS: Knots = (
    (120, -22, -28.1, 21, 20),
    (80, -25, -27.1, 18, 17),
    (45, -29, -26.6, 14, 12.5),
    (20, -34, -25.1, 9, 8.5),
    (2, -36, -23.1, 5.5, 6),
    (-14, -34, -19.1, 2, 3),
)
_SARTORIUS: Knots = (
    (120, -46, -13, 7, 13.5),
    (70, -48, -19, 7, 10.8),
    (30, -48, -24, 5.5, 9),
    (0, -46, -21, 3.5, 6.3),
    (-25, -40, -9, 2.2, 4.5),
)
_VASTUS_MEDIALIS: Knots = (
    (10, -42, -2.7, 2, 4.4),
    (24, -43, -1.7, 4.8, 8.3),
    (40, -41, -0.7, 8.9, 12.8),
    (60, -37, 0.3, 13.1, 15.3),
    (85, -33, 2.3, 15.2, 16.7),
    (120, -30, 2.3, 16.6, 17.3),
)
_VASTUS_MEDIALIS_OBLIQUE: Knots = (
    (20, -33, 10.3, 1.7, 1.9),
    (32, -31, 13.3, 4.4, 3.3),
    (55, -27, 16.3, 6.5, 4.4),
    (85, -24, 19.3, 7.7, 4.7),
    (120, -23, 19.3, 8.1, 5),
)
_VASTUS_LATERALIS: Knots = (
    (28, 42, -5.2, 2, 4.6),
    (42, 42, -3.2, 5.6, 9.9),
    (60, 38, -1.2, 10.4, 13.8),
    (85, 34, 0.8, 13.8, 15.7),
    (120, 32, 0.8, 15.2, 16.5),
)
_VASTUS_LATERALIS_OBLIQUE: Knots = (
    (36, 29, 12.3, 2, 1.7),
    (52, 28, 15.3, 4.7, 3.1),
    (80, 26, 18.3, 6.3, 3.6),
    (120, 25, 19.3, 6.7, 3.9),
)
_INTERMEDIUS: Knots = ((56, 2, 16, 3.3, 0.6), (64, 2, 18, 8.8, 1.6), (90, 3, 19, 13.2, 2.9), (120, 4, 20, 14.9, 3.4))

MUSCLES: tuple[tuple[Knots, float], ...] = (
    (_GASTROCNEMIUS_MEDIAL, 0.16), (_GASTROCNEMIUS_LATERAL, -0.16), (_BICEPS, -0.12), (_SEMIMEMBRANOSUS, 0.14),
    (_SOLEUS, 0.05), (_POPLITEUS, -0.45), (_ANTERIOR, -0.10), (_PERONEI, 0.12), (_SARTORIUS, 0.05),
    (_VASTUS_MEDIALIS, 0.45), (_VASTUS_LATERALIS, -0.35), (_VASTUS_MEDIALIS_OBLIQUE, 0.7),
    (_VASTUS_LATERALIS_OBLIQUE, -0.5), (_INTERMEDIUS, 0.0),
)  # fmt: skip
"""Outline of each muscle, and how far its fibres lean to the side as they rise (mm per mm)."""


_STOUT = 0.10
"""Deviation of the logarithm of a muscle's thickness beside the others of its knee (choice), as the two below."""
_REACH_MM = 5.0
"""How much higher or lower a belly ends."""
_ASIDE_MM = 1.6


def muscles(knee: Knee, p: Points, septum_mm: Field) -> tuple[Field, NDArray[np.int8]]:
    """Distance to the nearest muscle, mm, and which of MUSCLES it is.

    Args:
        knee: the knee.
        p: places.
        septum_mm: (Y, Z, X) half the thickness of the fat where two muscles meet; 0 or less: none.
    """
    q = p.scaled(1 / knee.shape.size)
    generator = stream("muscles", knee.shape.texture_seed)
    nearest, owner = nowhere(q), np.zeros(p.span(), dtype=np.int8)
    for number, (knots, _) in enumerate(MUSCLES):
        solid = boxed_column(_own(knots, knee.shape.muscle, generator), 2.3)
        box = q.box(solid.low, solid.high)
        other, own = nearest[box], solid.distance(q.cut(box))
        owner[box][own < other] = number
        both = np.minimum(other, own)
        if knots is not _POPLITEUS:  # it lies flat under the others, without fat that would show
            both = np.maximum(both, septum_mm[box] - np.float32(0.7) * np.abs(other - own))
        nearest[box] = both
    return nearest * np.float32(knee.shape.size), owner


def _own(knots: Knots, bulk: float, generator: np.random.Generator) -> Knots:
    """The muscle of one person: how stout it is, how far its belly reaches, where it lies and how it curves."""
    stout = bulk * np.exp(generator.normal(0.0, _STOUT))
    reach, aside, behind = generator.normal(0.0, (_REACH_MM, _ASIDE_MM, _ASIDE_MM))
    curve = generator.normal(0.0, _ASIDE_MM / 2, len(knots))
    return tuple(
        (z + reach, x + aside + bend, y + behind, a * stout, b * stout)
        for (z, x, y, a, b), bend in zip(knots, curve, strict=True)
    )
