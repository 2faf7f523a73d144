"""A U-Net without attention or time: from pictures, and what is told of all of them, to what is known at each place.

Shapes: B pictures, H x W pixels, halved from level to level.
"""

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from xrmri.storage.typed import Between

TOLD = 256
"""Numbers that are told at every place."""
Width = Annotated[int, Between(8, 1024)]
"""Channels of a level, whole eights."""


class PlainUnet(nn.Module):
    """What is known at each place, from coarse to fine, about what is told of the whole knee."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        """An untrained network of so many input channels; `widths` are the channels of each level, fine to coarse."""
        super().__init__()
        up = widths[::-1]
        self.enter = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.down = nn.ModuleList(map(_Block, (widths[0], *widths), widths))
        self.middle = _Block(up[0], up[0])
        self.up = nn.ModuleList(_Block(below + width, width) for below, width in zip((up[0], *up), up, strict=False))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(B, inputs, H, W) and (B, 256) -> (B, widths[0], H, W)."""
        x, beside = self.enter(x), []
        for level, block in enumerate(self.down):
            x = block(avg_pool2d(x, 2) if level else x, told)
            beside.append(x)
        x = self.middle(x, told)
        for level, block in enumerate(self.up):
            finer = interpolate(x, scale_factor=2.0) if level else x
            x = block(torch.cat([finer, beside.pop()], dim=1), told)
        return x


class _Block(nn.Module):
    """Two convolutions, the whole knee told between them, and a way around both."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, before), nn.SiLU(), nn.Conv2d(before, width, 3, padding=1))
        self.told = nn.Linear(TOLD, width)
        self.second = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
        self.around = nn.Conv2d(before, width, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(B, before, H, W) and (B, 256) -> (B, width, H, W)."""
        inside = self.second(self.first(x) + self.told(told)[..., None, None])
        return self.around(x) + inside
