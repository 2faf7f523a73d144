"""Numbers out of a DICOM header, however a program wrote them, and how large the pixels of a film are.

Known ways: a list, one value, a text with backslashes, blanks or brackets, a decimal comma, values of an odd kind.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import RawDataElement

Tags = Dataset | Mapping[str, object]
"""By keyword; a mapping where the file is plain."""
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_DECIMAL_COMMA = re.compile(r"[^,]*\d,\d[^,]*")
_CALIBRATED = 1e-3
"""Spacings that differ by less than this share are one (choice: headers round)."""
_PIXEL_MM = (0.001, 100.0)
"""No image has smaller or larger pixels."""
_MOST_OBLONG = 10.0
"""None has pixels higher or wider by more, and a crop made square of such would fill the memory (choice)."""
# What pydicom raises on values that are not what their kind says; they share no base class.
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OverflowError)


def numbers(tags: Tags, tag: str, count: int) -> list[float]:
    """The numbers of a tag; [] when there are not `count` finite ones."""
    try:
        value = tags.get(tag)
    except _DAMAGE:
        value = _raw(tags, tag)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return list(_of_text(value, count))
    parts: list[Any] = list(value) if isinstance(value, Sequence) or hasattr(value, "__iter__") else [value]
    return list(_of_text(" ".join(parts), count)) if all(isinstance(part, str) for part in parts) else _of(parts, count)


@lru_cache(maxsize=1024)  # the slices of a series have most of their numbers in common
def _of_text(text: str, count: int) -> tuple[float, ...]:
    return tuple(_of(_parts(text, count), count))


def _of(parts: Sequence[Any], count: int) -> list[float]:
    """So many finite numbers, or none."""
    try:
        found = [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
    return found if len(found) == count and all(map(isfinite, found)) else []


def integer(tags: Tags, tag: str) -> int:
    """A whole number; 0 where the header does not tell it."""
    return int((numbers(tags, tag, 1) or [0])[0])


def spacing_of(tags: Tags) -> tuple[float, float] | None:
    """Row and column spacing in mm, at the knee where the header tells it there; None where it tells none.

    PixelSpacing was calibrated where it differs from ImagerPixelSpacing, which is measured at the detector (PS3.3,
    10.7.1.3), or from NominalScannedPixelSpacing, measured on the sheet that was scanned. What was not calibrated is
    larger than the knee by the magnification that the header estimates.
    """
    spacing, *measured = (_positive(numbers(tags, tag, 2)) for tag in _SPACINGS)
    detector = next(filter(None, measured), [])
    if spacing and detector and not np.allclose(spacing, detector, rtol=_CALIBRATED):
        return spacing[0], spacing[1]
    told = detector or spacing
    if not told:
        return None
    magnification = _positive(numbers(tags, "EstimatedRadiographicMagnificationFactor", 1)) if detector else []
    row_mm, column_mm = (length_mm / (magnification[0] if magnification else 1.0) for length_mm in told)
    believed = all(_PIXEL_MM[0] <= one <= _PIXEL_MM[1] for one in (row_mm, column_mm))
    return (row_mm, column_mm) if believed and max(told) <= _MOST_OBLONG * min(told) else None


def aspect_of(tags: Tags) -> float:
    """Height of a pixel over its width; 1 where the header does not tell."""
    spacing_mm, ratio = spacing_of(tags), _positive(numbers(tags, "PixelAspectRatio", 2))
    height, width = spacing_mm or ratio or (1.0, 1.0)
    return height / width if max(height, width) <= _MOST_OBLONG * min(height, width) else 1.0


def tells_spacing(tags: Tags) -> bool:
    """Whether the header has a spacing, understood or not."""
    return any(str(_told(tags, tag)).strip() for tag in _SPACINGS)


def _told(tags: Tags, tag: str) -> object:
    try:
        value = tags.get(tag)
    except _DAMAGE:
        return "damaged"
    return "" if value is None else value


def _positive(values: list[float]) -> list[float]:
    return values if values and min(values) > 0 else []


def _raw(tags: Tags, tag: str) -> str | None:
    """The text of a tag that is not what its kind says."""
    element = tags.get_item(tag) if isinstance(tags, Dataset) else None
    value = element.value if isinstance(element, RawDataElement) else None
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else None


def _parts(text: str, count: int) -> list[str]:
    """The numbers in a text, commas taken for points where there are enough numbers without them."""
    plain = text.strip("[]() ")
    parts = plain.replace("\\", " ").split()
    if len(parts) == count and all(_DECIMAL_COMMA.fullmatch(part) for part in parts):
        return [part.replace(",", ".") for part in parts]
    return plain.replace("\\", " ").replace(",", " ").split()
