"""Tables of grey values in a DICOM header, however their entries are stored, and values through them.

Entries of 8 bits stand in bytes or in words of two, entries of more in words; a table may be longer than 8 bits count,
which pydicom's own functions do not follow.
"""

from collections.abc import Iterable

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from xrmri.errors import InputError
from xrmri.formats.header_numbers import Tags

_MOST_ENTRIES = 2**16
"""Which a descriptor writes as 0."""
_COLOURS = ("Red", "Green", "Blue")


def through_table(values: np.ndarray, tags: Dataset, sequence: str) -> np.ndarray:
    """Values through the first table of a sequence (PS3.3, C.11.1 and C.11.2).

    Args:
        values: any shape; fractions are rounded.
        tags: of the whole file, whose byte order the entries have.
        sequence: keyword of ModalityLUTSequence or VOILUTSequence.

    Returns:
        the same shape, the unsigned integers of the table; values beyond it have its first or last entry.

    Raises:
        InputError: the table is cut off.
    """
    item = tags[sequence][0]
    return _through(values, _numbers(item, "LUTDescriptor"), _entries(item, "LUT", tags))


def along_table(values: np.ndarray, tags: Dataset) -> np.ndarray:
    """Values through the PresentationLUTSequence, as long as which they are first made (PS3.3, C.11.4).

    Args:
        values: (H, W).
        tags: of the whole file.

    Returns:
        (H, W) float64, straight lines between entries.
    """
    entries = _entries(tags.PresentationLUTSequence[0], "LUT", tags)
    share = (values - values.min()) / (np.ptp(values) or 1)
    return np.interp(share * (entries.size - 1), np.arange(entries.size), entries)


def through_palette(stored: np.ndarray, tags: Tags) -> np.ndarray:
    """Indices as the colours that they stand for: (H, W) -> (H, W, 3), red, green and blue.

    Raises:
        InputError: the header has no palette, or one that is cut off.
        ValueError: it is packed as segments, and these are damaged.
    """
    if not isinstance(tags, Dataset) or not tags.get("RedPaletteColorLookupTableDescriptor"):
        raise InputError("it has a palette that is missing")
    if tags.get("SegmentedRedPaletteColorLookupTableData"):
        return np.asarray(apply_color_lut(stored, tags))[..., :3]
    tables = [f"{colour}PaletteColorLookupTable" for colour in _COLOURS]
    shown = [_through(stored, _numbers(tags, f"{table}Descriptor"), _entries(tags, table, tags)) for table in tables]
    return np.stack(shown, axis=-1)


def _through(values: np.ndarray, descriptor: list[int], entries: np.ndarray) -> np.ndarray:
    """Each value's entry, counted from the one that the descriptor names first."""
    first = descriptor[1]
    if first >= _MOST_ENTRIES // 2 and values.min() < 0:  # a negative one, of a kind that has no sign
        first -= _MOST_ENTRIES
    return np.asarray(entries[np.clip(np.rint(values).astype(np.int64) - first, 0, entries.size - 1)])


def _numbers(item: Dataset, name: str) -> list[int]:
    """The three numbers of a descriptor: entries, first value, bits."""
    told = item.get(name)
    if not isinstance(told, Iterable) or len(numbers := [int(one) for one in told]) != 3:
        raise InputError("it has a table of grey values that does not tell its length")
    return numbers


def _entries(item: Dataset, table: str, tags: Dataset) -> np.ndarray:
    """(N,) integers, the entries of a table in the order of its values."""
    count, _, _ = _numbers(item, f"{table}Descriptor")
    count, data = count or _MOST_ENTRIES, item.get(f"{table}Data")
    if isinstance(data, bytes):
        little = tags.original_encoding[1] is not False
        word = "u1" if len(data) in (count, count + 1) else "<u2" if little else ">u2"  # whatever the descriptor says
        entries = np.frombuffer(data, word, len(data) // np.dtype(word).itemsize)
    else:
        entries = np.atleast_1d(np.asarray(data if data is not None else [], np.int64))
    if entries.size < count:
        raise InputError(f"a table of grey values has {entries.size} entries where its header says {count}")
    return entries[:count]
