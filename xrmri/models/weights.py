"""Networks on disk: diffusers' layout, safetensors only, each file complete or absent."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models import AutoencoderKL
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from xrmri.errors import InconsistentError
from xrmri.run import complete_or_absent, write_text

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"


def save_network(folder: Path, network: ConfigMixin, dtype: torch.dtype = torch.float32) -> None:
    """Write a diffusers network so that its own from_pretrained reads it; weights on disk have `dtype`."""
    folder.mkdir(exist_ok=True)
    write_text(folder / CONFIG, network.to_json_string())
    save_weights(folder / WEIGHTS, network, dtype)


def load_autoencoder(folder: Path) -> AutoencoderKL:
    """The autoencoder in a diffusers folder, in float32 on the CPU, frozen.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    vae = AutoencoderKL.from_config(read_config(folder))
    load_weights(folder / WEIGHTS, vae)
    return vae.requires_grad_(False).eval()


def save_weights(file: Path, network: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Write the weights of a network."""
    state = {name: value.detach().to("cpu", dtype).contiguous() for name, value in network.state_dict().items()}
    with complete_or_absent(file) as partial:
        # One metadata key, since safetensors writes several in an order that changes from process to process.
        save_file(state, partial, metadata={"format": "pt"})
        partial.chmod(0o644)  # safetensors lets nobody but the owner read; models are shared


def load_weights(file: Path, network: nn.Module) -> None:
    """Read all weights of a network, in whatever precision they were stored.

    Raises:
        InconsistentError: the file is missing, damaged, holds numbers that are not finite, or is of another network.
    """
    try:
        state = load_file(file)
    except (OSError, SafetensorError) as error:
        raise InconsistentError(f"{file} cannot be read ({error}): copy the folder again, or train again") from error
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise InconsistentError(f"{file}: {name} holds numbers that are not finite: train again")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise InconsistentError(f"{file} does not fit its {CONFIG} ({first}): copy the folder again") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of one network."""
    file = folder / CONFIG
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InconsistentError(f"{file} cannot be read ({error}): copy the folder again, or train again") from error


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network holds."""
    return sum(parameter.numel() for parameter in network.parameters())
