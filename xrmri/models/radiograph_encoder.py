"""E2's second half: the CLIP image tower that turns a radiograph into one context token.

Shapes: B radiographs, H x W pixels, W_c context width (768 for ViT-L/14). Sizes are read from the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xrmri.errors import InputError

# CLIP's own normalisation (OpenAI).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_PREFIXES = ("visual.", "cond_stage_model.model.visual.", "tower.", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class TowerSizes:
    """The sizes of a CLIP image tower; the defaults are ViT-L/14, of 303,966,208 parameters."""

    image: int = 224
    patch: int = 14
    width: int = 1024
    layers: int = 24
    heads: int = 16
    output: int = 768


class RadiographEncoder(nn.Module):
    """A frozen CLIP image tower behind CLIP's own preparation of images."""

    def __init__(self, sizes: TowerSizes) -> None:
        """A tower with random weights."""
        super().__init__()
        self.sizes = sizes
        self.tower = VisionTransformer(
            image_size=sizes.image,
            patch_size=sizes.patch,
            width=sizes.width,
            layers=sizes.layers,
            heads=sizes.heads,
            mlp_ratio=4.0,
            output_dim=sizes.output,
            act_layer=QuickGELU,
        )

    def forward(self, y: Tensor) -> Tensor:
        """The context token (B, 1, W_c) of radiographs (B, H, W) float32 in [-1, 1]."""
        side = self.sizes.image
        x = interpolate(y[:, None], (side, side), mode="bicubic", align_corners=False, antialias=True)
        x = (x.expand(-1, 3, -1, -1) + 1) / 2
        mean, std = (torch.tensor(values, device=y.device)[:, None, None] for values in (MEAN, STD))
        return self.tower((x - mean) / std)[:, None, :]


def load_radiograph_encoder(file: Path) -> RadiographEncoder:
    """The tower in a safetensors file or a torch checkpoint, under OpenAI's or open_clip's names.

    Raises:
        InputError: the file cannot be read, or holds no CLIP image tower.
    """
    if not file.is_file():
        raise InputError(f"radiograph_encoder {file} is not a file: give CLIP weights, or say random")
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (SafetensorError, RuntimeError, ValueError, OSError, ImportError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"radiograph_encoder {file} cannot be read ({first}): give safetensors") from error
    state = state.get("state_dict", state)
    for prefix in _PREFIXES:
        if f"{prefix}conv1.weight" in state:
            own = {name.removeprefix(prefix): value.float() for name, value in state.items() if name.startswith(prefix)}
            encoder = RadiographEncoder(_sizes(own))
            encoder.tower.load_state_dict(own)
            return encoder
    raise InputError(f"radiograph_encoder {file} holds no CLIP image tower: it has no conv1.weight under visual.")


def _sizes(state: Mapping[str, Tensor]) -> TowerSizes:
    """The sizes that weights imply; CLIP's heads are 64 wide."""
    width, _, patch, _ = state["conv1.weight"].shape
    patches = len(state["positional_embedding"]) - 1
    return TowerSizes(
        image=patch * round(patches**0.5),
        patch=patch,
        width=width,
        layers=sum(name.endswith("attn.in_proj_weight") for name in state),
        heads=max(1, width // 64),
        output=state["proj"].shape[1],
    )
