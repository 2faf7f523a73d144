"""U: the denoiser, one backbone for every method: what it is told enters half by half (paper, II-B).

Shapes: B slices, C latent channels, h x w latent pixels, W context width, F feature slots, E time-embedding width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xrmri.models.attention import attend_fast
from xrmri.models.autoencoder import groups_for
from xrmri.models.from_diffusers import UNet2DConditionModel
from xrmri.models.methods import BY_NAME, Backbone


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablations:
    """What a denoiser is never told: the ablations."""

    slots: tuple[int, ...] = ()
    """Of the feature code."""
    token: bool = False
    concat: bool = False


_NOTHING = Ablations()


class Denoiser(nn.Module):
    """The U-Net, run half by half with the guidance of each."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        *,
        features: int,
        guidance: str = "context",
        method: str = "xray2mri",
        halves: str = "paper",
        hidden: Ablations = _NOTHING,
    ) -> None:
        """Guide a U-Net.

        Args:
            unet: the backbone.
            features: F, slots of the feature code.
            guidance: of xray2mri, "context" or "time".
            method: a name of METHODS.
            halves: of xray2mri, "paper", "swapped" or "joint".
            hidden: what it is never told.
        """
        super().__init__()
        self.unet = unet
        attend_fast(unet)
        self.hidden = hidden
        shown = torch.ones(features)
        shown[list(hidden.slots)] = 0
        self.shown = nn.Buffer(shown, persistent=False)
        backbone = Backbone(unet=unet, features=features, guidance=guidance, halves=halves)
        self.guidance = BY_NAME[method].guide(backbone)

    @property
    def shown_channels(self) -> int:
        """Of what is concatenated with the noisy latent."""
        sizes = self.unet.config
        return int(sizes.in_channels - sizes.out_channels)

    def forward(
        self, z_t: Tensor, t: Tensor, *, concat: Tensor, token: Tensor, depth: Tensor, features: Tensor
    ) -> Tensor:
        """What the U-Net says about the noise (paper, eq. 7).

        Args:
            z_t: (B, C, h, w) noisy scaled latent.
            t: (B,) float32 step; between two where a schedule maps its steps onto another (Schedule.told).
            concat: (B, C, h, w) unscaled latent of the radiograph, or (B, 16, h, w) the anchor's slice.
            token: (B, 1, W) context.
            depth: (B,) float32 in [0, 1], from the back of the knee.
            features: (B, F) float32 one-hot code; zeros where nobody read.

        Returns:
            (B, C, h, w) noise, or velocity, in the precision of the U-Net.
        """
        unet = self.unet
        dtype = unet.conv_in.weight.dtype
        z_t = z_t.to(dtype)
        time = unet.time_embedding(unet.get_time_embed(z_t, t))
        # The guidance computes in its own precision: near depths differ by less than a rounding of bf16.
        told = self.guidance(*self._shown(concat, token), depth, features * self.shown)
        down, up, down_time, up_time = (
            part.to(dtype) for part in (told.down, told.up, time + told.down_time, time + told.up_time)
        )
        hidden = unet.conv_in(torch.cat([z_t, told.concat.to(dtype)], dim=1))
        skips = (hidden,)
        for block in unet.down_blocks:
            hidden, outputs = block(hidden, down_time, **_context(block, down))
            skips += outputs
        hidden = unet.mid_block(hidden, down_time, encoder_hidden_states=down)
        for block in unet.up_blocks:
            count = len(block.resnets)
            skips, own = skips[:-count], skips[-count:]
            hidden = block(hidden_states=hidden, res_hidden_states_tuple=own, temb=up_time, **_context(block, up))
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))

    def _shown(self, concat: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden
        return (
            torch.zeros_like(concat) if hidden.concat else concat,
            torch.zeros_like(token) if hidden.token else token,
        )


def build_unet(
    *,
    channels: tuple[int, ...],
    blocks: int,
    attention: tuple[bool, ...],
    heads: int,
    context_width: int,
    latent_channels: int,
    shown_channels: int = 0,
    norm_groups: int = 0,
) -> UNet2DConditionModel:
    """An untrained U-Net: the defaults of TrainLdm make the paper's, of 859,532,484 parameters.

    shown_channels are those concatenated with the noisy latent, 0 for as many as a latent has: a radiograph's latent.
    norm_groups is the number of groups of every normalisation; 0 chooses it by the width.
    """
    return UNet2DConditionModel(
        in_channels=latent_channels + (shown_channels or latent_channels),
        out_channels=latent_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attention)),
        block_out_channels=channels,
        layers_per_block=blocks,
        norm_num_groups=norm_groups or groups_for(channels),
        cross_attention_dim=context_width,
        # diffusers has the two names swapped: this is the number of heads.
        attention_head_dim=heads,
    )


def _context(block: nn.Module, context: Tensor) -> dict[str, Tensor]:
    return {"encoder_hidden_states": context} if getattr(block, "has_cross_attention", False) else {}
