"""What the first bytes of a NIfTI file say, where ITK only says that it cannot read it, or reads what is not said."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from xrmri.limits import open_regular

HEADER_BYTES = 352
_GZIP = b"\x1f\x8b"
_SIZES: dict[int, str] = {348: "", 540: "it is NIfTI-2: convert it to NIfTI-1"}
"""The first number of a header -> why it cannot be used."""
_SQUARE = 1e-3
"""Cosine of the angle between two axes that counts as none."""


def is_packed(file: Path) -> bool:
    """Whether a file is packed by gzip, whatever its name says; OSError where it cannot be opened."""
    with open_regular(file) as stream:
        return stream.read(2) == _GZIP


def unpacked(file: Path, most: int) -> bytes:
    """The bytes of a file, packed or not, so many at most; what follows the packed ones is passed over.

    Nothing where its compression is broken.
    """
    try:
        if not is_packed(file):
            with open_regular(file) as stream:
                return stream.read(most)
        with gzip.open(file) as stream:
            return _read(stream, most)
    except (EOFError, OSError, zlib.error):
        return b""


def why_not(file: Path) -> str:
    """Why ITK may have refused a file: the reason and what to do."""
    header = unpacked(file, HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return "it is cut off, or its compression is broken: copy or write it again"
    packed, named = is_packed(file), file.name.lower().endswith(".gz")
    if packed != named:
        return "it is packed by gzip: name it .nii.gz" if packed else "it is not packed by gzip: name it .nii"
    order = byte_order(header)
    size = struct.unpack_from(f"{order}i", header)[0]
    if size not in _SIZES:
        return "it does not begin as NIfTI does: give a NIfTI file"
    if _SIZES[size]:
        return _SIZES[size]
    if _is_sheared(header):
        return "its axes are not at right angles (sheared): resample it onto a grid whose axes are"
    return "copy or write it again"


def tells_place(header: bytes) -> bool:
    """Whether a header says where its voxels lie: a qform or an sform of a code other than 0."""
    return any(struct.unpack_from(f"{byte_order(header)}2h", header, 252))


def no_place(header: bytes) -> str:
    """What a header says of where its voxels lie that cannot be, and ITK takes for something else; else empty."""
    order = byte_order(header)
    sizes = struct.unpack_from(f"{order}3f", header, 80)
    if not all(0 < size < math.inf for size in sizes):
        return f"voxels of {' x '.join(f'{size:g}' for size in sizes)}"
    qform, sform = struct.unpack_from(f"{order}2h", header, 252)
    numbers = struct.unpack_from(f"{order}6f", header, 256) * bool(qform)
    numbers += struct.unpack_from(f"{order}12f", header, 280) * bool(sform)
    return "" if all(map(math.isfinite, numbers)) else "a place that is no number"


def byte_order(header: bytes) -> Literal["<", ">"]:
    """Of the numbers in a header, as NIfTI-1 says: its number of dimensions is 1 to 7."""
    if int.from_bytes(header[:4], "little") in _SIZES:
        return "<"
    return "<" if 1 <= int.from_bytes(header[40:42], "little") <= 7 else ">"


def _is_sheared(header: bytes) -> bool:
    """Whether the sform of a header has axes that are not at right angles."""
    if not struct.unpack_from(f"{byte_order(header)}h", header, 254)[0]:
        return False
    axes = np.array(struct.unpack_from(f"{byte_order(header)}12f", header, 280)).reshape(3, 4)[:, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(lengths).all() or not lengths.all():
        return False
    cosines = (axes / lengths).T @ (axes / lengths)
    return bool(np.abs(cosines - np.eye(3)).max() > _SQUARE)


def _read(stream: gzip.GzipFile, most: int) -> bytes:
    """What a packed stream holds, up to what is no gzip any more."""
    blocks: list[bytes] = []
    held = 0
    while held < most:
        try:
            block = stream.read1(most - held)
        except gzip.BadGzipFile:
            if not blocks:
                raise
            break
        if not block:
            break
        blocks.append(block)
        held += len(block)
    return b"".join(blocks)
