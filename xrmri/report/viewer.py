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
NAMES = {
    "coronal": ("coronal", "axial", "sagittal"),
    "sagittal": ("sagittal", "axial", "coronal"),
    "axial": ("axial", "coronal", "sagittal"),
}
"""Plane -> what cuts along slices, rows and columns are called."""
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
        "letters": LETTERS[picture.plane],
        "names": NAMES[picture.plane],
        "labels": [int(index) + 1 for index in picture.slices],
        "acquired": _sheet(acquired),
        "generated": _sheet(generated),
    }


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
