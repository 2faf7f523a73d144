"""dataset/ + vae/ -> ldm/: the denoiser that draws a slice for a radiograph, a depth and features (Algorithm 1)."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from xrmri.config import Execution, TrainLdm
from xrmri.data.covariates import COVARIATES
from xrmri.data.familiar import learn_familiar, write_familiar
from xrmri.data.features import feature_set, without_slots
from xrmri.data.slices import Shuffle, index_slices, training_view
from xrmri.data.store import Dataset, open_dataset
from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.facts.folders import DEPTHS, TEMPLATE, ModelFacts, read_autoencoder_facts
from xrmri.learning.anchor_inputs import AnchorInputs
from xrmri.learning.anchors import Anchors, learn_anchors
from xrmri.learning.batches import Batch, Samples, denoising_loss, features_of, read_samples
from xrmri.learning.imported import Imported, read_imported, say_what_became_of_it
from xrmri.learning.latents import Caches, frozen_encoders
from xrmri.learning.networks import (
    build_networks,
    facts_of,
    inputs_of,
    lacking_tower,
    parameters,
    process_of,
    require_match,
    resolved,
)
from xrmri.learning.pictures import drawn_knees
from xrmri.learning.sampler_fit import LARGEST_ON_CPU, add_fits
from xrmri.models.autoencoder import encoder_digest, latent_shape
from xrmri.models.bundle import Model, save_bundle
from xrmri.models.card import model_card
from xrmri.models.saved_networks import load_autoencoder
from xrmri.models.small_maps import multiply_on_small_maps
from xrmri.models.weights import WEIGHTS, count_parameters
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import fingerprint
from xrmri.runs.outcome import TrainOutcome
from xrmri.runs.record import require_finished
from xrmri.storage.files import copy_file, digest, sha256
from xrmri.training.accelerator import prepare_device
from xrmri.training.checkpoint import checkpoint_bytes
from xrmri.training.loop import Task, Trainer
from xrmri.training.opening import open_run

log = logging.getLogger(__name__)


def run(
    dataset: Path,
    vae: Path,
    out: Path,
    config: TrainLdm,
    *,
    execution: Execution,
    init: Path | None = None,
    anchor_dataset: Path | None = None,
    films: Path | None = None,
    film_table: Path | None = None,
    latents: Path | None = None,
) -> TrainOutcome:
    """Train the denoiser on the latents of the train split.

    Args:
        dataset: folder from build-dataset.
        vae: folder from train-vae.
        out: folder of the model.
        config: sizes, forward process, guidance and recipe.
        execution: device, dry run.
        init: folder from train-ldm, or a Zero-1-to-3 checkpoint, to start from.
        anchor_dataset: folder from build-dataset whose pairs the anchor learns from, if not those of `dataset`.
        films: folder from detect-knee whose joints teach the anchor's reader beforehand.
        film_table: what is known of each of them.
        latents: folder where latents of slices are kept for several trainings; not given: in `out`.

    Returns:
        status, output, counts; the last validation loss.

    Raises:
        StoppedEarly: stopped and saved.
        InputError, InconsistentError: what does not belong together, told before anything is written.
    """
    data, imported = open_dataset(dataset), read_imported(init)
    taught = AnchorInputs.read(data, config, init=init, cohort=anchor_dataset, films=films, film_table=film_table)
    config = resolved(config, imported, vae)
    data.check()
    require_finished(vae, "train-vae")
    require_match(data, vae, config)
    reads = [dataset, vae, init, anchor_dataset, films, film_table]
    identify = partial(_inputs, dataset, vae, config, init=init, imported=imported, taught=taught)
    if execution.dry_run:
        sizes, lack = parameters(config, data, vae, init=init, imported=imported), lacking_tower(config, imported)
        return {
            "status": _refused(lack) or foresee(out, config, identify(), force=execution.force, reads=reads),
            "output": str(out),
            "parameters": sizes,
        }
    accelerator = prepare_device(execution.device, config)
    networks = build_networks(config, data, vae, init=init, imported=imported)
    denoiser, autoencoder = networks.denoiser, load_autoencoder(vae)
    multiply_on_small_maps(denoiser.unet)
    inputs = identify()
    needed_bytes = checkpoint_bytes(count_parameters(denoiser))
    opened = open_run(accelerator, out, config, inputs, execution=execution, reads=reads, needed_bytes=needed_bytes)
    if opened is None:
        return {"status": "already done", "output": str(out)}
    with opened as record:
        if imported and record:
            say_what_became_of_it(networks.rows, imported, out)
        trainer = Trainer(accelerator=accelerator, execution=execution)
        began, anchors = time.monotonic(), None
        if config.anchor:
            anchors = learn_anchors(data, taught, out, config=config, trainer=trainer)
        encoders = frozen_encoders(autoencoder, networks.tower, config.context_width, accelerator.device)
        shape = latent_shape(autoencoder, data.facts.size)
        if anchors:
            encoders = replace(encoders, show=partial(anchors.show, features=_told(data, config), shape=shape))
        shown_by = inputs | {"vae": encoder_digest(autoencoder)}
        caches = _caches(out / "cache", latents, shown_by, config=config, anchors=anchors)
        with accelerator.main_process_first():
            training, validation = read_samples(data, caches, encoders, config=config, execution=execution)
        schedule = make_schedule(**asdict(process_of(config)))
        held_out = validation.held_out(config.batch_size)
        validate = _validation(held_out, schedule, accelerator.device)
        task = Task(
            name=config.command(),
            load=partial(training.training_batch, Shuffle(count=len(training.items), seed=config.seed)),
            loss=partial(
                denoising_loss,
                schedule=schedule,
                min_snr=config.min_snr,
                edges=anchors.edges(config.edge_weight, shape) if anchors else None,
            ),
            validate=validate,
            rate=lambda parameter: config.projection_rate if parameter.startswith("guidance.") else 1.0,
            picture=drawn_knees(
                held_out["validation_loss"],
                autoencoder,
                schedule,
                scale=training.scale,
                is_anchored=config.anchor,
                device=accelerator.device,
            ),
        )
        left = _with_time_left(config, time.monotonic() - began)
        said = trainer.fit(denoiser, task, left, out) or validate(denoiser)
        facts = _facts(config, training, vae, inputs, validation_loss=said["validation_loss"])
        facts = replace(facts, anchor=anchors.facts if anchors else None)
        counts = {
            "slices": len(training.items),
            "pairs": len(training.slices.pairs),
            "parameters": count_parameters(denoiser),
        }
        if record:
            tower = networks.tower.cpu() if networks.tower else None
            bundle = Model(
                vae=autoencoder.cpu(),
                denoiser=denoiser.cpu(),
                radiograph_encoder=tower,
                facts=facts,
                anchor=anchors.final.network.cpu() if anchors else None,
            )
            _save(out, bundle, data)
            _fit_sampler(out, data, config, accelerator.device, parameters=counts["parameters"])
            record.note(counts=counts)
    loss = round(facts.validation_loss, 4)
    return {"status": "finished", "output": str(out), "counts": counts, "validation_loss": loss}


def _refused(why: str) -> Literal["dry run", ""]:
    """Tell why the training itself would be refused; how large its networks are may be asked before all is there."""
    if why:
        log.warning("the training itself is refused: %s", why)
    return "dry run" if why else ""


def _inputs(
    dataset: Path, vae: Path, config: TrainLdm, *, init: Path | None, imported: Imported | None, taught: AnchorInputs
) -> dict[str, str]:
    """Input -> its fingerprint."""
    own = {"dataset": fingerprint(dataset), "vae": sha256(vae / WEIGHTS)}
    return own | inputs_of(config, init, imported) | taught.recorded()


def _save(out: Path, model: Model, data: Dataset) -> None:
    """Write the model, with what its radiographs have in common and the template of the frame that its knees lie in."""
    write_familiar(out, learn_familiar(data))
    if model.facts.frame == "knee":
        copy_file(data.folder / TEMPLATE, out / TEMPLATE)
    save_bundle(out, model, card=model_card(model.facts))


def _fit_sampler(out: Path, data: Dataset, config: TrainLdm, device: torch.device, *, parameters: int) -> None:
    """Fit what a trained model draws with, where that is wanted and does not take longer than the training."""
    if not config.fits or config.max_steps == 0:
        return
    if device.type == "cpu" and parameters > LARGEST_ON_CPU:
        command = f"python -m xrmri.learning.sampler_fit {out} DATASET"
        log.warning("sampler and noise along depth are not fitted (hours on a CPU): run %s on a GPU", command)
        return
    add_fits(out, data, device)


def _told(data: Dataset, config: TrainLdm) -> dict[str, Tensor]:
    """The readings of each pair as an anchor is told them."""
    view = training_view(data, config.radiograph_grid, covariates=config.covariates)
    hidden = facts_of(config, data).hidden_slots
    told: dict[str, Tensor] = {}
    for split in ("train", "val"):
        features = without_slots(features_of(index_slices(data, split), view), hidden)
        told |= dict(zip(data.pairs(split), torch.from_numpy(features), strict=True))
    return told


def _with_time_left(config: TrainLdm, spent_s: float) -> TrainLdm:
    """The settings for what comes after the anchor: one limit for both."""
    limit = config.time_limit_minutes
    return replace(config, time_limit_minutes=max(limit - spent_s / 60, 1e-9)) if limit else config


def _caches(
    own: Path, shared: Path | None, inputs: Mapping[str, str], *, config: TrainLdm, anchors: Anchors | None
) -> Caches:
    """The caches of a training, named by all that their numbers depend on; those of slices may be shared.

    Of the autoencoder that is the encoder: `inputs` has its digest.
    """
    relevant = {name: value for name, value in inputs.items() if name != "init"}
    radiographs: list[Any] = [config.radiograph_grid, config.radiograph_variants]
    radiographs += [anchors.digest] if anchors else []
    shown = digest([relevant, *radiographs, config.context_width, config.seed])
    slices = digest([inputs["dataset"], inputs["vae"]])
    return Caches(slices=(shared or own) / f"slices-{slices[:12]}", shown=own / f"shown-{shown[:12]}")


def _validation(
    held_out: Mapping[str, Sequence[Batch]], schedule: Schedule, device: torch.device
) -> Callable[[nn.Module], dict[str, float]]:
    """A function that measures the loss of a network on fixed batches, by the name of each set of them."""

    def loss(network: nn.Module, batches: Sequence[Batch]) -> float:
        there = (Batch(*(part.to(device) for part in batch)) for batch in batches)
        losses = [float(denoising_loss(network, batch, schedule=schedule)) * len(batch.t) for batch in there]
        return sum(losses) / sum(len(batch.t) for batch in batches)

    @torch.no_grad()
    def measure(network: nn.Module) -> dict[str, float]:
        network.to(device)
        return {name: loss(network, batches) for name, batches in held_out.items()}

    return measure


def _facts(
    config: TrainLdm, training: Samples, vae: Path, inputs: Mapping[str, str], *, validation_loss: float
) -> ModelFacts:
    """All that inference needs to know, and where the model comes from."""
    data = training.slices.dataset
    features = feature_set(data.facts.feature_set)
    low, high = np.array([data.window(pair_id) for pair_id in training.slices.pairs]).mean(axis=0).tolist()
    return ModelFacts(
        denoiser=facts_of(config, data),
        image_size=data.facts.size,
        slices=data.facts.slices,
        extent_mm=data.facts.extent_mm,
        plane=data.facts.plane,
        sequence=data.facts.sequence,
        depth=DEPTHS[data.facts.plane],
        frame=data.facts.frame,
        window=(low, high),
        latent_channels=read_autoencoder_facts(vae).latent_channels,
        latent_scale=training.scale,
        schedule=process_of(config),
        radiograph_token=config.radiograph_token,
        radiograph_grid=config.radiograph_grid,
        feature_set=features.name,
        features=features.names,
        features_sha256=features.sha256,
        covariates=COVARIATES if config.covariates else (),
        trained_on=data.facts.origin,
        is_synthetic=data.facts.is_synthetic,
        pairs=len(training.slices.pairs),
        dataset_sha256=inputs["dataset"],
        vae_sha256=inputs["vae"],
        validation_loss=validation_loss,
        config=config.to_dict(),
    )
