"""What a reading changes: slices drawn at its lowest and its highest grade, and the difference in colour."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xrmri.files import complete_or_absent
from xrmri.report.preview import FAINT, FOOT, GAP, HEAD, INK, MARGIN, PAPER, TILE, grey

COLUMNS = 6
FAINTEST = 0.05
"""Full colour is the difference that one pixel in a thousand exceeds, but no less than this share of the window."""


def write_effect(file: Path, low: np.ndarray, high: np.ndarray, *, labels: tuple[str, str], note: str) -> None:
    """Draw six slices of each, posterior to anterior, above their difference: red is brighter at the higher grade.

    Args:
        file: ends in .png.
        low: (S, H, W) float32 in [-1, 1] at the lowest grade, as the volume lies in space.
        high: the same at the highest.
        labels: what the two are called.
        note: the line below.
    """
    chosen = np.linspace(0, len(low) - 1, COLUMNS + 2).round().astype(int)[1:-1]
    size = (2 * MARGIN + COLUMNS * (TILE + GAP), HEAD + 3 * (TILE + GAP) + FOOT)
    page = Image.new("RGB", size, (PAPER,) * 3)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 18), f"{labels[1]} against {labels[0]}, the same noise", fill=(INK,) * 3,
             font=ImageFont.load_default(22))  # fmt: skip
    differences = [(high[index] - low[index]) / 2 for index in chosen]
    full = max(FAINTEST, float(np.quantile(np.abs(differences), 0.999)))
    rows = [
        (labels[0], [grey(low[index]) for index in chosen]),
        (labels[1], [grey(high[index]) for index in chosen]),
        (f"difference; full colour: {full:.0%} of the window", [_coloured(each / full) for each in differences]),
    ]
    for row, (label, tiles) in enumerate(rows):
        top = HEAD + row * (TILE + GAP)
        for column, tile in enumerate(tiles):
            page.paste(tile.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS),
                       (MARGIN + column * (TILE + GAP), top))  # fmt: skip
        pen.text((MARGIN + 6, top + 4), label, fill=(INK,) * 3, font=ImageFont.load_default(13))
    pen.text((MARGIN, size[1] - FOOT + 10), note, fill=(FAINT,) * 3, font=ImageFont.load_default(15))
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")


def _coloured(difference: np.ndarray) -> Image.Image:
    """(H, W), where 1 is full colour: red above nothing, blue below."""
    red, blue = np.clip(difference, 0, 1), np.clip(-difference, 0, 1)
    pixels = np.stack([red, 0.35 * (red + blue), blue], axis=-1)
    return Image.fromarray((pixels * 255).round().astype(np.uint8))
