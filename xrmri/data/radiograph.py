"""Radiographs of a knee: read from any usual file, cropped to the joint, scaled to what the network sees.

Pixels are (H, W), bone bright, in film orientation: image left is the patient's right. A crop is uint16, windowed to
its own 1st to 99th percentiles; `view.View` makes of it what a network sees, in [-1, 1] (paper, III-B).
"""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from xrmri.data.resample import resized, sampled
from xrmri.errors import InputError, UnusableError
from xrmri.formats.archive import is_archive
from xrmri.formats.dicom import is_dicom, read_film
from xrmri.formats.picture import read_picture
from xrmri.records import Radiograph
from xrmri.storage.limits import MOST_BYTES, require_regular

log = logging.getLogger(__name__)

WHITE = 65535
"""Of a windowed crop."""
FEWEST_PIXELS = 32
"""Rows and columns of the smallest radiograph: of a smaller one nothing of a joint is left (choice)."""
_WINDOW_PERCENTILES = (1, 99)
CROP_MM = 97.0
"""Width of a joint crop whose film does not tell its spacing: the mean of 260 phantom crops, 80 to 119 (measured)."""
_TOLD_MM = (1.0, 5000.0)
"""A width of a crop outside is nobody's, and not kept: knees.csv and the records of a dataset refuse it."""
_CROP_MM_LIMITS = (60.0, 200.0)
"""A width outside is a mistake in the film's header: no knee is so narrow, and no slice so wide."""


def read_radiograph(file: Path, side: str | None = None) -> Radiograph:
    """A radiograph from DICOM (with or without extension, or the one file of an NDA archive), PNG, JPEG or TIFF.

    Args:
        file: 8 or 16 bit; colours become grey.
        side: the knee it shows, where the caller knows.

    Returns:
        pixels float32 with bone bright, in the file's own units.

    Raises:
        InputError: no such file, a folder, empty, not an image, damaged, blank, or tiny.
    """
    if file.is_dir():
        raise InputError(f"{file} is a folder: give one radiograph (DICOM, PNG, JPEG or TIFF)")
    if not file.exists():
        raise InputError(f"{file} does not exist: give a radiograph (DICOM, PNG, JPEG or TIFF)")
    require_regular(file, MOST_BYTES)
    if file.stat().st_size == 0:
        raise InputError(f"{file} is empty: give a radiograph (DICOM, PNG, JPEG or TIFF)")
    if is_archive(file) or is_dicom(file):
        film = read_film(file)
    else:
        film = read_picture(file)
    pixels = film.pixels
    if pixels.min() == pixels.max():
        raise InputError(f"{file} is blank: every pixel has the value {pixels.flat[0]:g}; give another radiograph")
    if min(pixels.shape) < FEWEST_PIXELS:
        raise InputError(f"{file} has {' x '.join(map(str, pixels.shape))} pixels: too few to show a joint")
    if film.false_colours:
        log.warning("%s is in several colours: where a table made them of greys, export it in grey", file)
    return replace(film, side=side)


def windowed(pixels: np.ndarray) -> np.ndarray:
    """Pixels over their own 1st to 99th percentiles.

    Args:
        pixels: (H, W), any numeric dtype, bone bright.

    Returns:
        (H, W) uint16, 0 at the 1st and 65535 at the 99th percentile and beyond.
    """
    low, high = np.percentile(pixels, _WINDOW_PERCENTILES)
    if low == high:
        low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        raise UnusableError("the radiograph is blank where the knee should be", f"every pixel has the value {low:g}")
    share = np.clip((pixels.astype(np.float64) - low) / (high - low), 0, 1)
    return np.rint(share * WHITE).astype(np.uint16)


def crop_knee(
    radiograph: Radiograph, corners: tuple[float, float, float, float], *, scale: float, pixels: int
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """The joint on a film: its box enlarged about the centre, square, padded with black where the film ends.

    Args:
        radiograph: the film.
        corners: x0, y0, x1, y1 of the joint box in film pixels.
        scale: enlargement of the longer side of the box.
        pixels: rows and columns of the crop.

    Returns:
        (pixels, pixels) uint16 windowed crop in film orientation, square in mm where the film tells its spacing, else
        in pixels; and its row and column spacing in mm, if known.
    """
    x0, y0, x1, y1 = (float(corner) for corner in corners)
    row_mm, column_mm = radiograph.pixel_size
    half_mm = max((x1 - x0) * column_mm, (y1 - y0) * row_mm) * scale / 2
    rows, columns = (
        (middle - half_mm / mm, middle + half_mm / mm)
        for middle, mm in (((y0 + y1) / 2, row_mm), ((x0 + x1) / 2, column_mm))
    )
    crop = _padded_window(radiograph.pixels, rows, columns, pixels)
    told = radiograph.spacing_mm and _TOLD_MM[0] <= 2 * half_mm <= _TOLD_MM[1]
    return windowed(crop), (2 * half_mm / pixels, 2 * half_mm / pixels) if told else None


def whole_picture(radiograph: Radiograph) -> tuple[np.ndarray, float | None]:
    """A picture of a joint as it is, its pixels made square.

    Returns:
        (H, W) uint16 windowed, and the longer side in mm, if known; a square where the file's pixels are oblong.
    """
    (height, width), (rows, columns) = radiograph.pixel_size, radiograph.pixels.shape
    crop = windowed(radiograph.pixels)
    if not np.isclose(height, width, rtol=1e-3):
        crop, _ = crop_knee(radiograph, (0, 0, columns, rows), scale=1.0, pixels=max(rows, columns))
    return crop, max(columns * width, rows * height) if radiograph.spacing_mm else None


def crop_width_mm(crop: np.ndarray, spacing_mm: tuple[float, float] | None) -> float | None:
    """Width of a crop to a hundredth of a millimetre; None where its spacing is not known, or nobody's."""
    return told_width_mm(crop.shape[1] * spacing_mm[1] if spacing_mm else None)


def told_width_mm(width_mm: float | None) -> float | None:
    """A width to a hundredth of a millimetre; None where it is not known, or nobody's."""
    if width_mm is None or not _TOLD_MM[0] <= round(width_mm, 2) <= _TOLD_MM[1]:
        return None
    return round(width_mm, 2)


def _padded_window(image: np.ndarray, rows: tuple[float, float], columns: tuple[float, float], size: int) -> np.ndarray:
    """A window of an image in size x size pixels, 0 where the image is darkest and where the window leaves it.

    Only the pixels under the window are touched: a film has ten times as many.
    """
    (top, bottom), (left, right) = (
        (max(int(np.floor(start)) - 1, 0), min(int(np.ceil(stop)) + 1, count))
        for (start, stop), count in zip((rows, columns), image.shape, strict=True)
    )
    if bottom <= top or right <= left:
        raise UnusableError("the box of the knee lies outside the film")
    part = image[top:bottom, left:right] - image.min()
    return sampled(part, (rows[0] - top, rows[1] - top), (columns[0] - left, columns[1] - left), size)


def unit_square(crop: np.ndarray, size: int) -> np.ndarray:
    """A crop as a square of a given size; one that is not square gets black margins, never another shape.

    Args:
        crop: (H, W) uint16, windowed.
        size: rows and columns wanted.

    Returns:
        (size, size) float32 in [0, 1].
    """
    return np.clip(resized(squared(crop), size) / np.float32(WHITE), 0, 1)  # shrinking rounds below 0, by 1e-14


def laid_on_slice(crop: np.ndarray, width_mm: float | None, slice_mm: float) -> np.ndarray:
    """A joint crop on the millimetres of a slice: what lies at a pixel of one lies near that pixel of the other.

    Args:
        crop: (H, W) square, 0 is black; its middle becomes the middle of the slice.
        width_mm: width of the crop; unknown or impossible ones count as CROP_MM.
        slice_mm: width of the slice.

    Returns:
        (H, W) float32 in the units of the crop; black where the slice is wider than the crop.
    """
    size = crop.shape[0]
    reach = size / 2 * slice_mm / believed_width_mm(width_mm)
    return sampled(crop, (size / 2 - reach, size / 2 + reach), (size / 2 - reach, size / 2 + reach), size)


def believed_width_mm(width_mm: float | None) -> float:
    """The width that a joint crop counts as: what its film tells where a knee can be as wide, else CROP_MM."""
    low, high = _CROP_MM_LIMITS
    return width_mm if width_mm is not None and low <= width_mm <= high else CROP_MM


def mirrored(image: np.ndarray) -> np.ndarray:
    """The image with its columns reversed: a left knee as if it were a right one, or back."""
    return np.ascontiguousarray(image[..., ::-1])


def squared(image: np.ndarray) -> np.ndarray:
    """The image in the middle of a black square."""
    height, width = image.shape
    tall, wide = max(width - height, 0), max(height - width, 0)
    return np.pad(image, ((tall // 2, tall - tall // 2), (wide // 2, wide - wide // 2)))
