"""How a tissue reader learns: drawn knees whose every voxel is known, as the model's autoencoder gives them back."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from xrmri.config import TrainTissues
from xrmri.data.slices import Purpose, Shuffle, random_numbers
from xrmri.learning.warp import Warps, warped, warped_labels
from xrmri.making.labelled import LabelledKnees
from xrmri.models.tissues import TissueReader, TissueSizes, tissues_of, with_neighbours
from xrmri.phantom.tissue import Tissue
from xrmri.training.loop import Task, Trainer

CODES: Mapping[str, int] = {tissue.name.lower(): int(tissue) for tissue in Tissue}
"""Those of the phantom's label maps."""
_WARPS = Warps(turn_degrees=6.0, stretch=0.08, shift=0.06)
"""Of a slice in training: knees lie elsewhere than the drawn ones (choice)."""
_RARE = 0.5
"""Tissues weigh by their share of the voxels to minus this power, so that a meniscus counts beside the fat (choice)."""


class TissueBatch(NamedTuple):
    """What one forward pass takes."""

    x: Tensor
    """(B, 3, H, W) float32 in [-1, 1]."""
    depth: Tensor
    """(B,) in [0, 1]."""
    labels: Tensor
    """(B, H, W) uint8."""
    warp: Tensor
    """(B, 2, 3), which moves slices and labels alike; in half fields."""


def learn_tissues(
    training: LabelledKnees, held_out: LabelledKnees, folder: Path, *, config: TrainTissues, trainer: Trainer
) -> tuple[TissueReader, dict[str, float]]:
    """Train a tissue reader, or go on with one; returns it with its Dice on held-out people, by tissue.

    Raises:
        StoppedEarly: stopped and saved.
    """
    torch.manual_seed(config.seed)
    reader = TissueReader(TissueSizes(tissues=len(CODES)))
    people, slices = training.labels.shape[:2]
    counts = np.bincount(training.labels.ravel(), minlength=len(CODES))
    weights = torch.from_numpy((counts.clip(1) / counts.sum()) ** -_RARE * (counts > 0)).float()
    order = Shuffle(count=people * slices, seed=config.seed)
    task = Task(
        name=config.command(),
        load=partial(_batch, training, order, config.seed),
        loss=partial(_loss, weights=weights / weights.sum()),
        validate=lambda network: {"dice": float(np.mean(list(dice(network, held_out).values())))},
    )
    folder.mkdir(parents=True, exist_ok=True)
    trainer.fit(reader, task, config, folder)
    reader.cpu().eval().requires_grad_(False)
    return reader, dice(reader, held_out)


@torch.no_grad()
def dice(network: nn.Module, knees: LabelledKnees) -> dict[str, float]:
    """Dice's overlap of each tissue that the knees have, over all of them, as the autoencoder gives them back."""
    both, either = np.zeros(len(CODES)), np.zeros(len(CODES))
    for seen, labels in zip(knees.seen, knees.labels, strict=True):
        found = tissues_of(network, seen.astype(np.float32), trained_slices=len(seen))  # type: ignore[arg-type]
        both += np.bincount(labels[found == labels], minlength=len(CODES))
        either += np.bincount(labels.ravel(), minlength=len(CODES)) + np.bincount(found.ravel(), minlength=len(CODES))
    return {name: round(float(2 * both[code] / either[code]), 4) for name, code in CODES.items() if either[code]}


def _batch(knees: LabelledKnees, order: Shuffle, seed: int, positions: Sequence[int]) -> TissueBatch:
    """The batch at some positions of the endless order; half of the slices as drawn, half as given back."""
    ones = []
    slices = knees.labels.shape[1]
    for position in positions:
        numbers = random_numbers(seed, Purpose.IMAGE, position)
        person, number = divmod(order.at(position), slices)
        volume = torch.from_numpy((knees.drawn if numbers.random() < 0.5 else knees.seen)[person])
        ones.append(
            TissueBatch(
                x=with_neighbours(volume, number).float(),
                depth=torch.tensor(number / max(slices - 1, 1), dtype=torch.float32),
                labels=torch.from_numpy(knees.labels[person, number]),
                warp=torch.from_numpy(_WARPS.draw(numbers)),
            )
        )
    return TissueBatch(*(torch.stack(parts) for parts in zip(*ones, strict=True)))


def _loss(network: nn.Module, batch: TissueBatch, *, weights: Tensor) -> Tensor:
    """Cross-entropy of the warped slices; what comes from outside is air."""
    x, labels = warped(batch.x, batch.warp), warped_labels(batch.labels, batch.warp)
    return cross_entropy(network(x, batch.depth).float(), labels, weights.to(x.device))
