"""The dataset as training wants it: which slice stands at a position of an endless order, and its pixels in [-1, 1].

What stands at a position, and every random choice about it, is a function of the seed and the position alone, so a run
that resumes, or one on more processes, sees what an uninterrupted run on one would have seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Literal

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from xrmri.config import Training
from xrmri.data.covariates import COVARIATES, Covariates
from xrmri.data.features import feature_set
from xrmri.data.store import Dataset
from xrmri.data.view import SeenKnee, View
from xrmri.errors import InconsistentError, InputError
from xrmri.evenly import evenly


class Purpose(IntEnum):
    """What a random choice is for; two purposes never share their numbers."""

    ORDER = 0
    IMAGE = 1
    NOISE = 2
    VARIANT = 3
    VALIDATION = 4


def random_numbers(seed: int, purpose: Purpose, position: int) -> np.random.Generator:
    """The random numbers of one position, for one purpose."""
    return np.random.default_rng([seed, purpose, position])


def noise_source(seed: int, purpose: Purpose, position: int) -> torch.Generator:
    """Torch's random numbers of one position, for one purpose, on the CPU."""
    return torch.Generator().manual_seed(int(random_numbers(seed, purpose, position).integers(2**63)))


@dataclass(kw_only=True, slots=True)
class Shuffle:
    """An endless order of `count` items: epoch after epoch, each shuffled anew."""

    count: int
    seed: int
    _epoch: int = field(default=-1, repr=False)
    _shuffled: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False)

    def at(self, position: int) -> int:
        """The item at a position, both from 0."""
        epoch, within = divmod(position, self.count)
        if epoch != self._epoch:
            self._epoch, self._shuffled = epoch, random_numbers(self.seed, Purpose.ORDER, epoch).permutation(self.count)
        return int(self._shuffled[within])


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceIndex:
    """Every slice of a split as one list: pair after pair, from the back of the knee."""

    dataset: Dataset
    pairs: tuple[str, ...]
    depths: int
    """S, slices of a pair."""

    def __len__(self) -> int:
        """Number of slices."""
        return len(self.pairs) * self.depths

    def locate(self, item: int) -> tuple[str, int]:
        """Pair and depth of an item."""
        pair, depth = divmod(item, self.depths)
        return self.pairs[pair], depth

    def evenly(self, most: int) -> list[int]:
        """At most `most` items, evenly spread."""
        return evenly(range(len(self)), most)


def index_slices(dataset: Dataset, split: str) -> SliceIndex:
    """The slices of one split.

    Raises:
        InconsistentError: the split is empty.
    """
    pairs = tuple(dataset.pairs(split))
    if not pairs:
        raise InconsistentError(f"{dataset.folder} has no pair in its {split} split: build it from more participants")
    return SliceIndex(dataset=dataset, pairs=pairs, depths=dataset.facts.slices)


def require_slice_grid(dataset: Dataset, config: Training) -> None:
    """InputError where radiographs are to lie on the millimetres of slices of another plane than the film's."""
    if config.radiograph_grid == "slice" and dataset.facts.plane != "coronal":
        plane = dataset.facts.plane
        raise InputError(f"radiograph_grid slice is for coronal slices, {dataset.folder} has {plane} ones: take crop")


def slice_image(dataset: Dataset, pair_id: str, depth: int) -> Tensor:
    """One slice: (H, W) float32 in [-1, 1], clipped to the pair's window."""
    low, high = dataset.window(pair_id)
    pixels = dataset.slice(pair_id, depth).astype(np.float32)
    return torch.from_numpy(((pixels - low) / (high - low)).clip(0, 1) * 2 - 1).float()


def training_view(dataset: Dataset, grid: Literal["crop", "slice"], *, covariates: bool = False) -> View:
    """How a network that is trained on a dataset sees its knees; with the participant's covariates where it is told."""
    facts = dataset.facts
    return View(
        pixels=facts.size,
        slice_mm=facts.extent_mm[2],
        grid=grid,
        features=feature_set(facts.feature_set),
        covariates=COVARIATES if covariates else (),
    )


def readings_of(dataset: Dataset, pairs: Sequence[str], view: View) -> np.ndarray:
    """r of some pairs: (P, F) float32."""
    known: Callable[[str], Covariates] = dataset.covariates if view.covariates else lambda _: {}
    return np.stack([view.readings(dataset.grades(pair_id), known(pair_id)) for pair_id in pairs])


def seen_knee(dataset: Dataset, pair_id: str, view: View) -> SeenKnee:
    """A knee as a network sees it, its radiograph as stored."""
    known = dataset.covariates(pair_id) if view.covariates else {}
    return view.of(dataset.radiograph(pair_id), dataset.radiograph_mm(pair_id), dataset.grades(pair_id), known)


def radiograph_image(dataset: Dataset, pair_id: str, view: View, *, variant: int = 0, seed: int = 0) -> Tensor:
    """A radiograph as the network sees it: (H, W) float32 in [-1, 1].

    Args:
        dataset: where it is.
        pair_id: whose it is.
        view: how the network sees it.
        variant: 0 is as stored; any other is another exposure and sharpness of the same radiograph.
        seed: with the pair and the variant, fixes that exposure and sharpness.
    """
    expose = None
    if variant:
        row = int(dataset.index.index.get_loc(pair_id))
        expose = partial(_other_exposure, numbers=random_numbers(seed, Purpose.VARIANT, row * 1_000 + variant))
    crop, width_mm = dataset.radiograph(pair_id), dataset.radiograph_mm(pair_id)
    return torch.from_numpy(view.radiograph(crop, width_mm, expose=expose))


def _other_exposure(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """The same radiograph by another detector: gamma, contrast, offset and blur within what films show (choice)."""
    gamma, contrast, offset, blur_pixels = numbers.uniform((0.7, 0.85, -0.08, 0.0), (1.45, 1.1, 0.08, 1.2))
    exposed = gaussian_filter((pixels**gamma - 0.5) * contrast + 0.5 + offset, blur_pixels)
    return np.asarray(exposed.clip(0, 1).astype(np.float32))


def random_crop(image: Tensor, size: int, numbers: np.random.Generator) -> Tensor:
    """A square part of an image, (size, size), anywhere in it; the whole image where size is 0."""
    if size == 0:
        return image
    top, left = (int(numbers.integers(length - size + 1)) for length in image.shape)
    return image[top : top + size, left : left + size]
