"""dataset/ -> vae/: the autoencoder that turns slices and radiographs into latents and back (E1 and D)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from xrmri.config import Execution, TrainVae
from xrmri.data.slices import (
    Purpose,
    Shuffle,
    SliceIndex,
    index_slices,
    noise_source,
    radiograph_image,
    random_crop,
    random_numbers,
    require_slice_grid,
    slice_image,
    training_view,
)
from xrmri.data.store import open_dataset
from xrmri.errors import InputError
from xrmri.facts.folders import AutoencoderFacts, read_autoencoder_facts
from xrmri.learning.imported import Imported, read_imported, say_what_became_of_it, sized_like
from xrmri.learning.networks import autoencoder_of
from xrmri.learning.pictures import write_picture
from xrmri.models.autoencoder import (
    Moments,
    Reconstruction,
    decode,
    encode,
    latent_shape,
    peak_signal_to_noise,
    reconstruction_loss,
)
from xrmri.models.bundle import save_autoencoder_bundle
from xrmri.models.card import autoencoder_card
from xrmri.models.discriminator import PatchDiscriminator, discriminator_loss, generator_loss
from xrmri.models.parts import AUTOENCODER, require_parts
from xrmri.models.perceptual import PerceptualDistance, load_perceptual_distance
from xrmri.models.weights import WEIGHTS, count_parameters, load_weights
from xrmri.models.zero123 import Row, autoencoder_settings, copy_weights, plan_autoencoder, require_complete, unused
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import fingerprint
from xrmri.runs.outcome import TrainOutcome
from xrmri.storage.files import sha256
from xrmri.training.accelerator import prepare_device
from xrmri.training.checkpoint import checkpoint_bytes
from xrmri.training.loop import Task, fit
from xrmri.training.opening import open_run

log = logging.getLogger(__name__)

_VALIDATED = 8
"""Slices, and radiographs, that the validation looks at (choice)."""
_MEASURED = 64
"""Slices that the statistics of the latents come from (choice)."""


def run(
    dataset: Path, out: Path, config: TrainVae, execution: Execution, *, init: Path | None = None
) -> TrainOutcome:
    """Train the autoencoder on slices of the train split and on a share of its radiographs.

    Args:
        dataset: folder from build-dataset.
        out: folder of the autoencoder.
        config: sizes, loss and recipe.
        execution: device, dry run.
        init: folder from train-vae, or a Zero-1-to-3 checkpoint, to start from.

    Returns:
        status, output, parameters; what the last validation said.

    Raises:
        StoppedEarly: stopped and saved.
        InputError: an encoder is to be left as it is, and there is none.
    """
    if config.frozen_encoder and init is None:
        raise InputError("frozen_encoder leaves the encoder of --init VAE as it is: give one")
    imported = read_imported(init)
    if imported:
        config = sized_like(config, autoencoder_settings(imported.state, imported.file), imported.file)
    data = open_dataset(dataset)
    require_slice_grid(data, config)
    data.check()
    slices, held_out = index_slices(data, "train"), index_slices(data, "val")
    network, rows = _started(config, init, imported)
    inputs = {"dataset": fingerprint(dataset)} | ({"init": fingerprint(init)} if init else {})
    loss, reads = _Loss(config=config), [dataset, init]
    if config.perceptual_network:
        file = Path(config.perceptual_network)
        loss = _Loss(config=config, perceptual=load_perceptual_distance(file))
        inputs["perceptual_network"] = sha256(file)
    if execution.dry_run:
        status = foresee(out, config, inputs, force=execution.force, reads=reads)
        return {"status": status, "output": str(out), "parameters": {"vae": count_parameters(network.vae)}}
    accelerator = prepare_device(execution.device, config)
    loss = loss.on(accelerator.device)
    needed_bytes = checkpoint_bytes(count_parameters(network))
    opened = open_run(accelerator, out, config, inputs, execution=execution, reads=reads, needed_bytes=needed_bytes)
    if opened is None:
        return {"status": "already done", "output": str(out)}
    with opened as record:
        if imported and record:
            say_what_became_of_it(rows, imported, out)
        size = data.facts.size
        source = _Images(
            slices=slices,
            config=config,
            order=Shuffle(count=len(slices), seed=config.seed),
            latent=latent_shape(network.vae, config.crop or size),
        )
        validation = _Validation(held_out, config, loss, accelerator.device)
        task = Task(
            name=config.command(),
            load=source.batch,
            loss=loss.of_step,
            validate=validation.measure,
            picture=validation.picture,
        )
        said = fit(network, task, config, out, accelerator=accelerator, execution=execution)
        measured = said or validation.measure(network)
        latent_mean, latent_std = _latent_statistics(network.vae, slices, accelerator.device)
        facts = AutoencoderFacts(
            image_size=size,
            latent_channels=config.latent_channels,
            latent_mean=latent_mean,
            latent_std=latent_std,
            trained_on=data.facts.origin,
            sequence=data.facts.sequence,
            plane=data.facts.plane,
            is_synthetic=data.facts.is_synthetic,
            dataset_sha256=inputs["dataset"],
            psnr_db=measured["psnr_db"],
            radiograph_psnr_db=measured["radiograph_psnr_db"],
            validation_loss=measured["validation_loss"],
            discriminator_loss=measured.get("discriminator_loss"),
            config=config.to_dict(),
        )
        counts = {"slices": len(slices), "pairs": len(slices.pairs), "parameters": count_parameters(network.vae)}
        if record:
            save_autoencoder_bundle(out, network.vae.cpu(), facts, card=autoencoder_card(facts))
            record.note(counts=counts)
    return {"status": "finished", "output": str(out), "counts": counts, "psnr_db": round(facts.psnr_db, 2)}


def _network(config: TrainVae) -> Reconstruction:
    return Reconstruction(autoencoder_of(config), PatchDiscriminator() if config.adversarial_weight else None)


def _started(config: TrainVae, init: Path | None, imported: Imported | None) -> tuple[Reconstruction, list[Row]]:
    """The autoencoder as training starts, and what became of an imported checkpoint."""
    torch.manual_seed(config.seed)
    network, rows = _network(config), []
    if imported:
        rows = plan_autoencoder(network.vae, imported.state)
        require_complete(rows, imported.state, imported.file, partial=config.init_partial)
        copy_weights(network.vae, rows, imported.state, imported.file)
        rows += unused(rows, imported.state)
    elif init:
        require_parts(init, read_autoencoder_facts(init).files, AUTOENCODER)
        load_weights(init / WEIGHTS, network.vae)
    if config.frozen_encoder:
        for part in (network.vae.encoder, network.vae.quant_conv):
            part.requires_grad_(False)
    if config.checkpointing:
        network.vae.enable_gradient_checkpointing()
    return network, rows


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Loss:
    """What is minimised: eq. 6, the divergence and, where the settings ask for them, the other two terms."""

    config: TrainVae
    perceptual: PerceptualDistance | None = None
    """Frozen, and no part of what is trained or saved."""

    def on(self, device: torch.device) -> "_Loss":
        """The same, computed on a device."""
        return self if self.perceptual is None else replace(self, perceptual=self.perceptual.to(device))

    def __call__(self, x: Tensor, output: Tensor, moments: Moments) -> Tensor:
        """The mean loss over (B, H, W) images, what came back (B, 3, H, W), and their posteriors; not adversarial."""
        config = self.config
        loss = reconstruction_loss(x, output, moments, kl_weight=config.kl_weight, error=config.error)
        if self.perceptual is None:
            return loss
        return loss + config.perceptual_weight * self.perceptual(x, output.mean(dim=1))

    def of_step(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The same and both sides' adversarial losses, for images (B, H, W) and noise (B, C, h, w)."""
        output, moments, scores = model(*batch)
        loss = self(batch[0], output, moments)
        if scores is None:
            return loss
        # No weight on the discriminator's own loss: a small one would make its gradients as small as AdamW's epsilon.
        return loss + self.config.adversarial_weight * generator_loss(scores) + discriminator_loss(scores)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Images:
    """What the autoencoder is trained on, at each position of an endless order."""

    slices: SliceIndex
    config: TrainVae
    order: Shuffle
    latent: tuple[int, int, int]
    """(C, h, w)."""

    def batch(self, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, H, W) float32 in [-1, 1], and the noise (B, C, h, w) of their posteriors."""
        seed = self.config.seed
        noise = [torch.randn(self.latent, generator=noise_source(seed, Purpose.NOISE, one)) for one in positions]
        return torch.stack([self._image(one) for one in positions]), torch.stack(noise)

    def _image(self, position: int) -> Tensor:
        config, data = self.config, self.slices.dataset
        numbers = random_numbers(config.seed, Purpose.IMAGE, position)
        pair_id, depth = self.slices.locate(self.order.at(position))
        if numbers.random() < config.radiograph_share:
            variant = int(numbers.integers(config.radiograph_variants))
            view = training_view(data, config.radiograph_grid)
            whole = radiograph_image(data, pair_id, view, variant=variant, seed=config.seed)
            return random_crop(whole, config.crop, numbers)
        return random_crop(slice_image(data, pair_id, depth), config.crop, numbers)


class _Validation:
    """The loss and PSNR of whole held-out images, on fixed noise."""

    def __init__(self, slices: SliceIndex, config: TrainVae, loss: _Loss, device: torch.device) -> None:
        """Choose the images."""
        chosen = [slices.locate(item) for item in slices.evenly(_VALIDATED)]
        self.slices = torch.stack([slice_image(slices.dataset, *where) for where in chosen])
        view = training_view(slices.dataset, config.radiograph_grid)
        self.radiographs = torch.stack([radiograph_image(slices.dataset, pair_id, view) for pair_id, _ in chosen])
        self.config = config
        self.loss = loss
        self.device = device

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Losses on slices, and PSNR in dB, data range 2, on slices and on radiographs.

        validation_loss leaves the adversarial term out: beside another discriminator it says something else.
        """
        of_slices = self._reconstruct(network, self.slices)
        return of_slices | {"radiograph_psnr_db": self._reconstruct(network, self.radiographs)["psnr_db"]}

    @torch.no_grad()
    def picture(self, network: nn.Module, file: Path) -> None:
        """Slices, what comes back of them, radiographs, what comes back of these: one row each."""
        rows = []
        for images in (self.slices, self.radiographs):
            back = [decode(network.vae, encode(network.vae, image[None].to(self.device))[0]).cpu() for image in images]
            rows += [images, torch.cat(back)]
        write_picture(file, rows)

    def _reconstruct(self, network: nn.Module, images: Tensor) -> dict[str, float]:
        """The mean of each measure over images, one at a time."""
        said = []
        for number, image in enumerate(images.to(self.device).split(1)):
            source = noise_source(self.config.seed, Purpose.VALIDATION, number)
            noise = torch.randn(latent_shape(network.vae, image.shape[-1]), generator=source)[None].to(self.device)
            output, moments, scores = network(image, noise)
            judged = {} if scores is None else {"discriminator_loss": float(discriminator_loss(scores))}
            loss = float(self.loss(image, output, moments))
            said.append({"validation_loss": loss, "psnr_db": peak_signal_to_noise(image, output)} | judged)
        return {name: sum(one[name] for one in said) / len(said) for name in said[0]}


@torch.no_grad()
def _latent_statistics(vae: nn.Module, slices: SliceIndex, device: torch.device) -> tuple[float, float]:
    """Mean and standard deviation of the latents of some slices."""
    images = [slice_image(slices.dataset, *slices.locate(item)) for item in slices.evenly(_MEASURED)]
    means = torch.cat([encode(vae, image[None].to(device))[0] for image in images])
    return float(means.mean()), float(means.std())
