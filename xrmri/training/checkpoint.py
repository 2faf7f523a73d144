"""Everything a training needs to go on, in a folder that is complete or absent: checkpoints/step-0001000/.

Weights and their average are safetensors; the optimiser's state is a torch file, read with weights_only.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from xrmri.errors import InconsistentError
from xrmri.files import partial_name

FOLDER = "checkpoints"
KEPT = 2
"""Checkpoints that stay: the newest, and one before it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """The state of a training after a step."""

    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    facts: dict[str, Any]
    """JSON: what else the loop remembers."""


def checkpoint_bytes(parameters: int) -> int:
    """What the checkpoints of a network take at most: weights, their average and two moments, one more than stay."""
    return parameters * 4 * 4 * (KEPT + 1)


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under another name, rename it, and only then remove the oldest."""
    folder = run / FOLDER / f"step-{checkpoint.step:07d}"
    partial = partial_name(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _save_tensors(partial / "weights.safetensors", checkpoint.weights)
    _save_tensors(partial / "average.safetensors", checkpoint.average)
    torch.save(checkpoint.optimiser, partial / "optimiser.pt")
    state = {"step": checkpoint.step, **checkpoint.facts}
    (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
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
    folder = found[-1]
    try:
        facts = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return Checkpoint(
            step=facts.pop("step"),
            weights=load_file(folder / "weights.safetensors"),
            average=load_file(folder / "average.safetensors"),
            optimiser=torch.load(folder / "optimiser.pt", map_location="cpu", weights_only=True),
            facts=facts,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise InconsistentError(f"{folder} is damaged: remove it, and the run goes on from the one before") from error


def _complete(run: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(folder for folder in (run / FOLDER).glob("step-*") if folder.name.removeprefix("step-").isdecimal())


def _save_tensors(file: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, file)
