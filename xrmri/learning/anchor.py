"""How the anchor learns: least squares on coarse volumes of a training split, stopped by R² on held-out people.

Shapes: P pairs, V exposures of a radiograph, N x N pixels of a radiograph, F feature slots, D depths, M x M pixels.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xrmri.config import Progress, TrainLdm
from xrmri.data.covariates import COVARIATES, without_some
from xrmri.data.slices import Purpose, Shuffle, radiograph_image, random_numbers, readings_of, training_view
from xrmri.data.store import Dataset
from xrmri.data.volume import to_unit
from xrmri.errors import InconsistentError
from xrmri.learning.best import best_weights, keep_best, read_best, take_best
from xrmri.learning.encoding import encoded
from xrmri.learning.warp import Warps, warped
from xrmri.models.anchor import Anchor, AnchorSizes, without_patterns
from xrmri.training.loop import Task, Trainer

log = logging.getLogger(__name__)

DEPTHS_AT_MOST = 25
"""Of a coarse volume: 3 mm apart in a FLASH; what a film tells has no finer detail (choice)."""
_PIXELS_AT_MOST, _WHOLE = 128, 32
"""Rows and columns of it, whole so many: 1.25 mm in a FLASH, where a joint space of 4 mm is seen (choice)."""
BEST = "best.safetensors"
_JUDGED_AT_ONCE = 8
_WARPS = Warps(turn_degrees=3.0, stretch=0.03, shift=0.03)
"""What film and volume share in training (choice)."""
_EDGE_PIXELS = (1.0, 2.5, 2.5)
"""By how many slices, rows and columns an edge of the mean knee is widened: by so much knees differ (choice)."""


class AnchorBatch(NamedTuple):
    """What one forward pass takes."""

    y: Tensor
    """(B, N, N) float16 in [-1, 1]."""
    features: Tensor
    """(B, F)."""
    volume: Tensor
    """(B, D, M, M) float16 in [-1, 1]."""
    warp: Tensor
    """(B, 2, 3), which moves film and volume alike; in half fields."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CoarsePairs:
    """Pairs as the anchor sees them."""

    radiographs: np.ndarray
    """(P, V, N, N) float16 in [-1, 1]."""
    features: np.ndarray
    """(P, F) float32."""
    volumes: np.ndarray
    """(P, D, M, M) float16 in [-1, 1]."""

    def of(self, chosen: Sequence[int]) -> "CoarsePairs":
        """Some of them."""
        rows = list(chosen)
        return CoarsePairs(radiographs=self.radiographs[rows], features=self.features[rows], volumes=self.volumes[rows])

    def mean(self) -> Tensor:
        """The mean volume: (D, M, M) float32."""
        return torch.from_numpy(self.volumes.mean(axis=0, dtype=np.float64).astype(np.float32))

    def one(self, pair: int, variant: int = 0) -> AnchorBatch:
        """One pair, without the B of its shapes."""
        return AnchorBatch(
            y=torch.from_numpy(self.radiographs[pair, variant].copy()),
            features=torch.from_numpy(self.features[pair]),
            volume=torch.from_numpy(self.volumes[pair].copy()),
            warp=torch.eye(2, 3),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LearntAnchor:
    """A trained anchor, and what it is worth."""

    network: Anchor
    r2: float
    """On people it has not learnt from."""


def coarse_pairs(
    data: Dataset,
    pairs: Sequence[str],
    cache: Path,
    *,
    config: TrainLdm,
    variants: int,
    tell: Progress,
) -> CoarsePairs:
    """Radiographs and coarse volumes of some pairs, made once and kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    sizes = sizes_for(data, config.anchor_channels, features=1)
    seen = training_view(data, config.radiograph_grid, covariates=config.covariates)
    view = replace(seen, pixels=sizes.radiograph_pixels)

    def films(numbers: range) -> Tensor:
        each = [divmod(number, variants) for number in numbers]
        shown = [radiograph_image(data, pairs[pair], view, variant=variant, seed=config.seed) for pair, variant in each]
        return torch.stack(shown)

    def volumes(numbers: range) -> Tensor:
        return torch.stack([coarse_volume(data, pairs[number], sizes) for number in numbers])

    radiographs = encoded(cache / "radiographs.npy", len(pairs) * variants, films, tell=tell)
    return CoarsePairs(
        radiographs=radiographs.reshape(len(pairs), variants, *radiographs.shape[1:]),
        features=readings_of(data, pairs, view),
        volumes=encoded(cache / "volumes.npy", len(pairs), volumes, tell=tell),
    )


def sizes_for(data: Dataset, channels: tuple[int, ...], *, features: int) -> AnchorSizes:
    """The sizes of an anchor of a dataset's volumes, with so many channels at each level."""
    pixels = min(_PIXELS_AT_MOST, max(data.facts.size // _WHOLE * _WHOLE, _WHOLE))
    depths = min(data.facts.slices, DEPTHS_AT_MOST)
    return AnchorSizes(depths=depths, pixels=pixels, features=features, widths=channels)


def coarse_volume(data: Dataset, pair_id: str, sizes: AnchorSizes) -> Tensor:
    """A volume at the anchor's resolution: (D, M, M) float32 in [-1, 1], from its first slice to its last."""
    unit = torch.from_numpy(to_unit(data.volume(pair_id), data.window(pair_id)))
    smaller = interpolate(unit[:, None], (sizes.pixels, sizes.pixels), mode="area")[:, 0]
    along = smaller.permute(1, 2, 0)  # depth last, where interpolate works
    return interpolate(along, sizes.depths, mode="linear", align_corners=True).permute(2, 0, 1).contiguous()


def learn_anchor(
    training: CoarsePairs,
    held_out: CoarsePairs,
    sizes: AnchorSizes,
    folder: Path,
    *,
    config: TrainLdm,
    trainer: Trainer,
    begin: Anchor | None = None,
    reader: nn.Module | None = None,
) -> LearntAnchor:
    """Train an anchor, or go on with one, and take it at its best.

    Args:
        training: the pairs it learns from.
        held_out: of other people, by whom it is stopped.
        sizes: of the network.
        folder: where its checkpoints and metrics go.
        config: of train-ldm; what belongs to the anchor in it begins with `anchor`.
        trainer: what trains it.
        begin: an earlier anchor, whose weights and template it starts from; without one, from the mean volume.
        reader: one that was taught beforehand, with which it starts.

    Raises:
        StoppedEarly: stopped and saved.
        InconsistentError: the earlier anchor has other sizes.
    """
    torch.manual_seed(config.seed)
    anchor = Anchor(sizes)
    mean = training.mean()
    if begin is None:
        anchor.begin_at(mean)
    else:
        require_sizes(begin, sizes)
        anchor.load_state_dict(without_patterns(begin).state_dict())
    if reader:
        anchor.reader.load_state_dict(reader.state_dict())
    device, best = trainer.accelerator.device, folder / BEST
    batch = partial(_training_batch, training, Shuffle(count=len(training.volumes), seed=config.seed), config)

    def validate(network: nn.Module) -> dict[str, float]:
        r2 = share_explained(network, held_out, mean, device)
        if trainer.accelerator.is_main_process and (not best.is_file() or r2 > read_best(best).r2):
            keep_best(network, best, r2)
        return {"r2": r2}

    loss = partial(_loss, weights=edge_weights(mean, config.anchor_edge_weight).to(device))
    task = Task(name="train-ldm: anchor", load=batch, loss=loss, validate=validate)
    folder.mkdir(parents=True, exist_ok=True)
    if best.is_file():
        best_weights(best)  # by what is said of them others are judged
    trainer.fit(anchor, task, config.recipe_of("anchor"), folder)
    if best.is_file():
        take_best(anchor, best)
    anchor.to(device).eval().requires_grad_(False)
    anchor.deviation.copy_(_deviation(anchor, held_out, device))
    return LearntAnchor(network=anchor, r2=share_explained(anchor, held_out, mean, device))


def require_sizes(begin: Anchor, sizes: AnchorSizes) -> None:
    """InconsistentError where an earlier anchor has other sizes than a training needs."""
    if replace(begin.sizes, patterns=0) != sizes:
        told = f"the anchor of --init has {begin.sizes}, this training needs {sizes}"
        raise InconsistentError(f"{told}: take slices of the same size, or start without --init")


@torch.no_grad()
def share_explained(network: nn.Module, pairs: CoarsePairs, mean: Tensor, device: torch.device) -> float:
    """R²: 1 - sum (acquired - expected)² / sum (acquired - mean training volume)²."""
    network.to(device)
    missed = there = 0.0
    for expected, volume in _expected(network, pairs, device):
        missed += float((volume - expected).double().square().sum())
        there += float((volume - mean.to(device)).double().square().sum())
    return 1 - missed / max(there, 1e-12)


def _expected(network: nn.Module, pairs: CoarsePairs, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Expected and acquired volumes (B, D, M, M) of some pairs at a time, in float32."""
    for first in range(0, len(pairs.volumes), _JUDGED_AT_ONCE):
        numbers = range(first, min(first + _JUDGED_AT_ONCE, len(pairs.volumes)))
        batch = _joined([pairs.one(number) for number in numbers], device)
        yield network(batch.y.float(), batch.features), batch.volume.float()


def _joined(ones: Sequence[AnchorBatch], device: torch.device | str = "cpu") -> AnchorBatch:
    return AnchorBatch(*(torch.stack(parts).to(device) for parts in zip(*ones, strict=True)))


def _training_batch(pairs: CoarsePairs, order: Shuffle, config: TrainLdm, positions: Sequence[int]) -> AnchorBatch:
    """The batch at some positions of the endless order, with every random choice about it."""
    chosen = []
    for position in positions:
        numbers = random_numbers(config.seed, Purpose.IMAGE, position)
        one = pairs.one(order.at(position), int(numbers.integers(pairs.radiographs.shape[1])))
        if numbers.random() < config.drop_features:
            one = one._replace(features=torch.zeros_like(one.features))
        one = one._replace(warp=torch.from_numpy(_WARPS.draw(numbers)))
        if config.covariates:
            left_out = [number < config.drop_features for number in numbers.random(len(COVARIATES))]
            one = one._replace(features=torch.from_numpy(without_some(one.features.numpy(), left_out)))
        chosen.append(one)
    return _joined(chosen)


def edge_weights(mean: Tensor, weight: float) -> Tensor:
    """How much an error counts at each place: where the mean knee changes from row to row, `weight` times as much more.

    A joint space is a few voxels of thousands, and what a film tells of it best is where it begins and ends.

    Args:
        mean: (D, M, M).
        weight: 0 counts all places alike.

    Returns:
        (D, M, M) float32 with mean 1.
    """
    weights = 1 + weight * edges(mean).numpy()
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def edges(mean: Tensor) -> Tensor:
    """How much the mean knee (D, M, M) changes from row to row about each place: float32 in [0, 1], as large as it."""
    slope = np.abs(np.gradient(mean.numpy(), axis=1))
    smooth = gaussian_filter(slope, _EDGE_PIXELS)
    steepest = max(float(np.percentile(smooth, 99.5)), 1e-6)
    return torch.from_numpy((smooth / steepest).clip(0, 1))


def _loss(network: nn.Module, batch: AnchorBatch, weights: Tensor) -> Tensor:
    with torch.autocast(batch.y.device.type, enabled=False):
        y, volume = warped(batch.y[:, None], batch.warp)[:, 0], warped(batch.volume, batch.warp)
    expected: Tensor = network(y, batch.features).float()
    return (weights * (expected - volume).square()).mean()


@torch.no_grad()
def _deviation(anchor: Anchor, pairs: CoarsePairs, device: torch.device) -> Tensor:
    """What the expected volumes of held-out people miss at each place: (D, M, M), a root mean square."""
    squares = torch.zeros_like(anchor.template)
    for expected, volume in _expected(anchor, pairs, device):
        squares += (expected - volume).square().sum(dim=0)
    return torch.sqrt(squares / len(pairs.volumes))
