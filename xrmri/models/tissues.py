"""The tissue reader: what each voxel of a drawn volume is made of, from a slice, its two neighbours and its depth.

Shapes: B slices, K tissues, H x W pixels, S slices of a volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from xrmri.models.plain_unet import TOLD, PlainUnet, Width
from xrmri.models.weights import load_sized
from xrmri.storage.typed import Between, UnfitError

TISSUE_FOLDER = "tissues"
"""Where it lies in a model's folder."""
_FOLD = 2
"""Slices enter folded: 2 x 2 pixels become the channels of one, which takes a quarter of the time."""
_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class TissueSizes:
    """The sizes of a tissue reader."""

    tissues: Annotated[int, Between(2, 256)]
    """K."""
    widths: tuple[Width, ...] = (16, 24, 32, 40)
    """Channels of each level; the first has half the resolution of a slice, each below half of that above."""

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        if not 1 <= len(self.widths) <= 7 or any(width % 8 for width in self.widths):
            raise UnfitError("a tissue reader has 1 to 7 widths, of whole eights")


class TissueReader(nn.Module):
    """Slices -> how likely each tissue is at each place."""

    def __init__(self, sizes: TissueSizes) -> None:
        """An untrained reader."""
        super().__init__()
        self.sizes = sizes
        self.of_depth = nn.Sequential(nn.Linear(1, TOLD), nn.SiLU(), nn.Linear(TOLD, TOLD))
        self.unet = PlainUnet(3 * _FOLD**2, sizes.widths)
        self.leave = nn.Conv2d(sizes.widths[0], sizes.tissues * _FOLD**2, 1)

    def forward(self, x: Tensor, depth: Tensor) -> Tensor:
        """The logits of each tissue.

        Args:
            x: (B, 3, H, W) float32 in [-1, 1], looking right: the slice behind, the slice, the slice before.
            depth: (B,) float32 in [0, 1], from the back of the knee.

        Returns:
            (B, K, H, W) float32.
        """
        height, width = x.shape[-2:]
        whole = _FOLD * 2 ** (len(self.sizes.widths) - 1)
        wide = pad(x, (0, -width % whole, 0, -height % whole), mode="replicate")
        logits = self.leave(self.unet(pixel_unshuffle(wide, _FOLD), self.of_depth(depth[:, None])))
        return pixel_shuffle(logits, _FOLD)[..., :height, :width]


@torch.inference_mode()
def tissues_of(reader: TissueReader, volume: np.ndarray, *, trained_slices: int) -> np.ndarray:
    """The tissue of each voxel.

    Args:
        reader: of the model that drew the volume.
        volume: (S, H, W) float32 in [-1, 1], looking right.
        trained_slices: of the volumes it learnt from: its neighbours lie as far away in millimetres.

    Returns:
        (S, H, W) uint8, the most likely tissue.
    """
    count, device = len(volume), reader.leave.weight.device
    away = max(1, round((count - 1) / max(trained_slices - 1, 1)))
    slices, depths = torch.from_numpy(np.ascontiguousarray(volume, dtype=np.float32)), torch.linspace(0, 1, count)
    maps = []
    for first in range(0, count, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, count))
        x = torch.stack([with_neighbours(slices, number, away) for number in numbers]).to(device)
        maps.append(reader(x, depths[list(numbers)].to(device)).argmax(dim=1).to("cpu", torch.uint8))
    found: np.ndarray = torch.cat(maps).numpy()
    return found


def with_neighbours(slices: Tensor, number: int, away: int = 1) -> Tensor:
    """(S, H, W) -> (3, H, W): a slice between those so many places behind and before it, or the outermost."""
    places: Sequence[int] = [min(max(number + step, 0), len(slices) - 1) for step in (-away, 0, away)]
    return slices[places]


def load_tissue_reader(folder: Path) -> TissueReader:
    """The reader in a model's folder, in float32 on the CPU, frozen.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    return load_sized(folder / TISSUE_FOLDER, TissueSizes, TissueReader).requires_grad_(False).eval()
