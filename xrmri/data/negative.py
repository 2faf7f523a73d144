"""Pictures that show bone dark, as negatives do: told by the joint, and put right."""

from dataclasses import replace

import numpy as np

from xrmri.records import KneeBox, Radiograph

_EDGE, _MIDDLE = 1 / 16, (1 / 4, 3 / 4)
"""Of the width of a framed crop: soft tissue beside the bones, and bone."""
_TURNED = -0.6
"""Bone darker than this, in standard deviations against the soft tissue beside it, is a negative (measured: 410 real
crops lie above 1.3, the 12 negatives among them below -1.8)."""


def is_negative(picture: Radiograph, box: KneeBox, scale: float) -> bool:
    """Whether bone is dark: the middle of the joint against the soft tissue beside it, where the picture shows both.

    Args:
        picture: any size.
        box: of a joint on it.
        scale: by which the box is enlarged to a crop.
    """
    x0, y0, x1, y1 = box.corners
    middle, reach = (x0 + x1) / 2, (x1 - x0) * scale / 2
    rows = slice(max(round((y0 + y1) / 2 - (y1 - y0) * scale / 2), 0), round((y0 + y1) / 2 + (y1 - y0) * scale / 2))
    at = (np.arange(picture.pixels.shape[1]) + 0.5 - middle) / (2 * reach) + 0.5
    part, inside = picture.pixels[rows], (at > 0) & (at < 1)
    beside = inside & ((at < _EDGE) | (at > 1 - _EDGE))
    bone = inside & (at > _MIDDLE[0]) & (at < _MIDDLE[1])
    if not beside.any() or not bone.any() or not part.size:
        return False
    spread = float(part[:, inside].std())
    return float(part[:, bone].mean() - part[:, beside].mean()) < _TURNED * spread


def turned_round(picture: Radiograph) -> Radiograph:
    """The picture with dark and bright exchanged."""
    return replace(picture, pixels=picture.pixels.max() - picture.pixels)
