"""Where networks run: what `--device` means on this machine."""

import os

import torch

from xrmri.errors import InputError


def find_device(name: str) -> torch.device:
    """The device named auto, cpu, cuda or cuda:N; auto is the first GPU, a launched process's own, or else the CPU.

    Raises:
        InputError: this machine has no such GPU.
    """
    if name == "auto":
        own = int(os.environ.get("LOCAL_RANK", "0"))
        return torch.device("cuda", own) if torch.cuda.is_available() else torch.device("cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"--device {name}: this machine has {count} CUDA devices: give --device cpu, or auto")
    return device
