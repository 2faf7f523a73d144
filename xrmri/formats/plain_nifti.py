"""A volume as a NIfTI-1 file without ITK: for machines that have none, and the template of the knee's frame there.

`nifti` writes and reads all else, and reads what this writes to the same voxels and places (tested).
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from xrmri.errors import InconsistentError
from xrmri.records import Volume
from xrmri.storage.files import complete_or_absent

_HEADER_BYTES, _VOXELS_AT = 348, 352
_FLOAT32, _MM, _SCANNER = 16, 2, 1
"""Codes of NIfTI-1: type of a voxel, unit of length, and what the affine leads to."""


def read_plain_voxels(file: Path) -> np.ndarray:
    """The voxels of a volume that `write_plain_volume` wrote, or `nifti` in float32: (S, H, W) float32.

    Raises:
        InconsistentError: the file is damaged or holds other numbers.
    """
    try:
        content = gzip.decompress(file.read_bytes())
        _, columns, rows, slices = struct.unpack_from("<4h", content, 40)
        kind, _ = struct.unpack_from("<2h", content, 70)
        voxels = np.frombuffer(content, "<f4", offset=_VOXELS_AT).reshape(slices, rows, columns)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise InconsistentError(f"{file} is damaged ({error}): copy it again") from error
    if kind != _FLOAT32:
        raise InconsistentError(f"{file} does not hold 32-bit numbers: take the template of a dataset")
    return voxels


def write_plain_volume(file: Path, volume: Volume, description: str) -> None:
    """Write a volume in float32, complete or absent; the same volume always gives the same bytes.

    Args:
        file: ends in .nii.gz.
        volume: (S, H, W) voxels, any numeric dtype.
        description: what the header says of the file, at most 79 letters of ASCII.
    """
    slices, rows, columns = volume.voxels.shape
    header = bytearray(_VOXELS_AT)
    struct.pack_into("<i", header, 0, _HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)  # the first runs fastest
    struct.pack_into("<2h", header, 70, _FLOAT32, 32)
    struct.pack_into("<8f", header, 76, 1.0, *volume.geometry.spacing_mm[::-1], 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, _VOXELS_AT, 1.0, 0.0)
    header[123] = _MM
    struct.pack_into("79s", header, 148, description.encode("ascii"))
    struct.pack_into("<2h", header, 252, 0, _SCANNER)
    to_mm = volume.geometry.affine[:3, [2, 1, 0, 3]].astype("<f4")
    header[280 : 280 + to_mm.nbytes] = to_mm.tobytes()
    header[344:348] = b"n+1\0"
    with complete_or_absent(file) as partial, partial.open("wb") as stream:
        with gzip.GzipFile("", "wb", mtime=0, fileobj=stream) as packed:
            packed.write(bytes(header) + np.ascontiguousarray(volume.voxels, "<f4").tobytes())
