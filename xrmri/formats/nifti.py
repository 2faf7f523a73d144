"""What a volume looks like as a NIfTI file: voxels, where they lie, and what the file says about itself.

A file holds (column, row, slice), a Volume (S, H, W); ITK counts LPS millimetres, a Volume RAS millimetres.
"""

import errno
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from xrmri.errors import InputError
from xrmri.formats.nifti_header import HEADER_BYTES, byte_order, contradiction, no_place, tells_place, unpacked, why_not
from xrmri.formats.quiet import quiet
from xrmri.geometry import Geometry, lps_or_ras
from xrmri.records import SIDES, Volume
from xrmri.storage.disk import is_full
from xrmri.storage.documents import read_json
from xrmri.storage.files import complete_or_absent
from xrmri.storage.limits import MOST_BYTES, require_pixels, require_regular

UNKNOWN_SIDE = "unknown"
DESCRIPTION_BYTES = 79  # the header's `descrip` has 80, the last of them zero
_FLOATS = {16: np.float32, 64: np.float64}  # NIfTI's codes of types that know infinity
LARGEST_MM = 1000.0  # of a voxel: longer than a knee (choice)
_SMALLEST_SLOPE = 1e-15  # ITK takes smaller ones for 1
_MARGIN_BYTES = 2**20  # of what may follow the voxels


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
            with quiet():
                sitk.WriteImage(image, str(partial))
        except RuntimeError as error:
            if is_full(error, file.parent):
                raise
            raise InputError(f"{file} cannot be written: give a writable place and a name in .nii.gz") from error
        whole = HEADER_BYTES + volume.voxels.nbytes
        if len(unpacked(partial, whole + _MARGIN_BYTES)) < whole:  # ITK does not say that a disk is full
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))


def read_volume(file: Path) -> Volume:
    """Read a NIfTI file of one volume; the side is the one its JSON sidecar tells, or "unknown".

    Returns:
        (S, H, W) voxels in the file's dtype, with the file's axes in reverse order and nothing else changed.

    Raises:
        InputError: no such file, not a NIfTI file, cut off, not one volume of three dimensions, or not all numbers.
    """
    reader, content = _opened(file)
    _require_numbers(file, reader, content)
    try:
        with quiet():
            image = reader.Execute()
    except (RuntimeError, ValueError, OverflowError) as error:
        raise InputError(f"{file} cannot be read as NIfTI: {why_not(file)}") from error
    volume = from_image(image, _side(file))
    if volume.voxels.dtype.kind == "f" and not np.isfinite(volume.voxels).all():  # by a scale, the stored ones are
        raise InputError(f"{file} scales its voxels beyond all numbers (scl_slope): write it again")
    return volume


def read_place(file: Path) -> Geometry:
    """Where the voxels of a NIfTI file of one volume lie, whatever stands in them.

    Raises:
        InputError: as of `read_volume` but for the voxels, or the file does not tell where they lie.
    """
    reader, content = _opened(file)
    if not tells_place(content):
        raise InputError(f"{file} does not tell where its voxels lie (qform_code and sform_code are 0): set one")
    return geometry_of(reader)


def _opened(file: Path) -> tuple[sitk.ImageFileReader, bytes]:
    """What ITK makes of a file's header, and the file unpacked."""
    if not file.is_file():
        raise InputError(f"{file} is not a file: give a NIfTI volume (.nii.gz or .nii)")
    require_regular(file, MOST_BYTES)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    try:
        reader.SetFileName(str(file))
        with quiet():
            reader.ReadImageInformation()
        if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
            found = " x ".join(map(str, reader.GetSize()))
            raise InputError(f"{file} is not one volume of three dimensions but {found}: give one volume a file")
        require_pixels(reader.GetSize(), str(file))
        largest_mm = max(reader.GetSpacing())
        if largest_mm > LARGEST_MM:
            raise InputError(f"{file} has voxels of {largest_mm:g} mm: write it again with their true size")
        content = _whole(file, reader)
        require_one_place(file, content, reader)
        return reader, content
    except (RuntimeError, ValueError, OverflowError) as error:
        raise InputError(f"{file} cannot be read as NIfTI: {why_not(file)}") from error


def require_one_place(file: Path, header: bytes, reader: sitk.ImageFileReader) -> None:
    """Refuse a NIfTI whose header contradicts itself as to where its voxels lie.

    Args:
        file: for messages.
        header: its first bytes, unpacked.
        reader: of ITK, which has read the same.

    Raises:
        InputError: tells what is contradicted.
    """
    found = geometry_of(reader).affine[:, [2, 1, 0, 3]]
    if header[344:346] in (b"n+", b"ni") and (odd := no_place(header) or contradiction(header, found)):
        raise InputError(f"{file} has {odd} in its header: write it again, with the true ones")


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
    return Volume(voxels=sitk.GetArrayFromImage(image), geometry=geometry_of(image), side=side)


def geometry_of(image: Any) -> Geometry:
    """Where the voxels of a three-dimensional sitk.Image lie, or of a sitk.ImageFileReader that has read a header.

    Raises:
        InputError: nowhere, for its axes lie in a plane or are no numbers; one clause without a file name.
    """
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    if not (np.isfinite(axes).all() and np.linalg.det(axes)):
        raise InputError("its axes lie in one plane, or are no numbers: write it again with the true ones")
    affine = np.eye(4)
    affine[:3, :3] = lps_or_ras(axes)[:, ::-1]
    affine[:3, 3] = lps_or_ras(np.array(image.GetOrigin()))
    columns, rows, slices = image.GetSize()
    return Geometry(affine=affine, shape=(slices, rows, columns))


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
    return read_json(sidecar, advice="generate the volume again, or remove the sidecar")


def _whole(file: Path, reader: sitk.ImageFileReader) -> bytes:
    """The file unpacked; refuses what ITK would fill with zeros and say nothing: voxels that are missing."""
    needed = _start(reader) + math.prod(reader.GetSize()) * int(reader.GetMetaData("bitpix")) // 8
    content = unpacked(file, needed + _MARGIN_BYTES)
    if len(content) < needed:
        raise InputError(f"{file} is cut off: copy or write it again")
    if content[344:346] in (b"n+", b"ni"):  # ITK takes what cannot be for 1, and for a place within the header
        offset, slope, intercept = struct.unpack_from(f"{byte_order(content)}3f", content, 108)
        if not (math.isfinite(slope + intercept) and HEADER_BYTES <= offset <= MOST_BYTES):
            raise InputError(f"{file} has its voxels at byte {offset:g}, scaled by {slope:g}: copy or write it again")
        if abs(slope) < _SMALLEST_SLOPE and (slope or intercept):  # which scales nothing, by NIfTI; ITK adds
            told = f"has voxels times {slope:g} plus {intercept:g} in its header"
            raise InputError(f"{file} {told}: write it again, with the true ones")
        if odd := no_place(content):
            raise InputError(f"{file} has {odd} in its header: write it again, with the true ones")
    if len(content) == needed + _MARGIN_BYTES:
        raise InputError(f"{file} holds far more than its header tells of: copy or write it again")
    return content


def _require_numbers(file: Path, reader: sitk.ImageFileReader, content: bytes) -> None:
    """Refuse voxels that are not numbers."""
    kind = _FLOATS.get(int(reader.GetMetaData("datatype")))
    if kind is not None:
        count = math.prod(reader.GetSize())
        voxels = np.frombuffer(content, np.dtype(kind).newbyteorder(byte_order(content)), count, _start(reader))
        bad = count - int(np.isfinite(voxels).sum())
        if bad:
            raise InputError(f"{file} has {bad} voxels that are not finite numbers: write it again")


def _start(reader: sitk.ImageFileReader) -> int:
    return int(float(reader.GetMetaData("vox_offset")))


def _side(file: Path) -> str:
    side = read_sidecar(file).get("side")
    return str(side) if side in SIDES else UNKNOWN_SIDE
