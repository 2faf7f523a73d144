"""HDF5 files, opened here and nowhere else.

A file of this program is a flat list of arrays of numbers and short texts, stored in the file itself. HDF5 can do more:
point to other files, unpack through plug-ins, claim any size. A file that does is refused before a number is read.
"""

import errno
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from math import prod
from pathlib import Path
from typing import IO, TypeAlias

import h5py
import numpy as np

from xrmri.errors import InconsistentError, InputError
from xrmri.machine.signals import signals_wait
from xrmri.storage.limits import MOST_BYTES, require_regular

File: TypeAlias = h5py.File
Array: TypeAlias = h5py.Dataset
TEXT = h5py.string_dtype("ascii", 64)
"""Up to 64 letters of a fixed length: of names and hashes."""
_FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32)
"""In the order in which a chunk passes them, each once or not at all."""
_CHECKSUM_BYTES = 4


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
        content = h5py.File(file, "r", locking=False)  # NFS and Lustre may know no locks, and finished files need none
    except InputError as error:
        raise InconsistentError(f"{error}; {remedy}") from error
    except (OSError, ValueError) as error:
        raise unreadable(str(file), error, f"is damaged, or not HDF5: {remedy}") from error
    try:
        reason = next((f"{name!r} {why}" for name in content if (why := _foreign(content, name))), "")
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        content.close()
        raise unreadable(str(file), error, f"is damaged: {remedy}") from error
    if reason:
        content.close()
        raise InconsistentError(f"{file} is not as xrmri writes it ({reason}): {remedy}")
    return content


def read(array: Array, *place: int) -> np.ndarray:
    """The part of an array behind some leading indices.

    HDF5 unpacks a chunk to any size, and fills what it then lacks with whatever memory holds, or what was never written
    with zeros: each chunk of the part is measured first.

    Raises:
        ValueError: one is not there, or not of its size.
        OSError, RuntimeError: what h5py says of damaged ones.
    """
    filters, chunk = _filters(array), array.chunks
    size = prod(chunk) * array.dtype.itemsize
    starts = [(at - at % step,) for at, step in zip(place, chunk, strict=False)]
    ends = zip(array.shape[len(place) :], chunk[len(place) :], strict=True)
    for start in product(*starts, *(range(0, end, step) for end, step in ends)):
        passed_over, data = array.id.read_direct_chunk(start)
        if passed_over or _unpacked_bytes(data, filters, size) != size:
            raise ValueError(f"the chunk at {start} is not of its size")
    return np.asarray(array[place])


def _unpacked_bytes(data: bytes, filters: list[int], most: int) -> int:
    """Bytes of a chunk before its filters; no more than one beyond `most` are unpacked."""
    if h5py.h5z.FILTER_FLETCHER32 in filters:
        data = data[:-_CHECKSUM_BYTES]
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return len(data)
    try:
        return len(zlib.decompressobj().decompress(data, most + 1))
    except zlib.error as error:
        raise ValueError("a chunk is damaged") from error


def unreadable(what: str, error: Exception, damage: str) -> InconsistentError:
    """What to say where HDF5 could not read: damage only where the system gave the bytes.

    Args:
        what: the file, or a part of it.
        error: what h5py raised.
        damage: what is wrong, and what to do, where it is no trouble of the system.
    """
    if isinstance(error, OSError) and error.errno:
        trouble = os.strerror(error.errno)
        return InconsistentError(f"{what} cannot be read now ({trouble}): run the same command again once it can")
    return InconsistentError(f"{what} {damage}")


@contextmanager
def new_h5(file: Path) -> Iterator[File]:
    """An empty HDF5 file to write to, by `written` alone; OSError at the end where the disk had no room for it."""
    with file.open("w+b", buffering=0) as stream:
        disk, content = _Disk(stream), None
        try:
            with written():
                content = h5py.File(disk, "w")
            yield content
        finally:
            with written():
                if content:
                    content.close()
        if disk.error:
            raise OSError(disk.error.errno or errno.ENOSPC, disk.error.strerror, str(file))


def written() -> AbstractContextManager[None]:
    """A block that writes to an HDF5 file: a signal waits for its end, for an exception out of `_Disk` ends the
    process in a fault of memory once the file is closed.
    """
    return signals_wait()


class _Disk(io.RawIOBase):
    """A file that keeps its first error to itself, because HDF5 ends the process where it can't write what it holds."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as a file does."""
        return self.stream.readinto(buffer)  # type: ignore[attr-defined]

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """Write, or pretend to."""
        start, done = self.stream.tell(), 0
        try:
            while done < len(data):
                done += self.stream.write(data[done:])
        except OSError as error:
            self.error = self.error or error
            self.stream.seek(start + len(data))
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length, or pretend to."""
        try:
            return self.stream.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self.stream.tell()


def _foreign(content: File, name: str) -> str:
    """What an entry of a file has that an array of numbers in the file does not; empty where there is nothing."""
    if not isinstance(content.get(name, getlink=True), h5py.HardLink):
        return "is a link to somewhere else"
    array = content[name]
    return _unlike_ours(array) if isinstance(array, h5py.Dataset) else "is not an array"


def _unlike_ours(array: Array) -> str:
    """The same of an array."""
    plan, filters = array.id.get_create_plist(), _filters(array)
    if not array.chunks:
        lies = "in another file" if array.is_virtual or plan.get_external_count() else "in one piece"
        return f"lies {lies}"
    row = prod(map(max, (1, *array.shape[1:]), array.chunks)) * array.dtype.itemsize
    odd = {
        "holds neither numbers nor short texts": array.dtype.kind not in "uifS",
        "is packed by something else": filters != [one for one in _FILTERS if one in filters],
        f"claims {row:,} bytes a row": row > MOST_BYTES,
    }
    return next((why for why, is_so in odd.items() if is_so), "")


def _filters(array: Array) -> list[int]:
    """What each chunk passes before it is written, in order."""
    plan = array.id.get_create_plist()
    return [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
