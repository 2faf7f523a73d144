"""The anchor: from a radiograph and what was read of it to the expected volume E[x | y, r], all depths in one pass.

A template, learnt too, is warped by a smooth displacement, and a residual is added. Least squares makes of it the mean
of all volumes that fit a radiograph: what is known of the knee. The denoiser then draws what is not known (as CorrDiff
does for weather: Mardani et al., 2024; warp and template as VoxelMorph does: Dalca et al., 2019).

Shapes: B knees, N x N pixels of a radiograph, F feature slots, D depths from the back of the knee, P x P pixels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate, pixel_shuffle, pixel_unshuffle

from xrmri.models.weights import load_sized
from xrmri.typed import Between, UnfitError

_FOLD = 5
"""A radiograph enters folded: 5 x 5 pixels become the channels of one of half the volume's resolution."""
FOLDED = 4
"""Channels in which the denoiser is shown a slice: 2 x 2 pixels, as many as a latent of the paper has."""
_READER = (16, 32, 48, 64)
"""Channels of the reader of the whole radiograph, each level half as fine."""
_LEVELS = 4
_Width = Annotated[int, Between(4, 1024)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorSizes:
    """The sizes of an anchor."""

    depths: Annotated[int, Between(1, 256)]
    """D."""
    pixels: Annotated[int, Between(16, 512)] = 64
    """P."""
    features: Annotated[int, Between(1, 100_000)]
    """F."""
    widths: tuple[_Width, ...] = (48, 96, 144, 176)
    """Channels from half the volume's resolution to a sixteenth of it."""

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        if len(self.widths) != _LEVELS or any(width % 4 for width in self.widths) or self.pixels % 16:
            raise UnfitError(f"an anchor has {_LEVELS} widths of whole fours, and pixels of whole sixteens")

    @property
    def radiograph_pixels(self) -> int:
        """N."""
        return self.pixels // 2 * _FOLD


class Anchor(nn.Module):
    """Radiograph and readings -> expected volume."""

    def __init__(self, sizes: AnchorSizes) -> None:
        """An untrained anchor, whose template is black: `begin_at` gives it one."""
        super().__init__()
        self.sizes = sizes
        embedding, groups = 4 * sizes.widths[0], 8 if all(width % 8 == 0 for width in sizes.widths) else 4
        self.template = nn.Parameter(torch.zeros(sizes.depths, sizes.pixels, sizes.pixels))
        self.deviation = nn.Buffer(torch.zeros_like(self.template))
        self.unet = UNet2DModel(
            in_channels=_FOLD**2 + 2,
            out_channels=sizes.widths[0],
            down_block_types=("DownBlock2D",) * _LEVELS,
            up_block_types=("UpBlock2D",) * _LEVELS,
            block_out_channels=sizes.widths,
            layers_per_block=1,
            norm_num_groups=groups,
            attention_head_dim=None,
            add_attention=False,
            class_embed_type="identity",
        )
        self.reader = nn.Sequential(*_strided((1, *_READER)), nn.Flatten())
        read = _READER[-1] * (sizes.radiograph_pixels // 2 ** len(_READER)) ** 2
        self.of_radiograph = nn.Linear(read, embedding)
        self.of_readings = nn.Sequential(
            nn.Linear(sizes.features, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.residual = nn.Conv2d(sizes.widths[0], 4 * sizes.depths, 1)
        self.displacement = nn.Conv2d(sizes.widths[0], 3 * sizes.depths, 1)
        for last in (self.residual, self.displacement):
            nn.init.normal_(last.weight, std=1e-3)
            nn.init.constant_(last.get_parameter("bias"), 0.0)

    def forward(self, y: Tensor, features: Tensor) -> Tensor:
        """The expected volumes.

        Args:
            y: (B, H, W) float32 in [-1, 1], on the millimetres of a slice, of any size.
            features: (B, F) float32.

        Returns:
            (B, D, P, P) float32, mostly in [-1, 1].
        """
        pixels = self.sizes.radiograph_pixels
        seen = interpolate(y[:, None], (pixels, pixels), mode="bilinear", antialias=True)
        embedding = self.of_radiograph(self.reader(seen)) + self.of_readings(features)
        folded = torch.cat([pixel_unshuffle(seen, _FOLD), _places(seen, pixels // _FOLD)], dim=1)
        known = self.unet(folded, 0, class_labels=embedding).sample
        return self._warped(self.displacement(known)) + pixel_shuffle(self.residual(known), 2)

    def begin_at(self, mean: Tensor) -> None:
        """Take the mean of the training volumes, (D, P, P), as template."""
        with torch.no_grad():
            self.template.copy_(mean)

    def _warped(self, displacement: Tensor) -> Tensor:
        """The template, displaced by (B, 3 D, P/2, P/2) tenths of half a field: (B, D, P, P)."""
        count, depths, pixels = len(displacement), self.sizes.depths, self.sizes.pixels
        finer = interpolate(0.1 * displacement, scale_factor=2, mode="bilinear", align_corners=False)
        moved = finer.reshape(count, 3, depths, pixels, pixels).permute(0, 2, 3, 4, 1)
        still = affine_grid(torch.eye(3, 4, device=moved.device)[None], [1, 1, depths, pixels, pixels], False)
        template = self.template[None, None].expand(count, -1, -1, -1, -1)
        where = (still + moved).to(template.dtype)
        return grid_sample(template, where, padding_mode="border", align_corners=False)[:, 0]


def folded(volume: Tensor, latent_shape: tuple[int, int, int]) -> Tensor:
    """A volume (D, P, P) as the denoiser is shown it beside its noisy latents (C, h, w): (D, C, h, w).

    Each 2 x 2 pixels of a slice of twice the latent's resolution are its four channels: nothing is lost.
    """
    _, height, width = latent_shape
    slices = interpolate(volume[:, None], (2 * height, 2 * width), mode="bilinear", antialias=True)
    return pixel_unshuffle(slices, 2)


def unfolded(shown: Tensor) -> Tensor:
    """The slices (B, 2 h, 2 w) that were folded into (B, C, h, w)."""
    return pixel_shuffle(shown, 2)[:, 0]


def load_anchor(folder: Path) -> Anchor:
    """The anchor in a model's folder, in float32 on the CPU, frozen.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    return load_sized(folder, AnchorSizes, Anchor).requires_grad_(False).eval()


def _strided(widths: tuple[int, ...]) -> list[nn.Module]:
    """Convolutions that each halve the picture."""
    layers: list[nn.Module] = []
    for below, width in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(below, width, 3, stride=2, padding=1), nn.GroupNorm(4, width), nn.SiLU()]
    return layers


def _places(like: Tensor, pixels: int) -> Tensor:
    """Row and column of each place in [-1, 1]: (B, 2, pixels, pixels)."""
    steps = torch.linspace(-1, 1, pixels, dtype=like.dtype, device=like.device)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([rows, columns]).expand(len(like), -1, -1, -1)
