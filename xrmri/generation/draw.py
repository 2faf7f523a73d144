"""What a volume is: noise along depth, denoised slice by slice under a radiograph and its features, decoded.

On a CPU a slice is the same bit for bit whatever is drawn beside it and on however many cores. Kernels round by the
shape of a batch, and where they share one operation among threads also by position and number of threads (measured:
fp32 on two threads). So every batch has the same size, the last filled up, and cores share batches, never operations:
which is faster, too.

Shapes: S depths, B slices at once, C latent channels, h x w latent pixels, F feature slots.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import numpy as np
import torch
from torch import Tensor

from xrmri.config import Generate
from xrmri.diffusion.depth_noise import fresh_noise, starting_noise
from xrmri.generation.guidance import guided
from xrmri.generation.sampling import denoise, settled
from xrmri.models.bundle import Condition, Model, decode, encode_radiograph

ON_CPU, ON_GPU = 13, 50
"""Slices denoised at once: fifty are four batches for two or four cores, and 5 slices a batch take a fifth more time a
slice (measured). A GPU takes a volume, or what its memory holds."""
DECODED_ON_CPU, DECODED_ON_GPU = 1, 10
"""Slices decoded at once: one is as fast as thirteen on a core, whose cache it fits (measured), and takes no memory."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Knee:
    """All that the slices of one volume share."""

    bundle: Model
    condition: Condition
    features: Tensor
    """(1, F) float32."""
    config: Generate
    sample: int
    stream: int
    stopping: Event
    """Set where nobody waits for the slices any more."""


def draw(
    bundle: Model,
    radiograph: np.ndarray,
    r: np.ndarray,
    config: Generate,
    *,
    sample: int = 0,
    stream: int = 0,
    cores: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Draw a volume: slices at `config.num_slices` depths, evenly from the back of the knee to the front.

    Further arguments and what comes back are those of `draw_at`.
    """
    depths = np.linspace(0, 1, config.num_slices).round(9)  # one depth has one number, however many slices there are
    return draw_at(depths, bundle, radiograph, r, config, sample=sample, stream=stream, cores=cores, tell=tell)


def draw_at(
    depths: np.ndarray,
    bundle: Model,
    radiograph: np.ndarray,
    r: np.ndarray,
    config: Generate,
    *,
    sample: int = 0,
    stream: int = 0,
    cores: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Draw the slices at some depths (Algorithm 2 of the paper).

    Args:
        depths: (S,) float64 in [0, 1], from the back of the knee to the front.
        bundle: the model.
        radiograph: (H, W) float32 in [-1, 1], a left knee mirrored to look right.
        r: (F,) uint8 one-hot features.
        config: steps, sampler, guidance, noise and seed.
        sample: number of the volume among several from one seed.
        stream: whose noise it starts from (Case.noise_stream).
        cores: CPU cores that share the slices; 0 takes as many as torch would. Never part of the result.
        tell: called with the number of slices done.

    Returns:
        (S, H, W) float32 in [-1, 1].
    """
    config, on_cpu = settled(config, bundle.facts), bundle.device.type == "cpu"
    at_once = ON_CPU if on_cpu else ON_GPU
    batches = [depths[first : first + at_once] for first in range(0, len(depths), at_once)]
    with _single_threads(on_cpu) as threads:
        with torch.inference_mode():
            condition = encode_radiograph(bundle, torch.from_numpy(radiograph)[None].to(bundle.device))
            features = torch.from_numpy(r.astype(np.float32))[None].to(bundle.device)
        stopping = Event()
        knee = _Knee(
            bundle=bundle,
            condition=condition,
            features=features,
            config=config,
            sample=sample,
            stream=stream,
            stopping=stopping,
        )

        def drawn(batch: np.ndarray) -> np.ndarray:
            return _filled(knee, batch, at_once) if on_cpu else _fitting(knee, batch)

        pool = ThreadPoolExecutor((cores or threads) if on_cpu else 1, initializer=torch.set_num_threads, initargs=(1,))
        try:
            slices: list[np.ndarray] = []
            for batch in pool.map(drawn, batches):
                slices.extend(batch)
                tell(len(slices))
        finally:
            stopping.set()
            pool.shutdown(cancel_futures=True)
    return np.stack(slices)


@contextmanager
def _single_threads(wanted: bool) -> Iterator[int]:
    """Let each operation run on one thread; yields how many torch would use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else before)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def _filled(knee: _Knee, depths: np.ndarray, size: int) -> np.ndarray:
    """The slices at up to `size` depths, drawn in a batch of exactly that size."""
    return _slices(knee, np.pad(depths, (0, size - len(depths)), mode="edge"))[: len(depths)]


def _fitting(knee: _Knee, depths: np.ndarray) -> np.ndarray:
    """The slices at some depths, in halves where the GPU's memory does not hold all."""
    try:
        return _slices(knee, depths)
    except torch.cuda.OutOfMemoryError:
        if len(depths) == 1:
            raise
    torch.cuda.empty_cache()
    middle = len(depths) // 2
    return np.concatenate([_fitting(knee, depths[:middle]), _fitting(knee, depths[middle:])])


@torch.inference_mode()
def _slices(knee: _Knee, depths: np.ndarray) -> np.ndarray:
    """(B, H, W) float32 in [-1, 1] at B depths in [0, 1]."""
    bundle, config = knee.bundle, knee.config
    depths_mm = depths * bundle.facts.extent_mm[0]
    z_T = starting_noise(
        config.noise,
        depths_mm,
        shape=bundle.latent_shape,
        seed=config.seed,
        sample=knee.sample,
        stream=knee.stream,
        length_mm=config.noise_length_mm,
    ).to(bundle.device)
    d = torch.from_numpy(depths.astype(np.float32)).to(bundle.device)
    ask = guided(
        bundle,
        knee.condition,
        d,
        knee.features,
        radiograph_weight=config.guidance,
        features_weight=config.guidance_features,
    )

    def predict_noise(z_t: Tensor, t: int) -> Tensor:
        if knee.stopping.is_set():
            raise CancelledError
        return ask(z_t, t)

    fresh = [fresh_noise(depth_mm, seed=config.seed, sample=knee.sample, stream=knee.stream) for depth_mm in depths_mm]
    z_0 = denoise(predict_noise, z_T, bundle.schedule.abar, config, bundle.facts, fresh)
    parts = z_0.split(DECODED_ON_CPU if z_0.device.type == "cpu" else DECODED_ON_GPU)
    return np.concatenate([decode(bundle, part).cpu().numpy() for part in parts])
