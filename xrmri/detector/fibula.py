"""On which side of a joint does the fibula lie: a small classifier of joint crops, apart from what finds the joint.

The network that finds knees sees a joint in 50 pixels; asked for the fibula as well, it told the side by the place of
the knee on the film (right on 45 to 59 % of films of one knee, measured).

Shapes: B crops of SIZE x SIZE pixels, 1.3 times as wide as the joint box, over their own percentiles.
"""

import numpy as np
import torch
from torch import Tensor, nn

SIZE = 64
CROP_SCALE = 1.3
"""The classifier sees the joint box enlarged by this about its centre, as it was taught."""
_WIDTHS = (16, 32, 48, 64)
_WINDOW_PERCENTILES = (1.0, 99.0)


def build() -> nn.Module:
    """An untrained classifier: (B, 1, SIZE, SIZE) in [0, 1] -> (B,) logit of "the fibula lies at image left"."""
    layers: list[nn.Module] = []
    for before, width in zip((1, *_WIDTHS), _WIDTHS, strict=False):
        layers += _block(before, width, stride=2) + _block(width, width, stride=1)
    flat = _WIDTHS[-1] * (SIZE // 2 ** len(_WIDTHS)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(flat, 1), nn.Flatten(0))


def _block(before: int, width: int, *, stride: int) -> list[nn.Module]:
    """A convolution, normalised."""
    return [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.SiLU()]


def as_seen(crop: np.ndarray) -> np.ndarray:
    """A crop as the classifier sees it.

    Args:
        crop: (SIZE, SIZE), any numeric dtype, bone bright.

    Returns:
        (SIZE, SIZE) float32 in [0, 1].
    """
    low, high = np.percentile(crop, _WINDOW_PERCENTILES)
    return np.clip((crop - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32)


def surely_left(classifier: nn.Module, crops: Tensor) -> Tensor:
    """How surely the fibula lies at image left: (B,) in (0, 1); the crop and its mirror image have a say each.

    Args:
        classifier: in evaluation mode.
        crops: (B, 1, SIZE, SIZE) in [0, 1].
    """
    there = torch.cat((crops, crops.flip(-1)))
    ahead, reversed_ = classifier(there).chunk(2)
    return torch.sigmoid((ahead - reversed_) / 2)
