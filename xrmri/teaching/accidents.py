"""What happens to a film between the patient and the file: exposure, collimation, markers, metal, noise.

Every function takes (H, W) float32 in [0, 1], bone bright, and gives the same.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter

Generator = np.random.Generator
_LETTERS = ("R", "L", "PA", "LEFT", "RIGHT", "STANDING", "10 DEG", "00m 12345", "WB")


def metal(film: np.ndarray, generator: Generator, corners: np.ndarray) -> np.ndarray:
    """Screws, a plate or a prosthesis about one joint.

    Args:
        film: the film.
        generator: of the draw.
        corners: (4,) x0, y0, x1, y1 of the joint box.
    """
    canvas = Image.new("L", film.shape[::-1])
    draw = ImageDraw.Draw(canvas)
    x0, y0, x1, y1 = corners
    x, line, side = (x0 + x1) / 2, y0 + 0.62 * (y1 - y0), x1 - x0
    kind = generator.choice(("screws", "plate", "prosthesis"))
    if kind == "prosthesis":
        for offset in (-0.25, 0.25):
            middle = x + offset * side
            draw.ellipse((middle - 0.2 * side, line - 0.42 * side, middle + 0.2 * side, line - 0.03 * side), fill=255)
        draw.rectangle((x - 0.44 * side, line - 0.36 * side, x + 0.44 * side, line - 0.2 * side), fill=255)
        draw.rectangle((x - 0.46 * side, line + 0.05 * side, x + 0.46 * side, line + 0.1 * side), fill=255)
        draw.rectangle((x - 0.07 * side, line + 0.05 * side, x + 0.07 * side, line + 0.42 * side), fill=255)
    elif kind == "plate":
        edge = x + generator.choice((-0.4, 0.4)) * side
        draw.line((edge, line + 0.1 * side, edge, line + 1.1 * side), fill=255, width=max(round(0.06 * side), 2))
    for _ in range(generator.integers(1, 5) if kind != "prosthesis" else 0):
        start = (x + generator.uniform(-0.45, 0.45) * side, line + generator.uniform(-0.4, 0.8) * side)
        stop = (start[0] + generator.uniform(-0.5, 0.5) * side, start[1] + generator.uniform(-0.15, 0.15) * side)
        draw.line((*start, *stop), fill=255, width=max(round(0.04 * side), 2))
    mask = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    return np.maximum(film, mask * np.float32(film.max() * generator.uniform(0.95, 1.1)))


def fleshed(film: np.ndarray, generator: Generator, boxes: np.ndarray) -> np.ndarray:
    """Stouter legs, which may touch, or thinner ones.

    Args:
        film: the film.
        generator: of the draw.
        boxes: (N, 4) joint boxes.
    """
    rows, columns = (np.arange(n, dtype=np.float32) + 0.5 for n in film.shape)
    if generator.random() < 0.3:
        return np.maximum(film - np.float32(generator.uniform(0, 0.6) * np.percentile(film, 40)), 0)
    more = np.float32(generator.uniform(0.03, 0.3) * film.max())
    taper = generator.uniform(-0.8, 0.3)  # the thigh is thicker than the calf
    for x0, y0, x1, y1 in boxes:
        half = (x1 - x0) * generator.uniform(0.65, 1.3) * np.exp(taper * (rows - (y0 + y1) / 2) / film.shape[0])
        across = (columns[None, :] - np.float32((x0 + x1) / 2)) / half[:, None].astype(np.float32)
        across *= across
        film = film + more * np.exp(-across * across)
    return np.clip(film, 0, 1)


def exposed(film: np.ndarray, generator: Generator) -> np.ndarray:
    """Contrast, uneven field, blur, grain, scratches and few grey levels."""
    rows, columns = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in film.shape)
    film = np.clip(film, 0, 1) ** np.float32(np.exp(generator.normal(0, 0.35)))
    if generator.random() < 0.5:
        down, across = generator.normal(0, 0.18, size=2)
        film = film + np.float32(down) * rows[:, None] + np.float32(across) * columns
    if generator.random() < 0.3:
        film = film + np.float32(generator.uniform(0.02, 0.2))  # scattered light lifts the air
    if generator.random() < 0.3:
        film = gaussian_filter(film, generator.uniform(0.4, 1.6))
    grain = generator.standard_normal(film.shape, dtype=np.float32)
    grain = gaussian_filter(grain, generator.uniform(0.0, 1.0))
    film = film + np.float32(generator.uniform(0.0, 0.06)) * grain
    if generator.random() < 0.1:
        film = film + np.float32(0.03) * generator.standard_normal(film.shape[1], dtype=np.float32)  # digitiser lines
    if generator.random() < 0.3:
        high = np.float32(generator.uniform(0.65, 1.0))
        film = np.minimum(film, high) / high  # burnt out
    if generator.random() < 0.2:
        film = np.rint(film * 48) / 48
    return np.clip(film, 0, 1).astype(np.float32)


def collimated(film: np.ndarray, generator: Generator, keep: np.ndarray) -> np.ndarray:
    """Shutters: a border, dark or bright, straight or slanted, which leaves the joint boxes free.

    Args:
        film: the film.
        generator: of the draw.
        keep: (N, 4) boxes that stay visible.
    """
    height, width = film.shape
    room = np.array((0.3 * width, 0.3 * height, 0.7 * width, 0.7 * height))
    if len(keep):
        room = np.concatenate((keep[:, :2].min(axis=0), keep[:, 2:].max(axis=0)))
    left, top = (generator.uniform(0, 1) ** 2 * max(limit, 0) * 0.9 for limit in room[:2])
    right = width - generator.uniform(0, 1) ** 2 * max(width - room[2], 0) * 0.9
    bottom = height - generator.uniform(0, 1) ** 2 * max(height - room[3], 0) * 0.9
    outline = np.array(((left, top), (right, top), (right, bottom), (left, bottom)))
    if generator.random() < 0.5:
        outline = outline + generator.normal(0, 4, size=(4, 2))
    if generator.random() < 0.25:  # a shutter of eight blades, or cut-off corners
        share = generator.uniform(0.02, 0.2, size=(4, 1))
        before, after = np.roll(outline, 1, axis=0), np.roll(outline, -1, axis=0)
        corners = (outline + share * (before - outline), outline + share * (after - outline))
        outline = np.stack(corners, axis=1).reshape(8, 2)
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon([float(value) for value in outline.ravel()], fill=255)
    soft = generator.uniform(3, 20) if generator.random() < 0.25 else generator.uniform(0.2, 1.5)
    mask = np.asarray(canvas.filter(ImageFilter.GaussianBlur(soft)), dtype=np.float32) / np.float32(255)
    border = np.float32(generator.choice((0.0, 0.0, 0.0, 1.0, generator.uniform(0, 1))))
    return mask * film + (1 - mask) * border


def marked(film: np.ndarray, generator: Generator) -> np.ndarray:
    """Letters, a name plate, positioning beads, a ruler."""
    height, width = film.shape
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for _ in range(generator.integers(0, 4)):
        font = ImageFont.load_default(size=float(generator.uniform(9, 26)))
        place = (generator.uniform(0, 0.9) * width, generator.uniform(0, 0.95) * height)
        draw.text(place, str(generator.choice(_LETTERS)), fill=int(generator.integers(120, 256)), font=font)
    if generator.random() < 0.15:
        x, y = generator.uniform(0, 0.8) * width, generator.choice((0.0, 0.92)) * height
        draw.rectangle((x, y, x + 0.22 * width, y + 0.07 * height), fill=int(generator.integers(150, 256)))
    if generator.random() < 0.25:
        x, y, step = generator.uniform(0, width), generator.uniform(0.1, 0.6) * height, generator.uniform(9, 25)
        for bead in range(generator.integers(2, 9)):
            draw.ellipse((x - 2, y + bead * step - 2, x + 2, y + bead * step + 2), fill=255)
    mask = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    if generator.random() < 0.3:
        mask = mask[:, ::-1]
    return np.maximum(film, mask) if generator.random() < 0.85 else np.minimum(film, 1 - mask)
