"""What a volume looks like as a NIfTI file: voxels, where they lie, and what the file says about itself.

A file holds (column, row, slice), a Volume (S, H, W); ITK counts LPS millimetres, a Volume RAS millimetres.
"""

import errno
import gzip
import json
import math
import os
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xrmri.disk import free_bytes, is_full
from xrmri.errors import InputError
from xrmri.geometry import Geometry, lps_or_ras
from xrmri.records import SIDES, Volume
from xrmri.run import complete_or_absent

UNKNOWN_SIDE = "unknown"
DESCRIPTION_BYTES = 79  # the header's `descrip` has 80, the last of them zero
_FLOATS = {16: np.float32, 64: np.float64}  # NIfTI's codes of types that know infinity
_HEADER_BYTES = 352


def write_volume(file: Path, volume: Volume, description: str) -> None:
    """Write a volume as NIfTI, complete or absent; the same volume always gives the same bytes.

    Args:
        file: ends in .nii.gz or .nii.
        volume: (S, H, W) voxels, stored in their own dtype.
        description: what the header says of the file, at most 79 bytes.

    Raises:
        InputError: the file cannot be written.
    """
    if len(description.encode()) > DESCRIPTION_BYTES:
        raise ValueError(f"a NIfTI description has at most {DESCRIPTION_BYTES} bytes: {description!r}")
    image = to_image(volume)
    image.SetMetaData("ITK_FileNotes", description)
    if not file.parent.is_dir():
        raise InputError(f"{file} cannot be written: there is no folder {file.parent}")
    with complete_or_absent(file) as partial:
        try:
            sitk.WriteImage(image, str(partial))
        except RuntimeError as error:
            if is_full(error, file.parent):
                raise
            raise InputError(f"{file} cannot be written: give a writable place and a name in .nii.gz") from error
        if len(_unpacked(partial)) < _HEADER_BYTES + volume.voxels.nbytes:  # ITK does not say that a disk is full
            code = errno.ENOSPC if free_bytes(file.parent) < volume.voxels.nbytes else errno.EFBIG
            raise OSError(code, os.strerror(code), str(file))


def read_volume(file: Path) -> Volume:
    """Read a NIfTI file of one volume; the side is the one its JSON sidecar tells, or "unknown".

    Returns:
        (S, H, W) voxels in the file's dtype, with the file's axes in reverse order and nothing else changed.

    Raises:
        InputError: no such file, not a NIfTI file, cut off, not one volume of three dimensions, or not all numbers.
    """
    if not file.is_file():
        raise InputError(f"{file} is not a file: give a NIfTI volume (.nii.gz or .nii)")
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
        if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
            found = " x ".join(map(str, reader.GetSize()))
            raise InputError(f"{file} is not one volume of three dimensions but {found}: give one volume a file")
        _require_whole(file, reader)
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(f"{file} cannot be read as NIfTI: copy or write it again") from error
    return from_image(image, _side(file))


def to_image(volume: Volume) -> sitk.Image:
    """A volume as ITK holds it."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels))
    axes = lps_or_ras(volume.geometry.affine[:3, 2::-1])
    spacing_mm = np.linalg.norm(axes, axis=0)
    image.SetSpacing(spacing_mm.tolist())
    image.SetDirection((axes / spacing_mm).ravel().tolist())
    image.SetOrigin(lps_or_ras(volume.geometry.affine[:3, 3]).tolist())
    return image


def from_image(image: sitk.Image, side: str) -> Volume:
    """An image of ITK as a volume."""
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3] = lps_or_ras(axes)[:, ::-1]
    affine[:3, 3] = lps_or_ras(np.array(image.GetOrigin()))
    voxels = sitk.GetArrayFromImage(image)
    return Volume(voxels=voxels, geometry=Geometry(affine=affine, shape=voxels.shape), side=side)


def volume_name(file: Path) -> str:
    """The name of a volume's file without .nii.gz or .nii."""
    return file.name.removesuffix(".gz").removesuffix(".nii")


def sidecar_file(file: Path) -> Path:
    """Where the JSON sidecar of a NIfTI file lies: the same name with .json."""
    return file.with_name(volume_name(file) + ".json")


def read_sidecar(file: Path) -> dict[str, object]:
    """The JSON sidecar of a NIfTI file; empty where there is none.

    Raises:
        InputError: the sidecar is not a JSON object.
    """
    sidecar = sidecar_file(file)
    if not sidecar.is_file():
        return {}
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{sidecar} is not JSON: generate the volume again, or remove the sidecar") from error
    if not isinstance(content, dict):
        raise InputError(f"{sidecar} is not a JSON object: generate the volume again, or remove the sidecar")
    return content


def _require_whole(file: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse what ITK would fill with zeros and say nothing: voxels that are missing from a file, or not numbers."""
    content = _unpacked(file)
    start = int(float(reader.GetMetaData("vox_offset")))
    count = math.prod(reader.GetSize())
    if len(content) < start + count * int(reader.GetMetaData("bitpix")) // 8:
        raise InputError(f"{file} is cut off: copy or write it again")
    kind = _FLOATS.get(int(reader.GetMetaData("datatype")))
    if kind is not None:
        order = "<" if 1 <= int.from_bytes(content[40:42], "little") <= 7 else ">"  # of dim[0], as NIfTI-1 says
        voxels = np.frombuffer(content, np.dtype(kind).newbyteorder(order), count, start)
        bad = count - int(np.isfinite(voxels).sum())
        if bad:
            raise InputError(f"{file} has {bad} voxels that are not finite numbers: write it again")


def _unpacked(file: Path) -> bytes:
    """The bytes of a file; nothing where its compression is broken."""
    if file.suffix != ".gz":
        return file.read_bytes()
    try:
        return gzip.decompress(file.read_bytes())
    except (EOFError, OSError, zlib.error):
        return b""


def _side(file: Path) -> str:
    side = read_sidecar(file).get("side")
    return str(side) if side in SIDES else UNKNOWN_SIDE
