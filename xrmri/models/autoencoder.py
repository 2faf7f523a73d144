"""E1 and D: the autoencoder that turns slices into latents and back, in the paper's size or smaller.

Shapes: B slices, H x W image pixels, C latent channels, h x w latent pixels (8 times fewer each way in the paper).
Images are grey, float32 in [-1, 1]; the network sees them copied to three channels, as the one it may start from does.
"""

import hashlib
from math import gcd

import torch
from torch import Tensor, nn

from xrmri.models.discriminator import PatchDiscriminator, Scores
from xrmri.models.from_diffusers import AutoencoderKL

Moments = tuple[Tensor, Tensor]
"""Mean and log-variance of the posterior, each (B, C, h, w)."""


def build_autoencoder(
    *, channels: tuple[int, ...], blocks: int, latent_channels: int, middle_attention: bool, norm_groups: int = 0
) -> AutoencoderKL:
    """An untrained autoencoder: (128, 256, 512, 512), 2, 4 and True make the paper's, of 83,653,863 parameters.

    norm_groups is the number of groups of every normalisation; 0 chooses it by the width.
    """
    levels = len(channels)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=channels,
        layers_per_block=blocks,
        latent_channels=latent_channels,
        norm_num_groups=norm_groups or groups_for(channels),
        mid_block_add_attention=middle_attention,
    )


def groups_for(channels: tuple[int, ...]) -> int:
    """Groups of every normalisation: 32 in the paper's sizes, fewer where a group would hold under 4 channels."""
    return gcd(*channels, min(32, channels[0] // 4))


def encode(vae: AutoencoderKL, x: Tensor) -> Moments:
    """The posterior of (B, H, W) images: mean (its mode) and log-variance."""
    moments = vae.quant_conv(vae.encoder(_three_channels(x)))
    mean, logvar = moments.chunk(2, dim=1)
    return mean, logvar.clamp(-30, 20)


def encoder_digest(vae: AutoencoderKL) -> str:
    """Hex digest of the weights that latents depend on; the decoder's are none of them."""
    found = hashlib.sha256()
    for part in (vae.encoder, vae.quant_conv):
        for value in part.state_dict().values():
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def decode(vae: AutoencoderKL, z: Tensor) -> Tensor:
    """The images of (B, C, h, w) unscaled latents: (B, H, W) float32, not clipped."""
    first = vae.post_quant_conv
    return vae.decoder(first(z.to(first.weight.dtype))).float().mean(dim=1)


def draw(moments: Moments, noise: Tensor) -> Tensor:
    """A posterior sample for standard normal noise; all (B, C, h, w)."""
    mean, logvar = moments
    return mean + (0.5 * logvar).exp() * noise


class Reconstruction(nn.Module):
    """The autoencoder as one module to train: eq. 6 and the Kullback-Leibler term need image and posterior at once.

    A discriminator to train beside it is a part of the module, and asked within forward: there alone the gradients of
    several processes are added up.
    """

    def __init__(self, vae: AutoencoderKL, discriminator: PatchDiscriminator | None = None) -> None:
        """Wrap an autoencoder, and a discriminator where there is one."""
        super().__init__()
        self.vae = vae
        self.discriminator = discriminator

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Moments, Scores | None]:
        """Encode, draw and decode (B, H, W) images.

        Args:
            x: (B, H, W) float32 in [-1, 1].
            noise: (B, C, h, w) standard normal.

        Returns:
            The three output channels (B, 3, H, W), the posterior, and the discriminator's scores of image and output.
        """
        moments = encode(self.vae, x)
        output = self.vae.decoder(self.vae.post_quant_conv(draw(moments, noise)))
        if self.discriminator is None:
            return output, moments, None
        return output, moments, self.discriminator.compare(x[:, None], output.mean(dim=1, keepdim=True))


def reconstruction_loss(
    x: Tensor, output: Tensor, moments: Moments, *, kl_weight: float, error: str = "squared"
) -> Tensor:
    """Eq. 6 on every output channel, plus the weighted divergence of the posterior from a standard normal.

    The divergence is summed over a latent and divided by the image's values, so that a weight means the same at every
    size and the same as beside latent-diffusion's summed error. With error "absolute" eq. 6 is not squared.
    """
    mean, logvar = (moment.float() for moment in moments)
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / output.numel()
    off = output.float() - _three_channels(x).float()
    return (off.square() if error == "squared" else off.abs()).mean() + kl_weight * divergence


def latent_shape(vae: AutoencoderKL, image_size: int) -> tuple[int, int, int]:
    """(C, h, w) of the latent of a square image."""
    side = image_size // 2 ** (len(vae.config.block_out_channels) - 1)
    return vae.config.latent_channels, side, side


def _three_channels(x: Tensor) -> Tensor:
    return x[:, None].expand(-1, 3, -1, -1)


@torch.no_grad()
def peak_signal_to_noise(x: Tensor, output: Tensor) -> float:
    """PSNR in dB of (B, 3, H, W) output against (B, H, W) images in [-1, 1], data range 2."""
    error = (output.float().mean(dim=1).clamp(-1, 1) - x.float()).square().mean()
    return float(10 * torch.log10(4 / error))
