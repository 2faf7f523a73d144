"""What one pair scores: its generated volume, and the baselines, each against the acquired volume."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from xrmri.data.alignment import laid_beside, matching_slices, unit_range
from xrmri.data.nifti import read_sidecar, read_volume
from xrmri.data.store import Dataset, open_dataset
from xrmri.errors import InputError, XrmriError
from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.depth import briefs
from xrmri.metrics.identification import signature
from xrmri.metrics.measure import Reference, figures_of_several, volume_figures
from xrmri.records import Geometry

log = logging.getLogger(__name__)

GENERATED, ACQUIRED = "generated", "acquired"
WRONG_PATIENT, MEAN_VOLUME, NEAREST_TRAINING = "wrong_patient", "mean_volume", "nearest_training"
SWAPPED, RESCAN = "swapped_radiograph", "rescan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Yardsticks:
    """What every case is compared with and how."""

    dataset: Dataset
    canny_sigma: float
    mean_file: Path | None = None
    """(S, H, W) .npy in [0, 1]; None where there are no training pairs."""
    nearest: Mapping[str, str] = field(default_factory=dict)
    """pair_id -> training pair with the most similar radiograph."""
    others: Mapping[str, str] = field(default_factory=dict)
    """pair_id -> a pair of another participant."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """pair_id -> its generated volume, where exactly one file names it."""
    rescan: Path | None = None
    """Dataset, or folder of NIfTI files, with another acquisition of the same pairs."""
    rescans: Mapping[str, Path] = field(default_factory=dict)
    """pair_id -> NIfTI file, where `rescan` is a folder of them."""
    baselined: frozenset[str] = frozenset()
    """Pairs for which the baselines are computed."""

    def unit_volume(self, pair_id: str) -> np.ndarray:
        """An acquired volume: (S, H, W) float64 in [0, 1]."""
        return unit_range(self.dataset.volume(pair_id), self.dataset.window(pair_id))


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
    slice_mm: float
    """Between two slices of the acquired volume."""

    def reference(self, sigma: float) -> Reference:
        """The acquired slices, prepared for comparison; sigma of Canny's filter in pixels."""
        return Reference.of(self.acquired, sigma, places=self.slices, whole=self.whole, slice_mm=self.slice_mm)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scored:
    """The figures of one pair, or why it has none."""

    pair_id: str
    file: str = ""
    reason: str = ""
    """Empty where the volume could be compared."""
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """source -> metric -> value."""
    slices: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of the generated volume: slice, depth, joint and each metric -> (n,)."""
    signatures: tuple[np.ndarray, np.ndarray] | None = None
    """Of the generated and the acquired volume."""
    grey_values: tuple[np.ndarray, np.ndarray] | None = None
    """(n,) mean of each slice, generated and acquired."""
    generated_slices: int = 0
    own_continuity: float = np.nan


def score(pair_id: str, files: list[Path], setting: Yardsticks) -> Scored:
    """Compare one pair; a volume that cannot be compared is told by a reason, never by an error."""
    if not files:
        return Scored(pair_id=pair_id, reason="no volume of this pair")
    if len(files) > 1:
        return Scored(pair_id=pair_id, reason=f"{len(files)} files name this pair: {', '.join(f.name for f in files)}")
    try:
        comparison = compare(pair_id, files[0], setting.dataset)
    except XrmriError as error:
        # Without the folder, so that tables are the same wherever the volumes lie.
        return Scored(pair_id=pair_id, file=files[0].name, reason=str(error).replace(f"{files[0].parent}/", ""))
    reference = comparison.reference(setting.canny_sigma)
    volumes = {GENERATED: comparison.generated}
    if pair_id in setting.baselined:
        volumes |= _baselines(pair_id, comparison, setting)
    slices = figures_of_several(reference, volumes)
    figures = {source: volume_figures(found) for source, found in slices.items()}
    figures[ACQUIRED] = volume_figures({"adjacent_correlation": adjacent_correlation(comparison.acquired)})
    joint = np.array([band is not None for band in reference.bands])
    return Scored(
        pair_id=pair_id,
        file=files[0].name,
        figures=figures,
        slices={"slice": comparison.slices, "depth": comparison.depths, "joint": joint, **slices[GENERATED]},
        signatures=(signature(comparison.generated), signature(comparison.acquired)),
        grey_values=(comparison.generated.mean(axis=(1, 2)), comparison.acquired.mean(axis=(1, 2))),
        generated_slices=comparison.generated_slices,
        own_continuity=comparison.own_continuity,
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
        own_continuity=volume_figures({"own": adjacent_correlation(generated)})["own"],
        whole=briefs(acquired),
        slice_mm=Geometry(affine=dataset.affine(pair_id)).spacing_mm[0],
    )


def common_slices(files: Mapping[str, list[Path]], dataset: Dataset) -> np.ndarray:
    """Indices of the acquired slices at which the first readable volume is compared; all, where none can be read."""
    for pair_id, found in files.items():
        try:
            return compare(pair_id, found[0], dataset).slices
        except XrmriError:
            continue  # that file gets its own row and reason
    return np.arange(len(dataset.volume(dataset.pairs()[0])))


def placed(pair_id: str, file: Path, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """The voxels of a file of one pair, in the order of the dataset's axes: (S', H, W).

    Raises:
        InputError: the file cannot be read, or does not lie where the acquired volume lies; one line that names it.
    """
    volume = read_volume(file)
    if volume.voxels.min() == volume.voxels.max():
        raise InputError(f"{file.name} is blank: every voxel is {volume.voxels.flat[0]}")
    if volume.voxels.ndim != len(shape) or min(volume.voxels.shape) < 2:
        raise InputError(f"{file.name} has fewer than two slices")
    try:
        return laid_beside(volume, dataset.affine(pair_id), shape)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{file.name} {error}") from error


def at_depths(slices: np.ndarray, pair_id: str, file: Path, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """A file's volume in the frame of the dataset, at the depths of some acquired slices: (n, H, W) in [0, 1]."""
    voxels = placed(pair_id, file, dataset, shape)
    nearest = np.rint(slices / (shape[0] - 1) * (len(voxels) - 1)).astype(int)
    return unit_range(voxels[nearest], window_of(file, dataset.window(pair_id)))


def window_of(file: Path, acquired: tuple[float, float]) -> tuple[float, float]:
    """The intensities that the generator mapped to black and white; the acquired volume's where nobody says."""
    told = read_sidecar(file).get("window", acquired)
    try:
        low, high = (float(value) for value in told)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InputError(f"{file.name}: the window in its sidecar is not two numbers: {told!r}") from error
    if not low < high:
        raise InputError(f"{file.name}: the window in its sidecar is empty: {low} to {high}")
    return low, high


def _baselines(pair_id: str, comparison: Comparison, setting: Yardsticks) -> dict[str, np.ndarray]:
    """What could be given in place of the generated volume, and what could at best be given."""
    slices, dataset, found = comparison.slices, setting.dataset, {}
    shape = (len(comparison.whole), *comparison.acquired.shape[1:])
    for source, chosen in ((WRONG_PATIENT, setting.others), (NEAREST_TRAINING, setting.nearest)):
        if pair_id in chosen:
            found[source] = setting.unit_volume(chosen[pair_id])[slices]
    if setting.mean_file is not None:
        found[MEAN_VOLUME] = _mean(setting.mean_file)[slices]
    stranger = setting.others.get(pair_id, "")
    if stranger in setting.files:
        try:
            found[SWAPPED] = at_depths(slices, stranger, setting.files[stranger], dataset, shape)
        except XrmriError:
            pass  # that file gets its own row and reason
    if setting.rescan is not None:
        rescan = _rescan(pair_id, setting, shape)
        if rescan is not None and rescan.shape == shape:
            found[RESCAN] = rescan[slices]
    return found


def _rescan(pair_id: str, setting: Yardsticks, shape: tuple[int, ...]) -> np.ndarray | None:
    """Another acquisition of the pair, (S, H, W) in [0, 1]; None where there is none."""
    assert setting.rescan is not None
    if (setting.rescan / "dataset.json").is_file():
        again = _dataset(setting.rescan)
        if pair_id not in again.index.index:
            return None
        return unit_range(again.volume(pair_id), again.window(pair_id))
    if pair_id not in setting.rescans:
        return None
    try:
        return at_depths(np.arange(shape[0]), pair_id, setting.rescans[pair_id], setting.dataset, shape)
    except XrmriError as error:
        log.warning("the second scan of %s is left out: %s", pair_id, error)
        return None


@cache
def _mean(file: Path) -> np.ndarray:
    return np.load(file).astype(np.float64)


@cache
def _dataset(folder: Path) -> Dataset:
    return open_dataset(folder)
