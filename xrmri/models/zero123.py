"""A public Zero-1-to-3 checkpoint as a start: its U-Net, autoencoder, CLIP tower and projection become ours.

Every tensor is accounted for: a weight of ours is loaded, resized or new, a tensor of the file is used or unused. First
comes a plan, from names and shapes alone; then the numbers are copied.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xrmri.errors import InconsistentError, InputError
from xrmri.models import zero123_names as names
from xrmri.models.from_diffusers import AutoencoderKL
from xrmri.models.unet import Denoiser

LOADED, RESIZED, NEW, UNUSED = "loaded", "resized", "new", "unused"
_WHY_UNUSED = (
    ("model_ema.decay", "counts of the average"),
    ("model_ema.num_updates", "counts of the average"),
    (names.AUTOENCODER, "the autoencoder: train-vae --init takes it"),
    (names.PROJECTION, "there is no projection of the context token in this network"),
    ("cond_stage_model.", "text half of CLIP, or a tower that the settings do not ask for"),
)
_WEIGHT, _BIAS = (names.PROJECTION + kind for kind in ("weight", "bias"))
_UNKNOWN = "unknown: nothing of Zero-1-to-3 has this name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What becomes of one weight of ours, or of one tensor of the file."""

    fate: str
    """loaded, resized, new or unused."""
    ours: str = ""
    shape: tuple[int, ...] = ()
    theirs: str = ""
    their_shape: tuple[int, ...] = ()
    columns: int = 0
    """Of a resized weight: how many entries along its second axis are copied; the others are zero."""
    pose_column: int = 0
    """Of the bias of a projection: which column of its weight pose 0 adds to it; 0 is none."""
    is_lacking: bool = False
    """Whether the file should hold all of this weight, and does not."""
    note: str = ""


def unet_settings(state: Mapping[str, Tensor], file: Path) -> dict[str, Any]:
    """Settings of train-ldm that the file decides, latent_channels among them.

    Raises:
        InputError: the file holds no U-Net of this layout.
    """
    plain, average = _under(state, names.UNET), _under(state, names.AVERAGE)
    if not plain and average:
        raise InputError(f"--init {file} holds averaged weights alone: give the checkpoint with the plain ones beside")
    try:
        return names.unet_sizes(plain) | {"norm_groups": names.GROUPS}
    except KeyError as error:
        raise InputError(f"--init {file} holds no U-Net of Zero-1-to-3 (no {error.args[0]})") from error


def autoencoder_settings(state: Mapping[str, Tensor], file: Path) -> dict[str, Any]:
    """Settings of train-vae that the file decides.

    Raises:
        InputError: the file holds no autoencoder of this layout.
    """
    try:
        return names.autoencoder_sizes(_under(state, names.AUTOENCODER)) | {"norm_groups": names.GROUPS}
    except KeyError as error:
        raise InputError(f"--init {file} holds no autoencoder of Zero-1-to-3 (no {error.args[0]})") from error


def plan_denoiser(denoiser: Denoiser, state: Mapping[str, Tensor], *, average: bool) -> list[Row]:
    """Where each weight of a denoiser comes from.

    Args:
        denoiser: the U-Net, and the maps that d and r enter through.
        state: the checkpoint's.
        average: take the averaged U-Net where the file holds one.
    """
    config = denoiser.unet.config
    attention = tuple(kind.startswith("CrossAttn") for kind in config.down_block_types)
    averaged = average and any(name.startswith(names.AVERAGE) for name in state)
    rows = []
    for name, value in denoiser.unet.state_dict().items():
        theirs = names.unet_name(name, blocks=config.layers_per_block, attention=attention)
        key = names.averaged(theirs) if averaged else names.UNET + theirs
        # A U-Net that was not told an image has 4 channels in: those that tell it are new, and zero.
        widened = config.out_channels if name == "conv_in.weight" else 0
        rows.append(_row(f"unet.{name}", value, key, state, columns=widened))
    projections = getattr(denoiser.guidance, "projections", ())
    for name, value in denoiser.guidance.state_dict().items():
        ours, map_name = f"guidance.{name}", name.rpartition(".")[0]
        if map_name in projections:
            rows.append(_projection(ours, value, state, width=config.cross_attention_dim))
        else:
            rows.append(Row(fate=NEW, ours=ours, shape=tuple(value.shape), note="as at the start of any training"))
    return rows


def plan_autoencoder(vae: AutoencoderKL, state: Mapping[str, Tensor]) -> list[Row]:
    """Where each weight of an autoencoder comes from."""
    levels = len(vae.config.block_out_channels)
    return [
        _row(name, value, names.AUTOENCODER + names.autoencoder_name(name, levels=levels), state)
        for name, value in vae.state_dict().items()
    ]


def used_elsewhere(keys: Sequence[str], state: Mapping[str, Tensor], ours: str) -> list[Row]:
    """Tensors of the file that another part has already read."""
    return [Row(fate=LOADED, ours=ours, theirs=key, their_shape=tuple(state[key].shape)) for key in keys]


def unused(rows: Sequence[Row], state: Mapping[str, Tensor]) -> list[Row]:
    """Every tensor of the file that no row takes, and why."""
    taken, left = {row.theirs for row in rows}, set(_left_over(rows, state))
    has_unet = any(key.startswith((names.UNET, names.AVERAGE)) for key in taken)
    of_unet = "its plain or averaged twin is taken" if has_unet else "the U-Net: train-ldm --init takes it"
    reasons = (*_WHY_UNUSED, (names.UNET, of_unet), (names.AVERAGE, of_unet))

    def why(key: str) -> str:
        if key in left:
            return "there is no place for it in this network"
        if key in names.PROCESS:
            return "the forward process: computed from the settings"
        return next((reason for start, reason in reasons if key.startswith(start)), _UNKNOWN)

    return [
        Row(fate=UNUSED, theirs=key, their_shape=tuple(value.shape), note=why(key))
        for key, value in state.items()
        if key not in taken
    ]


def require_complete(rows: Sequence[Row], state: Mapping[str, Tensor], file: Path, *, partial: bool) -> None:
    """InconsistentError where file and network are not the same network, unless a person wants what fits.

    Neither may have weights that the other lacks.
    """
    lacking, left = [row for row in rows if row.is_lacking], _left_over(rows, state)
    if lacking and not partial:
        first = lacking[0]
        raise InconsistentError(
            f"--init {file} fits {len(rows) - len(lacking)} of {len(rows)} weights (first that does not: {first.ours}, "
            f"{first.note}): give a complete checkpoint, or say --init-partial"
        )
    if left and not partial:
        raise InconsistentError(
            f"--init {file} is of another network: it has {len(left)} tensors more than ours takes (first: {left[0]}): "
            "give a checkpoint of Zero-1-to-3's own layout, or say --init-partial"
        )


@torch.no_grad()
def copy_weights(network: nn.Module, rows: Sequence[Row], state: Mapping[str, Tensor], file: Path) -> None:
    """Put the numbers into a network.

    Raises:
        InconsistentError: some are not finite; the network is then to be thrown away.
    """
    own = network.state_dict()
    for row in rows:
        if row.fate not in (LOADED, RESIZED):
            continue
        value = state[row.theirs]
        if not torch.isfinite(value).all():
            raise InconsistentError(f"--init {file}: {row.theirs} holds numbers that are not finite: copy it again")
        if row.fate == LOADED:
            own[row.ours].copy_(value.reshape(row.shape))
            if row.pose_column:
                own[row.ours].add_(state[_WEIGHT][:, row.pose_column].to(own[row.ours]))
        else:
            own[row.ours].zero_()
            own[row.ours][:, : row.columns] = value[:, : row.columns].to(own[row.ours])


def account(rows: Sequence[Row]) -> list[str]:
    """The table in words: one line for each part and fate."""
    counts = Counter((_part(row), row.fate, row.note) for row in rows)
    return [
        f"{part}: {count} {fate}{f' ({note})' if note else ''}" for (part, fate, note), count in sorted(counts.items())
    ]


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The table as CSV has it, with its head."""
    return [
        ("fate", "weight", "shape", "tensor", "tensor_shape", "note"),
        *((row.fate, row.ours, _times(row.shape), row.theirs, _times(row.their_shape), row.note) for row in rows),
    ]


def _row(ours: str, value: Tensor, key: str, state: Mapping[str, Tensor], *, columns: int = 0) -> Row:
    shape = tuple(value.shape)
    if key not in state:
        return Row(fate=NEW, ours=ours, shape=shape, is_lacking=True, note=f"{key} is not in the file")
    theirs = tuple(state[key].shape)
    common = {"ours": ours, "shape": shape, "theirs": key, "their_shape": theirs}
    # A 1 x 1 convolution there is a linear map here.
    if theirs == shape or (theirs == (*shape, 1, 1) and prod(theirs) == prod(shape)):
        return Row(fate=LOADED, **common)  # type: ignore[arg-type]
    if columns and theirs == (shape[0], columns, *shape[2:]):
        note = f"{shape[1] - columns} inputs are new, and zero"
        return Row(fate=RESIZED, columns=columns, is_lacking=True, note=note, **common)  # type: ignore[arg-type]
    note = f"{key} has shape {_times(theirs)}, not {_times(shape)}"
    return Row(fate=NEW, ours=ours, shape=shape, is_lacking=True, note=note)


def _projection(ours: str, value: Tensor, state: Mapping[str, Tensor], *, width: int) -> Row:
    """A map of the context token: the token's columns are copied, the pose's dropped, ours are new and zero.

    What pose 0 adds goes into the bias: its cosine is 1.
    """
    shape, kind = tuple(value.shape), ours.rpartition(".")[2]
    for key, wanted in ((_WEIGHT, (width, width + names.POSE)), (_BIAS, (width,))):
        found = tuple(state[key].shape) if key in state else None
        if found != wanted:
            note = f"{key} has shape {_times(found)}, not {_times(wanted)}" if found else f"{key} is not in the file"
            return Row(fate=NEW, ours=ours, shape=shape, is_lacking=True, note=note)
    if kind == "bias":
        column = width + names.COSINE
        note = f"column {column} of {_WEIGHT}, the cosine of pose 0, is added"
        common = {"theirs": _BIAS, "their_shape": (width,), "pose_column": column, "note": note}
        return Row(fate=LOADED, ours=ours, shape=shape, **common)  # type: ignore[arg-type]
    note = f"{width} columns of the token copied, {names.POSE} of the pose dropped, {shape[1] - width} zero"
    common = {"theirs": _WEIGHT, "their_shape": tuple(state[_WEIGHT].shape), "columns": width, "note": note}
    return Row(fate=RESIZED, ours=ours, shape=shape, **common)  # type: ignore[arg-type]


def _left_over(rows: Sequence[Row], state: Mapping[str, Tensor]) -> list[str]:
    """Tensors of the networks that the rows fill which are no weight of ours, plain or averaged."""
    taken = {_averaged(row.theirs) for row in rows}
    parts = (names.AVERAGE, *(names.AUTOENCODER + part for part in names.AUTOENCODER_PARTS))
    filled = tuple(part for part in parts if any(key.startswith(part) for key in taken))
    return [key for key in state if _averaged(key).startswith(filled) and _averaged(key) not in taken]


def _averaged(key: str) -> str:
    """A plain weight's key as its average has it; any other key as it is."""
    return names.averaged(key.removeprefix(names.UNET)) if key.startswith(names.UNET) else key


def _part(row: Row) -> str:
    if row.ours:
        start = row.ours.split(".")[0]
        return {"unet": "U-Net", "guidance": "guidance", "radiograph_encoder": "CLIP tower"}.get(start, "autoencoder")
    return f"file {row.theirs.split('.')[0]}"


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
