"""E2's second half: the CLIP image tower that turns a radiograph into one context token.

Shapes: B radiographs, H x W pixels, W_c context width (768 for ViT-L/14). Sizes are read from the weights.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xrmri.errors import InconsistentError, InputError
from xrmri.models.from_open_clip import QuickGELU, VisionTransformer
from xrmri.models.weights import load_sized, read_tensors
from xrmri.storage.typed import Between, UnfitError

# CLIP's own normalisation (OpenAI).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_PREFIXES = ("visual.", "cond_stage_model.model.visual.", "tower.", "")
_THEIRS = "vision_model"
"""Under which transformers keeps a tower, as older checkpoints do."""
_RENAMED = (
    ("embeddings.class_embedding", "class_embedding"), ("embeddings.patch_embedding", "conv1"),
    ("embeddings.position_embedding.weight", "positional_embedding"), ("pre_layrnorm", "ln_pre"),
    ("post_layernorm", "ln_post"), ("encoder.layers", "transformer.resblocks"), ("self_attn.out_proj", "attn.out_proj"),
    ("layer_norm", "ln_"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class TowerSizes:
    """The sizes of a CLIP image tower; the defaults are ViT-L/14, of 303,966,208 parameters."""

    image: Annotated[int, Between(14, 1024)] = 224
    patch: Annotated[int, Between(4, 64)] = 14
    width: Annotated[int, Between(16, 4096)] = 1024
    layers: Annotated[int, Between(1, 64)] = 24
    heads: Annotated[int, Between(1, 64)] = 16
    output: Annotated[int, Between(1, 4096)] = 768

    def __post_init__(self) -> None:
        """Refuse sizes that make no tower."""
        if self.width % self.heads or self.image < self.patch:
            raise UnfitError("heads must divide width, and a patch must fit into the image")


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
        # As Zero-1-to-3 shows its tower an image (code), from corner to corner and not smoothed first: its U-Net knows
        # the tokens of such images.
        x = interpolate(y[:, None], (side, side), mode="bicubic", align_corners=True, antialias=False)
        x = (x.expand(-1, 3, -1, -1) + 1) / 2
        mean, std = (torch.tensor(values, device=y.device)[:, None, None] for values in (MEAN, STD))
        return self.tower((x - mean) / std)[:, None, :]


def load_saved_encoder(folder: Path) -> RadiographEncoder:
    """The tower in a model's folder, in float32 on the CPU.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    return load_sized(folder, TowerSizes, RadiographEncoder)


def load_radiograph_encoder(file: Path) -> RadiographEncoder:
    """The tower in a safetensors file or a torch checkpoint, under the names of OpenAI, open_clip or transformers.

    Raises:
        InputError: the file cannot be read, or holds no CLIP image tower.
    """
    state = read_tensors(file, "radiograph_encoder")
    keys = tower_keys(state)
    if not keys:
        raise InputError(f"radiograph_encoder {file} holds no CLIP image tower: it has no conv1.weight under visual.")
    return tower_from({name: state[name] for name in keys}, file)


def tower_keys(state: Mapping[str, Tensor]) -> list[str]:
    """The keys that make the CLIP image tower of a checkpoint; none where it has no tower."""
    for prefix in _PREFIXES:
        if f"{prefix}conv1.weight" in state and f"{prefix}positional_embedding" in state:
            return [name for name in state if name.startswith(prefix)]
    found = next((name for name in state if name.endswith(f"{_THEIRS}.embeddings.patch_embedding.weight")), None)
    if found is None:
        return []
    prefix = found.partition(_THEIRS)[0]
    return [name for name in state if name.startswith((f"{prefix}{_THEIRS}.", f"{prefix}visual_projection."))]


def tower_from(state: Mapping[str, Tensor], file: Path) -> RadiographEncoder:
    """The tower that some weights make, its sizes read from them.

    Args:
        state: what tower_keys chose.
        file: for the message.

    Raises:
        InconsistentError: a weight is missing, of another shape or not finite.
    """
    start = next(prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state))
    own = {name.removeprefix(start): value.float() for name, value in state.items()}
    broken = next((name for name, value in own.items() if not torch.isfinite(value).all()), None)
    if broken:
        raise InconsistentError(f"{file}: {broken} holds numbers that are not finite: copy it again")
    try:
        own = own if "conv1.weight" in own else _renamed(own)
        encoder = RadiographEncoder(_sizes(own))
        encoder.tower.load_state_dict(own)
    except (KeyError, RuntimeError, ValueError, IndexError, TypeError) as error:
        first = " ".join(str(error).split())[:160]
        raise InconsistentError(f"{file} holds a CLIP tower that is not complete ({first}): copy it again") from error
    return encoder


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names of a tower as OpenAI's; the three projections of its attention are one there."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        own = name.partition(f"{_THEIRS}.")[2]
        attention = re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)", own)
        if not own:
            renamed["proj"] = value.T
        elif attention:
            layer, kind = attention.groups()
            stem = name.removesuffix(f"q_proj.{kind}")
            three = [state[f"{stem}{part}_proj.{kind}"] for part in "qkv"]
            renamed[f"transformer.resblocks.{layer}.attn.in_proj_{kind}"] = torch.cat(three)
        elif not re.search(r"position_ids$|\.[kv]_proj\.", own):
            for theirs, ours in _RENAMED:
                own = own.replace(theirs, ours)
            renamed[own] = value
    return renamed


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
