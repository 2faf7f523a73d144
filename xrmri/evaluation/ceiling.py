"""How close a perfect denoiser could come: the acquired volume through the model's own VAE."""

from pathlib import Path
from typing import Any

import numpy as np

from xrmri.data.store import Dataset
from xrmri.errors import InputError, XrmriError
from xrmri.facts.folders import read_model_facts
from xrmri.runs.record import read_record

VAE_CEILING = "vae_ceiling"
VOLUMES, SLICES = 10, 6
"""Volumes reconstructed, evenly over the cohort, and slices of each: it varies little, and a VAE is slow without a GPU
(choice; the bundled one takes 0.3 s a slice of one core)."""
SLICES_AT_ONCE = 5


def model_folder(volumes: Path, dataset: Dataset) -> Path:
    """The model that drew the volumes, as the run.json in their folder names it.

    Raises:
        InputError: why the ceiling cannot be computed.
    """
    record = read_record(volumes)
    if record is None or record.model is None:
        raise InputError("the volumes' folder has no run.json that names a model")
    folder = Path(record.model)
    try:
        facts = read_model_facts(folder)
    except XrmriError as error:
        raise InputError(f"the model {folder.name} is no longer where run.json says") from error
    size = dataset.volume(dataset.pairs()[0]).shape[-1]
    if facts.image_size != size:
        raise InputError(f"the model draws {facts.image_size} pixels a row, the dataset has {size}")
    return folder


def load_vae(folder: Path, device: str) -> Any:
    """The VAE of a model folder, on a device named as in `--device`, on one thread: last digits depend on their number.

    Raises:
        InputError, InconsistentError: why it cannot be loaded.
    """
    import torch

    from xrmri.machine.device import find_device
    from xrmri.models.parts import VAE, require_parts
    from xrmri.models.saved_networks import load_autoencoder

    require_parts(folder, read_model_facts(folder).files, VAE)
    torch.set_num_threads(1)
    return load_autoencoder(folder / "vae").to(find_device(device))


def reconstruct(vae: Any, pixels: np.ndarray) -> np.ndarray:
    """A volume encoded and decoded by a model's VAE.

    Args:
        vae: as `load_vae` returns it.
        pixels: (S, H, W) in [0, 1].

    Returns:
        (S, H, W) float64 in [0, 1].
    """
    import torch

    from xrmri.models.autoencoder import decode, encode

    done = []
    with torch.inference_mode():
        for first in range(0, len(pixels), SLICES_AT_ONCE):
            x = torch.from_numpy(pixels[first : first + SLICES_AT_ONCE].astype(np.float32) * 2 - 1).to(vae.device)
            done.append((decode(vae, encode(vae, x)[0]).cpu().numpy() + 1) / 2)
    return np.clip(np.concatenate(done).astype(np.float64), 0, 1)
