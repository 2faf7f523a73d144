"""Everything a training needs to go on, in a folder that is complete or absent: checkpoints/step-0001000/.

Weights and their average are safetensors; the optimiser's state is a torch file, read with weights_only.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from xrmri.errors import InconsistentError, InputError
from xrmri.runs.seals import require_seal, require_sha256, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import partial_name, sha256
from xrmri.storage.typed import Between, content_of, record_of

FOLDER = "checkpoints"
KEPT = 2
"""Checkpoints that stay: the newest, and one before it."""


_FILES = ("weights.safetensors", "average.safetensors", "optimiser.pt")


@dataclass(frozen=True, kw_only=True, slots=True)
class _SavedState:
    """state.json."""

    step: Annotated[int, Between(0)]
    losses: tuple[float, ...]
    scaler: Mapping[str, Any] | None = None
    files: Mapping[str, str]
    """File of the checkpoint -> sha256."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """The state of a training after a step."""

    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    losses: tuple[float, ...]
    """Since the last row of metrics.jsonl."""
    scaler: Mapping[str, Any]
    """State of what scales the loss in fp16; empty where nothing does."""


def checkpoint_bytes(parameters: int) -> int:
    """What the checkpoints of a network take at most: weights, their average and two moments, one more than stay."""
    return parameters * 4 * 4 * (KEPT + 1)


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under another name, rename it, and only then remove the oldest."""
    folder = run / FOLDER / _name(checkpoint.step)
    partial = partial_name(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _save_tensors(partial / "weights.safetensors", checkpoint.weights)
    _save_tensors(partial / "average.safetensors", checkpoint.average)
    torch.save(checkpoint.optimiser, partial / "optimiser.pt")
    state = _SavedState(
        step=checkpoint.step,
        losses=checkpoint.losses,
        scaler=checkpoint.scaler,
        files={name: sha256(partial / name) for name in _FILES},
    )
    (partial / "state.json").write_text(json.dumps(sealed(content_of(state))), encoding="utf-8")
    for file in partial.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    for old in _complete(run)[:-KEPT]:
        shutil.rmtree(old)


def latest_checkpoint(run: Path) -> Checkpoint | None:
    """The newest complete checkpoint, on the CPU; None where there is none.

    Raises:
        InconsistentError: it is damaged.
    """
    found = _complete(run)
    if not found:
        return None
    folder, advice = found[-1], "remove that folder, and the run goes on from the one before"
    content = read_json(folder / "state.json", advice=advice, damaged=InconsistentError)
    try:
        state = record_of(_SavedState, content)
        require_seal(content, folder / "state.json", advice)
        if folder.name != _name(state.step):
            raise ValueError(f"it is of step {state.step}")
        for name in _FILES:
            require_sha256(folder / name, state.files.get(name), advice)
        return Checkpoint(
            step=state.step,
            weights=load_file(folder / "weights.safetensors"),
            average=load_file(folder / "average.safetensors"),
            optimiser=torch.load(folder / "optimiser.pt", map_location="cpu", weights_only=True),
            losses=state.losses,
            scaler=state.scaler or {},
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, InputError) as error:
        raise InconsistentError(f"{folder} is damaged ({error}): {advice}") from error


def _name(step: int) -> str:
    """Of the folder of a checkpoint."""
    return f"step-{step:07d}"


def _complete(run: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(folder for folder in (run / FOLDER).glob("step-*") if folder.name.removeprefix("step-").isdecimal())


def _save_tensors(file: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, file)
