"""A volume on the machine there is: slices in batches, on cores or a GPU, within its memory, and no longer than wanted.

On a CPU a slice is the same bit for bit whatever is drawn beside it and on however many cores. Kernels round by the
shape of a batch, and where they share one operation among threads also by position and number of threads (measured:
fp32 on two threads). So every batch has the same size, the last filled up, and cores share batches, never operations:
which is faster, too.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event

import numpy as np
import torch
from torch import nn

from xrmri.config import Generate
from xrmri.data.view import SeenKnee
from xrmri.generation.method import draw_slices
from xrmri.models.bundle import Model, condition_of

ON_CPU, ON_GPU = 13, 50
"""Slices denoised at once: fifty are four batches for two or four cores, and 5 slices a batch take a fifth more time a
slice (measured). A GPU takes a volume, or what its memory holds."""


def even_depths(count: int) -> np.ndarray:
    """Evenly from the back of the knee, 0, to the front, 1: (count,) float64."""
    return np.linspace(0, 1, count).round(9)  # one depth has one number, however many slices there are


def draw_volume(
    model: Model,
    seen: SeenKnee,
    config: Generate,
    *,
    depths: np.ndarray | None = None,
    sample: int = 0,
    stream: int = 0,
    threads: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Draw a volume, or the slices at some depths of it.

    Args:
        model: the networks.
        seen: the knee, looking right.
        config: resolved settings.
        depths: (S,) float64 in [0, 1]; None for `config.num_slices` even ones.
        sample: number of the volume among several from one seed.
        stream: whose noise it starts from (Case.noise_stream).
        threads: that share the slices on a CPU; 0 takes as many as torch would. Never part of the result.
        tell: called with the number of slices done.

    Returns:
        (S, H, W) float32 in [-1, 1].
    """
    depths = even_depths(config.num_slices) if depths is None else depths
    on_cpu = model.device.type == "cpu"
    at_once, count = ON_CPU if on_cpu else ON_GPU, len(depths)
    if on_cpu:
        depths = np.pad(depths, (0, -count % at_once), mode="edge")
    batches = [depths[first : first + at_once] for first in range(0, len(depths), at_once)]
    with _single_threads(on_cpu) as usual, _until_stopped(model.denoiser) as stopping:
        with torch.inference_mode():
            knee = condition_of(model, *seen)
        work = partial(draw_slices, model=model, knee=knee, config=config, sample=sample, stream=stream)
        pool = ThreadPoolExecutor((threads or usual) if on_cpu else 1, initializer=torch.set_num_threads, initargs=(1,))
        try:
            slices: list[np.ndarray] = []
            for batch in pool.map(work if on_cpu else partial(in_halves, work), batches):
                slices.extend(batch)
                tell(min(len(slices), count))
        finally:
            stopping.set()
            pool.shutdown(cancel_futures=True)
    return np.stack(slices[:count])


def in_halves(work: Callable[[np.ndarray], np.ndarray], depths: np.ndarray) -> np.ndarray:
    """The slices at some depths, in halves where the GPU's memory does not hold all."""
    try:
        return work(depths)
    except torch.cuda.OutOfMemoryError:
        if len(depths) == 1:
            raise
    torch.cuda.empty_cache()
    middle = len(depths) // 2
    return np.concatenate([in_halves(work, depths[:middle]), in_halves(work, depths[middle:])])


@contextmanager
def _single_threads(wanted: bool) -> Iterator[int]:
    """Let each operation run on one thread; yields how many torch would use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else before)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


@contextmanager
def _until_stopped(network: nn.Module) -> Iterator[Event]:
    """Yields an event: once it is set, the network answers no more, so that no thread draws for nobody."""
    stopping = Event()

    def refuse(*_: object) -> None:
        if stopping.is_set():
            raise CancelledError

    hook = network.register_forward_pre_hook(refuse)
    try:
        yield stopping
    finally:
        hook.remove()
