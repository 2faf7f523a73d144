"""A disk that is full: told apart from other mistakes, however a library says it, and told with the size needed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xrmri.errors import XrmriError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAID = ("no space left", "disk quota", "file too large", " requested and ")
"""What safetensors, workers and numpy say, who have lost the number of the error."""
_HINTED = ("file write failed", "unexpected pos")
"""What torch says, of this and of other trouble."""
_NOTHING_LEFT = 2**16


class FullDiskError(XrmriError):
    """No room for what is written; the same command goes on once there is."""


def is_full(error: BaseException | None, folder: Path) -> bool:
    """Whether an error, or one behind it, comes of a disk on which there is no room."""
    if not folder.is_dir():
        return False
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno in _FULL
        said = str(error).lower()
        if any(words in said for words in _SAID):
            return True
        if any(words in said for words in _HINTED) and free_bytes(folder) < _NOTHING_LEFT:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def room_for(folder: Path, needed_bytes: int) -> Iterator[None]:
    """Tell a person what is needed where a block ends for want of room; arguments as of `full_disk`."""
    try:
        yield
    except Exception as error:
        if is_full(error, folder):
            raise full_disk(folder, needed_bytes) from error
        raise


def full_disk(folder: Path, needed_bytes: int) -> FullDiskError:
    """What a person is told.

    Args:
        folder: where there is no room.
        needed_bytes: what the whole command writes there, roughly; 0 where that is not known.
    """
    needs = f"about {told(needed_bytes)} are needed there in all, " if needed_bytes else ""
    return FullDiskError(
        f"{folder}: no room left on the disk; {needs}{told(free_bytes(folder))} are free: make room and run the same "
        "command again, or give another -o"
    )


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write where a folder lies."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def told(size_bytes: int) -> str:
    """A size as people say it."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes / 1000:.0f} kB"
