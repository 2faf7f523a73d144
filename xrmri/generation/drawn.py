"""What a model says of one knee."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnVolumes:
    """Volumes of one knee, looking right."""

    volumes: tuple[np.ndarray, ...]
    """One (S, H, W) float32 in [-1, 1] a sample; or the expected volume alone."""
    labels: tuple[np.ndarray, ...] = ()
    """One (S, H, W) uint8 for each volume, what its voxels are made of; empty where nobody asked."""
    deviation: np.ndarray | None = None
    """(S, H, W) float32 of the expected volume: by how much knees differ from it, where white less black is 2."""
