"""The anchor: from a radiograph and what was read of it to the expected volume E[x | y, r], all depths in one pass.

A template, learnt too, is warped by a smooth displacement, and a residual is added. Least squares makes of it the mean
of all volumes that fit a radiograph: what is known of the knee. The denoiser then draws what is not known (as CorrDiff
does for weather: Mardani et al., 2024; warp and template as VoxelMorph does: Dalca et al., 2019). Patterns may come on
top: what it missed of people whom it had not met, as far as that can be told (`learning.missed`).

Shapes: B knees, N x N pixels of a radiograph, F feature slots, D depths from the back of the knee, P x P pixels, K
patterns of D' x P x P'.
"""

from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate, pixel_shuffle, pixel_unshuffle, silu

from xrmri.models.plain_unet import TOLD, PlainUnet, Width
from xrmri.models.weights import load_sized
from xrmri.storage.typed import Between, UnfitError

ANCHOR_FOLDER = "anchor"
"""Where it lies in a model's folder."""
ROUGH = ("patterns", "deviation")
"""What needs no more than 8 bits a number on disk: neither passes through a network."""
_FOLD = 4
"""A radiograph enters folded: 4 x 4 of its pixels become the channels of one of half the volume's resolution."""
FOLDED = 4**2
"""Channels in which a denoiser is shown a slice: 4 x 4 pixels of the expected volume to one of a latent."""
_ROUGHER = (2, 1, 4)
"""Slices, rows and columns of a volume to one of a pattern: a joint line runs across (measured: a tenth is lost)."""
_READER = (24, 48, 64, 96, 96)
"""Channels of the reader of the whole radiograph, each level half as fine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchorSizes:
    """The sizes of an anchor."""

    depths: Annotated[int, Between(1, 256)]
    """D."""
    pixels: Annotated[int, Between(32, 512)]
    """P."""
    features: Annotated[int, Between(1, 100_000)]
    """F."""
    widths: tuple[Width, ...] = (64, 96, 160, 208, 224)
    """Channels of each level; the first has half the volume's resolution, each below half of that above."""
    patterns: Annotated[int, Between(0, 256)] = 0
    """K."""

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        if not 1 <= len(self.widths) <= 6 or any(width % 8 for width in self.widths):
            raise UnfitError("an anchor has 1 to 6 widths, of whole eights")
        if self.pixels % 32 or self.pixels % 2 ** len(self.widths):
            raise UnfitError(f"pixels must be whole 32, and halve {len(self.widths)} times, not {self.pixels}")

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
        self.template = nn.Parameter(torch.zeros(sizes.depths, sizes.pixels, sizes.pixels))
        still_missed = pattern_shape(sizes) if sizes.patterns else self.template.shape
        self.deviation = nn.Buffer(torch.zeros(still_missed))
        self.reader = _reader(sizes.radiograph_pixels)
        self.of_readings = nn.Sequential(nn.Linear(sizes.features, TOLD), nn.SiLU(), nn.Linear(TOLD, TOLD))
        self.unet = PlainUnet(_FOLD**2 + 2, sizes.widths)
        self.residual = nn.Conv2d(sizes.widths[0], 4 * sizes.depths, 1)
        self.displacement = nn.Conv2d(sizes.widths[0], 3 * sizes.depths, 1)
        for last in (self.residual, self.displacement):
            nn.init.normal_(last.weight, std=1e-3)
            nn.init.constant_(last.get_parameter("bias"), 0.0)
        if sizes.patterns:
            self.shares = nn.Linear(TOLD + sizes.features, sizes.patterns)
            self.patterns = nn.Buffer(torch.zeros(sizes.patterns, *pattern_shape(sizes)))

    def forward(self, y: Tensor, features: Tensor) -> Tensor:
        """The expected volumes.

        Args:
            y: (B, H, W) float32 in [-1, 1], on the millimetres of a slice, of any size.
            features: (B, F) float32.

        Returns:
            (B, D, P, P) float32, mostly in [-1, 1].
        """
        seen = self._seen(y)
        told = self._told(seen, features)
        folded = torch.cat([pixel_unshuffle(seen, _FOLD), _places(seen, seen.shape[-1] // _FOLD)], dim=1)
        known = self.unet(folded, told)
        expected = self._warped(self.displacement(known)) + pixel_shuffle(self.residual(known), 2).float()
        if not self.sizes.patterns:
            return expected
        shares = self.shares(torch.cat([told, features], dim=1)).float()
        return expected + widened(torch.einsum("bk,kdhw->bdhw", shares, self.patterns.float()), expected)

    def told(self, y: Tensor, features: Tensor) -> Tensor:
        """What is told of the whole knee at every place: (B, 256); arguments as of `forward`."""
        return self._told(self._seen(y), features)

    def spread(self) -> Tensor:
        """What expected volumes miss of people who were held out, at each place: (D, P, P), a root mean square."""
        return widened(self.deviation[None], self.template[None])[0] if self.sizes.patterns else self.deviation

    def begin_at(self, mean: Tensor) -> None:
        """Take the mean of the training volumes, (D, P, P), as template."""
        with torch.no_grad():
            self.template.copy_(mean)

    def _seen(self, y: Tensor) -> Tensor:
        """(B, 1, N, N)."""
        pixels = self.sizes.radiograph_pixels
        return interpolate(y[:, None], (pixels, pixels), mode="bilinear", antialias=True)

    def _told(self, seen: Tensor, features: Tensor) -> Tensor:
        return silu(self.reader(seen) + self.of_readings(features))

    def _warped(self, displacement: Tensor) -> Tensor:
        """The template, displaced by (B, 3 D, P/2, P/2) tenths of half a field: (B, D, P, P)."""
        count, depths, pixels = len(displacement), self.sizes.depths, self.sizes.pixels
        finer = interpolate(0.1 * displacement.float(), scale_factor=2, mode="bilinear", align_corners=False)
        moved = finer.reshape(count, 3, depths, pixels, pixels).permute(0, 2, 3, 4, 1)
        still = affine_grid(torch.eye(3, 4, device=moved.device)[None], [1, 1, depths, pixels, pixels], False)
        template = self.template[None, None].expand(count, -1, -1, -1, -1)
        where = (still + moved).to(template.dtype)
        return grid_sample(template, where, padding_mode="border", align_corners=False)[:, 0]


def pattern_shape(sizes: AnchorSizes) -> tuple[int, int, int]:
    """(D', P, P') of a pattern: half of the depths, a quarter of the columns."""
    whole = (sizes.depths, sizes.pixels, sizes.pixels)
    depths, rows, columns = (-(-length // step) for length, step in zip(whole, _ROUGHER, strict=True))
    return depths, rows, columns


def narrowed(volumes: Tensor, sizes: AnchorSizes) -> Tensor:
    """Volumes (B, D, P, P) at the resolution of patterns: (B, D', P, P')."""
    return interpolate(volumes[:, None], pattern_shape(sizes), mode="area")[:, 0]


def widened(patterns: Tensor, like: Tensor) -> Tensor:
    """Sums of patterns (B, D', P, P') at the resolution of volumes (B, D, P, P), and as many."""
    return interpolate(patterns[:, None], like.shape[1:], mode="trilinear", align_corners=False)[:, 0]


def folded(volume: Tensor, latent_shape: tuple[int, int, int], channels: int = FOLDED) -> Tensor:
    """A volume (D, P, P) as the denoiser is shown it beside its noisy latents (C, h, w): (D, channels, h, w).

    The channels are a square number: the pixels of a slice that lie on one of a latent.
    """
    _, height, width = latent_shape
    fold = isqrt(channels)
    slices = interpolate(volume[:, None], (fold * height, fold * width), mode="bilinear", antialias=True)
    return pixel_unshuffle(slices, fold)


def unfolded(shown: Tensor) -> Tensor:
    """The slices (B, H, W) that were folded into (B, channels, h, w)."""
    return pixel_shuffle(shown, isqrt(shown.shape[1]))[:, 0]


def without_patterns(anchor: Anchor) -> Anchor:
    """The network alone, of an anchor with patterns or none."""
    other = Anchor(replace(anchor.sizes, patterns=0))
    names = other.state_dict()
    state = {name: value for name, value in anchor.state_dict().items() if name in names}
    other.load_state_dict(state | {"deviation": anchor.spread()})
    return other.eval().requires_grad_(False)


def load_anchor(folder: Path) -> Anchor:
    """The anchor in a model's folder, in float32 on the CPU, frozen.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    return load_sized(folder, AnchorSizes, Anchor).requires_grad_(False).eval()


def _reader(pixels: int) -> nn.Sequential:
    """A radiograph (B, 1, N, N) -> (B, 256): halved level by level, then flattened and not pooled, for place counts."""
    layers: list[nn.Module] = []
    for before, width in zip((1, *_READER), _READER, strict=False):
        layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
    read = _READER[-1] * (pixels // 2 ** len(_READER)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(read, TOLD))


def _places(like: Tensor, pixels: int) -> Tensor:
    """Row and column of each place in [-1, 1]: (B, 2, pixels, pixels)."""
    steps = torch.linspace(-1, 1, pixels, dtype=like.dtype, device=like.device)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([rows, columns]).expand(len(like), -1, -1, -1)
