"""Every setting of every command; the defaults are the paper (Wang et al., arXiv 2410.06997).

Sources: "paper" is said there; "code" was read in the public code it descends from; "choice" is ours.
Precedence: default < preset < config file < option. An unknown name is an error.
"""

import ast
import inspect
import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from xrmri.data_manifests import feature_sets
from xrmri.documents import LARGEST_BYTES, read_json
from xrmri.errors import InputError
from xrmri.limits import read_whole
from xrmri.phantom.version import EARLIER, RELEASE
from xrmri.slice_window import require_window
from xrmri.typed import is_number

SamplerName = Literal["auto", "ddim", "dpm++", "fitted"]
"""auto, the rows of `generation.sampling.SAMPLERS`, and fitted."""
MethodName = Literal["xray2mri", "ldm", "cola-diff", "x-diffusion"]
"""The rows of `models.methods.METHODS`."""


class Config:
    """What all settings share: where a value comes from, and what it means."""

    free: ClassVar[tuple[str, ...]] = ()
    """Settings that change no result, so that a run may go on with others."""

    @classmethod
    def command(cls) -> str:
        """The command these settings belong to: TrainLdm -> train-ldm."""
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).lstrip("-")

    @classmethod
    def load(cls, *, preset: str | None = None, file: Path | None = None, shared: bool = True, **given: Any) -> Self:
        """Settings from a preset, a config file (TOML, or an earlier run.json) and options; None is "not given".

        What stands above all tables of a TOML file is for the command that is run: not `shared` with others' settings.
        """
        from xrmri.presets import values

        saved = _read(file, cls.command(), shared=shared) if file else {}
        preset = preset or saved.pop("preset", None)
        return cls.of({**values(preset, cls.command()), **saved, **{k: v for k, v in given.items() if v is not None}})

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """Settings by their names, as a run wrote them; InputError for an unknown name and a value of another type."""
        known = {item.name: item.type for item in fields(cls)}  # type: ignore[arg-type]
        for name in chosen:
            if name not in known:
                raise InputError(f"{cls.command()} has no setting {name!r}; it has {', '.join(known)}")
        chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        for name, value in chosen.items():
            if not _fits(value, known[name]):
                raise InputError(f"{cls.command()}: {name} must be {_type_name(known[name])}, not {value!r}")
        return cls(**chosen)

    @classmethod
    def default(cls, name: str) -> Any:
        """The value a setting has when nobody gives one."""
        return next(item.default for item in fields(cls) if item.name == name)  # type: ignore[arg-type]

    @classmethod
    def meaning(cls, name: str) -> str:
        """The sentence under a setting in this file: unit, meaning, source."""
        return next(found[name] for kind in cls.__mro__ if name in (found := _meanings().get(kind.__name__, {})))

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """The values that a setting may have, where they are a list; else none."""
        if name == "feature_set":
            return tuple(feature_sets())
        kind = next(item.type for item in fields(cls) if item.name == name)  # type: ignore[arg-type]
        return tuple(get_args(kind)) if get_origin(kind) is Literal else ()

    def to_dict(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return dict(json.loads(json.dumps(asdict(self))))  # type: ignore[call-overload]


@cache
def _meanings() -> dict[str, dict[str, str]]:
    """The docstring under each field of each class of this file."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(inspect.getmodule(Config))).body:  # type: ignore[arg-type]
        if isinstance(node, ast.ClassDef):
            found[node.name] = {
                here.target.id: " ".join(below.value.value.split())  # type: ignore[attr-defined, union-attr]
                for here, below in zip(node.body, node.body[1:], strict=False)
                if isinstance(here, ast.AnnAssign) and isinstance(below, ast.Expr)
            }
    return found


def _read(file: Path, command: str, *, shared: bool) -> dict[str, Any]:
    """The settings of one command in a TOML file or an earlier run.json."""
    if file.suffix == ".json":
        content = read_json(file, called=f"--config {file}", advice="give a TOML file, or the run.json of a run")
        if content.get("command") != command:
            raise InputError(f"--config {file} is a run of {content.get('command')!r}, not of {command}")
        own, above = content.get("config"), {}
    else:
        try:
            content = tomllib.loads(read_whole(file, LARGEST_BYTES).decode("utf-8"))
        except (InputError, ValueError, RecursionError) as error:
            raise InputError(f"--config {file} cannot be read: {error}") from error
        tables = [name for name, value in content.items() if isinstance(value, dict) and name not in COMMANDS]
        if tables:
            raise InputError(f"--config {file}: [{tables[0]}] is no command; there are {', '.join(COMMANDS)}")
        own = content.get(command, {})
        above = {key: value for key, value in content.items() if key != command and not isinstance(value, dict)}
    if not isinstance(own, dict):
        raise InputError(f"--config {file}: the settings of {command} are no table of names and values")
    return {**above, **own} if shared else own


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value has the type its field declares (int passes for float)."""
    if kind in (int, float):
        return is_number(value, kind)
    origin = getattr(kind, "__origin__", None)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, kind.__args__[0]) for item in value)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in kind.__args__)
    if origin is Literal:
        return isinstance(value, str)  # which of them, `choices` says
    if origin is not None:
        return isinstance(value, origin)
    return isinstance(value, kind)


def _type_name(kind: Any) -> str:
    """A type as a person reads it."""
    return getattr(kind, "__name__", str(kind)) if not hasattr(kind, "__args__") else str(kind)


def _require_sizes(channels: tuple[int, ...], blocks: int, norm_groups: int) -> None:
    """Refuse sizes that make no network, or none that a computer holds."""
    _require(0 < len(channels) <= 8, f"channels must be 1 to 8 numbers, not {len(channels)}")
    _require(all(4 <= width <= 4096 for width in channels), f"channels must be 4 to 4096, not {list(channels)}")
    _require(1 <= blocks <= 8, f"blocks must be 1 to 8, not {blocks}")
    divides = norm_groups == 0 or (norm_groups > 0 and all(width % norm_groups == 0 for width in channels))
    _require(divides, f"norm_groups must divide all of channels, or be 0, not {norm_groups}")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(message)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    _require(value in allowed, f"{option} must be one of {', '.join(allowed)}, not {value!r}")


def _require_pattern(option: str, text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(f"{option} is not a regular expression ({error}): {text!r}") from error


Progress = Callable[[str, int, int, str], None]
"""Called as progress(step, done, total, note)."""


def silent(step: str, done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """How a command runs. Nothing here changes a result."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    workers: int = 0
    """Processes for work on many files, threads for drawing; 0 takes every core this process may use."""
    dry_run: bool = False
    """Say what would be done and write nothing."""
    force: bool = False
    """Do the work again over an earlier result of the same command."""
    progress: Progress = field(default=silent)

    def __post_init__(self) -> None:
        """Refuse what no machine has."""
        device = self.device.partition(":")
        known = self.device in ("auto", "cpu", "cuda") or (device[0] == "cuda" and device[2].isdigit())
        _require(known, f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
        _require(self.workers >= 0, f"--workers must be at least 0, not {self.workers}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeded(Config):
    """What every command has."""

    seed: int = 0
    """Seed of everything random; the same seed gives the same bytes."""

    def __post_init__(self) -> None:
        """Refuse impossible values, in the user's words."""
        _require(0 <= self.seed < 2**63, f"--seed must be at least 0, not {self.seed}")
        for item in fields(self):
            if choices := self.choices(item.name):
                _one_of(f"--{item.name.replace('_', '-')}", getattr(self, item.name), choices)


@dataclass(frozen=True, kw_only=True, slots=True)
class Phantom(Seeded):
    """Settings of `xrmri phantom`."""

    participants: int = 20
    """Number of participants (choice)."""
    matrix: int = 512
    """Rows and columns of the FLASH series; the scanner's is 512 (OAI protocol)."""
    labels: bool = False
    """Write the ground-truth tissue and sign maps beside the release (choice)."""
    scan: int = 0
    """0, or which rescan: the same people and films, their FLASH taken again with other noise and position (choice)."""
    twin: int = 0
    """0, or which twin: the same films, tables, bones and grades, and all that they do not tell drawn anew (choice)."""
    release: int = RELEASE
    """Which release of the cohort; the same seed and release give the same bytes for ever (choice)."""
    left_flash: float = 0.1
    """Share of people whose left knee has the FLASH; 0.5 for as many left as right knees (choice, as OAI's is low)."""
    figures: bool = False
    """Draw sheets of slices and films, and print how the cohort compares with real knees (choice)."""
    other_sequences: bool = True
    """Write a COR_IW_TSE and a COR_MPR series beside each FLASH, in OAI's proportions (paper, Fig. 4)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        _require(1 <= self.participants <= 99_999, f"--participants must be 1 to 99999, not {self.participants}")
        _require(32 <= self.matrix <= 1024, f"--matrix must be 32 to 1024, not {self.matrix}")
        _require(0 <= self.scan <= 999, f"--scan must be 0 to 999, not {self.scan}")
        _require(0 <= self.twin <= 999, f"--twin must be 0 to 999, not {self.twin}")
        earlier = f"; commit {EARLIER[self.release]} draws release {self.release}" if self.release in EARLIER else ""
        _require(self.release == RELEASE, f"--release must be {RELEASE}, which this version draws{earlier}")
        _require(0 <= self.left_flash <= 1, f"--left-flash must lie between 0 and 1, not {self.left_flash}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectKnee(Seeded):
    """Settings of `xrmri detect-knee`."""

    min_score: float = 0.4
    """Boxes with a lower score are not knees (measured: at 0.25 the bundled detector sees a knee on 7 % of the films
    without one, at 0.4 on 1 %, and finds as many real joints)."""
    box_scale: float = 1.3
    """The crop is the joint box enlarged by this about its centre (choice)."""
    crop_pixels: int = 299
    """Rows and columns of the crop (paper, III-B)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        _require(0 < self.min_score < 1, f"--min-score must lie between 0 and 1, not {self.min_score}")
        _require(1 <= self.box_scale <= 10, f"box_scale must be 1 to 10, not {self.box_scale}")
        _require(16 <= self.crop_pixels <= 4096, f"crop_pixels must be 16 to 4096, not {self.crop_pixels}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildDataset(Seeded):
    """Settings of `xrmri build-dataset`."""

    slices: int = 80
    """Slices a series must have (paper, III-B); any number where there is a slice_window."""
    first_slice: int = 13
    """First slice kept, counted from 0, posterior to anterior (paper, III-B: "13th to 63rd")."""
    last_slice: int = 63
    """First slice no longer kept; 50 remain (paper, III-B)."""
    slice_window: str = ""
    """Slices kept of series of any number: 0.16-0.78 of the way (what the paper keeps), 13:63 by number, or all; empty:
    first_slice to last_slice (paper, III-B)."""
    depths: int = 0
    """Slices of every volume where there is a slice_window, other numbers being interpolated along depth; 0: as many as
    most series keep (choice)."""
    size: int = 256
    """Rows and columns of slices and radiographs (paper, III-B)."""
    plane: Literal["coronal", "sagittal", "axial"] = "coronal"
    """Plane in which the series were acquired, and are kept: coronal (paper), sagittal or axial (choice)."""
    series: str = ""
    """Regular expression of the descriptions of the series wanted; empty: the coronal FLASH (paper, III-B), and of a
    manifest every series."""
    sequence: str = ""
    """What dataset and model call the contrast; empty: FLASH, the regular expression, or what the series of a manifest
    say (choice)."""
    field_of_view_mm: float = 0.0
    """Height and width that slices are cut or padded to about their middle; 0 keeps each series' own (choice)."""
    frame: Literal["scanner", "knee"] = "scanner"
    """scanner: volumes as they were acquired (paper); knee: each laid rigidly onto the mean of the training split, so
    that slice k is the same place of every knee (choice)."""
    feature_set: str = "full"
    """full: 65 slots, with narrowing and KL grade; paper: the 52 that the paper most likely used (choice)."""
    shares: tuple[float, ...] = (0.7, 0.2, 0.1)
    """Shares of train, val and test (paper, III-B), by participant and stratified by KL grade (choice)."""
    max_rejected: float = 0.5
    """Exit code 4 when a larger share of the FLASH series is rejected (choice)."""
    shards: int = 1
    """Files that the pairs are cut into, for building them side by side; 128 pairs in one are 460 MB (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        window = f"slice window {self.first_slice}..{self.last_slice} does not fit {self.slices} slices"
        _require(self.slices <= 4096, f"--slices must be 2 to 4096, not {self.slices}")
        _require(0 <= self.first_slice < self.last_slice <= self.slices, window)
        _require(self.last_slice - self.first_slice >= 2, "the slice window must keep at least 2 slices")
        _require(0 <= self.field_of_view_mm <= 1000, f"field_of_view_mm must be 0 to 1000, not {self.field_of_view_mm}")
        _require_pattern("series", self.series)
        if self.slice_window:
            require_window(self.slice_window)
        _require(self.depths == 0 or 2 <= self.depths <= 4096, f"depths must be 0, or 2 to 4096, not {self.depths}")
        fits = 32 <= self.size <= 4096 and self.size % 8 == 0
        _require(fits, f"--size must be a multiple of 8 from 32 to 4096, not {self.size}")
        _require(
            len(self.shares) == 3 and min(self.shares) >= 0 and abs(sum(self.shares) - 1) < 1e-6,
            f"shares must be three numbers that add up to 1, not {self.shares}",
        )
        _require(0 <= self.max_rejected <= 1, f"--max-rejected must be 0 to 1, not {self.max_rejected}")
        _require(1 <= self.shards <= 99_999, f"--shards must be 1 to 99999, not {self.shards}")

    @property
    def kept(self) -> int:
        """S, slices of every stored volume, once the depths of a slice window are settled."""
        return self.depths if self.slice_window else self.last_slice - self.first_slice

    @property
    def contrast(self) -> str:
        """What dataset and model call the series."""
        return self.sequence or self.series or "FLASH"


@dataclass(frozen=True, kw_only=True, slots=True)
class Training(Seeded):
    """What both trainings have."""

    free = ("shard_optimiser",)

    max_steps: int = 233_000
    """Optimiser steps; the paper's 5,000 epochs at one random depth a volume and epoch (paper, III-C; choice)."""
    batch_size: int = 64
    """Slices per optimiser step, over all GPUs together (paper, III-C)."""
    micro_batch: int = 0
    """Slices per forward pass and GPU; gradients add up to the batch. 0: the whole share at once (choice)."""
    learning_rate: float = 1e-6
    """Peak learning rate of AdamW (paper, III-C)."""
    warmup_steps: int = 100
    """Optimiser steps of the one linear warm-up, from a millionth of the peak (paper, III-C; code)."""
    decay: Literal["constant", "cosine"] = "constant"
    """Learning rate after the warm-up: constant (paper, III-C) or cosine, to nothing at max_steps."""
    weight_decay: float = 0.01
    """AdamW weight decay (code)."""
    ema_decay: float = 0.99
    """Decay of the averaged weights (paper, III-C), warming up as (1 + n) / (10 + n) (code)."""
    clip_norm: float = 0.0
    """Largest gradient norm; 0 does not clip (code)."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """fp32, bf16, fp16, or auto: bf16 where the device multiplies it faster than fp32 (choice)."""
    radiograph_grid: Literal["crop", "slice"] = "crop"
    """crop: the joint crop fills the network's input (paper); slice: it lies on the slice's millimetres (choice)."""
    radiograph_variants: int = 1
    """Exposures in which each radiograph is seen: 1 as it is (paper); more add random gamma and blur (choice)."""
    norm_groups: int = 0
    """Groups of every normalisation; 0: 32 in the paper's widths (code), fewer in narrower networks (choice)."""
    checkpointing: bool = False
    """Compute activations again on the way back rather than keep them: less memory, a third more time (choice)."""
    shard_optimiser: bool = False
    """Several processes share out the moments of AdamW: less memory a GPU, the same result (choice)."""
    init_partial: bool = False
    """Accept weights in --init that fill the networks only in part; what is lacking starts anew (choice)."""
    init_average: bool = True
    """Take the averaged weights of an imported checkpoint, where it has them, as its own sampler does (code)."""
    save_minutes: float = 10.0
    """Minutes between checkpoints (choice)."""
    log_steps: int = 50
    """Optimiser steps between rows of metrics.jsonl (choice)."""
    validate_steps: int = 1_000
    """Optimiser steps between validation losses, on fixed noise (choice)."""
    picture_steps: int = 5_000
    """Optimiser steps between pictures of held-out knees in samples/; 0 draws none (choice)."""
    track: tuple[str, ...] = ()
    """Trackers beside metrics.jsonl: tensorboard, wandb, mlflow; each must be installed (choice)."""
    time_limit_minutes: float = 0.0
    """Stop and save after this long; 0 is no limit (choice)."""
    finish_minutes: float = 0.0
    """Be finished after this long: as many steps as the pace of the first 50 allows, at most max_steps, and a cosine
    that ends with them; 0 takes max_steps (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        _require(self.max_steps >= 0, "--max-steps must be at least 0; 0 writes the weights as they start")
        for name in ("log_steps", "validate_steps"):
            _require(getattr(self, name) >= 1, f"--{name.replace('_', '-')} must be at least 1")
        _require(1 <= self.batch_size <= 65_536, f"--batch-size must be 1 to 65536, not {self.batch_size}")
        variants = self.radiograph_variants
        _require(1 <= variants <= 1000, f"radiograph_variants must be 1 to 1000, not {variants}")
        _require(self.learning_rate > 0, f"--learning-rate must be above 0, not {self.learning_rate}")
        _require(0 <= self.ema_decay < 1, f"ema_decay must lie in [0, 1), not {self.ema_decay}")
        for name in self.track:
            _one_of("track", name, ("tensorboard", "wandb", "mlflow"))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainVae(Training):
    """Settings of `xrmri train-vae`."""

    channels: tuple[int, ...] = (128, 256, 512, 512)
    """Channels of each level of E1 and D; each level but the last halves the image (paper, II-B)."""
    blocks: int = 2
    """Residual blocks a level (paper, II-B)."""
    latent_channels: int = 4
    """Channels of a latent (paper, II-B)."""
    middle_attention: bool = True
    """Attend in the middle block of E1 and D (code); what attends to crops does not know whole images."""
    error: Literal["squared", "absolute"] = "squared"
    """Error of the reconstruction: squared (paper, eq. 6) or absolute."""
    kl_weight: float = 1e-6
    """Weight of the Kullback-Leibler term beside the squared error of eq. 6 (choice, after code)."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual term; 0 leaves it out (paper, eq. 6)."""
    perceptual_network: str = ""
    """File of torchvision's VGG-16 weights, which the perceptual term compares images by (choice)."""
    adversarial_weight: float = 0.0
    """Weight of the adversarial term, a patch discriminator's hinge loss; 0 leaves it out (paper, eq. 6)."""
    radiograph_share: float = 0.1
    """Share of radiographs among the training images: E2 encodes y with the same network (choice); the paper's E1 and D
    see none (paper, Algorithm 1)."""
    crop: int = 0
    """Rows and columns of the random crops trained on; 0 takes whole images (choice)."""
    frozen_encoder: bool = False
    """Leave E1 of --init as it is and train D alone: a denoiser goes on with the latents that it knows (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        _require_sizes(self.channels, self.blocks, self.norm_groups)
        _require(1 <= self.latent_channels <= 64, f"latent_channels must be 1 to 64, not {self.latent_channels}")
        _require(0 <= self.crop <= 4096, f"crop must be 0 to 4096, not {self.crop}")
        _require(0 <= self.radiograph_share <= 1, f"radiograph_share must be 0 to 1, not {self.radiograph_share}")
        _require(self.perceptual_weight >= 0, f"perceptual_weight must be at least 0, not {self.perceptual_weight}")
        both = (self.perceptual_weight > 0) == bool(self.perceptual_network)
        _require(both, "perceptual_weight above 0 and perceptual_network, the file of a VGG-16, need each other")
        small = self.perceptual_network and 0 < self.crop < 16  # VGG-16 halves an image four times
        _require(not small, f"perceptual_network needs a crop of at least 16, not {self.crop}")
        _require(self.adversarial_weight >= 0, f"adversarial_weight must be at least 0, not {self.adversarial_weight}")
        enough = self.adversarial_weight == 0 or not 0 < self.crop < 24  # eighths, less two each way
        _require(enough, f"adversarial_weight needs a crop of at least 24, not {self.crop}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainLdm(Training):
    """Settings of `xrmri train-ldm`."""

    method: MethodName = "xray2mri"
    """xray2mri is the paper; ldm, cola-diff and x-diffusion are what it compares with, rebuilt (paper, IV)."""
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    """Channels of each level of the U-Net (paper, II-B)."""
    blocks: int = 2
    """Residual blocks a level (paper, II-B)."""
    attention: tuple[bool, ...] = (True, True, True, False)
    """Which levels attend, from the finest: factors 4, 2, 1 (paper, II-B); the middle block always does (code)."""
    heads: int = 8
    """Attention heads (paper, II-B)."""
    context_width: int = 768
    """Width of the context token (paper, II-B)."""
    radiograph_token: Literal["clip", "none"] = "clip"
    """clip: the context starts from a CLIP image embedding of y (code); none: from zeros, y acts by concatenation."""
    guidance: Literal["context", "time"] = "context"
    """Where d and r enter, each in its half of the U-Net (paper, II-B): context (how is a choice) or time embedding."""
    halves: Literal["paper", "swapped", "joint"] = "paper"
    """Ablation of xray2mri: paper (d down, r up: II-B), swapped, or joint, both in both halves (choice)."""
    without: tuple[str, ...] = ()
    """Ablations: never tell the denoiser features, clip, concat, or single readings such as V00XRKL (choice)."""
    timesteps: int = 2_000
    """T, steps of the forward process (paper, III-C)."""
    beta_start: float = 0.00085
    """First beta; the square roots are linear in between (code)."""
    beta_end: float = 0.0120
    """Last beta (code)."""
    prediction: Literal["epsilon", "v"] = "epsilon"
    """What the U-Net predicts: epsilon (paper, eq. 7) or v."""
    timestep_map: Literal["raw", "match-snr"] = "raw"
    """What the U-Net is told for a step: raw, or match-snr, the step of 1,000 with as much noise (choice)."""
    zero_terminal_snr: bool = False
    """Leave no signal at the last step (choice: Lin et al., 2024); needs prediction v."""
    min_snr: float = 0.0
    """Min-SNR loss weighting with this gamma, 5 where it is used (choice: Hang et al., 2023); 0 is the plain loss."""
    latent_scale: float = 0.2
    """Factor on target latents (paper, III-C); 0 measures 1 / standard deviation. The condition is never scaled."""
    projection_rate: float = 10.0
    """Learning rate of new projections relative to the rest (code)."""
    drop_token: float = 0.05
    """Share of slices trained without the context token (code)."""
    drop_both: float = 0.05
    """Share of slices trained without token and concatenated radiograph (code)."""
    drop_concat: float = 0.05
    """Share of slices trained without the concatenated radiograph (code)."""
    covariates: bool = False
    """Tell the denoiser age, sex and BMI too, as further slots of r (choice: the paper's own wish)."""
    drop_features: float = 0.0
    """Share of slices trained with every feature missing, or any one covariate, on top of those not read (choice)."""
    fits: bool = True
    """At the end, fit sampler and noise along depth to the training set: some minutes of the device (choice); the paper
    fits neither (paper, eq. 9)."""
    radiograph_encoder: str = ""
    """File of the CLIP tower, or random; needed for a clip token that --init does not bring along (choice)."""
    anchor: bool = False
    """Train a network from radiograph and readings to the expected volume first, and show the denoiser its slices in
    place of the radiograph's latent (choice)."""
    anchor_steps: int = 3_000
    """Optimiser steps of the anchor; it is taken where held-out people are explained best. 0: that of --init as it is
    (choice)."""
    anchor_batch_size: int = 16
    """Knees per optimiser step of the anchor (choice)."""
    anchor_finish_minutes: float = 0.0
    """The anchor's finish_minutes; finish_minutes is then the denoiser's (choice)."""
    anchor_learning_rate: float = 8e-4
    """Its peak, before a cosine down to nothing (choice: at 1.5e-3 the warp may start dead)."""
    anchor_edge_weight: float = 12.0
    """How many times more an error counts where the mean knee changes most from row to row; 0: all alike (choice)."""
    edge_weight: float = 0.0
    """The same for the denoiser's errors, where the anchor's template changes (choice; the paper counts all alike)."""
    anchor_folds: int = 2
    """Parts of the training split that each get an anchor which learnt from the others: the denoiser must not see how
    well an anchor knows its own people (choice)."""
    reader_steps: int = 3_000
    """Optimiser steps of the anchor's reader on --films, before the anchor (choice)."""
    reader_batch_size: int = 32
    """Joints per optimiser step of the reader (choice)."""
    reader_finish_minutes: float = 0.0
    """The reader's finish_minutes (choice)."""
    reader_learning_rate: float = 1e-3
    """Its peak, before a cosine down to nothing (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        paper = self.method == "xray2mri" or self.halves == "paper"
        _require(paper, f"halves is of --method xray2mri, not of {self.method}")
        _require(self.prediction == "v" or not self.zero_terminal_snr, "zero_terminal_snr needs prediction v")
        _require(self.min_snr >= 0, f"min_snr must be at least 0, not {self.min_snr}")
        _require_sizes(self.channels, self.blocks, self.norm_groups)
        heads = self.heads >= 1 and all(width % self.heads == 0 for width in self.channels)
        _require(heads, f"heads must divide all of channels, not be {self.heads}")
        _require(1 <= self.context_width <= 4096, f"context_width must be 1 to 4096, not {self.context_width}")
        _require(len(self.attention) == len(self.channels), "attention needs one value for each of channels")
        _require(2 <= self.timesteps <= 100_000, f"timesteps must be 2 to 100000, not {self.timesteps}")
        _require(not self.anchor or self.method == "xray2mri", "anchor is of --method xray2mri")
        for name in ("drop_token", "drop_both", "drop_concat", "drop_features"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be 0 to 1, not {getattr(self, name)}")
        _require(self.anchor_steps >= 0, f"anchor_steps must be at least 0, not {self.anchor_steps}")
        for name in ("anchor_batch_size", "reader_steps", "reader_batch_size"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("anchor_learning_rate", "reader_learning_rate"):
            _require(getattr(self, name) > 0, f"{name} must be above 0")
        _require(0 <= self.anchor_edge_weight <= 1000, "anchor_edge_weight must be 0 to 1000")
        _require(0 <= self.edge_weight <= 1000, "edge_weight must be 0 to 1000")
        _require(self.anchor or not self.edge_weight, "edge_weight needs the template of an anchor: set anchor = true")
        _require(2 <= self.anchor_folds <= 20, f"anchor_folds must be 2 to 20, not {self.anchor_folds}")

    def recipe_of(self, part: Literal["anchor", "reader"]) -> "TrainLdm":
        """The recipe by which a part is trained that has steps, batches, a rate and a time of its own."""
        return replace(
            self,
            max_steps=getattr(self, f"{part}_steps"),
            batch_size=getattr(self, f"{part}_batch_size"),
            learning_rate=getattr(self, f"{part}_learning_rate"),
            finish_minutes=getattr(self, f"{part}_finish_minutes"),
            decay="cosine",
            micro_batch=0,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainTissues(Training):
    """Settings of `python -m xrmri.stages.train_tissues`."""

    max_steps: int = 700
    batch_size: int = 8
    learning_rate: float = 1e-3
    decay: Literal["constant", "cosine"] = "cosine"
    validate_steps: int = 200
    picture_steps: int = 0
    people: int = 28
    """Drawn, one knee of each; every seventh is held out (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Training.__post_init__(self)
        _require(7 <= self.people <= 10_000, f"people must be 7 to 10000, not {self.people}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Generate(Seeded):
    """Settings of `xrmri generate`."""

    num_slices: int = 50
    """Depths at which a slice is drawn, evenly from the first to the last (paper, "inference steps")."""
    steps: int | None = None
    """Denoising steps, from T-1 down; not given: as many as come as near to 1,000 of ddim as 50 of ddim (choice)."""
    sampler: SamplerName = "auto"
    """ddim (paper, eq. 9), dpm++ (second order), fitted (the model's own weights), or auto: the fastest (choice)."""
    eta: float = 0.0
    """Noise added at each step, 0 to 1; 0 in eq. 9 (paper)."""
    guidance: float = 1.0
    """Classifier-free guidance weight of the radiograph; 1 is the plain model (choice: the paper does not say)."""
    guidance_features: float = 1.0
    """Classifier-free guidance weight of the radiographic features; likewise (choice)."""
    noise: Literal["independent", "shared", "correlated"] = "correlated"
    """Starting noise along depth: independent a slice (paper), one shared by all, or correlated (choice)."""
    noise_length_mm: float = 0.0
    """Distance over which correlated noise stays alike; 0 takes the model's, fitted to its training set (choice)."""
    samples: int = 1
    """Volumes drawn for each radiograph; above 1, their mean and standard deviation are written too (choice)."""
    mean: bool = False
    """Write the expected volume instead, and its standard deviation: blurred where the film does not tell (choice)."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """fp32, bf16, or auto: bf16 where the hardware multiplies it; part of a volume's last bits (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        _require(2 <= self.num_slices <= 4096, f"--num-slices must be 2 to 4096, not {self.num_slices}")
        _require(self.steps is None or 1 <= self.steps <= 100_000, f"--steps must be 1 to 100000, not {self.steps}")
        _require(0 <= self.eta <= 1, f"--eta must be 0 to 1, not {self.eta}")
        length_mm = self.noise_length_mm
        _require(0 <= length_mm <= 10_000, f"--noise-length-mm must be 0 to 10000, not {length_mm}")
        _require(1 <= self.samples <= 1000, f"--samples must be 1 to 1000, not {self.samples}")
        _require(not self.mean or self.samples == 1, "--mean is one volume: leave --samples out")
        for name in ("guidance", "guidance_features"):
            _require(math.isfinite(getattr(self, name)), f"--{name.replace('_', '-')} must be a finite number")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluate(Seeded):
    """Settings of `xrmri evaluate`."""

    bootstrap: int = 2_000
    """Resamples of the participants behind each 95 % interval (choice)."""
    canny_sigma: float = 3.0
    """Width of the Canny filter behind RSSIM, in pixels (paper, IV-A)."""
    cases: int = 2
    """Best, median and worst cases pictured in the report, each (choice)."""
    quick: bool = False
    """At most 24 pairs and 64 training pairs, no pictures, no networks: seconds, for use inside training (choice)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        Seeded.__post_init__(self)
        _require(1 <= self.bootstrap <= 100_000, f"--bootstrap must be 1 to 100000, not {self.bootstrap}")
        _require(0 < self.canny_sigma <= 100, f"canny_sigma must be above 0 and at most 100, not {self.canny_sigma}")
        _require(0 <= self.cases <= 100, f"cases must be 0 to 100, not {self.cases}")


COMMANDS: dict[str, type[Config]] = {
    kind.command(): kind for kind in (Phantom, DetectKnee, BuildDataset, TrainVae, TrainLdm, Generate, Evaluate)
}
"""Every command that has settings; a TOML file has a table for each it speaks of."""
