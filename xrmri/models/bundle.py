"""Everything that `generate` needs, as one folder: autoencoder, denoiser, radiograph encoder, and the facts of both.

    vae/, unet/                 diffusers' layout: config.json, diffusion_pytorch_model.safetensors
    unet/guidance.safetensors   the maps that d and r enter through
    radiograph_encoder/         the CLIP tower; absent where the context token is empty
    anchor/                     the network that makes the expected volume; absent where there is none
    tissues/                    the network that tells what voxels are made of; likewise
    xrmri.json                  the facts: schedule, latent scale, feature list, intensity window, image size

Shapes: B slices, H x W image pixels, C latent channels, h x w latent pixels, W_c context width, F feature slots.
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.errors import InconsistentError
from xrmri.facts.folders import (
    BESIDE,
    AutoencoderFacts,
    ModelFacts,
    read_model_facts,
    write_autoencoder_facts,
    write_model_facts,
)
from xrmri.facts.parts import DenoiserFacts
from xrmri.models import autoencoder
from xrmri.models.anchor import ANCHOR_FOLDER, ROUGH, Anchor, folded, load_anchor
from xrmri.models.condition import Condition
from xrmri.models.doubled import convolve_before_doubling
from xrmri.models.from_diffusers import AutoencoderKL, UNet2DConditionModel
from xrmri.models.linear import fuse_biases
from xrmri.models.parts import (
    ACQUIRED,
    ANCHOR,
    AUTOENCODER,
    GUIDANCE,
    KNEES,
    MODEL,
    SYNTHETIC,
    TISSUES,
    TOWER,
    hashes,
    require_model,
)
from xrmri.models.saved_networks import load_autoencoder, load_unet
from xrmri.models.tissues import TISSUE_FOLDER, TissueReader, load_tissue_reader
from xrmri.models.unet import Ablations, Denoiser
from xrmri.models.weights import (
    CONFIG,
    WEIGHTS,
    load_weights,
    save_network,
    save_weights,
)
from xrmri.storage.files import write_json, write_text

if TYPE_CHECKING:
    from xrmri.models.radiograph_encoder import RadiographEncoder


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A model to generate with."""

    vae: AutoencoderKL
    denoiser: Denoiser
    radiograph_encoder: "RadiographEncoder | None"
    facts: ModelFacts
    anchor: Anchor | None = None
    """What is shown to the denoiser in place of the radiograph's latent."""
    tissues: TissueReader | None = None
    """What tells what voxels are made of."""

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

    def predict_noise(self, z_t: Tensor, t: int, condition: Condition) -> Tensor:
        """The noise (B, C, h, w) float32 in noisy scaled latents z_t at step t, whatever the U-Net predicts."""
        times = torch.full((len(z_t),), t, device=z_t.device)
        said = self.denoiser(z_t, self.schedule.told(times), **condition._asdict()).float()
        return self.schedule.noise(said, z_t, times)

    def decode(self, z: Tensor) -> Tensor:
        """The slices (B, H, W) float32 in [-1, 1] of scaled latents (B, C, h, w)."""
        return autoencoder.decode(self.vae, z / self.facts.latent_scale).clamp(-1, 1)


def condition_of(model: Model, y: np.ndarray, r: np.ndarray) -> Condition:
    """What the denoiser is told of one knee, at depth 0: `Condition.at` gives its depths.

    Args:
        model: the networks and their facts.
        y: (H, W) float32 in [-1, 1], looking right.
        r: (F,) float32 one-hot.
    """
    radiograph, features = (torch.from_numpy(part)[None].to(model.device) for part in (y, r))
    if model.anchor is None:
        concat, _ = autoencoder.encode(model.vae, radiograph)
    else:
        expected = model.anchor(radiograph, features * model.denoiser.shown)[0]
        concat = folded(expected, model.latent_shape, model.denoiser.shown_channels)
    if model.radiograph_encoder is None:
        token = torch.zeros(1, 1, model.denoiser.unet.config.cross_attention_dim, device=model.device)
    else:
        token = model.radiograph_encoder(radiograph)
    return Condition(concat=concat, token=token, depth=torch.zeros(1, device=model.device), features=features)


def save_bundle(folder: Path, model: Model, *, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; xrmri.json comes last and vouches for the rest.

    Args:
        folder: an existing folder; other files in it are left alone.
        model: the networks and their facts.
        card: README.md.
        dtype: of the weights on disk; loading makes them float32 again.
    """
    save_network(folder / "vae", model.vae, dtype)
    save_network(folder / "unet", model.denoiser.unet, dtype)
    knees = SYNTHETIC if model.facts.is_synthetic else ACQUIRED
    save_weights(folder / "unet" / GUIDANCE, model.denoiser.guidance, dtype, said=(KNEES, knees))
    if model.radiograph_encoder is not None:
        (folder / "radiograph_encoder").mkdir(exist_ok=True)
        write_json(folder / "radiograph_encoder" / CONFIG, asdict(model.radiograph_encoder.sizes))
        save_weights(folder / "radiograph_encoder" / WEIGHTS, model.radiograph_encoder, dtype)
    if model.anchor is not None:
        (folder / ANCHOR_FOLDER).mkdir(exist_ok=True)
        write_json(folder / ANCHOR_FOLDER / CONFIG, asdict(model.anchor.sizes))
        save_weights(folder / ANCHOR_FOLDER / WEIGHTS, model.anchor, dtype, rough=ROUGH)
    if model.tissues is not None:
        (folder / TISSUE_FOLDER).mkdir(exist_ok=True)
        write_json(folder / TISSUE_FOLDER / CONFIG, asdict(model.tissues.sizes))
        save_weights(folder / TISSUE_FOLDER / WEIGHTS, model.tissues, dtype)
    write_text(folder / "README.md", card)
    names = MODEL + TOWER * (model.radiograph_encoder is not None) + ANCHOR * (model.anchor is not None)
    names += TISSUES * (model.tissues is not None) + tuple(name for name in BESIDE if (folder / name).is_file())
    write_model_facts(folder, replace(model.facts, files=hashes(folder, names)))


def save_autoencoder_bundle(folder: Path, vae: AutoencoderKL, facts: AutoencoderFacts, *, card: str) -> None:
    """Write the folder of train-vae: the autoencoder in diffusers' layout, card and facts."""
    save_network(folder, vae)
    write_text(folder / "README.md", card)
    write_autoencoder_facts(folder, replace(facts, files=hashes(folder, AUTOENCODER)))


def load_bundle(folder: Path, device: torch.device | str = "cpu", *, with_tissues: bool = True) -> Model:
    """The model in a folder, in float32, ready to generate; what tells tissues only where it is wanted.

    Raises:
        InputError: no model there.
        InconsistentError: a part of it is missing, damaged or of another version.
    """
    facts = read_model_facts(folder)
    require_model(folder, facts)
    denoiser = build_denoiser(load_unet(folder / "unet"), facts.denoiser)
    load_weights(folder / "unet" / GUIDANCE, denoiser.guidance)
    encoder = None
    if facts.radiograph_token == "clip":
        from xrmri.models.radiograph_encoder import load_saved_encoder  # most models never need it

        encoder = load_saved_encoder(folder / "radiograph_encoder").to(device).requires_grad_(False).eval()
    shown = denoiser.shown_channels
    if facts.anchor and isqrt(shown) ** 2 != shown:
        raise InconsistentError(f"{folder}: its denoiser is shown {shown} channels, which no square of pixels makes")
    return Model(
        vae=load_autoencoder(folder / "vae").to(device),
        denoiser=denoiser.to(device).requires_grad_(False).eval(),
        radiograph_encoder=encoder,
        facts=facts,
        anchor=load_anchor(folder / ANCHOR_FOLDER).to(device) if facts.anchor else None,
        tissues=load_tissue_reader(folder).to(device) if facts.tissues and with_tissues else None,
    )


def build_denoiser(unet: UNet2DConditionModel, facts: DenoiserFacts) -> Denoiser:
    """The denoiser that the facts describe, around a U-Net."""
    return Denoiser(
        unet,
        features=facts.feature_slots,
        guidance=facts.guidance,
        method=facts.method,
        halves=facts.halves,
        hidden=Ablations(slots=facts.hidden_slots, token="clip" in facts.without, concat="concat" in facts.without),
    )


def in_precision(model: Model, precision: str) -> Model:
    """The same model, ready to draw: what runs at every step and slice in bf16 where that is asked for.

    The radiograph's encoders and the maps of d and r stay float32: they run once, and a depth in bf16 would be off by a
    tenth of a slice. Channels last is how this layout's kernels want them, in either precision (measured: up to a third
    faster).
    """
    fuse_biases(model.denoiser.unet)
    convolve_before_doubling(model.denoiser.unet)
    convolve_before_doubling(model.vae.decoder)
    for network in (*model.denoiser.unet.children(), model.vae.post_quant_conv, model.vae.decoder):
        network.to(dtype=torch.bfloat16 if precision == "bf16" else torch.float32, memory_format=torch.channels_last)
    return model
