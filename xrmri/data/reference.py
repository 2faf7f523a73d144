"""A reference series' grid: where its voxels lie, and another volume resampled onto them."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xrmri.data.nifti import UNKNOWN_SIDE, from_image, read_volume, to_image
from xrmri.data.quiet import quiet
from xrmri.errors import InputError
from xrmri.limits import require_pixels
from xrmri.records import Volume


def read_reference(path: Path) -> Volume:
    """The volume in a NIfTI file, or in a folder with one DICOM series.

    Raises:
        InputError: nothing there that has one grid of three dimensions.
    """
    if not path.is_dir():
        return read_volume(path)
    _require_readable(path)
    with quiet():
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
    if len(series) != 1:
        found = f"{len(series)} DICOM series" if series else "no DICOM series"
        raise InputError(f"--like {path} holds {found}: give a folder with one, or a NIfTI file")
    try:
        with quiet():
            files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path), series[0])
            first = sitk.ImageFileReader()
            first.SetFileName(files[0])
            first.ReadImageInformation()
        require_pixels((*first.GetSize()[:2], len(files)), f"--like {path}")
        with quiet():
            image = sitk.ReadImage(files)
    except RuntimeError as error:
        raise InputError(f"--like {path} cannot be read as one DICOM series: give a NIfTI file") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"--like {path} is not one grey volume: give a folder with one series, or a NIfTI file")
    return from_image(image, UNKNOWN_SIDE)


def _require_readable(folder: Path) -> None:
    """Refuse a folder that ITK would wait in for ever, or end the process over."""
    try:
        str(folder).encode()
        names = [file.name.encode() for file in folder.iterdir()]
    except (UnicodeEncodeError, OSError) as error:
        raise InputError(f"--like {folder} has names that are not UTF-8, or cannot be read: copy it") from error
    odd = next((file for file in folder.iterdir() if file.exists() and not (file.is_file() or file.is_dir())), None)
    if odd or not names:
        raise InputError(f"--like {folder} holds {odd.name if odd else 'nothing'}: give a folder with one DICOM series")


def centred_on(volume: Volume, reference: Volume) -> Volume:
    """The same volume, moved so that its middle lies in the middle of the reference."""
    geometry = volume.geometry.centred_on(reference.geometry.centre_mm)
    return Volume(voxels=volume.voxels, geometry=geometry, side=volume.side)


def on_grid(volume: Volume, reference: Volume) -> Volume:
    """The volume resampled onto the voxels of the reference, straight lines between voxels and 0 outside."""
    grid = to_image(reference)
    voxels = Volume(voxels=volume.voxels.astype(np.float32), geometry=volume.geometry, side=volume.side)
    return from_image(sitk.Resample(to_image(voxels), grid, sitk.Transform(), sitk.sitkLinear, 0.0), volume.side)
