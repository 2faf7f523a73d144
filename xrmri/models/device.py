"""Where networks run: what `--device` means on this machine."""

import torch

from xrmri.errors import InputError


def find_device(name: str) -> torch.device:
    """The device named auto, cpu, cuda or cuda:N; auto is the first GPU, or the CPU where there is none.

    Raises:
        InputError: this machine has no such GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"--device {name}: this machine has {torch.cuda.device_count()} CUDA devices")
    return device
