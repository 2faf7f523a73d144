"""MetaImage in one file (MHA): a header of lines, then the voxels.

It is read here, not by ITK, whose reader follows a header into other files, leaves memory as it was where compressed
voxels are not told their length, and ends the process over an odd count of dimensions.
"""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.errors import InputError
from xrmri.formats.nifti import LARGEST_MM, UNKNOWN_SIDE
from xrmri.geometry import Geometry, lps_or_ras
from xrmri.records import Volume
from xrmri.storage.limits import open_regular, read_whole, require_pixels

_HEADER_BYTES, _MOST_LINES = 2**16, 1000
_KINDS = {"CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4", "LONG": "i4",
          "ULONG": "u4", "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4", "DOUBLE": "f8"}  # fmt: skip
"""ElementType without MET_; its LONG has four bytes on every machine."""
_OTHER_NAMES = {"ElementByteOrderMSB": "BinaryDataByteOrderMSB", "Rotation": "TransformMatrix",
                "Orientation": "TransformMatrix", "Position": "Offset", "Origin": "Offset"}  # fmt: skip
_SQUARE = 1e-3
"""What the product of two axes, and the length of one, may be off (choice: well above rounding)."""
_DAMAGED = "is damaged: copy or write it again"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Header:
    """What the lines before the voxels tell."""

    geometry: Geometry
    kind: np.dtype
    packed: bool
    start: int | None
    """Where the voxels begin; None where they are the last bytes of the file."""
    scale: tuple[float, float]
    """Slope and intercept."""


def read_metaimage(file: Path) -> Volume:
    """The volume in an MHA file: (S, H, W) in the file's dtype, scaled ones as float64; side unknown.

    Raises:
        InputError: damaged, its voxels lie elsewhere, or it is not one volume of numbers whose place is told.
    """
    header, content = _header_of(file), read_whole(file)
    shape, (slope, intercept) = header.geometry.shape, header.scale
    voxels = _voxels(file, header, content).reshape(shape)
    if header.scale != (1.0, 0.0):
        voxels = voxels * slope + intercept
    return Volume(voxels=voxels, geometry=header.geometry, side=UNKNOWN_SIDE)


def metaimage_place(file: Path) -> Geometry:
    """Where the voxels of an MHA lie, by its header; errors as of `read_metaimage`."""
    return _header_of(file).geometry


def _header_of(file: Path) -> _Header:
    """The header of an MHA; errors as of `read_metaimage`."""
    try:
        with open_regular(file) as stream:
            lines, start = _lines(stream.read(_HEADER_BYTES))
        header = _header(lines, start)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read ({error.strerror}): copy it") from error
    except ValueError as error:
        raise InputError(f"{file.name} cannot be read ({error}): write one MHA file") from error
    require_pixels(header.geometry.shape, file.name)
    return header


def _lines(content: bytes) -> tuple[dict[str, str], int]:
    """Name and text of each line up to the one that says where the voxels are, and where the next one begins."""
    found: dict[str, str] = {}
    start = 0
    for line in content.split(b"\n", _MOST_LINES)[:_MOST_LINES]:
        name, equals, text = (part.strip() for part in line.decode("latin-1").partition("="))
        start += len(line) + 1
        name = _OTHER_NAMES.get(name, name)
        if equals and found.setdefault(name, text) != text and name != "Comment":
            raise ValueError(f"it gives {name[:60]} twice")
        if name == "ElementDataFile":
            if text != "LOCAL":
                raise ValueError("it keeps its voxels elsewhere")
            return found, start
    raise ValueError("it is not MHA as its name says")


def _header(lines: dict[str, str], start: int) -> _Header:
    """What the lines mean; ValueError where they make no volume."""
    if lines.get("NDims") != "3" or lines.get("ElementNumberOfChannels", "1") != "1":
        raise ValueError("it is not one volume of three dimensions")
    kind = _KINDS.get(lines.get("ElementType", "").removeprefix("MET_"))
    if kind is None or not _is_yes(lines, "BinaryData"):
        raise ValueError("its voxels are no binary numbers")
    if lines.get("DistanceUnits", "mm") not in ("mm", "?"):
        raise ValueError("it does not count in millimetres")
    skipped = lines.get("HeaderSize", "0")
    if skipped not in ("0", "-1"):
        raise ValueError("it says that its voxels begin within its header")
    slope, intercept = (_numbers(lines, f"ElementToIntensityFunction{name}", 1, default)[0]
                        for name, default in (("Slope", "1"), ("Offset", "0")))  # fmt: skip
    order = ">" if _is_yes(lines, "BinaryDataByteOrderMSB") else "<"
    return _Header(
        geometry=_geometry(lines),
        kind=np.dtype(f"{order}{kind}"),
        packed=_is_yes(lines, "CompressedData"),
        start=start if skipped == "0" else None,
        scale=(slope or 1.0, intercept),
    )


def _geometry(lines: dict[str, str]) -> Geometry:
    columns, rows, slices = (int(side) for side in _numbers(lines, "DimSize", 3))
    if min(columns, rows, slices) < 2:
        raise ValueError(f"it holds {columns} x {rows} x {slices} where one of three dimensions is needed")
    sizes = "ElementSpacing" if "ElementSpacing" in lines else "ElementSize"
    spacing_mm = np.array(_numbers(lines, sizes, 3))
    if not 0 < spacing_mm.min() <= spacing_mm.max() <= LARGEST_MM:
        raise ValueError(f"it has voxels of {' x '.join(f'{size:g}' for size in spacing_mm)} mm")
    axes = np.array(_numbers(lines, "TransformMatrix", 9, "1 0 0 0 1 0 0 0 1")).reshape(3, 3)
    if np.abs(axes @ axes.T - np.eye(3)).max() > _SQUARE:
        raise ValueError("its axes are not at right angles, or not of length 1")
    affine = np.eye(4)
    affine[:3, :3] = lps_or_ras(axes.T * spacing_mm)[:, ::-1]
    affine[:3, 3] = lps_or_ras(np.array(_numbers(lines, "Offset", 3, "0 0 0")))
    return Geometry(affine=affine, shape=(slices, rows, columns))


def _voxels(file: Path, header: _Header, content: bytes) -> np.ndarray:
    """(N,) numbers in the byte order of this machine; all of them, under their checksum where they are packed."""
    count = math.prod(header.geometry.shape)
    size = count * header.kind.itemsize
    held = content[header.start if header.start is not None else max(len(content) - size, 0) :]
    if header.packed:
        unpacking = zlib.decompressobj()
        try:
            held = unpacking.decompress(held, size + 1)
        except zlib.error as error:
            raise InputError(f"{file.name} {_DAMAGED}") from error
        if not unpacking.eof or len(held) > size:
            raise InputError(f"{file.name} {_DAMAGED}")
    if not size <= len(held) < 2 * size:  # twice as many where LONG meant eight bytes
        raise InputError(f"{file.name} {_DAMAGED}")
    return np.frombuffer(held, header.kind, count).astype(header.kind.newbyteorder("="))


def _is_yes(lines: dict[str, str], name: str) -> bool:
    return lines.get(name, "")[:1] in ("T", "t", "1")


def _numbers(lines: dict[str, str], name: str, count: int, default: str = "") -> list[float]:
    """The numbers of a line; ValueError where it has not `count` finite ones."""
    try:
        found = [float(part) for part in lines.get(name, default).split()]
    except ValueError:
        found = []
    if len(found) != count or not all(map(math.isfinite, found)):
        raise ValueError(f"it does not tell {count} numbers for {name}")
    return found
