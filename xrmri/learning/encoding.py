"""Arrays that take long to make, in a file that grows: what an interrupted call has done is kept."""

import errno
import io
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from struct import Struct

import numpy as np
import torch
from numpy.lib.format import open_memmap, write_array_header_1_0
from torch import Tensor

from xrmri.config import Progress
from xrmri.errors import InconsistentError, said
from xrmri.machine.parallel import worker_count
from xrmri.runs.seals import require_sha256
from xrmri.storage.files import sha256, write_text

_TOGETHER = 4
"""Items made at once: on two cores 4 images are encoded as fast an image as 1 or 16 (measured)."""
_SUM = Struct("<QI")
"""A step in NAME.sums: where it ends in the array that grows, and a checksum of it."""
_THREADS = 8
"""That read at most: files are opened by one at a time, which more would only wait for."""


def as_read(numbers: range, read: Tensor) -> Tensor:
    """Keep what was read of some items."""
    return read


@torch.inference_mode()
def encoded(
    file: Path,
    count: int,
    read: Callable[[range], Tensor],
    *,
    make: Callable[[range, Tensor], Tensor] = as_read,
    tell: Progress,
) -> np.ndarray:
    """The array in a file, made first where it is not complete.

    It is written as any file is, and mapped into memory once it is whole: writing to a map of a full disk ends the
    process without a word.

    Args:
        file: NAME.npy; NAME.growing, NAME.sums and NAME.sha256 belong to it.
        count: of items.
        read: the numbers of some items -> what is made something of, on the CPU; called ahead, in other threads.
        make: the numbers and what was read -> (that many, ...) tensor on the CPU.
        tell: progress.

    Returns:
        (count, ...) float16.

    Raises:
        InconsistentError: the file is not as it was written, or holds something else.
    """
    recorded = file.with_suffix(".sha256")
    if not file.is_file():
        growing, sums = file.with_suffix(".growing"), file.with_suffix(".sums")
        with growing.open("ab", buffering=0) as stream, sums.open("ab", buffering=0) as summed:
            groups = [range(first, min(first + _TOGETHER, count)) for first in _rest(growing, sums, count)]
            for numbers, images in zip(groups, _ahead(read, groups), strict=True):
                first, found = numbers.start, make(numbers, images).to(torch.float16).numpy()
                content = found.tobytes() if first else _header((count, *found.shape[1:])) + found.tobytes()
                _write_whole(stream, content)
                _write_whole(summed, _SUM.pack(stream.tell(), _sum(content, count)))
                tell("train-ldm", first + len(found), count, f"encoding {file.stem}")
        write_text(recorded, sha256(growing))
        os.replace(growing, file)
        sums.unlink()
    advice = f"remove {file.parent}, and it is encoded again"
    told = recorded.read_text(encoding="utf-8", errors="replace") if recorded.is_file() else None
    require_sha256(file, told, advice)
    try:
        whole: np.ndarray = open_memmap(file, mode="r")
    except ValueError as error:
        raise InconsistentError(f"{file} is no array ({said(error)}): {advice}") from error
    if whole.dtype != np.float16 or whole.shape[:1] != (count,):
        raise InconsistentError(f"{file} holds {whole.dtype} of {whole.shape}, not {count} latents: {advice}")
    return whole


def _ahead(read: Callable[[range], Tensor], groups: list[range]) -> Iterator[Tensor]:
    """What was read of each group, in their order, while some more is read in threads."""
    threads, rest = min(worker_count(0), _THREADS), iter(groups)
    before = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting: deque[Future[Tensor]] = deque(pool.submit(read, group) for group in islice(rest, 2 * threads))
        try:
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(pool.submit(read, group) for group in islice(rest, 1))
                yield found
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)  # what a thread sets is what others begin with


def _header(shape: tuple[int, ...]) -> bytes:
    """What numpy begins such an array with."""
    told = io.BytesIO()
    write_array_header_1_0(told, {"descr": "<f2", "fortran_order": False, "shape": shape})
    return told.getvalue()


def _write_whole(stream: io.FileIO, content: bytes) -> None:
    """Write all of it; OSError where the disk is full."""
    if stream.write(content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), stream.name)


def _sum(content: bytes, count: int) -> int:
    """A checksum of what a step has written into an array of so many items."""
    return zlib.crc32(content, count * _TOGETHER)


def _rest(growing: Path, sums: Path, count: int) -> range:
    """The items still to be encoded, in steps of _TOGETHER; what follows the last whole step is taken away first."""
    steps = end = 0
    size = growing.stat().st_size
    with growing.open("r+b") as stream, sums.open("r+b") as summed:
        while len(told := summed.read(_SUM.size)) == _SUM.size:
            stop, expected = _SUM.unpack(told)
            if not end < stop <= size or _sum(stream.read(stop - end), count) != expected:
                break
            steps, end = steps + 1, stop
        stream.truncate(end)
        summed.truncate(steps * _SUM.size)
    return range(min(steps * _TOGETHER, count), count, _TOGETHER)
