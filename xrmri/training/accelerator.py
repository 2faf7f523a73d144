"""Where a training runs and in which precision."""

import os

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list

from xrmri.config import Training
from xrmri.errors import InputError
from xrmri.machine.device import find_device
from xrmri.machine.memory import keep_memory
from xrmri.machine.precision import fastest_precision
from xrmri.training.tracking import require_trackers

_NAMES = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
_SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM")
"""What accelerate's launcher can ask for, by ACCELERATE_USE_..., that leaves no process a whole network."""


def prepare_device(device: str, config: Training) -> Accelerator:
    """The accelerator of a training: device, precision and, under a launcher, the other processes.

    Args:
        device: auto, cpu, cuda or cuda:N.
        config: precision and batch size.

    Raises:
        InputError: no such device, a batch that the processes cannot share, or weights in shards.
    """
    # The average would stay at the weights of the start, and the first process could neither validate nor save alone.
    for kind in _SHARDED:
        if os.environ.get(f"ACCELERATE_USE_{kind}", "false").lower() == "true":
            advice = "say MULTI_GPU instead, with shard_optimiser = true to save memory"
            raise InputError(f"accelerate is told to use {kind}, training keeps whole networks: {advice}")
    where = find_device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    require_trackers(config)
    if where.type == "cpu":
        keep_memory()
    precision = _agreed(where) if config.precision == "auto" else config.precision
    if precision == "fp16" and where.type == "cpu":
        raise InputError("--precision fp16 needs a GPU: choose fp32 or auto")
    # accelerate keeps one state a process and refuses another precision: two trainings in a row may differ in it.
    AcceleratorState._reset_state()
    accelerator = Accelerator(cpu=where.type == "cpu", mixed_precision=_NAMES[precision])
    world = accelerator.num_processes
    if config.batch_size % world:
        raise InputError(f"--batch-size {config.batch_size} does not divide among {world} processes")
    return accelerator


def _agreed(device: torch.device) -> str:
    """The precision of the first process: processes that differed would not train one network."""
    state = PartialState(cpu=device.type == "cpu")
    found = [fastest_precision(device) if state.is_main_process else ""]
    return str(broadcast_object_list(found)[0])
