"""A pass through the slices, there and back, as an animated GIF."""

from pathlib import Path

import numpy as np
from PIL import ImageDraw, ImageFont

from xrmri.geometry import Geometry
from xrmri.report.preview import tile
from xrmri.storage.files import complete_or_absent

FRAME_MS = 80
"""Time of a slice: fifty and back take eight seconds (choice)."""
SIDE = 256
GREYS = 64
"""As many shades as a moving picture shows; 256 make the file three times as large (measured)."""


def write_animation(file: Path, slices: np.ndarray, *, geometry: Geometry, title: str) -> None:
    """Draw the pass.

    Args:
        file: ends in .gif.
        slices: (S, H, W) float32 in [-1, 1], as the volume lies in space.
        geometry: where they lie.
        title: the line above each slice.
    """
    shades = [value * GREYS // 256 * 255 // (GREYS - 1) for value in range(256)]
    frames = []
    for number, image in enumerate(slices, start=1):
        frame = tile(image, geometry, SIDE).point(shades)
        pen = ImageDraw.Draw(frame)
        pen.text((8, 6), title, fill=235, font=ImageFont.load_default(14))
        end = {1: geometry.ends[0], len(slices): geometry.ends[1]}.get(number, "")
        pen.text((8, SIDE - 22), f"{number}/{len(slices)} {end}", fill=235, font=ImageFont.load_default(13))
        frames.append(frame)
    frames += frames[-2:0:-1]
    with complete_or_absent(file) as partial:
        frames[0].save(partial, format="GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
