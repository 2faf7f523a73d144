"""The networks of the trainings as their settings say, and those of train-ldm as it starts.

Denoiser and CLIP tower come from nothing, an earlier model or a public checkpoint.
"""

import logging
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from xrmri.config import TrainLdm, TrainVae
from xrmri.data.features import feature_set, slots_of
from xrmri.data.slices import index_slices, require_slice_grid, training_view
from xrmri.data.store import Dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import read_autoencoder_facts, read_model_facts
from xrmri.facts.parts import DenoiserFacts, ScheduleFacts
from xrmri.learning.imported import Imported, sized_like
from xrmri.models.anchor import ANCHOR_FOLDER, FOLDED
from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.bundle import build_denoiser
from xrmri.models.methods import BY_NAME
from xrmri.models.parts import AUTOENCODER, GUIDANCE, require_model, require_parts
from xrmri.models.unet import Denoiser, build_unet
from xrmri.models.weights import WEIGHTS, count_parameters, load_weights
from xrmri.models.zero123 import (
    Row,
    copy_weights,
    plan_denoiser,
    require_complete,
    unet_settings,
    unused,
    used_elsewhere,
)
from xrmri.storage.files import digest, sha256

if TYPE_CHECKING:
    from xrmri.models.radiograph_encoder import RadiographEncoder

log = logging.getLogger(__name__)

RANDOM = "random"
NOT_READINGS = ("features", "clip", "concat")
"""What `without` may name beside single readings."""
_SCALE_OFF = 3.0
"""A scaled latent's standard deviation is told where it is not within this factor of 1 (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Networks:
    """What is trained, and the frozen tower beside it."""

    denoiser: Denoiser
    tower: "RadiographEncoder | None"
    """None where the token is empty."""
    rows: list[Row]
    """What became of an imported checkpoint; empty where there is none."""


def autoencoder_of(config: TrainVae) -> nn.Module:
    """The untrained autoencoder of these settings."""
    return build_autoencoder(
        channels=config.channels,
        blocks=config.blocks,
        latent_channels=config.latent_channels,
        middle_attention=config.middle_attention,
        norm_groups=config.norm_groups,
    )


def denoiser_of(config: TrainLdm, facts: DenoiserFacts, latent_channels: int) -> Denoiser:
    """The untrained denoiser of these settings, for latents of so many channels."""
    unet = build_unet(
        channels=config.channels,
        blocks=config.blocks,
        attention=config.attention,
        heads=config.heads,
        context_width=config.context_width,
        latent_channels=latent_channels,
        shown_channels=FOLDED if config.anchor else 0,
        norm_groups=config.norm_groups,
    )
    return build_denoiser(unet, facts)


def process_of(config: TrainLdm) -> ScheduleFacts:
    """The forward process of these settings."""
    return ScheduleFacts(**{item.name: getattr(config, item.name) for item in fields(ScheduleFacts)})


def resolved(config: TrainLdm, imported: Imported | None, vae: Path) -> TrainLdm:
    """The settings as they will be: sizes from the file, no token for a method that knows none.

    Raises:
        InconsistentError: the autoencoder makes other latents than the file's U-Net takes, or the settings have no
            place for the file's projection of the token.
    """
    if not BY_NAME[config.method].token or "clip" in config.without:
        config = replace(config, radiograph_token="none")
    if imported is None:
        return config
    if config.method == "xray2mri" and config.guidance == "time" and not config.init_partial:
        lost = 'guidance = "time" passes the token on as it is, and cc_projection has no place'
        raise InconsistentError(f'--init {imported.file}: {lost}: take guidance = "context", or say --init-partial')
    sizes = unet_settings(imported.state, imported.file)
    latent, own = sizes.pop("latent_channels"), read_autoencoder_facts(vae).latent_channels
    if latent != own:
        raise InconsistentError(f"--init {imported.file} takes latents of {latent} channels, {vae} makes {own}")
    return sized_like(config, sizes, imported.file)


def require_match(data: Dataset, vae: Path, config: TrainLdm) -> None:
    """InconsistentError where dataset, autoencoder and settings do not belong together; another contrast is told."""
    facts = read_autoencoder_facts(vae)
    require_parts(vae, facts.files, AUTOENCODER)
    size, own = data.facts.size, facts.image_size
    if size != own:
        raise InconsistentError(
            f"{data.folder} has images of {size} pixels, {vae} was trained on {own}: train it again"
        )
    if facts.plane not in (None, data.facts.plane):
        planes = f"{data.folder} holds {data.facts.plane} slices, {vae} was trained on {facts.plane} ones"
        raise InconsistentError(f"{planes}: train one on this dataset")
    if facts.sequence not in (None, data.facts.sequence):
        other = "the autoencoder was trained on another contrast: %s knows %s, %s holds %s"
        log.warning(other, vae, facts.sequence, data.folder, data.facts.sequence)
    for split in ("train", "val"):
        index_slices(data, split)
    if data.facts.features_sha256 != feature_set(data.facts.feature_set).sha256:
        raise InconsistentError(f"{data.folder} has another feature list than this version: build the dataset again")
    require_slice_grid(data, config)
    deviation = config.latent_scale * facts.latent_std
    if config.latent_scale and not 1 / _SCALE_OFF < deviation < _SCALE_OFF:
        log.warning(
            "latent_scale %s gives the latents of %s a standard deviation of %.2g where 1 is meant: "
            "latent_scale = 0 measures it",
            config.latent_scale,
            vae,
            deviation,
        )


def facts_of(config: TrainLdm, data: Dataset) -> DenoiserFacts:
    """How the U-Net of these settings is told radiograph, depth and readings."""
    features = feature_set(data.facts.feature_set)
    readings = [name for name in config.without if name not in NOT_READINGS]
    slots = training_view(data, config.radiograph_grid, covariates=config.covariates).slots
    everything = range(slots) if "features" in config.without else ()
    return DenoiserFacts(
        method=config.method,
        guidance=config.guidance,
        halves=config.halves,
        without=config.without,
        hidden_slots=tuple(sorted({*everything, *slots_of(readings, features)})),
        feature_slots=slots,
    )


def parameters(
    config: TrainLdm, data: Dataset, vae: Path, *, init: Path | None, imported: Imported | None
) -> dict[str, int]:
    """The size of each network, counted without building it; raises where what they start from is of others."""
    with torch.device("meta"):
        denoiser = _denoiser(config, data, vae)
        if imported:
            rows = plan_denoiser(denoiser, imported.state, average=config.init_average)
            require_complete(rows, imported.state, imported.file, partial=config.init_partial)
        elif init:
            _require_same_model(init, config, data, vae)
        counts = {"unet": count_parameters(denoiser.unet), "guidance": count_parameters(denoiser.guidance)}
        if config.radiograph_token == "clip":
            from xrmri.models.radiograph_encoder import RadiographEncoder, TowerSizes  # most models have no tower

            counts["radiograph_encoder"] = count_parameters(RadiographEncoder(TowerSizes()))
    return counts


def build_networks(
    config: TrainLdm, data: Dataset, vae: Path, *, init: Path | None, imported: Imported | None
) -> Networks:
    """The networks as training starts; what does not fit is told before anything is written.

    Raises:
        InputError, InconsistentError: weights are missing, damaged, not finite, or of something else.
    """
    torch.manual_seed(config.seed)
    denoiser = _denoiser(config, data, vae)
    tower, keys = _tower(config, imported)
    rows: list[Row] = []
    if imported:
        rows = plan_denoiser(denoiser, imported.state, average=config.init_average)
        require_complete(rows, imported.state, imported.file, partial=config.init_partial)
        copy_weights(denoiser, rows, imported.state, imported.file)
        rows += used_elsewhere(keys, imported.state, "radiograph_encoder")
        rows += unused(rows, imported.state)
    elif init:
        _require_same_model(init, config, data, vae)
        load_weights(init / "unet" / WEIGHTS, denoiser.unet)
        load_weights(init / "unet" / GUIDANCE, denoiser.guidance)
    if config.checkpointing:
        denoiser.unet.enable_gradient_checkpointing()
    return Networks(denoiser=denoiser, tower=tower, rows=rows)


def inputs_of(config: TrainLdm, init: Path | None, imported: Imported | None) -> dict[str, str]:
    """Fingerprints of the weights that a training starts from."""
    inputs = {}
    if imported:
        inputs["init"] = imported.fingerprint()
    elif init:
        files = [init / "unet" / WEIGHTS, init / "unet" / GUIDANCE, init / ANCHOR_FOLDER / WEIGHTS]
        inputs["init"] = digest([sha256(file) for file in files if file.is_file()])
    if config.radiograph_token == "clip" and config.radiograph_encoder != RANDOM:
        inputs["radiograph_encoder"] = sha256(Path(config.radiograph_encoder or imported.file))  # type: ignore[union-attr]
    return inputs


def _denoiser(config: TrainLdm, data: Dataset, vae: Path) -> Denoiser:
    return denoiser_of(config, facts_of(config, data), read_autoencoder_facts(vae).latent_channels)


def lacking_tower(config: TrainLdm, imported: Imported | None) -> str:
    """Why there are no weights for the context token; empty where there are, or it takes none."""
    from xrmri.models.radiograph_encoder import tower_keys

    given = config.radiograph_token == "none" or config.radiograph_encoder
    if given or (imported and tower_keys(imported.state)):
        return ""
    advice = "name the file of a CLIP tower in radiograph_encoder, or say random"
    where = f", and --init {imported.file} holds none" if imported else ""
    return f"the context token needs CLIP weights, radiograph_encoder is empty{where}: {advice}"


def _tower(config: TrainLdm, imported: Imported | None) -> "tuple[RadiographEncoder | None, list[str]]":
    """The frozen tower and the tensors of the imported checkpoint that it took.

    It comes from its own file, at random where the settings say so, or out of --init; never from anywhere else.
    """
    if config.radiograph_token == "none":
        return None, []
    from xrmri.models.radiograph_encoder import (
        RadiographEncoder,
        TowerSizes,
        load_radiograph_encoder,
        tower_from,
        tower_keys,
    )

    keys: list[str] = []
    if config.radiograph_encoder == RANDOM:
        log.warning("the radiograph encoder has random weights, as the settings say")
        tower = RadiographEncoder(TowerSizes(output=config.context_width))
    elif config.radiograph_encoder:
        tower = load_radiograph_encoder(Path(config.radiograph_encoder))
    elif imported and (keys := tower_keys(imported.state)):
        tower = tower_from({name: imported.state[name] for name in keys}, imported.file)
    else:
        raise InputError(lacking_tower(config, imported))
    if tower.sizes.output != config.context_width:
        raise InconsistentError(
            f"the CLIP tower gives {tower.sizes.output} numbers, context_width is {config.context_width}"
        )
    return tower.requires_grad_(False).eval(), keys


def _require_same_model(init: Path, config: TrainLdm, data: Dataset, vae: Path) -> None:
    """Whether an earlier model reads latents and features, and is guided, as this one will be."""
    if not (init / "unet" / WEIGHTS).is_file():
        raise InputError(f"--init {init} is not a folder from train-ldm: give one, or a Zero-1-to-3 checkpoint")
    facts = read_model_facts(init)
    require_model(init, facts)
    pairs: dict[str, tuple[object, object]] = {
        "features_sha256": (facts.features_sha256, data.facts.features_sha256),
        "covariates": (bool(facts.covariates), config.covariates),
        "method": (facts.denoiser.method, config.method),
        "guidance": (facts.denoiser.guidance, config.guidance),
        "prediction": (facts.schedule.prediction, config.prediction),
    }
    if not config.init_partial:
        pairs["vae_sha256"] = facts.vae_sha256, sha256(vae / WEIGHTS)
        if config.latent_scale:
            pairs["latent_scale"] = facts.latent_scale, config.latent_scale
    for name, values in pairs.items():
        if values[0] != values[1]:
            was, now = (text[:16] if isinstance(text, str) else text for text in values)
            told = f"--init {init} was trained with {name} {was}, this training has {now}"
            raise InconsistentError(f"{told}: its latents would mean something else" if "vae" in name else told)
