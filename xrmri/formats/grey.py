"""What the stored values of a DICOM radiograph mean: the chain of tables and slopes that ends at bone bright.

Stored value -> modality (a table, or slope and intercept) -> VOI table -> presentation table -> turned round where the
header says that low values are bright. A window (centre, width and the form of its curve) is passed over: it is what
one viewer showed, and a crop is shown over its own percentiles.
"""

import numpy as np
from pydicom import Dataset

from xrmri.errors import InputError
from xrmri.formats.grey_tables import along_table, through_palette, through_table
from xrmri.formats.header_numbers import Tags, integer, numbers

TABLES = ("ModalityLUTSequence", "VOILUTSequence", "PresentationLUTSequence")
"""Which change grey values, in the order in which they do."""
PADDING = tuple((f"{kind}PixelPaddingValue", f"{kind}PixelPaddingRangeLimit") for kind in ("", "Float", "DoubleFloat"))
"""Tags of what is no part of an image: one value, or the first and last of a range."""
_OF_THREE = ("RGB", "YBR", "MONOCHROME2")
"""How a PhotometricInterpretation of three samples begins, which are then turned into RGB; the last is three greys."""
_SHOWN = 40
"""Letters of a header's text in a complaint."""
_LUMA = np.array((0.299, 0.587, 0.114))
"""ITU-R 601, as Pillow weighs red, green and blue."""


def bone_bright(stored: np.ndarray, tags: Tags) -> np.ndarray:
    """Grey values with bone bright.

    Args:
        stored: (H, W) numbers as the file holds them, or (H, W, 3) red, green and blue.
        tags: of the same file.

    Returns:
        (H, W) float32, in the units of the last table or slope; padding is black.

    Raises:
        InputError: it is nothing but padding, has values that are no numbers, or lacks a table that it names.
    """
    if stored.shape[2:] not in ((), (3,)):
        raise InputError(f"pixels have the shape {stored.shape}: one image is needed")
    if stored.ndim > 2:
        if not photometric(tags).startswith(_OF_THREE):
            told = photometric(tags)[:_SHOWN]
            raise InputError(f"its pixels have three samples each and are said to be {told!r}: export it as RGB")
        return luma(stored)
    if photometric(tags) == "PALETTE COLOR":
        return luma(through_palette(stored, tags))
    padding = _padding(stored, tags)
    if padding.all():
        raise InputError("nothing but padding is in it")
    if not np.isfinite(stored[~padding]).all():
        raise InputError("it has pixels that are not numbers")
    if padding.any():
        stored = np.where(padding, _darkest(stored[~padding], tags), stored)
    values = _through_tables(stored, tags).astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError("its slope makes its pixels larger than any number")
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


def intercept_of(tags: Tags) -> float:
    """RescaleIntercept; 0 where there is none."""
    return (numbers(tags, "RescaleIntercept", 1) or [0.0])[0]


def has_tables(tags: Tags) -> bool:
    """Whether grey values go through a table."""
    return any(tags.get(name) for name in TABLES)


def _through_tables(stored: np.ndarray, tags: Tags) -> np.ndarray:
    if isinstance(tags, Dataset) and tags.get("ModalityLUTSequence"):
        values = through_table(stored, tags, "ModalityLUTSequence")
    else:
        slope, intercept = slope_of(tags), intercept_of(tags)
        values = stored if (slope, intercept) == (1.0, 0.0) or slope == 0 else stored * slope + intercept
    if isinstance(tags, Dataset) and tags.get("VOILUTSequence"):
        values = through_table(values, tags, "VOILUTSequence")
    return along_table(values, tags) if isinstance(tags, Dataset) and tags.get("PresentationLUTSequence") else values


def _padding(stored: np.ndarray, tags: Tags) -> np.ndarray:
    """Which pixels are no part of the image: (H, W) bool."""
    for name, limit in PADDING:
        if first := numbers(tags, name, 1):
            low, high = sorted((first[0], (numbers(tags, limit, 1) or first)[0]))
            return np.asarray((stored >= low) & (stored <= high))
    return np.zeros(stored.shape, dtype=bool)


def _darkest(shown: np.ndarray, tags: Tags) -> float:
    """The stored value that is shown darkest: the end of the stored range, or of an image that fills little of it.

    Args:
        shown: (N,) the pixels that are no padding.
        tags: of the same file.
    """
    low, high = shown.min().item(), shown.max().item()
    bits, signed = integer(tags, "BitsStored") or 16, tags.get("PixelRepresentation") == 1
    first = -(2 ** (bits - 1)) if signed else 0
    if shown.dtype.kind != "f" and 2 * (high - low) >= 2**bits:
        low, high = first, first + 2**bits - 1
    below, above = _through_tables(np.array([[low, high]], shown.dtype), tags)[0]
    return high if (below < above) == is_turned(tags) else low
