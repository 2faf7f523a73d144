"""How much of another person's file is taken: told by its header before memory is asked for, one limit for each kind.

The largest things that people have: a film of 31 MB or 4,500 x 3,500 pixels, a DESS series of 384 x 384 x 160 voxels, a
checkpoint of 15 GB.
"""

import stat
from collections.abc import Iterable
from math import prod
from pathlib import Path

from xrmri.errors import InputError

MOST_PIXELS = 2**26
"""Of a picture, a series or a grid: four times the largest film, as much as 512 x 512 x 256 voxels (choice)."""
MOST_BYTES = 512 * 2**20
"""Of a file that is read whole, and of what it unpacks to: a FLASH has 42 MB (choice)."""
MOST_TEXT_BYTES = 64 * 2**20
"""Of a document in JSON or TOML: the longest run.json, of 9,000 volumes, has 3 MB (choice)."""


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


def require_regular(file: Path, most: int | None = None) -> None:
    """Refuse what would be waited for (a pipe, a device) and what is longer than `most` bytes.

    Raises:
        InputError: not there, not a regular file (links are followed), or too long.
    """
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{file} cannot be read: {reason}") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{file} is not a regular file: give one")
    if most is not None and found.st_size > most:
        raise InputError(f"{file} has {found.st_size:,} bytes: more than {most:,} are not read")
