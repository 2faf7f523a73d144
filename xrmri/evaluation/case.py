"""What one pair scores: its generated volume, and the baselines, each against the acquired volume."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xrmri.data.alignment import laid_beside, matching_slices, unit_range
from xrmri.data.nifti import read_sidecar, read_volume
from xrmri.data.store import Dataset
from xrmri.errors import InputError, XrmriError
from xrmri.metrics.continuity import adjacent_correlation
from xrmri.metrics.identification import signature
from xrmri.metrics.measure import Reference, slice_figures, volume_figures

GENERATED, ACQUIRED = "generated", "acquired"
WRONG_PATIENT, MEAN_VOLUME, NEAREST_TRAINING = "wrong_patient", "mean_volume", "nearest_training"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What every case is compared with and how."""

    dataset: Dataset
    canny_sigma: float
    mean_file: Path | None
    """(S, H, W) .npy in [0, 1]; None where there are no training pairs."""
    nearest: Mapping[str, str]
    """pair_id -> training pair with the most similar radiograph."""
    others: Mapping[str, str]
    """pair_id -> a pair of another participant."""


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
    generated_slices: int = 0


def score(pair_id: str, files: list[Path], setting: Setting) -> Scored:
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
    reference = Reference.of(comparison.acquired, setting.canny_sigma)
    generated = slice_figures(reference, comparison.generated)
    figures = {GENERATED: volume_figures(generated)}
    for source, pixels in _baselines(pair_id, comparison.slices, setting).items():
        figures[source] = volume_figures(slice_figures(reference, pixels))
    figures[ACQUIRED] = volume_figures({"adjacent_correlation": adjacent_correlation(comparison.acquired)})
    joint = np.array([band is not None for band in reference.bands])
    return Scored(
        pair_id=pair_id,
        file=files[0].name,
        figures=figures,
        slices={"slice": comparison.slices, "depth": comparison.depths, "joint": joint, **generated},
        signatures=(signature(comparison.generated), signature(comparison.acquired)),
        generated_slices=comparison.generated_slices,
    )


def compare(pair_id: str, file: Path, dataset: Dataset) -> Comparison:
    """Bring a generated volume beside the acquired one.

    Raises:
        InputError: the file cannot be read or compared; one line that names it.
    """
    volume = read_volume(file)
    acquired = dataset.volume(pair_id)
    if volume.voxels.min() == volume.voxels.max():
        raise InputError(f"{file.name} is blank: every voxel is {volume.voxels.flat[0]}")
    if volume.voxels.ndim != acquired.ndim or min(volume.voxels.shape) < 2:
        raise InputError(f"{file.name} has fewer than two slices")
    try:
        voxels = laid_beside(volume, dataset.affine(pair_id), acquired.shape)
    except InputError as error:
        raise InputError(f"{file.name} {error}") from error
    ours, theirs = matching_slices(len(voxels), len(acquired))
    return Comparison(
        generated=unit_range(voxels[ours], _window(file, dataset.window(pair_id))),
        acquired=unit_range(acquired[theirs], dataset.window(pair_id)),
        slices=theirs,
        depths=theirs / (len(acquired) - 1),
        generated_slices=len(voxels),
    )


def _window(file: Path, acquired: tuple[float, float]) -> tuple[float, float]:
    """The intensities that the generator mapped to black and white; the acquired volume's where nobody says."""
    told = read_sidecar(file).get("window", acquired)
    try:
        low, high = (float(value) for value in told)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InputError(f"{file.name}: the window in its sidecar is not two numbers: {told!r}") from error
    if not low < high:
        raise InputError(f"{file.name}: the window in its sidecar is empty: {low} to {high}")
    return low, high


def _baselines(pair_id: str, slices: np.ndarray, setting: Setting) -> dict[str, np.ndarray]:
    """What could be given in place of the generated volume without looking at the radiograph's details."""
    found = {}
    for source, chosen in ((WRONG_PATIENT, setting.others), (NEAREST_TRAINING, setting.nearest)):
        if pair_id in chosen:
            other = chosen[pair_id]
            found[source] = unit_range(setting.dataset.volume(other)[slices], setting.dataset.window(other))
    if setting.mean_file is not None:
        found[MEAN_VOLUME] = np.load(setting.mean_file, mmap_mode="r")[slices].astype(np.float64)
    return found
