"""The muscles about one knee as signed distances.

Points are in the frame of the tibia, mm, and scaled with the bones; muscle bulk is apart from that.
"""

import numpy as np
from numpy.typing import NDArray

from xrmri.phantom.anatomy import Knee, stream
from xrmri.phantom.sdf import Field, Knots, Points, boxed_column, nowhere

# (z, x, y, half-width, half-depth), mm, for a knee of size 1 and muscle of average bulk
_GASTROCNEMIUS_MEDIAL: Knots = (
    (38, -23, -26, 3, 3), (24, -24, -31, 11, 8), (8, -24.5, -34, 18, 13), (-12, -25, -36, 23.5, 17),
    (-40, -26, -37, 27, 19.5), (-75, -27, -38, 29, 21.5), (-120, -26, -37, 28, 21),
)  # fmt: skip
_GASTROCNEMIUS_LATERAL: Knots = (
    (40, 24, -25, 3, 3), (26, 25, -30, 10, 7.5), (8, 25.5, -33.5, 17, 12.5), (-12, 25, -35.5, 23, 16.5),
    (-40, 26, -36.5, 26.5, 19), (-75, 26, -37.5, 28, 21), (-120, 25, -36.5, 27, 20.5),
)  # fmt: skip
_SOLEUS: Knots = (
    (-16, 10, -25, 8, 3), (-28, 8, -24, 23, 6), (-45, 6, -21.5, 31, 9.5), (-75, 3, -17, 35, 11.5),
    (-120, 2, -16, 36, 13),
)  # fmt: skip
_POPLITEUS: Knots = (
    (4, 20, -27, 6, 3), (-10, 8, -28, 19, 4.5), (-30, -10, -25, 22, 6.5), (-60, -16, -18, 15, 7),
)  # fmt: skip
_ANTERIOR: Knots = (
    (-18, 36, 4, 5, 6), (-28, 38, 4, 8.5, 10.5), (-44, 36.5, 4, 13, 13), (-72, 33, 2, 15.5, 15),
    (-120, 32, 1, 15, 16),
)  # fmt: skip
_PERONEI: Knots = (
    (-20, 46, -12, 4, 7), (-34, 48, -12, 7.5, 11.5), (-60, 47, -12, 10.5, 15), (-120, 45, -12, 12, 15),
)  # fmt: skip
_BICEPS: Knots = (
    (120, 28, -38, 27, 25), (80, 32, -38, 23.5, 22.5), (50, 37, -36.5, 19, 19), (25, 41, -33, 14, 15),
    (6, 42, -28.5, 8.5, 9.5), (-10, 38, -22, 3, 4),
)  # fmt: skip
_SEMIMEMBRANOSUS: Knots = (
    (120, -28, -35, 26.5, 23), (80, -32, -36, 24.5, 21), (50, -35, -35, 19.5, 18), (25, -37, -32, 15, 14.5),
    (5, -38, -27, 9.5, 9.5), (-12, -33, -21, 3, 4),
)  # fmt: skip
_SEMITENDINOSUS: Knots = (
    (120, -12, -50, 15, 11), (80, -17, -50, 13, 10), (50, -24, -48, 8.5, 7), (30, -30, -45, 4.5, 4),
    (0, -36, -38, 2.2, 2.4), (-30, -38, -22, 2, 3),
)  # fmt: skip
_GRACILIS: Knots = (
    (120, -54, -24, 7, 12), (60, -54, -28, 6, 9), (30, -52, -29, 4, 6), (5, -49, -26, 2.5, 3.5),
    (-25, -41, -14, 2, 3),
)  # fmt: skip
_SARTORIUS: Knots = (
    (120, -51, -8, 8, 14), (70, -53, -13, 8, 12), (30, -51.5, -18, 6.5, 10), (0, -48, -18, 4, 7.5),
    (-25, -41, -9, 2.4, 4.5),
)  # fmt: skip
_VASTUS_MEDIALIS: Knots = (
    (12, -41, 2, 2.5, 5), (24, -43, 2, 5.5, 9.5), (40, -42, 3, 10, 14), (60, -39, 4, 14, 17.5),
    (85, -36, 5, 18, 20.5), (120, -33, 5, 20, 21),
)  # fmt: skip
_VASTUS_MEDIALIS_OBLIQUE: Knots = (
    (14, -32, 18, 2.5, 3), (30, -31, 21, 7, 6.5), (55, -27, 24, 10, 8.5), (85, -24, 27, 12, 10),
    (120, -23, 28, 12, 10),
)  # fmt: skip
_VASTUS_LATERALIS: Knots = (
    (30, 42, -3, 2.5, 5), (44, 43, -1, 6.5, 10.5), (60, 40, 1, 11, 15), (85, 37, 3, 15, 18),
    (120, 35, 3, 17, 19),
)  # fmt: skip
_VASTUS_LATERALIS_OBLIQUE: Knots = (
    (34, 29, 18, 2.5, 2.5), (52, 28, 21.5, 7, 6), (80, 26, 26, 10, 8), (120, 25, 27, 11, 9),
)  # fmt: skip
_INTERMEDIUS: Knots = (
    (52, 2, 27, 4, 1.2), (62, 2, 28.5, 12, 3), (90, 3, 29.5, 17, 5), (120, 4, 30, 19, 6),
)  # fmt: skip

MUSCLES: tuple[tuple[Knots, float], ...] = (
    (_GASTROCNEMIUS_MEDIAL, 0.16), (_GASTROCNEMIUS_LATERAL, -0.16), (_BICEPS, -0.12), (_SEMIMEMBRANOSUS, 0.14),
    (_SEMITENDINOSUS, 0.12), (_GRACILIS, 0.0),
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
_TIP_MM = 9.0
"""Over which a muscle tapers where it ends."""
_SEEN_MM = 100.0
"""Beyond this height nothing is seen, and no muscle ends."""


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
        solid = boxed_column(_own(knots, knee.shape.muscle, knee.shape.size, generator), 2.0)
        box = q.box(solid.low, solid.high)
        other, own = nearest[box], solid.distance(q.cut(box))
        owner[box][own < other] = number
        both = np.minimum(other, own)
        if knots is not _POPLITEUS:  # it lies flat under the others, without fat that would show
            both = np.maximum(both, septum_mm[box] - np.float32(0.7) * np.abs(other - own))
        nearest[box] = both
    return nearest * np.float32(knee.shape.size), owner


def _own(knots: Knots, bulk: float, size: float, generator: np.random.Generator) -> Knots:
    """The muscle of one person, which follows the bones half way: its stoutness, reach, place and curve."""
    stout = 0.97 * bulk * (1 + size) / (2 * size) * np.exp(generator.normal(0.0, _STOUT))
    reach, aside, behind = generator.normal(0.0, (_REACH_MM, _ASIDE_MM, _ASIDE_MM))
    curve = generator.normal(0.0, _ASIDE_MM / 2, len(knots))
    own = tuple(
        (z + reach, x + aside + bend, y + behind, a * stout, b * stout)
        for (z, x, y, a, b), bend in zip(knots, curve, strict=True)
    )
    ends = ((own[0], _TIP_MM), (own[-1], -_TIP_MM))
    tips = tuple((z + rise, x, y, 0.4, 0.4) for (z, x, y, _, _), rise in ends if abs(z) < _SEEN_MM)
    return tuple(sorted((*own, *tips), reverse=True))
