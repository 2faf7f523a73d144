"""A .npy file of numbers: its header is a line of Python that numpy takes apart, and may say anything."""

from pathlib import Path
from tokenize import TokenError

import numpy as np

from xrmri.errors import InputError
from xrmri.storage.limits import MOST_BYTES, require_regular

_DAMAGE = (OSError, ValueError, EOFError, TypeError, OverflowError, SyntaxError, TokenError, MemoryError,
           RecursionError)  # fmt: skip
"""What numpy lets out of the steps in which it takes a header apart."""


def read_array(file: Path) -> np.ndarray:
    """The array in a .npy file, of any shape and kind of numbers, mapped into memory and not read yet.

    Raises:
        InputError: it cannot be read, holds objects or several arrays, or more or less than its header says.
    """
    require_regular(file, MOST_BYTES)
    try:
        with np.errstate(all="ignore"):  # sizes beyond 64 bits
            array = np.load(file, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise InputError(f"{file.name} is not a .npy array of numbers") from error
    if not isinstance(array, np.memmap):
        array.close()
        raise InputError(f"{file.name} holds several arrays (.npz): give one as .npy")
    beyond = file.stat().st_size - array.offset - array.nbytes
    if beyond:
        raise InputError(f"{file.name} holds {beyond:,} bytes more than its header tells of: write it again")
    return array
