"""The latents that train-ldm learns from: every slice and radiograph encoded once, kept as moments.

Moments (mean and log-variance) rather than samples, because a cached sample freezes its noise and puts a floor under
the loss.

Shapes: N slices, P pairs, V variants of a radiograph, K slices shown (1, or the depths of an anchor), C latent
channels, h x w latent pixels, W context width.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from xrmri.config import Progress
from xrmri.data.slices import SliceIndex, radiograph_image, slice_image
from xrmri.data.view import View
from xrmri.errors import InputError
from xrmri.evenly import evenly
from xrmri.learning.encoding import encoded
from xrmri.models.autoencoder import encode
from xrmri.runs.holding import hold

if TYPE_CHECKING:  # most models have no tower
    from xrmri.models.radiograph_encoder import RadiographEncoder

log = logging.getLogger(__name__)

_WAIT_S = 5.0
"""Between looks at a folder that another training fills."""
Encode = Callable[[Tensor], Tensor]
"""(B, H, W) float32 images in [-1, 1] on the CPU -> one array of numbers an image, on the CPU."""
Show = Callable[[str, Tensor], Tensor]
"""pair_id and its radiograph, (H, W) float32 in [-1, 1] -> what the denoiser is shown of it, (K, C, h, w)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoders:
    """What turns images into latents."""

    moments: Encode
    """To (B, 2, C, h, w): mean and log-variance."""
    show: Show
    """To the radiograph's posterior mode, (1, C, h, w), or to what an anchor makes of it."""
    token: Encode
    """To (B, W)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caches:
    """Where latents are kept, each named by all that its numbers depend on."""

    slices: Path
    """Of slices: the same for every training on a dataset with one autoencoder."""
    shown: Path
    """Of what a denoiser is shown of radiographs: an anchor's, a tower's, in the exposures of a seed."""

    def of(self, split: str) -> "Caches":
        """Those of one split."""
        return Caches(slices=self.slices / split, shown=self.shown / split)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Latents:
    """Slices of one split, and its radiographs, as the denoiser is told them."""

    moments: np.ndarray
    """(N, 2, C, h, w) float16."""
    radiographs: np.ndarray
    """(P, V, K, C, h, w) float16, evenly from the back of the knee to the front."""
    tokens: np.ndarray
    """(P, V, W) float16."""

    def scale(self) -> float:
        """1 / standard deviation of the slices' latents, of a thousand of them at most."""
        some = self.moments[evenly(range(len(self.moments)), 1_000)]
        mean, logvar = some.astype(np.float64).swapaxes(0, 1)
        return float(1 / np.sqrt(mean.var() + np.exp(logvar).mean()))


def frozen_encoders(vae: nn.Module, tower: "RadiographEncoder | None", width: int, device: torch.device) -> Encoders:
    """The frozen networks as functions of images on the CPU."""
    vae = vae.to(device)

    def moments(x: Tensor) -> Tensor:
        return torch.stack(encode(vae, x.to(device)), dim=1).cpu()

    def token(y: Tensor) -> Tensor:
        return tower.to(device)(y.to(device))[:, 0].cpu() if tower else torch.zeros(len(y), width)

    return Encoders(moments=moments, show=lambda _, y: moments(y[None])[:, 0], token=token)


def cache_latents(
    caches: Caches,
    slices: SliceIndex,
    items: Sequence[int],
    encoders: Encoders,
    *,
    view: View,
    variants: int,
    seed: int,
    tell: Progress,
) -> Latents:
    """Encode slices, and the radiographs of all pairs of their split, or take them from an earlier call.

    Args:
        caches: of these slices, and of these encoders and exposures, alone.
        slices: the split.
        items: which of its slices.
        encoders: what encodes.
        view: how the denoiser sees radiographs.
        variants: exposures of each radiograph; the first is as stored.
        seed: of the exposures.
        tell: progress.
    """
    for folder in (caches.slices, caches.shown):
        folder.mkdir(parents=True, exist_ok=True)
    data = slices.dataset
    exposures = list(product(slices.pairs, range(variants)))

    def radiographs(numbers: range) -> Tensor:
        each = [exposures[number] for number in numbers]
        return torch.stack([radiograph_image(data, pair, view, variant=variant, seed=seed) for pair, variant in each])

    def images(numbers: range) -> Tensor:
        return torch.stack([slice_image(data, *slices.locate(items[number])) for number in numbers])

    def shown(numbers: range, radiographs: Tensor) -> Tensor:
        return torch.stack(
            [encoders.show(exposures[number][0], y) for number, y in zip(numbers, radiographs, strict=True)]
        )

    kept = partial(encoded, tell=tell)
    of_radiographs = kept(caches.shown / "radiographs.npy", len(exposures), radiographs, make=shown)
    told = kept(caches.shown / "tokens.npy", len(exposures), radiographs, make=lambda _, read: encoders.token(read))
    with _alone_in(caches.slices):
        of_slices = kept(caches.slices / "slices.npy", len(items), images, make=lambda _, read: encoders.moments(read))
    by_pair = (len(slices.pairs), variants)
    return Latents(
        moments=of_slices,
        radiographs=of_radiographs.reshape(*by_pair, *of_radiographs.shape[1:]),
        tokens=told.reshape(*by_pair, *told.shape[1:]),
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder that several trainings may share; whoever comes second waits, and finds what it would make."""
    lock = None
    while lock is None:
        try:
            lock = hold(folder)
        except InputError as held:
            log.info("waiting: %s", held)
            time.sleep(_WAIT_S)
    try:
        yield
    finally:
        lock.release()
