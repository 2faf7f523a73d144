"""A sheet of grey pictures in rows and columns, each row and column named; and a table of targets met or missed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from xrmri.storage.files import complete_or_absent

Pixels = NDArray[np.uint8]

GAP, MARGIN, HEAD, ROW_HEAD = 4, 16, 64, 20
INK, FAINT, PAPER = 235, 160, 12
_COLOURS = {"pass": "#3f7d20", "FAIL": "#b3261e", "too few to judge": "#8a6d00"}


def write_sheet(
    file: Path, rows: Sequence[tuple[str, Sequence[Pixels]]], *, columns: Sequence[str], title: str
) -> None:
    """Draw a sheet of pictures.

    Args:
        file: ends in .png.
        rows: name and pictures of each row, (H, W) uint8, all of one size; one row or more, all equally long.
        columns: name of each column.
        title: the line above.
    """
    height, width = rows[0][1][0].shape
    page = Image.new(
        "L",
        (2 * MARGIN + len(columns) * (width + GAP), HEAD + len(rows) * (height + ROW_HEAD + GAP) + MARGIN),
        PAPER,
    )
    pen, small = ImageDraw.Draw(page), ImageFont.load_default(13)
    pen.text((MARGIN, 12), title, fill=INK, font=ImageFont.load_default(20))
    for column, name in enumerate(columns):
        pen.text((MARGIN + column * (width + GAP), HEAD - 18), name, fill=FAINT, font=small)
    for row, (name, pictures) in enumerate(rows):
        top = HEAD + row * (height + ROW_HEAD + GAP)
        pen.text((MARGIN, top + 2), name, fill=INK, font=small)
        for column, picture in enumerate(pictures):
            page.paste(Image.fromarray(picture), (MARGIN + column * (width + GAP), top + ROW_HEAD))
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")


def write_targets(file: Path, rows: Sequence[tuple[str, float, float, float, str]], *, title: str) -> None:
    """Draw measured values beside the limits they must keep.

    Args:
        file: ends in .png.
        rows: name, measured value, lower and upper limit of each target, and verdict: pass, FAIL or too few to judge.
        title: the line above.
    """
    line, names, scale = 19, 330, 420
    page = Image.new("RGB", (2 * MARGIN + names + scale + 260, HEAD + line * len(rows) + MARGIN), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    pen.text((MARGIN, 12), title, fill="black", font=ImageFont.load_default(20))
    left, right = MARGIN + names + scale / 4, MARGIN + names + 3 * scale / 4
    for number, (name, value, low, high, verdict) in enumerate(rows):
        top = HEAD + number * line
        colour = _COLOURS[verdict]
        pen.text((MARGIN, top), name, fill="black", font=font)
        pen.rectangle((left, top + 4, right, top + 12), fill="#dddddd")
        place = left + float(np.clip((value - low) / (high - low), -0.45, 1.45)) * (right - left)
        pen.ellipse((place - 4, top + 4, place + 4, top + 12), fill=colour)
        text = f"{value:.3f}   ({low:.3f} to {high:.3f})   {verdict}"
        pen.text((MARGIN + names + scale + 8, top), text, fill=colour, font=font)
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")
