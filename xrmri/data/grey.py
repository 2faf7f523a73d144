"""What the stored values of a DICOM radiograph mean: the chain of tables and slopes that ends at bone bright.

Stored value -> modality (a table, or slope and intercept) -> VOI table -> turned round where the header says that low
values are bright. A window (centre and width) is passed over: it is what one viewer showed, and a crop is shown over
its own percentiles.
"""

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

from xrmri.data.header_numbers import Tags, integer, numbers
from xrmri.errors import InputError

_LUMA = np.array((0.299, 0.587, 0.114))
"""ITU-R 601, as Pillow weighs red, green and blue."""


def bone_bright(stored: np.ndarray, tags: Tags) -> np.ndarray:
    """Grey values with bone bright.

    Args:
        stored: (H, W) integers as the file holds them, or (H, W, 3) red, green and blue.
        tags: of the same file.

    Returns:
        (H, W) float32, in the units of the last table or slope; padding is black.

    Raises:
        InputError: it is nothing but padding.
    """
    if stored.ndim > 2:
        return luma(stored)
    if isinstance(tags, Dataset) and photometric(tags) == "PALETTE COLOR":
        return luma(apply_color_lut(stored, tags))
    padding = _padding(stored, tags)
    if padding.all():
        raise InputError("nothing but padding is in it")
    if padding.any():
        stored = np.where(padding, _darkest(stored[~padding], tags), stored)
    values = _through_tables(stored, tags).astype(np.float32)
    return values.max() - values if is_turned(tags) else values


def luma(colours: np.ndarray) -> np.ndarray:
    """Grey of red, green and blue: (H, W, 3) -> (H, W) float32; the very values where all three are the same."""
    if (colours == colours[..., :1]).all():
        return colours[..., 0].astype(np.float32)
    return np.asarray(colours @ _LUMA, dtype=np.float32)


def photometric(tags: Tags) -> str:
    """PhotometricInterpretation in capitals."""
    return str(tags.get("PhotometricInterpretation") or "").strip(" \0").upper()


def is_turned(tags: Tags) -> bool:
    """Whether low values are shown bright: DICOM says it in one of two places, or in both at once."""
    shape = str(tags.get("PresentationLUTShape") or "").strip(" \0").upper()
    return photometric(tags) == "MONOCHROME1" or shape == "INVERSE"


def slope_of(tags: Tags) -> float:
    """RescaleSlope; 1 where there is none."""
    return (numbers(tags, "RescaleSlope", 1) or [1.0])[0]


def has_tables(tags: Tags) -> bool:
    """Whether grey values go through a table."""
    return any(tags.get(name) for name in ("ModalityLUTSequence", "VOILUTSequence"))


def _through_tables(stored: np.ndarray, tags: Tags) -> np.ndarray:
    if isinstance(tags, Dataset) and tags.get("ModalityLUTSequence"):
        values = apply_modality_lut(stored, tags)
    else:
        slope, intercept = slope_of(tags), (numbers(tags, "RescaleIntercept", 1) or [0.0])[0]
        values = stored if (slope, intercept) == (1.0, 0.0) or slope == 0 else stored * slope + intercept
    if isinstance(tags, Dataset) and tags.get("VOILUTSequence"):
        values = apply_voi(np.rint(values).astype(np.int32), tags)
    return values


def _padding(stored: np.ndarray, tags: Tags) -> np.ndarray:
    """Which pixels are no part of the image: (H, W) bool."""
    first = numbers(tags, "PixelPaddingValue", 1)
    if not first:
        return np.zeros(stored.shape, dtype=bool)
    last = numbers(tags, "PixelPaddingRangeLimit", 1) or first
    low, high = sorted((first[0], last[0]))
    return np.asarray((stored >= low) & (stored <= high))


def _darkest(shown: np.ndarray, tags: Tags) -> int:
    """The stored value that is shown darkest: the end of the stored range, or of an image that fills little of it.

    Args:
        shown: (N,) the pixels that are no padding.
        tags: of the same file.
    """
    low, high = int(shown.min()), int(shown.max())
    bits, signed = integer(tags, "BitsStored") or 16, tags.get("PixelRepresentation") == 1
    first = -(2 ** (bits - 1)) if signed else 0
    if 2 * (high - low) >= 2**bits:
        low, high = first, first + 2**bits - 1
    below, above = _through_tables(np.array([[low, high]], shown.dtype), tags)[0]
    return high if (below < above) == is_turned(tags) else low
