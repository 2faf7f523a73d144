"""What a reading changes: slices drawn at each of its grades, in order, and the outermost's difference in colour."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xrmri.geometry import Geometry
from xrmri.report.preview import FAINT, FOOT, GAP, HEAD, INK, MARGIN, PAPER, tile
from xrmri.storage.files import complete_or_absent
from xrmri.storage.names import printable

COLUMNS, TILE = 6, 208
_LINE = 20
FAINTEST = 0.05
"""Full colour is the difference that one pixel in a thousand exceeds, but no less than this share of the window."""


def write_effect(
    file: Path, grades: Sequence[tuple[str, np.ndarray]], *, geometry: Geometry, title: str, note: str
) -> None:
    """Draw six slices at each grade, a row each, and their difference below: orange is brighter at the highest grade.

    Args:
        file: ends in .png.
        grades: what each is called, and its volume (S, H, W) float32 in [-1, 1], from the lowest to the highest.
        geometry: where the volumes lie.
        title: the line above.
        note: the lines below.
    """
    low, high = grades[0][1], grades[-1][1]
    chosen = np.linspace(0, len(low) - 1, COLUMNS + 2).round().astype(int)[1:-1]
    size = (2 * MARGIN + COLUMNS * (TILE + GAP), HEAD + (len(grades) + 1) * (TILE + GAP) + _foot(note))
    page = Image.new("RGB", size, (PAPER,) * 3)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 18), printable(title), fill=(INK,) * 3, font=ImageFont.load_default(22))
    differences = [(high[index] - low[index]) / 2 for index in chosen]
    full = max(FAINTEST, float(np.quantile(np.abs(differences), 0.999)))
    rows = [(label, [tile(volume[index], geometry, TILE) for index in chosen]) for label, volume in grades]
    coloured = [_coloured(each / full, geometry) for each in differences]
    meaning = f"orange where brighter, blue where darker; full colour: {full:.0%} of the window"
    rows.append((f"{grades[-1][0]} less {grades[0][0]}: {meaning}", coloured))
    for row, (label, tiles) in enumerate(rows):
        top = HEAD + row * (TILE + GAP)
        for column, picture in enumerate(tiles):
            page.paste(picture.convert("RGB"), (MARGIN + column * (TILE + GAP), top))
        pen.text((MARGIN + 6, top + 4), label, fill=(INK,) * 3, font=ImageFont.load_default(14))
    for column, index in enumerate(chosen):
        place = (MARGIN + column * (TILE + GAP) + TILE - 50, HEAD + TILE - 22)
        pen.text(place, f"{index + 1}/{len(low)}", fill=(INK,) * 3, font=ImageFont.load_default(13), stroke_width=1,
                 stroke_fill=(PAPER,) * 3)  # fmt: skip
    pen.text((MARGIN, size[1] - _foot(note) + 10), note, fill=(FAINT,) * 3, font=ImageFont.load_default(15))
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")


def _foot(note: str) -> int:
    """Pixels that the lines below take."""
    return FOOT + _LINE * note.count("\n")


def _coloured(difference: np.ndarray, geometry: Geometry) -> Image.Image:
    """(H, W), where 1 is full colour: red above nothing, blue below."""
    red, blue = np.clip(difference, 0, 1), np.clip(-difference, 0, 1)
    parts = [tile(2 * part - 1, geometry, TILE) for part in (red, 0.35 * (red + blue), blue)]
    return Image.merge("RGB", parts)
