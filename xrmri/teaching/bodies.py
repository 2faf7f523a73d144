"""Films of other parts of the body, so that the detector learns what is not a knee.

They are sketches: capsules of bone in capsules of flesh, (H, W) float32 in [0, 1], bone bright.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

Generator = np.random.Generator
Point = tuple[float, float]
Shape = Callable[[ImageDraw.ImageDraw, float], None]
_SHAPE = (480, 400)


class _Sketch:
    """Flesh and bone, drawn as thickness and then exposed."""

    def __init__(self) -> None:
        height, width = _SHAPE
        self.flesh, self.bone = (np.zeros(_SHAPE, dtype=np.float32) for _ in range(2))
        self.size = (width, height)

    def capsule(self, start: Point, stop: Point, width: float, *, bone: float = 0.0, flesh: float = 0.0) -> None:
        """A rounded bar between two points (x, y); a bone has a dense rim."""
        self._add(lambda draw, grow: _bar(draw, start, stop, width + grow), bone, flesh, width)

    def ellipse(self, centre: Point, radii: Point, *, bone: float = 0.0, flesh: float = 0.0) -> None:
        """A filled ellipse; a bone has a dense rim."""

        def shape(draw: ImageDraw.ImageDraw, grow: float) -> None:
            x, y = centre
            rx, ry = max(radii[0] + grow / 2, 1), max(radii[1] + grow / 2, 1)
            draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=255)

        self._add(shape, bone, flesh, min(radii))

    def _add(self, shape: Shape, bone: float, flesh: float, width: float) -> None:
        if flesh:
            self.flesh += flesh * self._mask(shape, 0.0)
        if bone:
            inside = self._mask(shape, -max(2.0, width * 0.16))
            self.bone += bone * (self._mask(shape, 0.0) - 0.55 * inside)

    def _mask(self, shape: Shape, grow: float) -> np.ndarray:
        canvas = Image.new("L", self.size)
        shape(ImageDraw.Draw(canvas), grow)
        return np.asarray(canvas, dtype=np.float32) / np.float32(255)

    def exposed(self, generator: Generator) -> np.ndarray:
        """Thickness as brightness in [0, 1]."""
        flesh = gaussian_filter(self.flesh, generator.uniform(4, 9))
        bone = gaussian_filter(self.bone, generator.uniform(0.6, 1.4))
        bone *= 1 + 0.12 * gaussian_filter(generator.standard_normal(_SHAPE), 1.2)
        signal = 1 - np.exp(-(0.9 * flesh + 1.1 * bone))
        return (signal / max(signal.max(), 1e-6)).astype(np.float32)


def _bar(draw: ImageDraw.ImageDraw, start: Point, stop: Point, width: float) -> None:
    """A line with round ends."""
    radius = max(width, 2.0) / 2
    draw.line((*start, *stop), fill=255, width=max(round(width), 1))
    for x, y in (start, stop):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def hand(generator: Generator) -> np.ndarray:
    """A hand, fingers up."""
    sketch = _Sketch()
    x, y = generator.uniform(170, 230), generator.uniform(330, 390)
    sketch.ellipse((x, y - 40), (70, 75), flesh=0.6)
    sketch.capsule((x, y + 20), (x, 520), 80, flesh=0.6)
    for offset in (-16, 14):
        sketch.capsule((x + offset, y + 35), (x + 1.2 * offset, 520), 22, bone=0.8)
    for _ in range(8):
        sketch.ellipse((x + generator.uniform(-32, 32), y + generator.uniform(-8, 22)), (10, 9), bone=0.6)
    spreads = np.array((-1.5, -0.55, -0.15, 0.22, 0.6)) + generator.normal(0, 0.05, size=5)
    for finger, spread in enumerate(spreads):
        start = np.array((x + 26 * spread, y - 10.0))
        for length in (62, 42, 28, 20) if finger else (40, 32, 24, 2):
            stop = start + length * np.array((np.sin(spread), -np.cos(spread)))
            sketch.capsule(tuple(start), tuple(stop), 12, bone=0.8)
            sketch.capsule(tuple(start), tuple(stop), 28, flesh=0.25)
            start = stop + 4 * np.array((np.sin(spread), -np.cos(spread)))
    return sketch.exposed(generator)


def pelvis(generator: Generator) -> np.ndarray:
    """A pelvis with both hips."""
    sketch = _Sketch()
    x, y, scale = 200.0, generator.uniform(180, 240), generator.uniform(0.85, 1.15)
    sketch.ellipse((x, y), (190 * scale, 230), flesh=1.2)
    for vertebra in range(4):
        sketch.ellipse((x, y - 70 - 42 * vertebra), (24, 18), bone=0.7)
    for side in (-1, 1):
        sketch.ellipse((x + side * 85 * scale, y - 60), (55 * scale, 60), bone=0.45)
        sketch.ellipse((x + side * 100 * scale, y + 40), (27, 27), bone=0.8)
        sketch.ellipse((x + side * 45 * scale, y + 75), (30, 34), bone=0.4)
        sketch.capsule((x + side * 102 * scale, y + 45), (x + side * 140 * scale, y + 70), 30, bone=0.6)
        sketch.capsule((x + side * 143 * scale, y + 60), (x + side * 135 * scale, 520), 38, bone=0.7)
    return sketch.exposed(generator)


def chest(generator: Generator) -> np.ndarray:
    """A chest: dark lungs, ribs, spine."""
    sketch = _Sketch()
    x, y = 200.0, generator.uniform(200, 250)
    sketch.ellipse((x, y), (195, 230), flesh=1.3)
    for side in (-1, 1):
        sketch.ellipse((x + side * 90, y), (68, 150), flesh=-1.0)
        for rib in range(8):
            top = y - 130 + 34 * rib
            sketch.capsule((x + side * 20, top), (x + side * 150, top + 26), 9, bone=0.3)
        sketch.capsule((x + side * 10, y - 165), (x + side * 150, y - 185), 12, bone=0.5)
    sketch.capsule((x, 0), (x, 480), 34, bone=0.5)
    sketch.ellipse((x + 25, y + 60), (62, 75), flesh=0.6)
    return sketch.exposed(generator)


def ankle(generator: Generator) -> np.ndarray:
    """A lower leg down to the foot: two shafts, one hinge, one or two legs."""
    sketch = _Sketch()
    for x in (200.0,) if generator.random() < 0.6 else (105.0, 300.0):
        y, side = generator.uniform(280, 430), generator.choice((-1, 1))
        lean = generator.normal(0, 15)
        wide = generator.uniform(0.85, 1.25)
        sketch.capsule((x + lean, -30), (x, y), 105 * wide, flesh=0.7)
        sketch.capsule((x + lean, 40), (x, y - 60), 50 * wide, flesh=0.4)
        sketch.capsule((x + lean, -30), (x, y - 20), 30 * wide, bone=0.7)
        sketch.ellipse((x, y - 16), (30 * wide, 18), bone=0.5)
        sketch.capsule((x + lean + side * 44 * wide, -30), (x + side * 34 * wide, y + 14), 14, bone=0.6)
        sketch.ellipse((x, y + 24), (28 * wide, 20), bone=0.7)
        sketch.ellipse((x + generator.normal(0, 8), y + 70), (32 * wide, 45), bone=0.6, flesh=0.4)
    return sketch.exposed(generator)


def elbow(generator: Generator) -> np.ndarray:
    """An arm with its hinge: one shaft above, two below."""
    sketch = _Sketch()
    x, y, lean = generator.uniform(150, 250), generator.uniform(180, 300), generator.normal(0, 30)
    sketch.capsule((x + lean, -30), (x, y), 90, flesh=0.7)
    sketch.capsule((x, y), (x - lean, 510), 75, flesh=0.7)
    sketch.capsule((x + lean, -30), (x, y - 30), 24, bone=0.8)
    sketch.capsule((x - 20, y - 14), (x + 20, y - 14), 22, bone=0.6)
    for offset in (-14, 13):
        sketch.capsule((x + offset, y + 14), (x - lean + 0.9 * offset, 510), 17, bone=0.8)
    return sketch.exposed(generator)


def shafts(generator: Generator) -> np.ndarray:
    """One or two legs or arms between their joints: long bones alone, with a thinner one beside some."""
    sketch = _Sketch()
    for x in (200.0,) if generator.random() < 0.5 else (110.0, 290.0):
        wide, lean, side = generator.uniform(0.7, 1.4), generator.normal(0, 25), generator.choice((-1, 1))
        top, bottom = (x - lean, -40.0), (x + lean, 520.0)
        sketch.capsule(top, bottom, 120 * wide, flesh=0.7)
        sketch.capsule((x, 60), (x, 220), 70 * wide, flesh=0.4)
        sketch.capsule(top, bottom, generator.uniform(24, 44) * wide, bone=0.8)
        if generator.random() < 0.6:
            aside = side * generator.uniform(32, 48) * wide
            sketch.capsule((top[0] + aside, -40), (bottom[0] + aside, 520), 14 * wide, bone=0.7)
    return sketch.exposed(generator)


def shoulder(generator: Generator) -> np.ndarray:
    """A shoulder: round head on a shaft beside a socket, a clavicle, some ribs."""
    sketch = _Sketch()
    x, y = generator.uniform(120, 200), generator.uniform(150, 230)
    sketch.ellipse((x + 60, y + 120), (150, 200), flesh=1.0)
    sketch.capsule((x, y), (x - 30, 520), 100, flesh=0.6)
    sketch.ellipse((x, y), (42, 44), bone=0.8)
    sketch.capsule((x - 5, y + 30), (x - 35, 520), 36, bone=0.7)
    sketch.ellipse((x + 58, y + 20), (14, 40), bone=0.5)
    sketch.capsule((x - 10, y - 62), (380, y - 95), 18, bone=0.5)
    sketch.capsule((x + 60, y + 20), (x + 110, y + 170), 60, bone=0.25)
    for rib in range(6):
        sketch.capsule((x + 110, y - 20 + 45 * rib), (400, y - 45 + 45 * rib), 11, bone=0.3)
    return sketch.exposed(generator)


def skull(generator: Generator) -> np.ndarray:
    """A skull from the front, with a row of teeth and the neck."""
    sketch = _Sketch()
    x, y = generator.uniform(180, 220), generator.uniform(180, 220)
    sketch.ellipse((x, y), (135, 165), flesh=0.6, bone=0.6)
    for side in (-1, 1):
        sketch.ellipse((x + side * 52, y + 30), (34, 28), bone=0.4)
    sketch.ellipse((x, y + 75), (24, 34), bone=0.3)
    for tooth in range(-4, 5):
        sketch.ellipse((x + 13 * tooth, y + 130), (5, 13), bone=0.8)
    for vertebra in range(4):
        sketch.ellipse((x, y + 190 + 32 * vertebra), (30, 14), flesh=0.3, bone=0.6)
    return sketch.exposed(generator)


def texture(generator: Generator) -> np.ndarray:
    """No body at all: blobs, stripes or grain."""
    grain = generator.standard_normal(_SHAPE, dtype=np.float32)
    sizes = generator.uniform(0, 30, size=2) ** generator.uniform(0.3, 1.0)
    field = gaussian_filter(grain, sizes)
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-6)
    ramp = np.linspace(0, generator.uniform(-1, 1), _SHAPE[1], dtype=np.float32)
    field = np.clip(field + ramp, 0, None)
    return (field / max(float(field.max()), 1e-6)).astype(np.float32)


BODIES = (hand, pelvis, chest, ankle, elbow, shafts, shoulder, skull, texture)
