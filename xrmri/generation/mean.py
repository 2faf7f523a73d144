"""The expected volume of a knee, E[x | y, r]: what the anchor makes of radiograph and readings, in one pass."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xrmri.data.features import without_slots
from xrmri.data.view import SeenKnee
from xrmri.facts.folders import ModelFacts
from xrmri.generation.drawn import DrawnVolumes
from xrmri.models.anchor import Anchor
from xrmri.models.condition import at_depths


@torch.inference_mode()
def expected_volume(anchor: Anchor, facts: ModelFacts, seen: SeenKnee, *, slices: int) -> DrawnVolumes:
    """The mean of the knees that fit, and by how much they differ from it.

    Args:
        anchor: of the model.
        facts: of the model: the size of its slices, and which readings it is never told.
        seen: the knee, looking right.
        slices: S, depths from the back of the knee to the front.
    """
    told = (seen.y, without_slots(seen.r, facts.denoiser.hidden_slots))
    expected = anchor(*(torch.from_numpy(part)[None].to(anchor.template.device) for part in told))[0]
    volume, deviation = (_finer(coarse, slices, facts.image_size) for coarse in (expected, anchor.spread()))
    return DrawnVolumes(volumes=(volume.clip(-1, 1),), deviation=deviation.clip(0))


def _finer(coarse: Tensor, slices: int, pixels: int) -> np.ndarray:
    """(D, M, M) as (S, H, W): straight along depth, bicubic in the slice."""
    along = at_depths(coarse.cpu(), torch.linspace(0, 1, slices))
    finer: np.ndarray = interpolate(along[:, None], (pixels, pixels), mode="bicubic")[:, 0].numpy()
    return finer
