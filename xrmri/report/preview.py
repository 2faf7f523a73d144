"""One picture to look at first: slices of the volume, and beside them the radiograph and what is known of both."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xrmri.evenly import evenly
from xrmri.geometry import Geometry
from xrmri.storage.files import complete_or_absent
from xrmri.storage.names import printable

TILE = 256
COLUMNS, ROWS = 4, 3
FILM = 288
"""Width of the column with radiograph and words."""
GAP, MARGIN, HEAD, FOOT = 6, 24, 64, 44
INK, FAINT, PAPER = 235, 150, 12
_LETTERS_A_LINE, _LINE = 34, 19


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What a picture says of the volume that it shows."""

    title: str
    """The line above."""
    facts: tuple[tuple[str, str], ...]
    """What is known, each under a heading of its own."""
    note: str
    """The line below."""


def write_preview(
    file: Path, radiograph: np.ndarray, slices: np.ndarray, *, geometry: Geometry, caption: Caption
) -> None:
    """Draw up to twelve slices beside the radiograph, and say what they are.

    Args:
        file: ends in .png.
        radiograph: (H, W) float32 in [-1, 1], as the film shows it.
        slices: (S, H, W) float32 in [-1, 1], as the volume lies in space.
        geometry: where they lie.
        caption: what is said of them.
    """
    high = ROWS * TILE + (ROWS - 1) * GAP
    right = MARGIN + FILM + 2 * GAP
    page = Image.new("L", (right + COLUMNS * (TILE + GAP) - GAP + MARGIN, HEAD + high + FOOT), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 18), printable(caption.title), fill=INK, font=ImageFont.load_default(22))
    pen.text((MARGIN, HEAD + high + 14), caption.note, fill=FAINT, font=ImageFont.load_default(15))
    page.paste(grey(radiograph).resize((FILM, FILM), Image.Resampling.LANCZOS), (MARGIN, HEAD))
    for number, (line, shade) in enumerate([("radiograph", FAINT), *_lines(caption)][: (high - FILM) // _LINE]):
        pen.text((MARGIN, HEAD + FILM + GAP + number * _LINE), line, fill=shade, font=ImageFont.load_default(14))
    chosen = evenly(range(len(slices)), COLUMNS * ROWS)
    for place, index in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        left, top = right + column * (TILE + GAP), HEAD + row * (TILE + GAP)
        page.paste(tile(slices[index], geometry), (left, top))
        end = {0: geometry.ends[0], len(chosen) - 1: geometry.ends[1]}.get(place, "")
        label = f"{index + 1}/{len(slices)} {end}"
        pen.text((left + 6, top + 4), label, fill=INK, font=ImageFont.load_default(14))
    with complete_or_absent(file) as partial:
        page.save(partial, format="PNG")


def grey(image: np.ndarray) -> Image.Image:
    """(H, W) in [-1, 1] as a grey picture of the same size."""
    return Image.fromarray(np.clip((image + 1) * 127.5, 0, 255).round().astype(np.uint8))


def tile(image: np.ndarray, geometry: Geometry, size: int = TILE) -> Image.Image:
    """A slice (H, W) in [-1, 1] in a black square, its millimetres as long down as across."""
    _, *extent_mm = geometry.extent_mm
    height, width = (max(round(size * mm / max(extent_mm)), 1) for mm in extent_mm)
    small = grey(image).resize((width, height), Image.Resampling.LANCZOS)
    if (width, height) == (size, size):
        return small
    square = Image.new("L", (size, size))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


def _lines(caption: Caption) -> Iterator[tuple[str, int]]:
    """What is known, in lines that fit, and how bright each is."""
    for heading, words in caption.facts:
        yield "", FAINT
        yield heading, FAINT
        for line in textwrap.wrap(printable(words), _LETTERS_A_LINE) or [""]:
            yield line, INK
