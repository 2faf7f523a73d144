"""Volumes inside the page: all slices of a case in one picture, which a small script cuts in three planes."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from xrmri.report.figures import CaseImages

COLUMNS = 8
QUALITY = 78
LETTERS = {
    "coronal": (("P", "A"), ("S", "I"), ("lateral", "medial")),
    "sagittal": (("lateral", "medial"), ("S", "I"), ("A", "P")),
    "axial": (("S", "I"), ("A", "P"), ("lateral", "medial")),
}
"""Plane -> what the first and the last slice, row and column lie nearest to, in a knee that looks right."""
SHOWN = {
    "coronal": (("lateral", "medial"), ("S", "I")),
    "sagittal": (("A", "P"), ("S", "I")),
    "axial": (("lateral", "medial"), ("A", "P")),
}
"""Plane that is looked at -> what lies left and right, above and below: as radiologists, previews and pages show it."""
PIXELS = 192
"""Rows and columns at most: a page of six volumes stays under 4 MB (choice)."""


def viewer_case(title: str, picture: CaseImages) -> dict[str, Any]:
    """What the script needs to show one case.

    Args:
        title: what the case is called.
        picture: its slices.

    Returns:
        title, sizes, spacing and two pictures as data URIs.
    """
    acquired, generated = (_fitted(volume) for volume in (picture.acquired, picture.generated))
    slices, height, width = acquired.shape
    shrunk = picture.acquired.shape[1] / height
    slice_mm, row_mm, column_mm = picture.spacing_mm
    return {
        "title": title,
        "shape": [slices, height, width],
        "spacing": [round(slice_mm, 4), round(row_mm * shrunk, 4), round(column_mm * shrunk, 4)],
        "columns": COLUMNS,
        "ends": LETTERS[picture.plane],
        "views": views(picture.plane),
        "labels": [int(index) + 1 for index in picture.slices],
        "acquired": _sheet(acquired),
        "generated": _sheet(generated),
    }


def views(plane: str) -> list[dict[str, Any]]:
    """How the script lays volumes whose slices lie in a plane, for each of the three that are looked at.

    Returns:
        name; axes: which axis of the volume runs along columns, which along rows, and which is cut; flipped: whether
        columns and rows run against their axes; letters at the left, right, top and bottom.
    """
    ends, found = LETTERS[plane], []
    for name, shown in SHOWN.items():
        axes = [next(axis for axis in range(3) if set(ends[axis]) == set(letters)) for letters in shown]
        cut = ({0, 1, 2} - set(axes)).pop()
        flipped = [ends[axis] != letters for axis, letters in zip(axes, shown, strict=True)]
        found.append({"name": name, "axes": [*axes, cut], "flipped": flipped, "letters": [*shown[0], *shown[1]]})
    return found


def _fitted(volume: np.ndarray) -> np.ndarray:
    """(n, H, W) uint8, areas averaged to at most PIXELS rows."""
    grey = np.rint(volume * 255).astype(np.uint8)
    height, width = grey.shape[1:]
    if height <= PIXELS:
        return grey
    size = (round(width * PIXELS / height), PIXELS)
    return np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in grey])


def _sheet(volume: np.ndarray) -> str:
    """All slices side by side as a WebP data URI."""
    slices, height, width = volume.shape
    rows = -(-slices // COLUMNS)
    sheet = np.zeros((rows * height, COLUMNS * width), np.uint8)
    for index, one in enumerate(volume):
        row, column = divmod(index, COLUMNS)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = one
    packed = io.BytesIO()
    Image.fromarray(sheet).convert("RGB").save(packed, format="WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
