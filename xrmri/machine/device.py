"""Where networks run: what `--device` means on this machine."""

import os

import torch

from xrmri.errors import InputError


def find_device(name: str) -> torch.device:
    """The device named auto, cpu, cuda or cuda:N; cuda is the first GPU, a launched process's own, as auto is if any.

    Raises:
        InputError: this machine has no such GPU.
    """
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
    if device == torch.device("cuda"):
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda" and device.index >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"--device {name}: this machine has {count} CUDA devices: give --device cpu, or auto")
    return device
