"""What was found on a film, at one glance: the film, small, with a box about each knee."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xrmri.records import KneeBox

_LARGEST = 900  # rows or columns of the picture
_WINDOW_PERCENTILES = (1.0, 99.0)
_USED, _REFUSED, _NOTE = (90, 220, 120), (255, 90, 70), (255, 210, 90)


def draw_overview(pixels: np.ndarray, used: tuple[KneeBox, ...], seen: tuple[KneeBox, ...], note: str) -> np.ndarray:
    """Draw the knees that are used in green with their side, other boxes in red.

    Args:
        pixels: (H, W) of the film, any numeric dtype.
        used: knees with a side.
        seen: every box that scored enough, those used among them.
        note: written at the foot; may be empty.

    Returns:
        (h, w, 3) uint8.
    """
    scale = min(_LARGEST / max(pixels.shape), 1.0)
    rows, columns = (max(round(count * scale), 1) for count in pixels.shape)
    small = Image.fromarray(np.asarray(pixels, dtype=np.float32))
    grey = np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0))
    low, high = np.percentile(grey, _WINDOW_PERCENTILES)
    shown = np.clip((grey - low) / max(float(high - low), 1e-6), 0, 1) * 255
    page = Image.fromarray(shown.round().astype(np.uint8)).convert("RGB")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(16)
    places = {box.corners for box in used}
    labelled = [(box, _USED, f"{box.side} {box.score:.2f}") for box in used]
    labelled += [(box, _REFUSED, f"{box.score:.2f}") for box in seen if box.corners not in places]
    for box, colour, label in labelled:
        x0, y0, x1, y1 = (corner * scale for corner in box.corners)
        pen.rectangle((x0, y0, x1, y1), outline=colour, width=3)
        pen.text((x0 + 6, max(y0 - 22, 2)), label, fill=colour, font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    pen.text((8, rows - 24), note, fill=_NOTE, font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(page)
