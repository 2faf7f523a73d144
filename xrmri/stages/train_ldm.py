"""dataset/ + vae/ -> ldm/: the denoiser that draws a slice for a radiograph, a depth and features (Algorithm 1)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xrmri.config import Execution, TrainLdm
from xrmri.data.features import feature_set
from xrmri.data.slices import Order
from xrmri.data.store import Dataset, open_dataset
from xrmri.diffusion.loss import diffusion_loss
from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.errors import InconsistentError, InputError
from xrmri.models.bundle import GUIDANCE, Bundle, read_facts, save_bundle
from xrmri.models.card import model_card
from xrmri.models.radiograph_encoder import RadiographEncoder, TowerSizes, load_radiograph_encoder
from xrmri.models.unet import Denoiser, build_unet
from xrmri.models.weights import WEIGHTS, count_parameters, load_autoencoder, load_weights
from xrmri.run import begin, digest, fingerprint, require_finished, sha256
from xrmri.stages.latents import frozen_encoders
from xrmri.stages.ldm_batches import Batch, Samples, read_samples
from xrmri.training.loop import Task, fit
from xrmri.training.precision import prepare_device

log = logging.getLogger(__name__)

_RANDOM = "random"


def run(
    dataset: Path, vae: Path, out: Path, config: TrainLdm, execution: Execution, init: Path | None = None
) -> dict[str, Any]:
    """Train the denoiser on the latents of the train split.

    Args:
        dataset: folder from build-dataset.
        vae: folder from train-vae.
        out: folder of the model.
        config: sizes, forward process, guidance and recipe.
        execution: device, dry run.
        init: folder from train-ldm to start from.

    Returns:
        status, output, counts; the last validation loss.

    Raises:
        StoppedEarly: stopped and saved.
    """
    if config.method != "xray2mri":
        raise InputError(f"--method {config.method} is not in this version: leave the option out")
    data = open_dataset(dataset)
    if execution.dry_run:
        return {"status": "dry run", "output": str(out), "parameters": _parameters(config, data, vae)}
    require_finished(vae, "train-vae")
    _require_match(data, vae)
    inputs = _inputs(dataset, vae, init, config)
    opened = begin(out, config, inputs, force=execution.force)
    if opened is None:
        return {"status": "already done", "output": str(out)}
    with opened as record:
        accelerator = prepare_device(execution.device, config)
        torch.manual_seed(config.seed)
        denoiser = _denoiser(config, data, vae)
        if init:
            load_weights(init / "unet" / WEIGHTS, denoiser.unet)
            load_weights(init / "unet" / GUIDANCE, denoiser.guidance)
        tower = _radiograph_encoder(config)
        encoders = frozen_encoders(load_autoencoder(vae), tower, config.context_width, accelerator.device)
        cache = out / "cache" / _cache_key(inputs, config)
        with accelerator.main_process_first():
            training, validation = read_samples(data, cache, encoders, config, execution)
        validate = _validation(validation.validation_batches(config.batch_size), _schedule(config), accelerator.device)
        task = Task(
            name=config.command(),
            load=partial(training.training_batch, Order(count=len(training.items), seed=config.seed)),
            loss=partial(_loss, schedule=_schedule(config)),
            validate=validate,
            rate=lambda parameter: config.projection_rate if parameter.startswith("guidance.") else 1.0,
        )
        fit(denoiser, task, config, out, accelerator, execution)
        facts = _facts(config, training, vae, inputs) | validate(denoiser)
        if accelerator.is_main_process:
            bundle = Bundle(vae=load_autoencoder(vae), denoiser=denoiser.cpu(), radiograph_encoder=tower, facts=facts)
            save_bundle(out, bundle, card=model_card(facts))
        parameters = count_parameters(denoiser)
        counts = {"slices": len(training.items), "pairs": len(training.slices.pairs), "parameters": parameters}
        record.record["counts"] = counts
    loss = round(facts["validation_loss"], 4)
    return {"status": "finished", "output": str(out), "counts": counts, "validation_loss": loss}


def _parameters(config: TrainLdm, data: Dataset, vae: Path) -> dict[str, int]:
    """The size of each network, counted without building it."""
    with torch.device("meta"):
        denoiser = _denoiser(config, data, vae)
        tower = RadiographEncoder(TowerSizes()) if config.radiograph_token == "clip" else None
    counts = {"unet": count_parameters(denoiser.unet), "guidance": count_parameters(denoiser.guidance)}
    return counts | ({"radiograph_encoder": count_parameters(tower)} if tower else {})


def _require_match(data: Dataset, vae: Path) -> None:
    """InconsistentError where the autoencoder was trained on images of another size."""
    size, own = data.description["size"], read_facts(vae)["image_size"]
    if size != own:
        raise InconsistentError(
            f"{data.folder} has images of {size} pixels, {vae} was trained on {own}: train it again"
        )


def _inputs(dataset: Path, vae: Path, init: Path | None, config: TrainLdm) -> dict[str, str]:
    """What decides, with the settings, whether this is the same run."""
    inputs = {"dataset": fingerprint(dataset), "vae": sha256(vae / WEIGHTS)}
    if init and not (init / "unet" / WEIGHTS).is_file():
        raise InputError(f"--init {init} is not a folder from train-ldm: other weights cannot be imported yet")
    if init:
        inputs["init"] = digest([sha256(init / "unet" / name) for name in (WEIGHTS, GUIDANCE)])
    if config.radiograph_token == "clip" and config.radiograph_encoder != _RANDOM:
        file = Path(config.radiograph_encoder)
        if not file.is_file():
            advice = "name the file of a CLIP tower in radiograph_encoder, or say random"
            raise InputError(f"the context token needs CLIP weights and {str(file)!r} is not a file: {advice}")
        inputs["radiograph_encoder"] = sha256(file)
    return inputs


def _cache_key(inputs: Mapping[str, str], config: TrainLdm) -> str:
    """Names a cache by all that its numbers depend on."""
    relevant = {name: value for name, value in inputs.items() if name != "init"}
    radiographs = [config.radiograph_grid, config.radiograph_variants]
    return digest([relevant, *radiographs, config.context_width, config.seed])[:12]


def _denoiser(config: TrainLdm, data: Dataset, vae: Path) -> Denoiser:
    unet = build_unet(
        channels=config.channels,
        blocks=config.blocks,
        attention=config.attention,
        heads=config.heads,
        context_width=config.context_width,
        latent_channels=int(read_facts(vae)["latent_channels"]),
    )
    slots = feature_set(data.description["feature_set"]).slots
    return Denoiser(unet, features=slots, guidance=config.guidance)


def _radiograph_encoder(config: TrainLdm) -> RadiographEncoder | None:
    """The frozen tower, from its file or, where the settings say so, at random; None where the token is empty."""
    if config.radiograph_token == "none":
        return None
    if config.radiograph_encoder == _RANDOM:
        log.warning("the radiograph encoder has random weights, as the settings say")
        tower = RadiographEncoder(TowerSizes(output=config.context_width))
    else:
        tower = load_radiograph_encoder(Path(config.radiograph_encoder))
    if tower.sizes.output != config.context_width:
        raise InconsistentError(
            f"the CLIP tower gives {tower.sizes.output} numbers, context_width is {config.context_width}"
        )
    return tower.requires_grad_(False).eval()


def _schedule(config: TrainLdm) -> Schedule:
    return make_schedule(
        timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        prediction=config.prediction,
    )


def _loss(model: nn.Module, batch: Batch, *, schedule: Schedule) -> Tensor:
    """Eq. 10 on a batch."""
    z_t = schedule.q_sample(batch.z_0, batch.eps, batch.t)
    said = model(z_t, batch.t, batch.concat, batch.token, batch.depth, batch.features)
    return diffusion_loss(said, schedule.target(batch.z_0, batch.eps, batch.t))


def _validation(
    batches: Sequence[Batch], schedule: Schedule, device: torch.device
) -> Callable[[nn.Module], dict[str, float]]:
    """A function that measures the loss of a network on fixed batches."""

    @torch.no_grad()
    def measure(network: nn.Module) -> dict[str, float]:
        network.to(device)
        losses = [
            float(_loss(network, Batch(*(part.to(device) for part in batch)), schedule=schedule)) * len(batch.t)
            for batch in batches
        ]
        return {"validation_loss": sum(losses) / sum(len(batch.t) for batch in batches)}

    return measure


def _facts(config: TrainLdm, training: Samples, vae: Path, inputs: Mapping[str, str]) -> dict[str, Any]:
    """xrmri.json: all that inference needs to know, and where the model comes from."""
    data = training.slices.dataset
    features = feature_set(data.description["feature_set"])
    windows = np.array([data.window(pair_id) for pair_id in training.slices.pairs])
    return {
        "method": config.method,
        "image_size": int(data.description["size"]),
        "slices": training.slices.depths,
        "depth": "0 is the most posterior slice, 1 the most anterior",
        "window": windows.mean(axis=0).tolist(),
        "latent_channels": int(read_facts(vae)["latent_channels"]),
        "latent_scale": training.scale,
        "schedule": {
            "timesteps": config.timesteps,
            "beta_start": config.beta_start,
            "beta_end": config.beta_end,
            "prediction": config.prediction,
        },
        "guidance": config.guidance,
        "radiograph_token": config.radiograph_token,
        "radiograph_grid": config.radiograph_grid,
        "feature_set": features.name,
        "features": list(features.names),
        "feature_slots": features.slots,
        "features_sha256": features.sha256,
        "trained_on": data.description["origin"],
        "pairs": len(training.slices.pairs),
        "dataset_sha256": inputs["dataset"],
        "vae_sha256": inputs["vae"],
        "config": config.to_dict(),
    }
