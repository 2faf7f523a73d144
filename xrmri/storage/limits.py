"""How much of another person's file is taken: told by its header before memory is asked for, one limit for each kind.

The largest things that people have: a film of 31 MB or 4,500 x 3,500 pixels, a DESS series of 384 x 384 x 160 voxels, a
checkpoint of 15 GB.
"""

import errno
import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from math import prod
from pathlib import Path

from xrmri.errors import InputError

MOST_PIXELS = 2**26
"""Of a picture, a series or a grid: four times the largest film, as much as 512 x 512 x 256 voxels (choice)."""
MOST_BYTES = 512 * 2**20
"""Of a file that is read whole, and of what it unpacks to: a FLASH has 42 MB (choice)."""


def require_pixels(shape: Iterable[int], what: str) -> None:
    """Refuse a shape that no picture, series or grid has; `what` begins the message.

    Raises:
        InputError: an axis is not positive, or there are more than MOST_PIXELS.
    """
    sides = tuple(int(side) for side in shape)
    told = " x ".join(map(str, sides))
    if min(sides, default=0) < 1:
        raise InputError(f"{what} has the shape {told}: nothing is in it")
    if prod(sides) > MOST_PIXELS:
        raise InputError(f"{what} has {told} pixels: more than {MOST_PIXELS:,} are not read")


def open_regular(file: Path) -> BufferedReader:
    """A file to read bytes from; a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be opened, or is not a regular file (links are followed).
    """
    if "\0" in str(file):
        raise OSError(errno.EINVAL, "a NUL stands in its name", str(file))
    number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        raise OSError(errno.EINVAL, "not a regular file", str(file))
    return os.fdopen(number, "rb")


def require_regular(file: Path, most: int | None = None) -> None:
    """Refuse what a library would wait for (a pipe, a device), and what is longer than `most` bytes.

    Raises:
        InputError: not there, not a regular file (links are followed), or too long.
    """
    try:
        with open_regular(file) as stream:
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if most is not None and size > most:
        raise InputError(f"{file} has {size:,} bytes: more than {most:,} are not read")


def read_whole(file: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file; errors as of `require_regular`, and InputError where reading fails."""
    require_regular(file, most)
    try:
        with open_regular(file) as stream:
            return stream.read(most)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
