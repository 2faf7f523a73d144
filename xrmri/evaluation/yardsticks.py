"""What every case is compared with, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xrmri.data.alignment import unit_range
from xrmri.data.store import Dataset


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
