"""What folders say about themselves: dataset.json of a dataset, xrmri.json of an autoencoder and of a model.

Each document is one frozen dataclass here, with one reader and one writer. What earlier versions did not write is
filled in by xrmri/facts/origins.py and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from xrmri.errors import InconsistentError, InputError
from xrmri.facts.origins import up_to_date_dataset, up_to_date_model, with_origin
from xrmri.facts.parts import AnchorFacts, Count, DenoiserFacts, SamplerFacts, ScheduleFacts, TissueFacts
from xrmri.runs.seals import require_seal, require_sha256, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.typed import Between, UnfitError, content_of, fitted, record_of

R = TypeVar("R")
DATASET, MODEL = "dataset.json", "xrmri.json"
TEMPLATE = "template.nii.gz"
"""The mean knee that volumes in the knee's frame are laid onto; it travels from dataset to model."""
FAMILIAR = "familiar.safetensors"
"""What the radiographs that a model was taught on have in common."""
BESIDE = (TEMPLATE, FAMILIAR)
"""Files of a model that are no network."""
SCHEMA, FORMAT = 1, 1
"""Of dataset.json and of xrmri.json."""
DEPTHS = {
    "coronal": "0 is the most posterior slice, 1 the most anterior",
    "sagittal": "0 is the slice furthest to the right, 1 to the left, a left knee mirrored to look right",
    "axial": "0 is the most superior slice, 1 the most inferior",
}
"""What depths mean in each plane."""

Plane = Literal["coronal", "sagittal", "axial"]
Frame = Literal["scanner", "knee"]
Pixels = Annotated[int, Between(8, 4096)]
Positive = Annotated[float, Between(1e-9)]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFacts:
    """dataset.json: what a reader needs to know before opening a shard."""

    schema: int = SCHEMA
    slices: Annotated[int, Between(1, 4096)]
    """S, of each volume."""
    size: Pixels
    """Rows and columns of slices and radiographs."""
    extent_mm: tuple[Positive, Positive, Positive]
    """Of a volume: from its first slice to its last, then height and width from edge to edge; the median of all."""
    plane: Plane
    """In which its slices lie."""
    sequence: str
    """What kind of series the volumes are."""
    frame: Frame = "scanner"
    """Whether the volumes lie as acquired, or are laid onto the template that stands in the same folder."""
    feature_set: str
    features: tuple[str, ...]
    """Names of the readings in r, in order."""
    features_sha256: str
    grades: tuple[str, ...]
    """Names of the readings in /grades, in order."""
    origin: str
    """Where the knees come from, in words."""
    is_synthetic: bool
    """Whether they are drawn by `xrmri phantom`."""
    shards: Mapping[str, str]
    """File name of each shard -> its sha256."""
    index_sha256: str | None = None
    """Of index.csv; None in datasets of earlier versions."""
    template_sha256: str | None = None
    """Of the template; None in the scanner's frame, and in datasets of earlier versions."""
    slice_window: tuple[Count, Count] | None = None
    """First slice kept of a series, and the first no longer kept."""
    split_seed: int | None = None
    shares: Annotated[tuple[float, ...], Between(0, 1)] = ()
    pairs_per_split: Mapping[str, Count] | None = None
    not_read: Mapping[str, Count] | None = None
    """Reading -> pairs of which nobody read it."""
    counts: Mapping[str, Any] | None = None
    """Of series found, paired and left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderFacts:
    """xrmri.json of train-vae: what its latents are like, and where it comes from."""

    format: int = FORMAT
    image_size: Pixels
    """Rows and columns of the images it was trained on."""
    latent_channels: Annotated[int, Between(1, 4096)]
    latent_mean: float
    latent_std: Positive
    """Of the latents of some slices."""
    trained_on: str
    sequence: str | None = None
    """Of the volumes; None in folders of earlier versions, like `plane`."""
    plane: Plane | None = None
    is_synthetic: bool
    dataset_sha256: str
    psnr_db: float
    """Of reconstructed slices of the validation split, range from black to white."""
    radiograph_psnr_db: float
    """Likewise of radiographs."""
    validation_loss: float
    discriminator_loss: float | None = None
    config: Mapping[str, Any]
    """Settings of train-vae."""
    files: Mapping[str, str] | None = None
    """Each file of weights and sizes -> its sha256; None in folders of earlier versions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """xrmri.json of train-ldm: all that inference needs, and where the model comes from."""

    format: int = FORMAT
    denoiser: DenoiserFacts
    """Its fields stand beside the others in the file."""
    image_size: Pixels
    """Rows and columns of its slices and radiographs."""
    slices: Annotated[int, Between(1, 4096)]
    """Of the volumes it was trained on."""
    extent_mm: tuple[Positive, Positive, Positive]
    """Of a volume, as its dataset says."""
    plane: Plane
    sequence: str
    frame: Frame = "scanner"
    """Of the volumes it was trained on; the template of the knee's frame stands in the same folder."""
    depth: str
    """What depths mean, in words."""
    window: tuple[float, float]
    """Intensities that -1 and 1 stand for."""
    latent_channels: Annotated[int, Between(1, 4096)]
    latent_scale: Positive
    schedule: ScheduleFacts
    radiograph_token: Literal["clip", "none"]
    radiograph_grid: Literal["crop", "slice"]
    """Whether the joint crop fills the input, or lies on the millimetres of a slice."""
    feature_set: str
    features: tuple[str, ...]
    features_sha256: str
    covariates: tuple[str, ...] = ()
    """What of the participant follows the readings in r: age, sex and BMI; nothing in models of earlier versions."""
    sampler: SamplerFacts | None = None
    noise_length_mm: Positive | None = None
    """Length of the noise along depth with which volumes go on like real ones, as fitted after training."""
    trained_on: str
    """Where the knees come from, in words."""
    is_synthetic: bool
    pairs: Count
    """Of the training split."""
    anchor: AnchorFacts | None = None
    """Of the network that makes the expected volume; None where the denoiser is shown the radiograph itself."""
    tissues: TissueFacts | None = None
    dataset_sha256: str
    vae_sha256: str
    validation_loss: float
    config: Mapping[str, Any]
    """Settings of train-ldm."""
    files: Mapping[str, str] | None = None
    """Each file of weights and sizes, template and familiar radiographs -> its sha256; None in those of earlier
    versions."""

    def __post_init__(self) -> None:
        """Refuse an empty window, and settings that are told further but are none."""
        fitted(self.config.get("max_steps", 0), Count, "config.max_steps")
        fitted(self.config.get("channels", ()), tuple[Count, ...], "config.channels")
        if not self.window[0] < self.window[1]:
            raise ValueError(f"window must rise, not be {self.window[0]:g} to {self.window[1]:g}")

    @property
    def is_fitted(self) -> bool:
        """Whether sampler and noise along depth were fitted after training."""
        return self.sampler is not None and self.noise_length_mm is not None


def read_dataset_facts(folder: Path) -> DatasetFacts:
    """dataset.json.

    Raises:
        InputError: there is none.
        InconsistentError: it is damaged or of another schema, or the template beside it is another than it was.
    """
    file, advice = folder / DATASET, "build the dataset again with --force"
    if not file.is_file():
        raise InputError(f"{folder} has no {DATASET}: give a folder that `xrmri build-dataset` has finished")
    content = read_json(file, advice=advice, damaged=InconsistentError)
    if content.get("schema") != SCHEMA:
        raise InconsistentError(f"{folder} has schema {content.get('schema')}, this version reads {SCHEMA}: {advice}")
    facts = _checked(DatasetFacts, up_to_date_dataset(content), content, file, advice=advice)
    if facts.template_sha256:
        require_sha256(folder / TEMPLATE, facts.template_sha256, advice)
    return facts


def write_dataset_facts(folder: Path, facts: DatasetFacts) -> None:
    """Write dataset.json."""
    write_json(folder / DATASET, sealed(content_of(facts)))


def read_autoencoder_facts(folder: Path) -> AutoencoderFacts:
    """xrmri.json of a folder that train-vae wrote.

    Raises:
        InputError: there is none.
        InconsistentError: it is damaged, edited, of another format, or of a model.
    """
    content = _read_model(folder)
    return _checked(
        AutoencoderFacts, with_origin(content), content, folder / MODEL, advice="train the autoencoder again"
    )


def write_autoencoder_facts(folder: Path, facts: AutoencoderFacts) -> None:
    """Write xrmri.json."""
    write_json(folder / MODEL, sealed(content_of(facts)))


def read_model_facts(folder: Path) -> ModelFacts:
    """xrmri.json of a folder that train-ldm wrote.

    Raises:
        InputError: there is none, or an autoencoder's.
        InconsistentError: it is damaged, edited or of another format, or a file beside it that is no network is.
    """
    content = _read_model(folder)
    if "guidance" not in content:
        raise InputError(f"{folder} holds an autoencoder alone: give a folder that `xrmri train-ldm` wrote")
    current, advice = up_to_date_model(content), "train or copy the model again"
    facts = _checked(ModelFacts, current | {"denoiser": current}, content, folder / MODEL, advice=advice)
    for name in BESIDE:
        if facts.files and name in facts.files:  # those of earlier versions name networks alone
            require_sha256(folder / name, facts.files[name], advice)
    return facts


def write_model_facts(folder: Path, facts: ModelFacts) -> None:
    """Write xrmri.json."""
    content = content_of(facts)
    write_json(folder / MODEL, sealed(content.pop("denoiser") | content))


def _read_model(folder: Path) -> dict[str, Any]:
    file = folder / MODEL
    if not file.is_file():
        raise InputError(f"{folder} has no {MODEL}: give a folder with a trained model")
    content = read_json(file, advice="train or copy the model again", damaged=InconsistentError)
    if content.get("format") != FORMAT:
        raise InconsistentError(f"{file} has format {content.get('format')}, this version reads {FORMAT}: train again")
    return content


def _checked(kind: type[R], current: Mapping[str, Any], written: Mapping[str, Any], file: Path, *, advice: str) -> R:
    """The record that a document makes once it is up to date, where it is as it was written."""
    try:
        facts = record_of(kind, current)
    except UnfitError as error:
        raise InconsistentError(f"{file}: {error}: {advice}") from error
    require_seal(written, file, advice)
    return facts
