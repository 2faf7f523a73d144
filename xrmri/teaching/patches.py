"""One picture set into another: a real joint into a film, or a scrap that means nothing, so that seams mean nothing.

Films are (H, W) float32 in [0, 1], bone bright, and are changed in place. Boxes are x0, y0, x1, y1 in pixels.
"""

import numpy as np
from PIL import Image

from xrmri.detector.fibula import CROP_SCALE
from xrmri.teaching.plates import RealJoint

Generator = np.random.Generator


def set_joint(film: np.ndarray, box: np.ndarray, real: RealJoint, fibula: str, *, generator: Generator) -> np.ndarray:
    """Set a real joint, turned so that its fibula lies where it should, about where a joint was; its joint box."""
    side = (box[2] - box[0]) * generator.uniform(0.88, 1.12)
    middle = (box[:2] + box[2:]) / 2 + generator.normal(0, 0.05, size=2) * side
    crop = real.pixels if real.fibula == fibula else real.pixels[:, ::-1]
    extent = lay(film, crop, middle, side * CROP_SCALE, generator=generator)
    half = extent / CROP_SCALE / 2
    return np.concatenate((middle - half, middle + half))


def set_scrap(film: np.ndarray, boxes: np.ndarray, generator: Generator) -> None:
    """Set a piece of the film itself, without a joint, above or below its joints."""
    height, width = film.shape
    extent = generator.uniform(60, 130)
    lowest = float(boxes[:, 3].max()) if len(boxes) else 0.0
    highest = float(boxes[:, 1].min()) if len(boxes) else float(height)
    top = generator.uniform(lowest, height - 20) if generator.random() < 0.5 else generator.uniform(0, highest) - extent
    left = int(generator.uniform(0, width - extent))
    rows = slice(max(int(top), 0), min(int(top + extent), height))
    if rows.stop - rows.start < 20:
        return
    patch = film[rows, left : left + int(extent)].copy()
    y = (lowest + extent / 2 + 8) if generator.random() < 0.5 else (highest - extent / 2 - 8)
    lay(film, patch, np.array((generator.uniform(0, width), y)), extent, generator=generator)


def without_joint(real: RealJoint, generator: Generator) -> np.ndarray:
    """Real bone that is no joint: the crop above or below its joint line, or its tiles in another order."""
    pixels, tiles = real.pixels, 4
    if generator.random() < 0.6:
        cut = int(0.45 * len(pixels)) if generator.random() < 0.5 else -int(0.3 * len(pixels))
        part = pixels[:cut] if cut > 0 else pixels[cut:]
        return part[:, : len(part)] if generator.random() < 0.5 else part[:, -len(part) :]
    size = len(pixels) // tiles
    places = generator.permutation(tiles * tiles)
    rows = [
        np.hstack([pixels[r * size : (r + 1) * size, c * size : (c + 1) * size] for r, c in map(_at, line)])
        for line in places.reshape(tiles, tiles)
    ]
    return np.vstack(rows)


def _at(place: int) -> tuple[int, int]:
    """Row and column of a tile by its number."""
    return divmod(int(place), 4)


def lay(film: np.ndarray, patch: np.ndarray, middle: np.ndarray, extent: float, *, generator: Generator) -> float:
    """Blend a patch into a film, mostly at about the film's own brightness; its extent after rounding.

    Args:
        film: changed.
        patch: (h, w) float32 in [0, 1], made square.
        middle: x, y; moves to whole pixels, in place, with the patch.
        extent: width wanted, in pixels of the film.
        generator: of the draw.
    """
    count = max(round(extent), 8)
    x, y = (round(float(value) - count / 2) for value in middle)
    middle[:] = x + count / 2, y + count / 2
    whole = Image.fromarray(np.ascontiguousarray(patch, dtype=np.float32))
    small = np.asarray(whole.resize((count, count), Image.Resampling.BOX))
    ramp = np.minimum(np.arange(count) + 0.5, count - np.arange(count) - 0.5) / (count * generator.uniform(0.005, 0.2))
    ramp = np.clip(ramp, 0, 1)
    weight = np.minimum(ramp[:, None], ramp).astype(np.float32)
    rows = slice(max(y, 0), min(y + count, film.shape[0]))
    columns = slice(max(x, 0), min(x + count, film.shape[1]))
    inner = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
    below = film[rows, columns]
    if below.size:
        shown = small
        if generator.random() < 0.85:
            gain = generator.uniform(0.5, 1.6) * (below.std() + 0.03) / (small.std() + 0.03)
            shown = (small - small.mean()) * np.float32(gain) + np.float32(below.mean() + generator.normal(0, 0.06))
        below += weight[inner] * (np.clip(shown[inner], 0, 1) - below)
    return float(count)
