"""Networks in diffusers' layout, built from the few sizes in their config.json and from nothing else it says.

A config.json can name any of diffusers' parts and any number of them. Here the sizes are read, within limits, the
network is made by the same function as for training, and whatever else the file says must be what that network says.
The networks are built without memory, which their weights bring along.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from xrmri.errors import InconsistentError
from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.from_diffusers import AutoencoderKL, ConfigMixin, UNet2DConditionModel
from xrmri.models.unet import build_unet
from xrmri.models.weights import CONFIG, WEIGHTS, load_weights, unfilled
from xrmri.storage.documents import read_json
from xrmri.storage.typed import Between, UnfitError, record_of, shown

_ADVICE = "copy the folder again, or train again"
_Width = Annotated[int, Between(1, 4096)]
_Widths = tuple[_Width, ...]
_MOST_LEVELS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class _AutoencoderSizes:
    """What config.json of an autoencoder may choose, under diffusers' names."""

    block_out_channels: _Widths
    layers_per_block: Annotated[int, Between(1, 8)]
    latent_channels: Annotated[int, Between(1, 64)]
    norm_num_groups: _Width
    mid_block_add_attention: bool

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        _require_levels(self.block_out_channels, self.norm_num_groups)


@dataclass(frozen=True, kw_only=True, slots=True)
class _UnetSizes:
    """What config.json of a U-Net may choose, under diffusers' names."""

    block_out_channels: _Widths
    layers_per_block: Annotated[int, Between(1, 8)]
    in_channels: Annotated[int, Between(2, 128)]
    out_channels: Annotated[int, Between(1, 64)]
    norm_num_groups: _Width
    cross_attention_dim: _Width
    attention_head_dim: Annotated[int, Between(1, 64)]
    """The number of heads, in fact: diffusers has the two names swapped."""
    down_block_types: tuple[Literal["CrossAttnDownBlock2D", "DownBlock2D"], ...]

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        _require_levels(self.block_out_channels, self.norm_num_groups)
        if len(self.down_block_types) != len(self.block_out_channels):
            raise UnfitError("down_block_types and block_out_channels must be as many")
        if self.in_channels <= self.out_channels:
            raise UnfitError("in_channels must be more than out_channels, which are noise alone")
        if any(width % self.attention_head_dim for width in self.block_out_channels):
            raise UnfitError("attention_head_dim must divide every number in block_out_channels")


def load_autoencoder(folder: Path) -> AutoencoderKL:
    """The autoencoder in a diffusers folder, in float32 on the CPU, frozen.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    content, sizes = _read(folder, _AutoencoderSizes)
    with unfilled():
        vae = build_autoencoder(
            channels=sizes.block_out_channels,
            blocks=sizes.layers_per_block,
            latent_channels=sizes.latent_channels,
            middle_attention=sizes.mid_block_add_attention,
            norm_groups=sizes.norm_num_groups,
        )
    _require_same(content, vae, folder)
    load_weights(folder / WEIGHTS, vae)
    return vae.requires_grad_(False).eval()


def load_unet(folder: Path) -> UNet2DConditionModel:
    """The U-Net in a diffusers folder, in float32 on the CPU; errors as of `load_autoencoder`."""
    content, sizes = _read(folder, _UnetSizes)
    with unfilled():
        unet = build_unet(
            channels=sizes.block_out_channels,
            blocks=sizes.layers_per_block,
            attention=tuple(kind.startswith("Cross") for kind in sizes.down_block_types),
            heads=sizes.attention_head_dim,
            context_width=sizes.cross_attention_dim,
            latent_channels=sizes.out_channels,
            shown_channels=sizes.in_channels - sizes.out_channels,
            norm_groups=sizes.norm_num_groups,
        )
    _require_same(content, unet, folder)
    load_weights(folder / WEIGHTS, unet)
    return unet


def _read(folder: Path, kind: type[Any]) -> tuple[dict[str, Any], Any]:
    """All that config.json says, and the sizes in it."""
    file = folder / CONFIG
    if not file.is_file():
        raise InconsistentError(f"{file} is missing: {_ADVICE}")
    content = read_json(file, advice=_ADVICE, damaged=InconsistentError)
    try:
        return content, record_of(kind, content)
    except UnfitError as error:
        raise InconsistentError(f"{file}: {error}: {_ADVICE}") from error


def _require_same(content: dict[str, Any], network: ConfigMixin, folder: Path) -> None:
    """Refuse a file that says anything but what the network built from its sizes says.

    What another version of diffusers adds may only say "no" or nothing.
    """
    own = json.loads(network.to_json_string())
    for name, value in content.items():
        expected = own.get(name, value if value in (None, False) else None)
        if value != expected and not name.startswith("_diffusers"):
            told = f"{name} must be {shown(expected)}, not {shown(value)}" if name in own else f"{name!r} is unknown"
            raise InconsistentError(f"{folder / CONFIG}: {told}: {_ADVICE}")


def _require_levels(widths: tuple[int, ...], groups: int) -> None:
    if not 0 < len(widths) <= _MOST_LEVELS:
        raise UnfitError(f"block_out_channels must hold 1 to {_MOST_LEVELS} numbers, not {len(widths)}")
    if any(width % groups for width in widths):
        raise UnfitError("norm_num_groups must divide every number in block_out_channels")
