"""The small affine that moves a picture and what belongs to it alike while a network learns.

Shapes: B pictures, C channels, H x W pixels.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Warps:
    """How far a warp may go, to either side."""

    turn_degrees: float
    stretch: float
    """Of rows and of columns, as a share."""
    shift: float
    """In half fields."""

    def draw(self, numbers: np.random.Generator) -> np.ndarray:
        """One of them: (2, 3) float32 in half fields."""
        turn = np.radians(numbers.uniform(-self.turn_degrees, self.turn_degrees))
        down, across = 1 + numbers.uniform(-self.stretch, self.stretch, 2)
        shift = numbers.uniform(-self.shift, self.shift, 2)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * [[across], [down]]
        return np.concatenate([turned, shift[:, None]], axis=1).astype(np.float32)


def warped(picture: Tensor, warp: Tensor) -> Tensor:
    """Pictures (B, C, H, W) moved by (B, 2, 3), in float32; what comes from outside is as black (-1) as it is there."""
    where = affine_grid(warp, list(picture.shape), align_corners=False)
    return grid_sample(picture.float() + 1, where, align_corners=False) - 1


def warped_labels(labels: Tensor, warp: Tensor) -> Tensor:
    """Labels (B, H, W) moved by (B, 2, 3), as int64; what comes from outside is 0."""
    where = affine_grid(warp, [len(labels), 1, *labels.shape[-2:]], align_corners=False)
    return grid_sample(labels[:, None].float(), where, mode="nearest", align_corners=False)[:, 0].long()
