"""PNG and JPEG as a viewer shows them, and TIFF in colours of printing.

Pillow reads what has 8 bits a colour; PNG of 16 goes through imagecodecs, because Pillow keeps the high byte alone of
colours, and nothing of a grey that is said to be transparent.
"""

import contextlib
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from xrmri.errors import InputError
from xrmri.formats.false_colours import in_brief, in_false_colours
from xrmri.formats.samples import DAMAGE, ORIENTATION, grey_of, pixel_aspect, upright
from xrmri.formats.whole_jpeg import JPEG, require_whole
from xrmri.records import Radiograph
from xrmri.storage.limits import require_pixels

_FORMATS = ("PNG", "JPEG", "TIFF")
_PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a pixel, by the colour type of a PNG."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps to the next ones, of the seven parts of an interlaced PNG."""
_COLOURED = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def read_by_pillow(content: bytes, file: Path) -> Radiograph:
    """The one picture of a PNG or JPEG.

    Args:
        content: its bytes; also of a TIFF.
        file: for messages.

    Raises:
        InputError: too large, or an animation.
        UnidentifiedImageError, DAMAGE: what Pillow says of other files, and of damaged ones.
    """
    with Image.open(BytesIO(content), formats=_FORMATS) as picture:
        require_pixels(picture.size[::-1], str(file))
        frames = getattr(picture, "n_frames", 1)
        if picture.format == "PNG" and frames > 1:  # further pictures of a camera's JPEG are small copies
            raise InputError(f"{file} holds {frames} images: give a file with one radiograph")
        picture.load()
        if picture.format == "PNG":
            _require_rows(content, picture.size)
        elif content.startswith(JPEG):
            require_whole(content, np.asarray(picture), decoded_jpeg)
        grey = _of_sixteen_bits(content) if _has_sixteen_bits(content) else _grey(picture)
        shown = upright(grey, _told_orientation(picture), _told_aspect(picture))
        return replace(shown, false_colours=picture.mode in _COLOURED and in_false_colours(_colours(picture)))


def decoded_jpeg(content: bytes) -> np.ndarray:
    """The pixels of a JPEG of 8 bits, in its own colours; UnidentifiedImageError, DAMAGE where Pillow finds none."""
    with Image.open(BytesIO(content), formats=("JPEG",)) as picture:
        return np.asarray(picture)


def _require_rows(content: bytes, size: tuple[int, int]) -> None:
    """ValueError for a PNG that packs less than its pixels take: Pillow makes what is missing black, and is silent."""
    data, at = bytearray(), len(_PNG)
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IDAT":
            data += content[at + 8 : at + 8 + length]
        at += length + 12
    bits, interlaced = content[24] * _SAMPLES[content[25]], content[28]
    needed = 0
    for first_x, first_y, step_x, step_y in _PASSES if interlaced else ((0, 0, 1, 1),):
        width, height = -(-(size[0] - first_x) // step_x), -(-(size[1] - first_y) // step_y)
        needed += height * (1 + -(-width * bits // 8)) if width > 0 and height > 0 else 0
    try:
        held = len(zlib.decompressobj().decompress(data, needed))
    except zlib.error as error:
        raise ValueError("its packed pixels are damaged") from error
    if held < needed:
        raise ValueError(f"it holds {held} of {needed} bytes of its pixels")


def _has_sixteen_bits(content: bytes) -> bool:
    """Whether a picture is a PNG with 16 bits of each colour."""
    return content.startswith(_PNG) and content[24] == 16


def _of_sixteen_bits(content: bytes) -> np.ndarray:
    import imagecodecs

    samples = np.atleast_3d(np.asarray(imagecodecs.png_decode(content)))
    channels = samples.shape[-1]
    return grey_of(samples, colours=3 if channels > 2 else 1, alpha=channels - 1 if channels in (2, 4) else None)


def _grey(picture: Image.Image) -> np.ndarray:
    """Grey of what Pillow reads as it is."""
    if picture.has_transparency_data:
        grey = picture.mode in ("L", "LA")
        samples = np.asarray(picture.convert("LA" if grey else "RGBA"))
        return grey_of(samples, colours=1 if grey else 3, alpha=samples.shape[-1] - 1)
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float32)
    return np.asarray(picture.convert("L"), dtype=np.float32)


def _colours(picture: Image.Image) -> np.ndarray:
    """Some pixels of a picture: (H, W, 3) uint8, red, green and blue."""
    width, height = picture.size
    rows, columns = in_brief(np.empty((height, width), bool)).shape
    return np.asarray(picture.resize((columns, rows), Image.Resampling.NEAREST).convert("RGB"))


def _told_orientation(picture: Image.Image) -> int:
    """How EXIF says that a picture was held; 1 where it says nothing, or is damaged."""
    with contextlib.suppress(*DAMAGE):
        return int(picture.getexif().get(ORIENTATION, 1))
    return 1


def _told_aspect(picture: Image.Image) -> float:
    """Height of a pixel over its width, of the dots to an inch, or their proportion; 1 where nothing is told."""
    told = (picture.info.get(name) for name in ("dpi", "aspect", "jfif_density"))
    with contextlib.suppress(*DAMAGE):
        across, down = next(filter(None, told), (1, 1))
        return pixel_aspect(float(across), float(down))
    return 1.0
