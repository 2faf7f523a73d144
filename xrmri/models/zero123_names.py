"""What a Zero-1-to-3 checkpoint calls each weight, and the sizes of the networks that its shapes imply.

Zero-1-to-3 keeps the names of CompVis' latent-diffusion; our networks have those of diffusers. Nothing here assumes a
size: levels, blocks, widths and where the U-Net attends are read from the shapes.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

UNET, AVERAGE, AUTOENCODER = "model.diffusion_model.", "model_ema.diffusion_model", "first_stage_model."
PROJECTION = "cc_projection."
POSE = 4
"""Numbers of the camera's pose that the projection takes behind the token: polar angle, sine and cosine of the azimuth,
radius (code)."""
COSINE = 2
"""Which of them is 1 at pose 0, where the view asked for is the one given; the others are 0."""
PROCESS = (
    "betas", "alphas_cumprod", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "alphas_cumprod_prev", "posterior_variance",
    "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "lvlb_weights", "logvar",
    "scale_factor",
)  # fmt: skip
"""What a checkpoint keeps of the forward process."""
AUTOENCODER_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
"""Of an autoencoder's tensors, those of the network; beside them may lie its loss."""
GROUPS = 32
"""Of every normalisation, at any width (code)."""

_RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_name(name: str, *, blocks: int, attention: tuple[bool, ...]) -> str:
    """Zero-1-to-3's name of a weight of our U-Net, without a prefix.

    Args:
        name: as in UNet2DConditionModel.state_dict.
        blocks: residual blocks a level.
        attention: which levels attend, from the finest.
    """
    for ours, theirs in _UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    half, level, kind, number, rest = _place(name)
    if kind == "resnets":
        layer, _, end = rest.rpartition(".")
        rest = f"{_RESNET[layer]}.{end}"
    if half == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * number}.{rest}"
    first = level * (blocks + 1)
    if kind == "downsamplers":
        return f"input_blocks.{first + blocks + 1}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        # It comes after the attention of the last block, where there is one.
        return f"output_blocks.{first + blocks}.{1 + attention[-1 - level]}.{rest}"
    part = 1 if kind == "attentions" else 0
    return f"{'input' if half == 'down' else 'output'}_blocks.{first + number + (half == 'down')}.{part}.{rest}"


def averaged(name: str) -> str:
    """The key of the averaged weight beside a plain one: LitEma's names have no dots."""
    return AVERAGE + name.replace(".", "")


def autoencoder_name(name: str, *, levels: int) -> str:
    """Zero-1-to-3's name of a weight of our autoencoder, without a prefix."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    if "mid_block.attentions.0." in name:
        start, _, rest = name.partition("mid_block.attentions.0.")
        layer, _, kind = rest.rpartition(".")
        return f"{start}mid.attn_1.{_ATTENTION[layer]}.{kind}"
    name = re.sub(r"down_blocks\.(\d+)", r"down.\1", name)
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
    name = name.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
    return name.replace(".resnets.", ".block.")


def unet_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of train-ldm that a U-Net's shapes imply.

    Args:
        state: of the U-Net alone, without a prefix; averaged names will not do.

    Returns:
        channels, blocks, attention, context_width, latent_channels.

    Raises:
        KeyError: what makes a U-Net is not there.
    """
    count = 1 + max(_numbers(state, r"input_blocks\.(\d+)\."))
    halving = [number for number in range(count) if f"input_blocks.{number}.0.op.weight" in state]
    blocks = (halving[0] if halving else count) - 1
    firsts = [1 + level * (blocks + 1) for level in range(len(halving) + 1)]
    widths = {value.shape[1] for name, value in state.items() if name.endswith("attn2.to_k.weight")}
    if len(widths) != 1:
        raise KeyError("attn2.to_k.weight")
    return {
        "channels": tuple(state[f"input_blocks.{first}.0.in_layers.2.weight"].shape[0] for first in firsts),
        "blocks": blocks,
        "attention": tuple(f"input_blocks.{first}.1.proj_in.weight" in state for first in firsts),
        "context_width": widths.pop(),
        "latent_channels": state["out.2.weight"].shape[0],
    }


def autoencoder_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of train-vae that an autoencoder's shapes imply: channels, blocks, latent_channels, middle_attention.

    Raises:
        KeyError: what makes an autoencoder is not there.
    """
    levels = 1 + max(_numbers(state, r"encoder\.down\.(\d+)\."))
    return {
        "channels": tuple(state[f"encoder.down.{level}.block.0.conv1.weight"].shape[0] for level in range(levels)),
        "blocks": 1 + max(_numbers(state, r"encoder\.down\.0\.block\.(\d+)\.")),
        "latent_channels": state["post_quant_conv.weight"].shape[0],
        "middle_attention": "encoder.mid.attn_1.q.weight" in state,
    }


def _numbers(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    found = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    if not found:
        raise KeyError(pattern)
    return found


def _place(name: str) -> tuple[str, int, str, int, str]:
    """Half, level, kind of layer, its number and the rest of one of our names."""
    found = re.fullmatch(r"(down|mid|up)_blocks?\.(?:(\d+)\.)?([a-z]+)\.(\d+)\.(.+)", name)
    if found is None:
        raise KeyError(name)
    return found[1], int(found[2] or 0), found[3], int(found[4]), found[5]
