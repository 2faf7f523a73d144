"""How unlike a radiograph is to those that a model was taught on: what their main patterns leave of it.

Radiographs in brief, 16 x 16 pixels of mean 0 and standard deviation 1, are described by their mean and the first eight
principal components of the training split. Strangeness is the standard deviation of what those leave: 0 where they tell
all of a picture, 1 and more where they tell nothing. No network takes part, and no pixel of a person can
be read from it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from xrmri.data.radiograph import unit_square
from xrmri.data.store import Dataset
from xrmri.errors import InconsistentError
from xrmri.evenly import evenly
from xrmri.facts.folders import FAMILIAR
from xrmri.storage.files import complete_or_absent

STRANGE = 0.45
"""More is told as a warning. Measured with the bundled model, of synthetic knees: 60 held-out synthetic crops lie
below 0.21, 5 of 422 real crops above 0.45 (by which it was chosen), and so do all of 100 pictures that are no knee:
chests, sketches of hands, hips and others, photos, noise. Taught on half of the real crops, 1 of the others does."""
_PIXELS, _COMPONENTS = 16, 8
_MOST = 2000
"""Radiographs that are looked at: more change nothing (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Familiar:
    """The main patterns of training radiographs."""

    mean: np.ndarray
    """(256,) float32."""
    components: np.ndarray
    """(K, 256) float32, orthonormal rows, K at most 8."""

    def strangeness(self, crop: np.ndarray) -> float:
        """Of a joint crop (H, W) uint16, windowed, looking right: at least 0."""
        off = _in_brief(crop) - self.mean
        left = off - (off @ self.components.T) @ self.components
        return float(np.sqrt(np.mean(left**2)))


def learn_familiar(data: Dataset) -> Familiar:
    """The main patterns of the radiographs of a dataset's training split."""
    radiographs = np.stack([_in_brief(data.radiograph(pair_id)) for pair_id in evenly(data.pairs("train"), _MOST)])
    mean = radiographs.mean(axis=0)
    _, _, patterns = np.linalg.svd(radiographs - mean, full_matrices=False)
    return Familiar(mean=mean, components=patterns[:_COMPONENTS])


def write_familiar(folder: Path, familiar: Familiar) -> None:
    """Write the patterns into a model's folder."""
    tensors = {"mean": familiar.mean, "components": familiar.components}
    with complete_or_absent(folder / FAMILIAR) as partial:
        partial.write_bytes(save({name: np.ascontiguousarray(one, np.float32) for name, one in tensors.items()}))


def read_familiar(folder: Path) -> Familiar | None:
    """The patterns in a model's folder; None in those of earlier versions.

    Raises:
        InconsistentError: the file is damaged.
    """
    file = folder / FAMILIAR
    if not file.is_file():
        return None
    try:
        tensors = load_file(file)
        mean, components = tensors["mean"], tensors["components"]
        if mean.shape != (_PIXELS**2,) or components.ndim != 2 or components.shape[1:] != mean.shape:
            raise ValueError(f"shapes {mean.shape} and {components.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(components).all()):
            raise ValueError("not all are numbers")
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InconsistentError(f"{file} is damaged ({error}): copy the model again, or remove the file") from error
    return Familiar(mean=mean, components=components)


def _in_brief(crop: np.ndarray) -> np.ndarray:
    """(256,) float64 of mean 0 and standard deviation 1; zeros of an even picture."""
    small = unit_square(crop, _PIXELS).astype(np.float64).ravel()
    return np.asarray((small - small.mean()) / max(small.std(), 1e-6))
