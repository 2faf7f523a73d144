"""Drawn knees and what each of their voxels is made of, as the tissue reader of a model learns them.

Shapes: P people, S slices from the back of the knee, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from xrmri.config import BuildDataset, Execution
from xrmri.data.volume import intensity_window, to_unit
from xrmri.machine.parallel import in_order
from xrmri.making.cohort import STILL, scanned
from xrmri.making.people import CohortPlan
from xrmri.models.autoencoder import decode, encode
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.flash import render_labels
from xrmri.records import LEFT

_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledKnees:
    """Knees that all look like right ones."""

    drawn: np.ndarray
    """(P, S, H, W) float16 in [-1, 1], as drawn."""
    seen: np.ndarray
    """The same, as an autoencoder gives it back: with the texture of what a model draws."""
    labels: np.ndarray
    """(P, S, H, W) uint8, codes of the phantom's tissues."""


def labelled_knees(
    plan: CohortPlan, vae: nn.Module, config: BuildDataset, execution: Execution
) -> LabelledKnees:
    """One knee of each person, in the knee's frame but for the last millimetre, which training moves by more.

    Args:
        plan: who.
        vae: of the model.
        config: the slice window, and the size of the slices.
        execution: workers and progress.
    """
    knees = list(in_order(partial(_labelled, plan=plan, config=config), range(plan.count), execution.workers))
    drawn = np.stack([voxels for voxels, _ in knees])
    seen = np.empty_like(drawn)
    for number, knee in enumerate(drawn):
        seen[number] = _given_back(vae, knee)
        execution.progress("autoencoder", number + 1, plan.count, "knees")
    return LabelledKnees(drawn=drawn, seen=seen, labels=np.stack([labels for _, labels in knees]))


def _labelled(index: int, plan: CohortPlan, config: BuildDataset) -> tuple[np.ndarray, np.ndarray]:
    """The slices of one knee in [-1, 1], and their tissues; both looking right."""
    person = draw_participant(plan.seed, index)
    volume = scanned(person, person.imaged_side, plan.matrix, config)
    labels = render_labels(person, plan.matrix, pose=STILL)[config.first_slice : config.last_slice]
    nearest = ((np.arange(config.size) + 0.5) * plan.matrix / config.size).astype(int)
    labels = labels[:, nearest][:, :, nearest]
    if person.imaged_side == LEFT:
        labels = labels[:, :, ::-1]
    return to_unit(volume.voxels, intensity_window(volume.voxels)).astype(np.float16), np.ascontiguousarray(labels)


@torch.inference_mode()
def _given_back(vae: nn.Module, slices: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """(S, H, W) in [-1, 1], encoded and decoded."""
    device = next(vae.parameters()).device
    x = torch.from_numpy(np.asarray(slices, dtype=np.float32)).to(device)
    back = torch.cat([decode(vae, encode(vae, some)[0]) for some in x.split(_AT_ONCE)])
    clean: np.ndarray = back.clamp(-1, 1).cpu().numpy().astype(np.float16)
    return clean
