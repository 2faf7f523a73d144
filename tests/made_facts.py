"""Facts of a small model and a small dataset, as tests want them."""

from dataclasses import replace

from xrmri.data.features import feature_set
from xrmri.data.store import grade_names
from xrmri.facts.folders import DatasetFacts, ModelFacts, write_dataset_facts
from xrmri.facts.origins import PHANTOM
from xrmri.facts.parts import DenoiserFacts, ScheduleFacts
from xrmri.storage.files import sha256

FEATURES = feature_set("full")
DENOISER = DenoiserFacts(
    method="xray2mri", guidance="context", halves="paper", without=(), hidden_slots=(), feature_slots=FEATURES.slots
)
MODEL_FACTS = ModelFacts(
    denoiser=DENOISER,
    image_size=32,
    slices=50,
    extent_mm=(73.5, 160.0, 160.0),
    plane="coronal",
    sequence="FLASH",
    depth="0 is the most posterior slice, 1 the most anterior",
    window=(10.0, 500.0),
    latent_channels=4,
    latent_scale=0.5,
    schedule=ScheduleFacts(timesteps=100, beta_start=0.00085, beta_end=0.012, prediction="v"),
    radiograph_token="none",
    radiograph_grid="crop",
    feature_set="full",
    features=FEATURES.names,
    features_sha256=FEATURES.sha256,
    trained_on=PHANTOM,
    is_synthetic=True,
    pairs=3,
    dataset_sha256="0" * 64,
    vae_sha256="0" * 64,
    validation_loss=1.0,
    config={},
)
DATASET_FACTS = DatasetFacts(
    slices=6,
    size=32,
    extent_mm=(73.5, 160.0, 160.0),
    plane="coronal",
    sequence="FLASH",
    feature_set="full",
    features=FEATURES.names,
    features_sha256=FEATURES.sha256,
    grades=grade_names(),
    origin=PHANTOM,
    is_synthetic=True,
    shards={},
)


def record_dataset(folder, **changed):
    """Write dataset.json of the shards and the index in a folder, as they are."""
    shards = {file.name: sha256(file) for file in folder.glob("pairs-*.h5")}
    write_dataset_facts(
        folder, replace(DATASET_FACTS, shards=shards, index_sha256=sha256(folder / "index.csv"), **changed)
    )


def with_timesteps(timesteps, **changed):
    """The model's facts with another forward process."""
    return replace(MODEL_FACTS, schedule=replace(MODEL_FACTS.schedule, timesteps=timesteps), **changed)
