"""An MRI in one file (NIfTI, MHA, a multi-frame DICOM, or a .npy array) -> the series it is, its slices as displayed.

Nothing is resliced: the axes of a file are put in order and turned, and one acquired in another plane is refused.
"""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xrmri.data.volume import ReadSeries, read_series
from xrmri.errors import InputError, UnusableError
from xrmri.formats.array_file import read_array
from xrmri.formats.dicom import count_images, is_dicom
from xrmri.formats.metaimage import metaimage_place, read_metaimage
from xrmri.formats.nifti import UNKNOWN_SIDE, geometry_of, read_volume, require_one_place
from xrmri.formats.nifti_header import HEADER_BYTES, unpacked, why_not
from xrmri.formats.quiet import quiet
from xrmri.geometry import PLANES, Geometry, Lying, direction
from xrmri.records import Volume
from xrmri.storage.files import sha256
from xrmri.storage.limits import MOST_BYTES, require_pixels, require_regular
from xrmri.storage.trouble import same_throughout

BRIGHTEST = np.iinfo(np.int16).max
"""What a drawn volume can hold too: intensities that do not fit are stretched from 0 to here."""
_CUBE = 1.5
"""Voxels whose sides differ by less than this may have been acquired in any plane (choice)."""
_SQUARE = 1.02
"""Pixels whose sides differ by less than this are square, and the third axis is that of the slices (choice)."""
_AXIS = {letter: axis for axis, letters in enumerate(("RL", "AP", "SI")) for letter in letters}
_ACQUIRED = {0: "sagittal", 1: "coronal", 2: "axial"}
_UNSAID = Lying()


def read_volume_file(file: Path, side: str, plane: str, lying: Lying = _UNSAID) -> ReadSeries:
    """A volume as a series of slices.

    Args:
        file: NIfTI, MHA, multi-frame DICOM or .npy, three axes in any order.
        side: the knee.
        plane: coronal, sagittal or axial, in which it must have been acquired.
        lying: of a .npy.

    Returns:
        (S, H, W) slices as PLANES says, uint16; whole numbers from 0 to BRIGHTEST are kept, all others stretched.

    Raises:
        UnusableError: why it cannot be used.
    """
    try:
        if _is_dicom(file):
            with same_throughout(file):
                return read_series([file], side, None, plane)
        with same_throughout(file):
            volume = _displayed(_read(file, plane, lying), plane)
            voxels, digest = tuple(_stored(volume.voxels)), sha256(file)
    except UnusableError:
        raise
    except InputError as error:
        raise UnusableError("unreadable volume", str(error)) from error
    return ReadSeries(voxels=voxels, geometry=volume.geometry, side=side, sha256=digest)


def count_slices(file: Path, plane: str, lying: Lying = _UNSAID) -> int:
    """How many slices a file has, by its header; errors as of `read_volume_file`."""
    try:
        if _is_dicom(file):
            return count_images(file)
        geometry = _array(file, plane, lying).geometry if _is_array(file) else _place(file)
    except UnusableError:
        raise
    except InputError as error:
        raise UnusableError("unreadable volume", str(error)) from error
    return geometry.shape[_order(geometry, plane)[0]]


def _read(file: Path, plane: str, lying: Lying) -> Volume:
    """The volume as the file has it; (S, H, W) finite numbers."""
    if _is_array(file):
        volume = _array(file, plane, lying)
    elif _is_nifti(file):
        _nifti(file)
        volume = read_volume(file)
    else:
        volume = read_metaimage(file)
    if not np.isfinite(volume.voxels).all():
        raise UnusableError("unreadable volume", f"{file.name} has voxels that are not finite numbers")
    return volume


def _place(file: Path) -> Geometry:
    """Where the voxels of a NIfTI or MHA lie, by its header."""
    return geometry_of(_nifti(file)) if _is_nifti(file) else metaimage_place(file)


def _nifti(file: Path) -> sitk.ImageFileReader:
    """The header of a NIfTI, once it is known to be one whole volume that says where it lies."""
    require_regular(file, MOST_BYTES)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    try:
        reader.SetFileName(str(file))
        with quiet():
            reader.ReadImageInformation()
        size = reader.GetSize()
        if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1 or min(size) < 2:
            found = " x ".join(map(str, size))
            raise UnusableError("not a volume", f"{file.name} holds {found} where one of three dimensions is needed")
        require_pixels(size, file.name)
        if not any(int(float(reader.GetMetaData(f"{form}form_code"))) for form in "qs"):
            raise UnusableError("no geometry", f"{file.name} has neither qform nor sform: convert it again")
        require_one_place(file, unpacked(file, HEADER_BYTES), reader)
    except (RuntimeError, ValueError, UnicodeEncodeError) as error:
        raise UnusableError("unreadable volume", f"{file.name} cannot be read: {why_not(file)}") from error
    return reader


def _array(file: Path, plane: str, lying: Lying) -> Volume:
    """A .npy array and what a person says of it; centred, for nobody says where."""
    if lying.spacing_mm is None:
        raise UnusableError("no spacing", f"{file.name} tells none: fill in slice_mm, row_mm and column_mm")
    letters = (lying.axes or PLANES[plane]).upper()
    if sorted(_AXIS.get(letter, -1) for letter in letters) != [0, 1, 2]:
        raise UnusableError("axes", f"{letters} are not three of R or L, A or P, S or I")
    voxels = read_array(file)
    if voxels.ndim != 3 or voxels.dtype.kind not in "uif" or min(voxels.shape) < 2:
        found = " x ".join(map(str, voxels.shape))
        raise UnusableError("not a volume", f"{file.name} holds {found} {voxels.dtype} where three axes are needed")
    require_pixels(voxels.shape, file.name)
    spacing_of = {_AXIS[letter]: mm for letter, mm in zip(PLANES[plane], lying.spacing_mm, strict=True)}
    affine = np.eye(4)
    affine[:3, :3] = np.stack([direction(letter) * spacing_of[_AXIS[letter]] for letter in letters], axis=1)
    slices, rows, columns = voxels.shape
    geometry = Geometry(affine=affine, shape=(slices, rows, columns)).centred_on(np.zeros(3))
    return Volume(voxels=voxels, geometry=geometry, side=UNKNOWN_SIDE)


def _displayed(volume: Volume, plane: str) -> Volume:
    """The volume with its axes in the order and direction of its plane."""
    volume = volume.permuted(_order(volume.geometry, plane))
    for axis in range(3):
        if volume.geometry.orientation[axis] != PLANES[plane][axis]:
            volume = volume.flipped(axis)
    return volume


def _order(geometry: Geometry, plane: str) -> list[int]:
    """Which axes of a volume are the slices, rows and columns of a plane; UnusableError where it lies in another."""
    lying = [_AXIS[letter] for letter in geometry.orientation]
    if sorted(lying) != [0, 1, 2]:
        raise UnusableError("other plane", f"its axes lie between those of an upright {plane} series")
    order = [lying.index(_AXIS[letter]) for letter in PLANES[plane]]
    thickest = int(np.argmax(geometry.spacing_mm))
    slice_mm, row_mm, column_mm = (geometry.spacing_mm[axis] for axis in order)
    # Slices may be thinner than square pixels are wide: the thickest axis is then no slice axis.
    is_square = max(row_mm, column_mm) <= _SQUARE * min(row_mm, column_mm)
    if not is_square and geometry.spacing_mm[thickest] > _CUBE * slice_mm:
        apart = f"its slices lie {geometry.spacing_mm[thickest]:.2f} mm apart"
        raise UnusableError("other plane", f"{_ACQUIRED[lying[thickest]]}, not {plane}: {apart}")
    return order


def _stored(voxels: np.ndarray) -> np.ndarray:
    """Intensities as a dataset holds them: (S, H, W) uint16."""
    low, high = float(voxels.min()), float(voxels.max())
    if low >= 0 and high <= BRIGHTEST and (voxels.dtype.kind in "ui" or np.array_equal(voxels, np.rint(voxels))):
        return voxels.astype(np.uint16)
    if low == high:
        raise UnusableError("blank volume", "its intensities are all the same")
    low = min(low, 0.0)
    if not np.isfinite(high - low):
        raise UnusableError("unreadable volume", "its intensities differ by more than any number")
    return np.rint((voxels.astype(np.float64) - low) * (BRIGHTEST / (high - low))).astype(np.uint16)


def _is_nifti(file: Path) -> bool:
    return file.name.lower().endswith((".nii", ".nii.gz"))


def _is_dicom(file: Path) -> bool:
    """Whether a file is none of the others by its name; InputError where it does not begin as DICOM does."""
    if _is_nifti(file) or _is_array(file) or file.suffix.lower() == ".mha":
        return False
    if not is_dicom(file):
        raise UnusableError("unreadable volume", f"{file.name} is not NIfTI, MHA, DICOM or .npy as its name says")
    return True


def _is_array(file: Path) -> bool:
    return file.suffix.lower() == ".npy"
