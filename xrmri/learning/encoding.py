"""Arrays that take long to make, in a file that grows: what an interrupted call has done is kept."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import read_array_header_1_0, read_magic, write_array_header_1_0
from torch import Tensor

from xrmri.files import sha256, write_text
from xrmri.seals import require_sha256

_TOGETHER = 4
"""Items made at once: on two cores 4 images are encoded as fast an image as 1 or 16 (measured)."""


@torch.inference_mode()
def encoded(
    file: Path,
    count: int,
    make: Callable[[range], Tensor],
    *,
    tell: Callable[[str, int, int, str], None],
) -> np.ndarray:
    """The array in a file, made first where it is not complete.

    It is written as any file is, and mapped into memory once it is whole: writing to a map of a full disk ends the
    process without a word.

    Args:
        file: NAME.npy; NAME.growing and NAME.sha256 belong to it.
        count: of items.
        make: the numbers of some items -> (that many, ...) tensor on the CPU.
        tell: progress.

    Returns:
        (count, ...) float16.
    """
    recorded = file.with_suffix(".sha256")
    if not file.is_file():
        growing = file.with_suffix(".growing")
        with growing.open("ab") as stream:
            for first in _rest(growing, count):
                found = make(range(first, min(first + _TOGETHER, count))).to(torch.float16).numpy()
                if first == 0:
                    stream.truncate(0)
                    header = {"descr": "<f2", "fortran_order": False, "shape": (count, *found.shape[1:])}
                    write_array_header_1_0(stream, header)
                stream.write(found.tobytes())
                tell("train-ldm", first + len(found), count, f"encoding {file.stem}")
        write_text(recorded, sha256(growing))
        os.replace(growing, file)
    advice = f"remove {file.parent}, and it is encoded again"
    told = recorded.read_text(encoding="utf-8", errors="replace") if recorded.is_file() else None
    require_sha256(file, told, advice)
    whole: np.ndarray = np.load(file, mmap_mode="r")
    return whole


def _rest(growing: Path, count: int) -> range:
    """The items still to be encoded, in steps of _TOGETHER; a step that was cut off is taken away first."""
    try:
        with growing.open("r+b") as stream:
            read_magic(stream)
            shape, _, dtype = read_array_header_1_0(stream)
            begin, item_bytes = stream.tell(), dtype.itemsize * math.prod(shape[1:])
            done = (growing.stat().st_size - begin) // item_bytes // _TOGETHER * _TOGETHER
            stream.truncate(begin + done * item_bytes)
    except ValueError:  # nothing, or half a header
        done = 0
    return range(done, count, _TOGETHER)
