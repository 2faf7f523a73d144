"""U: the denoiser, which is told the depth d on the way down and the features r on the way up (paper, III-B).

Shapes: B slices, C latent channels, h x w latent pixels, W context width, F feature slots, E time-embedding width.
"""

import torch
from diffusers.models import UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from xrmri.models.autoencoder import norm_groups

DEPTH_STEPS = 1_000
"""d in [0, 1] is embedded like a step in 0..1000: neighbouring slices differ by 20 (choice)."""


class ContextGuidance(nn.Module):
    """d and r join the context token of their half through one linear map each (paper says where; how is a choice).

    Both maps start as the identity on the token and zero on what is new, so that a pretrained U-Net starts unchanged.
    """

    def __init__(self, *, width: int, features: int) -> None:
        """Maps for a token of W and a feature code of F."""
        super().__init__()
        self.depth = _identity_on_token(width, 1)
        self.features = _identity_on_token(width, features)

    def forward(self, token: Tensor, depth: Tensor, features: Tensor) -> tuple[Tensor, Tensor, float, float]:
        """Context (B, 1, W) of each half, and nothing to add to the time embedding of either."""
        down = self.depth(torch.cat([token, depth[:, None, None]], dim=-1))
        up = self.features(torch.cat([token, features[:, None, :]], dim=-1))
        return down, up, 0.0, 0.0


class TimeGuidance(nn.Module):
    """d and r are added to the time embedding of their half, each through a small network (choice)."""

    def __init__(self, *, embedding: int, features: int) -> None:
        """Networks for a time embedding of E and a feature code of F."""
        super().__init__()
        self.frequencies = embedding // 4
        self.depth = _two_layers(self.frequencies, embedding)
        self.features = _two_layers(features, embedding)

    def forward(self, token: Tensor, depth: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The token as context of both halves, and what to add to the time embedding (B, E) of each."""
        waves = get_timestep_embedding(depth * DEPTH_STEPS, self.frequencies)
        return token, token, self.depth(waves.to(token.dtype)), self.features(features)


class Denoiser(nn.Module):
    """The U-Net, run half by half with the guidance of each."""

    def __init__(self, unet: UNet2DConditionModel, *, features: int, guidance: str) -> None:
        """Guide a U-Net by "context" or by "time" with a feature code of F."""
        super().__init__()
        self.unet = unet
        self.guidance: ContextGuidance | TimeGuidance
        if guidance == "context":
            self.guidance = ContextGuidance(width=unet.config.cross_attention_dim, features=features)
        else:
            self.guidance = TimeGuidance(embedding=4 * unet.config.block_out_channels[0], features=features)

    def forward(self, z_t: Tensor, t: Tensor, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor) -> Tensor:
        """What the U-Net says about the noise (paper, eq. 7).

        Args:
            z_t: (B, C, h, w) noisy scaled latent.
            t: (B,) int64 step.
            concat: (B, C, h, w) unscaled latent of the radiograph.
            token: (B, 1, W) context.
            depth: (B,) float32 in [0, 1], from the back of the knee.
            features: (B, F) float32 one-hot code; zeros where nobody read.

        Returns:
            (B, C, h, w) noise, or velocity.
        """
        unet = self.unet
        time = unet.time_embedding(unet.get_time_embed(z_t, t))
        down, up, down_time, up_time = self.guidance(token, depth, features)
        hidden = unet.conv_in(torch.cat([z_t, concat], dim=1))
        skips = (hidden,)
        for block in unet.down_blocks:
            hidden, outputs = block(hidden, time + down_time, **_context(block, down))
            skips += outputs
        hidden = unet.mid_block(hidden, time + down_time, encoder_hidden_states=down)
        for block in unet.up_blocks:
            count = len(block.resnets)
            skips, own = skips[:-count], skips[-count:]
            hidden = block(
                hidden_states=hidden, res_hidden_states_tuple=own, temb=time + up_time, **_context(block, up)
            )
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))


def build_unet(
    *,
    channels: tuple[int, ...],
    blocks: int,
    attention: tuple[bool, ...],
    heads: int,
    context_width: int,
    latent_channels: int,
) -> UNet2DConditionModel:
    """An untrained U-Net: the defaults of TrainLdm make the paper's, of 859,532,484 parameters."""
    return UNet2DConditionModel(
        in_channels=2 * latent_channels,
        out_channels=latent_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attention)),
        block_out_channels=channels,
        layers_per_block=blocks,
        norm_num_groups=norm_groups(channels),
        cross_attention_dim=context_width,
        # diffusers has the two names swapped: this is the number of heads.
        attention_head_dim=heads,
    )


def _context(block: nn.Module, context: Tensor) -> dict[str, Tensor]:
    return {"encoder_hidden_states": context} if getattr(block, "has_cross_attention", False) else {}


def _identity_on_token(width: int, new: int) -> nn.Linear:
    linear = nn.Linear(width + new, width)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(width, width + new))
        linear.bias.zero_()
    return linear


def _two_layers(inputs: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
