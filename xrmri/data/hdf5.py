"""HDF5 files, opened here and nowhere else.

A file of this program is a flat list of arrays of numbers and short texts, stored in the file itself. HDF5 can do more:
point to other files, unpack through plug-ins, claim any size. A file that does is refused before a number is read.
"""

from math import prod
from pathlib import Path

import h5py

from xrmri.errors import InconsistentError, InputError
from xrmri.limits import MOST_BYTES, require_regular

File = h5py.File
Array = h5py.Dataset
TEXT = h5py.string_dtype("ascii", 64)
"""Up to 64 letters of a fixed length: of names and hashes."""
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


def open_h5(file: Path, remedy: str) -> File:
    """An HDF5 file to read from.

    Args:
        file: what `new_h5` made.
        remedy: what a person does where it is not; ends the message.

    Raises:
        InconsistentError: missing, damaged, or holds anything but arrays that lie in the file itself.
    """
    try:
        require_regular(file)
        content = h5py.File(file, "r")
    except InputError as error:
        raise InconsistentError(f"{error}; {remedy}") from error
    except (OSError, ValueError) as error:
        raise InconsistentError(f"{file} is damaged, or not HDF5: {remedy}") from error
    try:
        reason = next((f"{name!r} {why}" for name in content if (why := _foreign(content, name))), "")
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        content.close()
        raise InconsistentError(f"{file} is damaged: {remedy}") from error
    if reason:
        content.close()
        raise InconsistentError(f"{file} is not as xrmri writes it ({reason}): {remedy}")
    return content


def new_h5(file: Path) -> File:
    """An empty HDF5 file to write to."""
    return h5py.File(file, "w")


def _foreign(content: File, name: str) -> str:
    """What an entry of a file has that an array of numbers in the file does not; empty where there is nothing."""
    if not isinstance(content.get(name, getlink=True), h5py.HardLink):
        return "is a link to somewhere else"
    array = content[name]
    return _unlike_ours(array) if isinstance(array, h5py.Dataset) else "is not an array"


def _unlike_ours(array: Array) -> str:
    """The same of an array."""
    plan = array.id.get_create_plist()
    filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
    if not array.chunks:
        lies = "in another file" if array.is_virtual or plan.get_external_count() else "in one piece"
        return f"lies {lies}"
    row = prod(map(max, (1, *array.shape[1:]), array.chunks)) * array.dtype.itemsize
    odd = {
        "holds neither numbers nor short texts": array.dtype.kind not in "uifS",
        "is packed by something else": not filters <= _FILTERS,
        f"claims {row:,} bytes a row": row > MOST_BYTES,
    }
    return next((why for why, is_so in odd.items() if is_so), "")
