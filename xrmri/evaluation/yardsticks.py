"""What every case is compared with, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from xrmri.data.alignment import unit_range
from xrmri.data.store import Dataset, open_dataset
from xrmri.metrics.deviation import coarse
from xrmri.metrics.joint_box import joint_box
from xrmri.metrics.metric import MeanKnee


@dataclass(frozen=True, kw_only=True, slots=True)
class Yardsticks:
    """What every case is compared with and how."""

    dataset: Dataset
    training: Dataset
    """Whose training split the baselines are made of."""
    canny_sigma: float
    mean_file: Path | None = None
    """(S, H, W) .npy in [0, 1]; None where there are no training pairs."""
    joint_line: float = 0.5
    """Height of the joint in the mean volume, as `joint_box.joint_line` gives it."""
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
    twins: tuple[Path, ...] = ()
    """Datasets with another knee for the same film and readings."""
    ridge_file: Path | None = None
    """(n, D) .npy: what a ridge regression says of each baselined pair, in brief; None where it cannot be fitted."""
    ridge_rows: Mapping[str, int] = field(default_factory=dict)
    """pair_id -> its row there."""
    ridge_nearest: Mapping[str, str] = field(default_factory=dict)
    """pair_id -> the training pair nearest to what the regression says."""
    baselined: frozenset[str] = frozenset()
    """Pairs for which the baselines are computed."""

    def unit_volume(self, pair_id: str) -> np.ndarray:
        """An acquired volume: (S, H, W) float64 in [0, 1]."""
        return unit_range(self.dataset.volume(pair_id), self.dataset.window(pair_id))

    def training_volume(self, pair_id: str) -> np.ndarray:
        """Likewise of a training pair."""
        return unit_range(self.training.volume(pair_id), self.training.window(pair_id))

    def mean_volume(self) -> np.ndarray | None:
        """(S, H, W) float64 in [0, 1], the mean training volume; None where there is none."""
        return None if self.mean_file is None else _loaded(self.mean_file)

    def mean_knee(self, slices: np.ndarray) -> MeanKnee | None:
        """The mean training volume at some slices, on the coarse grid; None where there is none."""
        if self.mean_file is None:
            return None
        whole = _coarse(self.mean_file)
        return MeanKnee(coarse=whole[slices], joint=joint_box(self.joint_line, whole.shape), line=self.joint_line)

    def twin_volumes(self, pair_id: str) -> list[np.ndarray]:
        """The twins of an acquired volume: each (S, H, W) float64 in [0, 1]."""
        datasets = [opened(folder) for folder in self.twins]
        return [
            unit_range(twin.volume(pair_id), twin.window(pair_id)) for twin in datasets if pair_id in twin.index.index
        ]


@cache
def _loaded(file: Path) -> np.ndarray:
    return np.load(file).astype(np.float64)


@cache
def _coarse(file: Path) -> np.ndarray:
    return coarse(_loaded(file))


@cache
def opened(folder: Path) -> Dataset:
    """A dataset beside the one that is evaluated, opened once in every process."""
    return open_dataset(folder)
