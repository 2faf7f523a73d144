"""A generated volume beside the acquired one: at the same depths, in the same frame, on the same scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.data.alignment import laid_beside, matching_slices, unit_range
from xrmri.data.drawn import require_as_drawn
from xrmri.data.store import Dataset
from xrmri.errors import InputError, XrmriError
from xrmri.formats.nifti import read_sidecar, read_volume
from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.depth import briefs
from xrmri.metrics.measure import volume_scores
from xrmri.metrics.metric import MeanKnee, Reference
from xrmri.storage.typed import UnfitError, fitted, shown


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Comparison:
    """A generated and its acquired volume at the same depths, in the same frame."""

    generated: np.ndarray
    """(n, H, W) float64 in [0, 1]."""
    acquired: np.ndarray
    """(n, H, W) float64 in [0, 1]."""
    slices: np.ndarray
    """(n,) their indices in the acquired volume."""
    depths: np.ndarray
    """(n,) 0 for the acquired volume's first slice, 1 for its last."""
    generated_slices: int
    """Slices the generated volume has in all."""
    own_continuity: float
    """Mean correlation of neighbours among all its slices, as the paper gives it."""
    whole: np.ndarray
    """(S, D) every slice of the acquired volume in brief."""
    spacing_mm: tuple[float, float, float]
    """Between slices, rows and columns of the acquired volume."""

    @property
    def whole_shape(self) -> tuple[int, int, int]:
        """(S, H, W) of the acquired volume with all its slices."""
        _, height, width = self.acquired.shape
        return len(self.whole), height, width

    def reference(self, sigma: float, mean: MeanKnee | None = None) -> Reference:
        """The acquired slices, prepared for comparison.

        Args:
            sigma: of Canny's filter, in pixels.
            mean: the mean training volume at the same slices, if there is one.
        """
        slice_mm, row_mm, column_mm = self.spacing_mm
        apart = (self.slices[-1] - self.slices[0]) / max(len(self.slices) - 1, 1)
        return Reference.of(
            self.acquired,
            sigma,
            places=self.slices,
            whole=self.whole,
            spacing_mm=(slice_mm * float(apart), row_mm, column_mm),
            slice_mm=slice_mm,
            mean=mean,
        )


def compare(pair_id: str, file: Path, dataset: Dataset) -> Comparison:
    """Bring a generated volume beside the acquired one.

    Raises:
        InputError: the file cannot be read or compared; one line that names it.
    """
    acquired = dataset.volume(pair_id)
    voxels = placed(pair_id, file, dataset, acquired.shape)
    ours, theirs = matching_slices(len(voxels), len(acquired))
    generated = unit_range(voxels, window_of(file, dataset.window(pair_id)))
    return Comparison(
        generated=generated[ours],
        acquired=unit_range(acquired[theirs], dataset.window(pair_id)),
        slices=theirs,
        depths=theirs / (len(acquired) - 1),
        generated_slices=len(voxels),
        own_continuity=volume_scores({"own": adjacent_correlation(generated)})["own"],
        whole=briefs(acquired),
        spacing_mm=dataset.geometry(pair_id).spacing_mm,
    )


def common_slices(files: Mapping[str, list[Path]], dataset: Dataset) -> np.ndarray:
    """Indices of the acquired slices at which the first readable volume is compared; all, where none can be read."""
    for pair_id, candidates in files.items():
        try:
            return compare(pair_id, candidates[0], dataset).slices
        except XrmriError:
            continue  # that file gets its own row and reason
    return np.arange(len(dataset.volume(dataset.pairs()[0])))


def placed(pair_id: str, file: Path, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """The voxels of a file of one pair, in the order of the dataset's axes: (S', H, W).

    Raises:
        InputError: the file cannot be read, or does not lie where the acquired volume lies; one line that names it.
    """
    require_as_drawn(file)
    volume = read_volume(file)
    if volume.voxels.min() == volume.voxels.max():
        raise InputError(f"{file.name} is blank: every voxel is {volume.voxels.flat[0]}")
    if volume.voxels.ndim != len(shape) or min(volume.voxels.shape) < 2:
        raise InputError(f"{file.name} has fewer than two slices")
    try:
        return laid_beside(volume, dataset.geometry(pair_id))
    except InputError as error:
        raise InputError(f"{file.name} {error}") from error


def at_depths(slices: np.ndarray, pair_id: str, file: Path, dataset: Dataset, *, shape: tuple[int, ...]) -> np.ndarray:
    """A file's volume in the frame of the dataset, at the depths of some acquired slices: (n, H, W) in [0, 1]."""
    voxels = placed(pair_id, file, dataset, shape)
    nearest = np.rint(slices / (shape[0] - 1) * (len(voxels) - 1)).astype(int)
    return unit_range(voxels[nearest], window_of(file, dataset.window(pair_id)))


def window_of(file: Path, acquired: tuple[float, float]) -> tuple[float, float]:
    """The intensities that the generator mapped to black and white; the acquired volume's where nobody says."""
    window = read_sidecar(file).get("window", acquired)
    try:
        low, high = fitted(window, tuple[float, float], "window")
    except UnfitError as error:
        raise InputError(f"{file.name}: the window in its sidecar is not two numbers: {shown(window)}") from error
    if not low < high:
        raise InputError(f"{file.name}: the window in its sidecar is empty: {low} to {high}")
    return float(low), float(high)
