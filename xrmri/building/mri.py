"""The MRI of one knee -> its kept slices: a DICOM series or a volume in one file, of any number of slices."""

from dataclasses import dataclass

import numpy as np

from xrmri.cohorts.pairing import Candidate
from xrmri.config import BuildDataset
from xrmri.data.volume import ReadSeries, mirrored_volume, read_series, windowed_slices
from xrmri.data.volume_file import read_volume_file
from xrmri.formats.archive import is_archive
from xrmri.records import LEFT, Volume
from xrmri.slice_window import kept_slices


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeptSlices:
    """What is kept of a series, looking like a right knee."""

    volume: Volume
    """(margin + kept + margin, size, size) uint16."""
    margin: int
    """Slices on either side of those that are kept."""
    sha256: str
    """Of the series."""


def read_kept(candidate: Candidate, config: BuildDataset, margin: int = 0) -> KeptSlices:
    """The kept slices of a pair's series and, as far as it has them, a margin on either side.

    Raises:
        UnusableError: why the series cannot be used.
    """
    series = read_mri(candidate, config)
    count = len(series.voxels)
    window = config.slice_window
    first, stop = kept_slices(window, count) if window else (config.first_slice, config.last_slice)
    margin = min(margin, first, count - stop)
    volume = windowed_slices(
        series, first - margin, stop + margin, config.size, field_of_view_mm=config.field_of_view_mm
    )
    right = mirrored_volume(volume) if candidate.side == LEFT else volume
    return KeptSlices(volume=right, margin=margin, sha256=series.sha256)


def read_stored(candidate: Candidate, config: BuildDataset) -> KeptSlices:
    """The same without a margin, in as many depths as a volume of the dataset has."""
    kept = read_kept(candidate, config)
    return KeptSlices(volume=at_depths(kept.volume, config.kept), margin=0, sha256=kept.sha256)


def read_mri(candidate: Candidate, config: BuildDataset) -> ReadSeries:
    """The whole series of a pair; UnusableError says why it cannot be used."""
    path = candidate.flash.path
    if path.is_file() and not is_archive(path):
        return read_volume_file(path, candidate.side, config.plane, candidate.particulars.lying)
    count = None if config.slice_window else config.slices
    return read_series(candidate.flash.files(), candidate.side, count, config.plane)


def at_depths(volume: Volume, depths: int) -> Volume:
    """The volume at so many even depths from its first slice to its last, straight lines between slices.

    Args:
        volume: (S, H, W) uint16.
        depths: wanted; S gives the volume itself.
    """
    slices = len(volume.voxels)
    if slices == depths:
        return volume
    places = np.linspace(0, slices - 1, depths)
    below = np.minimum(places.astype(int), slices - 2)
    share = (places - below)[:, None, None]
    mixed = volume.voxels[below] * (1 - share) + volume.voxels[below + 1] * share
    geometry = volume.geometry.resampled((depths, *volume.voxels.shape[1:]))
    return Volume(voxels=np.rint(mixed).astype(np.uint16), geometry=geometry, side=volume.side)
