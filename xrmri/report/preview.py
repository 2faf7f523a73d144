"""One picture to look at first: the radiograph beside slices of the volume drawn from it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xrmri.evenly import evenly
from xrmri.files import complete_or_absent
from xrmri.names import printable

TILE = 208
COLUMNS, ROWS = 4, 3
GAP, MARGIN, HEAD, FOOT = 6, 24, 64, 44
INK, FAINT, PAPER = 235, 150, 12


def write_preview(
    file: Path, radiograph: np.ndarray, slices: np.ndarray, *, ends: tuple[str, str], title: str, note: str
) -> None:
    """Draw the radiograph beside up to twelve slices, and say what they are.

    Args:
        file: ends in .png.
        radiograph: (H, W) float32 in [-1, 1], as the film shows it.
        slices: (S, H, W) float32 in [-1, 1], as the volume lies in space.
        ends: what the first and the last slice lie nearest to, such as posterior and anterior.
        title: the line above.
        note: the line below.
    """
    chosen = evenly(range(len(slices)), COLUMNS * ROWS)
    side = ROWS * TILE + (ROWS - 1) * GAP
    width = 2 * MARGIN + side + 2 * GAP + COLUMNS * (TILE + GAP)
    page = Image.new("L", (width, HEAD + side + FOOT), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 18), printable(title), fill=INK, font=ImageFont.load_default(22))
    pen.text((MARGIN, HEAD + side + 14), note, fill=FAINT, font=ImageFont.load_default(15))
    page.paste(_tile(radiograph, side), (MARGIN, HEAD))
    pen.text((MARGIN + 8, HEAD + 6), "radiograph", fill=INK, font=ImageFont.load_default(15))
    for place, index in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        left = MARGIN + side + 2 * GAP + column * (TILE + GAP)
        top = HEAD + row * (TILE + GAP)
        page.paste(_tile(slices[index], TILE), (left, top))
        label = f"{index + 1}/{len(slices)}"
        label += f" {ends[0]}" if place == 0 else f" {ends[1]}" if place == len(chosen) - 1 else ""
        pen.text((left + 6, top + 4), label, fill=INK, font=ImageFont.load_default(13))
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")


def grey(image: np.ndarray) -> Image.Image:
    """(H, W) in [-1, 1] as a grey picture of the same size."""
    return Image.fromarray(np.clip((image + 1) * 127.5, 0, 255).round().astype(np.uint8))


def _tile(image: np.ndarray, size: int) -> Image.Image:
    """(H, W) in [-1, 1] as a square grey picture."""
    return grey(image).resize((size, size), Image.Resampling.LANCZOS)
