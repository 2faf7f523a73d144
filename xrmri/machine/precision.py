"""In which precision networks run: what this machine's hardware multiplies fastest."""

from pathlib import Path

import torch

_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def fastest_precision(device: torch.device) -> str:
    """bf16 where the hardware multiplies it, else fp32.

    Read from the hardware and not timed: what else runs on a machine must not change a volume or a training. A CPU
    without the instructions accepts bf16 and is hundreds of times slower at it; one that has them draws twice as fast
    (measured).
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.backends.mkldnn.is_available() and _CPU_FLAGS & _cpu_flags() else "fp32"


def _cpu_flags() -> set[str]:
    """What the processor can do, as Linux on x86 tells; empty elsewhere."""
    try:
        return set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return set()
