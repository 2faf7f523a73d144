"""Everything that `generate` needs, as one folder: autoencoder, denoiser, radiograph encoder, and the facts of both.

    vae/, unet/                 diffusers' layout: config.json, diffusion_pytorch_model.safetensors
    unet/guidance.safetensors   the maps that d and r enter through
    radiograph_encoder/         the CLIP tower; absent where the context token is empty
    xrmri.json                  the facts: schedule, latent scale, feature list, intensity window, image size

Shapes: B slices, H x W image pixels, C latent channels, h x w latent pixels, W_c context width, F feature slots.
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers.models import AutoencoderKL, UNet2DConditionModel
from torch import Tensor

from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.facts import (
    AutoencoderFacts,
    DenoiserFacts,
    ModelFacts,
    read_model_facts,
    write_autoencoder_facts,
    write_model_facts,
)
from xrmri.models import autoencoder
from xrmri.models.linear import fuse_biases
from xrmri.models.parts import (
    ACQUIRED,
    AUTOENCODER,
    GUIDANCE,
    KNEES,
    MODEL,
    SYNTHETIC,
    TOWER,
    hashes,
    require_model,
)
from xrmri.models.saved_networks import load_autoencoder, load_unet
from xrmri.models.unet import Ablations, Denoiser
from xrmri.models.weights import (
    CONFIG,
    WEIGHTS,
    load_weights,
    save_network,
    save_weights,
)
from xrmri.run import write_json, write_text

if TYPE_CHECKING:
    from xrmri.models.radiograph_encoder import RadiographEncoder



@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Condition:
    """A radiograph as the denoiser is told it."""

    latent: Tensor
    """(B, C, h, w) posterior mode, not scaled."""
    token: Tensor
    """(B, 1, W_c)."""

    def expand(self, count: int) -> "Condition":
        """One radiograph for `count` slices."""
        return Condition(latent=self.latent.expand(count, -1, -1, -1), token=self.token.expand(count, -1, -1))

    def dropped(self) -> "Condition":
        """No radiograph: what the denoiser saw where training dropped both."""
        return Condition(latent=torch.zeros_like(self.latent), token=torch.zeros_like(self.token))


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A model to generate with."""

    vae: AutoencoderKL
    denoiser: Denoiser
    radiograph_encoder: "RadiographEncoder | None"
    facts: ModelFacts

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.denoiser.parameters()).device

    @cached_property
    def schedule(self) -> Schedule:
        """The forward process it was trained with."""
        return make_schedule(**asdict(self.facts.schedule))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of one slice."""
        return autoencoder.latent_shape(self.vae, self.facts.image_size)


def encode_radiograph(bundle: Model, y: Tensor) -> Condition:
    """What the denoiser is told of (B, H, W) float32 radiographs in [-1, 1], a left knee mirrored to look right."""
    latent, _ = autoencoder.encode(bundle.vae, y)
    if bundle.radiograph_encoder is None:
        width = bundle.denoiser.unet.config.cross_attention_dim
        return Condition(latent=latent, token=torch.zeros(len(y), 1, width, device=y.device))
    return Condition(latent=latent, token=bundle.radiograph_encoder(y))


def predict(bundle: Model, z_t: Tensor, t: int, condition: Condition, depth: Tensor, features: Tensor) -> Tensor:
    """What the U-Net says at step t: eps, or v where the facts say so.

    Args:
        bundle: the model.
        z_t: (B, C, h, w) noisy scaled latents.
        t: step, 0 to T-1.
        condition: of B radiographs.
        depth: (B,) float32 in [0, 1].
        features: (B, F) float32 one-hot.

    Returns:
        (B, C, h, w) float32.
    """
    steps = bundle.schedule.told(torch.full((len(z_t),), t, device=z_t.device))
    return bundle.denoiser(z_t, steps, condition.latent, condition.token, depth, features).float()


def predict_noise(bundle: Model, z_t: Tensor, t: int, condition: Condition, depth: Tensor, features: Tensor) -> Tensor:
    """The noise in z_t, whatever the U-Net predicts; arguments as in `predict`."""
    said = predict(bundle, z_t, t, condition, depth, features)
    return bundle.schedule.noise(said, z_t, torch.full((len(z_t),), t, device=z_t.device))


def encode_slices(bundle: Model, x: Tensor) -> Tensor:
    """The scaled latents (B, C, h, w) of slices (B, H, W) float32 in [-1, 1]: the posterior mode."""
    mean, _ = autoencoder.encode(bundle.vae, x)
    return mean * bundle.facts.latent_scale


def decode(bundle: Model, z: Tensor) -> Tensor:
    """The slices (B, H, W) float32 in [-1, 1] of scaled latents (B, C, h, w)."""
    return autoencoder.decode(bundle.vae, z / bundle.facts.latent_scale).clamp(-1, 1)


def save_bundle(folder: Path, bundle: Model, *, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; xrmri.json comes last and vouches for the rest.

    Args:
        folder: an existing folder; other files in it are left alone.
        bundle: the model.
        card: README.md.
        dtype: of the weights on disk; loading makes them float32 again.
    """
    save_network(folder / "vae", bundle.vae, dtype)
    save_network(folder / "unet", bundle.denoiser.unet, dtype)
    knees = SYNTHETIC if bundle.facts.is_synthetic else ACQUIRED
    save_weights(folder / "unet" / GUIDANCE, bundle.denoiser.guidance, dtype, said=(KNEES, knees))
    if bundle.radiograph_encoder is not None:
        (folder / "radiograph_encoder").mkdir(exist_ok=True)
        write_json(folder / "radiograph_encoder" / CONFIG, asdict(bundle.radiograph_encoder.sizes))
        save_weights(folder / "radiograph_encoder" / WEIGHTS, bundle.radiograph_encoder, dtype)
    write_text(folder / "README.md", card)
    names = MODEL + (TOWER if bundle.radiograph_encoder is not None else ())
    write_model_facts(folder, replace(bundle.facts, files=hashes(folder, names)))


def save_autoencoder_bundle(folder: Path, vae: AutoencoderKL, facts: AutoencoderFacts, *, card: str) -> None:
    """Write the folder of train-vae: the autoencoder in diffusers' layout, card and facts."""
    save_network(folder, vae)
    write_text(folder / "README.md", card)
    write_autoencoder_facts(folder, replace(facts, files=hashes(folder, AUTOENCODER)))


def load_bundle(folder: Path, device: torch.device | str = "cpu") -> Model:
    """The model in a folder, in float32, ready to generate.

    Raises:
        InputError: no model there.
        InconsistentError: a part of it is missing, damaged or of another version.
    """
    facts = read_model_facts(folder)
    require_model(folder, facts)
    denoiser = guided(load_unet(folder / "unet"), facts.denoiser)
    load_weights(folder / "unet" / GUIDANCE, denoiser.guidance)
    encoder = None
    if facts.radiograph_token == "clip":
        from xrmri.models.radiograph_encoder import load_saved_encoder  # most models never need it

        encoder = load_saved_encoder(folder / "radiograph_encoder").to(device).requires_grad_(False).eval()
    return Model(
        vae=load_autoencoder(folder / "vae").to(device),
        denoiser=denoiser.to(device).requires_grad_(False).eval(),
        radiograph_encoder=encoder,
        facts=facts,
    )


def guided(unet: UNet2DConditionModel, facts: DenoiserFacts) -> Denoiser:
    """The denoiser that the facts describe, around a U-Net."""
    return Denoiser(
        unet,
        features=facts.feature_slots,
        guidance=facts.guidance,
        method=facts.method,
        halves=facts.halves,
        hidden=Ablations(slots=facts.hidden_slots, token="clip" in facts.without, concat="concat" in facts.without),
    )


def in_precision(bundle: Model, precision: str) -> Model:
    """The same model, ready to draw: what runs at every step and slice in bf16 where that is asked for.

    The radiograph's encoders and the maps of d and r stay float32: they run once, and a depth in bf16 would be off by a
    tenth of a slice. Channels last is how this layout's kernels want them, in either precision (measured: up to a third
    faster).
    """
    fuse_biases(bundle.denoiser.unet)
    for network in (*bundle.denoiser.unet.children(), bundle.vae.post_quant_conv, bundle.vae.decoder):
        network.to(dtype=torch.bfloat16 if precision == "bf16" else torch.float32, memory_format=torch.channels_last)
    return bundle
