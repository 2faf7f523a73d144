"""The weights of a training at its best, beside its checkpoints, with what they are worth and a digest of both."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from xrmri.errors import InconsistentError, said
from xrmri.storage.documents import parse_json
from xrmri.storage.files import complete_or_absent
from xrmri.storage.typed import UnfitError, record_of

_WORTH = "r2"
"""Of the metadata: one name alone, since safetensors writes several in an order that changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """What a file of weights says of them."""

    r2: float
    sha256: str
    """Of r2 and all weights; empty in files of earlier versions."""


def keep_best(network: nn.Module, file: Path, r2: float) -> None:
    """Write the weights with what they are worth."""
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    told = json.dumps(asdict(Best(r2=r2, sha256=_digest(state, r2))))
    with complete_or_absent(file) as partial:
        save_file(state, partial, metadata={_WORTH: told})


def read_best(file: Path) -> Best:
    """What is said of the weights in a file; InconsistentError where it is damaged."""
    try:
        with safe_open(file, framework="pt") as content:
            told = parse_json((content.metadata() or {}).get(_WORTH, ""))
        return record_of(Best, told if isinstance(told, dict) else {"r2": told, "sha256": ""})
    except (OSError, SafetensorError, UnfitError) as error:
        raise InconsistentError(f"{file} cannot be read ({said(error)}): {_advice(file)}") from error


def best_weights(file: Path) -> dict[str, Tensor]:
    """The weights in a file; InconsistentError where they, or what is said of them, are not as they were written."""
    best = read_best(file)
    try:
        state = load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise InconsistentError(f"{file} cannot be read ({said(error)}): {_advice(file)}") from error
    if best.sha256 and best.sha256 != _digest(state, best.r2):
        raise InconsistentError(f"{file} is not as it was written, changed or damaged: {_advice(file)}")
    return state


def take_best(network: nn.Module, file: Path) -> None:
    """Give a network the weights in a file; InconsistentError as of `best_weights`, or of another network."""
    try:
        network.load_state_dict(best_weights(file))
    except RuntimeError as error:
        raise InconsistentError(f"{file} is of another network ({said(error)}): {_advice(file)}") from error


def _digest(state: dict[str, Tensor], r2: float) -> str:
    """Of the weights, by their names, and of what they are worth."""
    found = hashlib.sha256(repr(r2).encode())
    for name, value in sorted(state.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _advice(file: Path) -> str:
    return f"remove {file.parent}, and it is learnt again"
