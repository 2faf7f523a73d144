"""What the first bytes of a NIfTI file say, where ITK only says that it cannot read it, or reads what is not said."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from xrmri.storage.limits import open_regular

HEADER_BYTES = 352
_GZIP = b"\x1f\x8b"
_SIZES: dict[int, str] = {348: "", 540: "it is NIfTI-2: convert it to NIfTI-1"}
"""The first number of a header -> why it cannot be used."""
_SQUARE = 1e-3
"""Cosine of the angle between two axes that counts as none."""
_MM = {1: 1000.0, 3: 1e-3}
"""NIfTI's codes of units of length (metres, micrometres) -> millimetres; every other counts as millimetres."""
_ANATOMICAL = (1, 2)
"""Codes of forms that lead to the scanner's millimetres, or to another image's: not into an atlas of another size."""
_SAME, _ALIKE = 0.01, 0.7
"""The share of a voxel by which two affines or sizes may differ, and the cosine of axes that run alike (choice)."""


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
    """Whether a header says where its voxels lie: that of a NIfTI, and a qform or an sform of a code other than 0."""
    return header[344:346] in (b"n+", b"ni") and any(struct.unpack_from(f"{byte_order(header)}2h", header, 252))


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


def contradiction(header: bytes, found: np.ndarray) -> str:
    """What a header says of where its voxels lie that its other words contradict; else empty.

    ITK passes over an sform whose voxels are not those of the sizes, and leaves the volume without a direction.

    Args:
        header: of a file.
        found: (4, 4) voxel (column, row, slice) to RAS mm, as ITK makes it of the same header.
    """
    qform, sform = (_of_form(header, name) for name in ("qform", "sform"))
    forms = [form for form in (qform, sform) if form is not None]
    near_mm = _SAME * float(_lengths(found).max())
    if forms and not any(np.allclose(found, form, rtol=0, atol=near_mm) for form in forms):
        sizes = np.array(struct.unpack_from(f"{byte_order(header)}3f", header, 80)) * _unit_mm(header)
        name = "a qform" if sform is None else "an sform"
        return f"voxels of {_by(sizes)} mm and {name} of {_by(_lengths(forms[-1]))}"
    if qform is None or sform is None or not set(_codes(header)) <= set(_ANATOMICAL):
        return ""
    of_qform, of_sform = _lengths(qform), _lengths(sform)
    if not np.allclose(of_qform, of_sform, rtol=_SAME):
        return f"a qform of {_by(of_qform)} mm and an sform of {_by(of_sform)}"
    cosines = ((qform[:3, :3] / of_qform) * (sform[:3, :3] / of_sform)).sum(axis=0)
    return "" if cosines.min() >= _ALIKE else "a qform and an sform that run in other directions"


def _of_form(header: bytes, name: Literal["qform", "sform"]) -> np.ndarray | None:
    """(4, 4) voxel (column, row, slice) to RAS mm, as one of the two forms says; None where its code is 0."""
    order, affine = byte_order(header), np.eye(4)
    if not _codes(header)[name == "sform"]:
        return None
    if name == "sform":
        affine[:3] = np.array(struct.unpack_from(f"{order}12f", header, 280)).reshape(3, 4)
    else:
        sign, *sizes = struct.unpack_from(f"{order}4f", header, 76)
        b, c, d, *place = struct.unpack_from(f"{order}6f", header, 256)
        a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
        turn = [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
        affine[:3, :3] = np.array(turn) * sizes * (1, 1, -1 if sign < 0 else 1)
        affine[:3, 3] = place
    affine[:3] *= _unit_mm(header)
    return affine


def _codes(header: bytes) -> tuple[int, int]:
    """Of qform and sform."""
    qform, sform = struct.unpack_from(f"{byte_order(header)}2h", header, 252)
    return qform, sform


def _unit_mm(header: bytes) -> float:
    """Millimetres of what a header counts in."""
    return _MM.get(header[123] & 7, 1.0)


def _lengths(affine: np.ndarray) -> np.ndarray:
    """Of the sides of a voxel, (3,) mm."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))


def _by(sizes: np.ndarray) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes)


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
