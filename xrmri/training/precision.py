"""Where a training runs and in which precision: bf16 only where this device multiplies it faster than fp32."""

import logging
import time

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list

from xrmri.config import Training
from xrmri.errors import InputError
from xrmri.training.tracking import require_trackers

log = logging.getLogger(__name__)

_CLEARLY = 1.2
"""bf16 must be this much faster (choice)."""
_NAMES = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def prepare_device(device: str, config: Training) -> Accelerator:
    """The accelerator of a training: device, precision and, under a launcher, the other processes.

    Args:
        device: auto, cpu, cuda or cuda:N.
        config: precision and batch size.

    Raises:
        InputError: no such device, or a batch that the processes cannot share.
    """
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= torch.cuda.device_count():
            raise InputError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA devices")
        torch.cuda.set_device(number)
    require_trackers(config)
    where = torch.device("cpu" if device == "cpu" or not torch.cuda.is_available() else "cuda")
    precision = _agreed(where) if config.precision == "auto" else config.precision
    if precision == "fp16" and where.type == "cpu":
        raise InputError("--precision fp16 needs a GPU: choose fp32 or auto")
    # accelerate keeps one state a process and refuses another precision: two trainings in a row may differ in it.
    AcceleratorState._reset_state()
    accelerator = Accelerator(cpu=where.type == "cpu", mixed_precision=_NAMES[precision])
    world = accelerator.num_processes
    if config.batch_size % world:
        raise InputError(f"--batch-size {config.batch_size} does not divide among {world} processes")
    log.info("training on %s in %s, %d process(es)", accelerator.device, precision, world)
    return accelerator


def _agreed(device: torch.device) -> str:
    """The fastest precision as the first process measures it: processes that differed would not train one network."""
    state = PartialState(cpu=device.type == "cpu")
    measured = [fastest_precision(device) if state.is_main_process else ""]
    return str(broadcast_object_list(measured)[0])


def fastest_precision(device: torch.device) -> str:
    """fp32, or bf16 where it multiplies and convolves clearly faster here; measured, as support does not mean speed.

    A CPU without bf16 instructions accepts bf16 and is hundreds of times slower at it.
    """
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "fp32"
    threads = torch.get_num_threads()
    # One thread and its own clock: what else runs on this machine must not decide a training's precision.
    torch.set_num_threads(1)
    try:
        fp32, bf16 = (_probe(device, dtype) for dtype in (torch.float32, torch.bfloat16))
    finally:
        torch.set_num_threads(threads)
    log.info("precision probe: fp32 %.2f ms, bf16 %.2f ms", 1e3 * fp32, 1e3 * bf16)
    return "bf16" if _CLEARLY * bf16 < fp32 else "fp32"


def _probe(device: torch.device, dtype: torch.dtype) -> float:
    """Seconds of one small matrix product and one small convolution, the best of five."""
    matrix = torch.randn(256, 256, device=device, dtype=dtype)
    image = torch.randn(1, 64, 32, 32, device=device, dtype=dtype)
    kernel = torch.randn(64, 64, 3, 3, device=device, dtype=dtype)
    seconds = time.thread_time if device.type == "cpu" else time.perf_counter
    times = []
    for _ in range(6):  # the first warms up
        started = seconds()
        matrix @ matrix
        torch.conv2d(image, kernel, padding=1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(seconds() - started)
    return min(times[1:])
