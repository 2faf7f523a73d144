"""A reference series' grid: where its voxels lie, and another volume resampled onto them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xrmri.errors import InputError, UnusableError
from xrmri.formats.dicom import Image, is_dicom, parse_all, read_labels
from xrmri.formats.nifti import UNKNOWN_SIDE, from_image, read_place, to_image
from xrmri.formats.quiet import no_warnings
from xrmri.formats.series_folder import require_no_lost_slice
from xrmri.formats.stack import stack_geometry
from xrmri.geometry import Geometry
from xrmri.records import Volume
from xrmri.storage.limits import read_whole, require_pixels


def read_reference(path: Path) -> Volume:
    """The grid of a NIfTI file, or of a folder with one DICOM series; its voxels are not looked at, and are 0.

    Raises:
        InputError: nothing there that has one grid of three dimensions.
    """
    geometry = _of_series(path) if path.is_dir() else read_place(path)
    return Volume(voxels=np.zeros(geometry.shape, np.uint8), geometry=geometry, side=UNKNOWN_SIDE)


def _of_series(folder: Path) -> Geometry:
    """The grid of the series in a folder, checked as series of a dataset are."""
    try:
        beside = {file: is_dicom(file) for file in sorted(folder.iterdir()) if not file.is_dir()}
        files = {file.name: read_whole(file) for file, is_slice in beside.items() if is_slice}
        with no_warnings():
            series = {_series_of(content) for content in files.values()}
        if len(series) != 1:
            held = f"{len(series)} DICOM series" if series else "no DICOM series"
            raise InputError(f"--like {folder} holds {held}: give a folder with one, or a NIfTI file")
        images = [(name, image) for name, content in files.items() for image in _parsed(name, content)]
        geometry = stack_geometry(images)
        slices, strange = ([file for file, found in beside.items() if found is one] for one in (True, False))
        require_no_lost_slice(folder, slices, strange)
    except UnusableError as error:
        raise InputError(f"--like {folder} cannot be used ({error}): give a folder with one whole series") from error
    except OSError as error:
        raise InputError(f"--like {folder} cannot be read ({error.filename}: {error.strerror}): copy it") from error
    require_pixels(geometry.shape, f"--like {folder}")
    return geometry


def _series_of(content: bytes) -> str:
    """SeriesInstanceUID of a file; empty where it has none."""
    try:
        return read_labels(content).series_uid
    except InputError:
        return ""


def _parsed(name: str, content: bytes) -> list[Image]:
    try:
        return parse_all(content)
    except InputError as error:
        raise UnusableError("unreadable slice", f"{name}: {error}") from error


def centred_on(volume: Volume, reference: Volume) -> Volume:
    """The same volume, moved so that its middle lies in the middle of the reference."""
    geometry = volume.geometry.centred_on(reference.geometry.centre_mm)
    return Volume(voxels=volume.voxels, geometry=geometry, side=volume.side)


def on_grid(volume: Volume, reference: Volume, *, nearest: bool = False) -> Volume:
    """The volume on the voxels of the reference, 0 outside: straight lines between voxels, or the nearest of labels."""
    grid = to_image(reference)
    voxels = volume if nearest else replace(volume, voxels=volume.voxels.astype(np.float32))
    between = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    return from_image(sitk.Resample(to_image(voxels), grid, sitk.Transform(), between, 0.0), volume.side)
