"""The latents that train-ldm learns from: every slice and radiograph encoded once, kept as moments.

Moments (mean and log-variance) rather than samples, because a cached sample freezes its noise and puts a floor under
the loss.

Shapes: N slices, P pairs, V variants of a radiograph, C latent channels, h x w latent pixels, W context width.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import read_array_header_1_0, read_magic, write_array_header_1_0
from torch import Tensor

from xrmri.data.slices import SliceIndex, radiograph_image, slice_image
from xrmri.data.view import View
from xrmri.files import sha256, write_text
from xrmri.models.autoencoder import AutoencoderKL, encode
from xrmri.models.radiograph_encoder import RadiographEncoder
from xrmri.seals import require_sha256

Encode = Callable[[Tensor], Tensor]
"""(B, H, W) float32 images in [-1, 1] on the CPU -> one array of numbers an image, on the CPU."""

_TOGETHER = 4
"""Images encoded at once: on two cores 4 are as fast an image as 1 or 16 (measured)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoders:
    """What turns images into latents."""

    moments: Encode
    """To (B, 2, C, h, w): mean and log-variance."""
    radiograph: Encode
    """To (B, C, h, w): the posterior mode."""
    token: Encode
    """To (B, W)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Latents:
    """Slices of one split, and its radiographs, as the denoiser is told them."""

    moments: np.ndarray
    """(N, 2, C, h, w) float16."""
    radiographs: np.ndarray
    """(P, V, C, h, w) float16."""
    tokens: np.ndarray
    """(P, V, W) float16."""

    def scale(self) -> float:
        """1 / standard deviation of the slices' latents, of a thousand of them at most."""
        some = np.linspace(0, len(self.moments) - 1, min(1_000, len(self.moments))).round().astype(int)
        mean, logvar = self.moments[some].astype(np.float64).swapaxes(0, 1)
        return float(1 / np.sqrt(mean.var() + np.exp(logvar).mean()))


def frozen_encoders(vae: AutoencoderKL, tower: RadiographEncoder | None, width: int, device: torch.device) -> Encoders:
    """The frozen networks as functions of images on the CPU."""
    vae = vae.to(device)

    def moments(x: Tensor) -> Tensor:
        return torch.stack(encode(vae, x.to(device)), dim=1).cpu()

    def token(y: Tensor) -> Tensor:
        return tower.to(device)(y.to(device))[:, 0].cpu() if tower else torch.zeros(len(y), width)

    return Encoders(moments=moments, radiograph=lambda y: moments(y)[:, 0], token=token)


def cache_latents(
    folder: Path,
    slices: SliceIndex,
    items: Sequence[int],
    encoders: Encoders,
    *,
    view: View,
    variants: int,
    seed: int,
    tell: Callable[[str, int, int, str], None],
) -> Latents:
    """Encode slices, and the radiographs of all pairs of their split, or take them from an earlier call.

    Args:
        folder: belongs to these slices, encoders and exposures alone.
        slices: the split.
        items: which of its slices.
        encoders: what encodes.
        view: how the denoiser sees radiographs.
        variants: exposures of each radiograph; the first is as stored.
        seed: of the exposures.
        tell: progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = slices.dataset
    exposures = list(product(slices.pairs, range(variants)))

    def slice_at(number: int) -> Tensor:
        return slice_image(data, *slices.locate(items[number]))

    def radiograph_at(number: int) -> Tensor:
        pair_id, variant = exposures[number]
        return radiograph_image(data, pair_id, view, variant=variant, seed=seed)

    moments = _encoded(folder / "slices.npy", len(items), slice_at, encoders.moments, tell=tell)
    radiographs = _encoded(folder / "radiographs.npy", len(exposures), radiograph_at, encoders.radiograph, tell=tell)
    tokens = _encoded(folder / "tokens.npy", len(exposures), radiograph_at, encoders.token, tell=tell)
    by_pair = (len(slices.pairs), variants)
    return Latents(
        moments=moments,
        radiographs=radiographs.reshape(*by_pair, *radiographs.shape[1:]),
        tokens=tokens.reshape(*by_pair, *tokens.shape[1:]),
    )


@torch.inference_mode()
def _encoded(
    file: Path,
    count: int,
    image_at: Callable[[int], Tensor],
    encode: Encode,
    *,
    tell: Callable[[str, int, int, str], None],
) -> np.ndarray:
    """The array in a file, encoded first where it is not complete; what an interrupted call has done is kept.

    It is written as any file is, and mapped into memory once it is whole: writing to a map of a full disk ends the
    process without a word.
    """
    recorded = file.with_suffix(".sha256")
    if not file.is_file():
        growing = file.with_suffix(".growing")
        with growing.open("ab") as stream:
            for first in _rest(growing, count):
                images = torch.stack([image_at(number) for number in range(first, min(first + _TOGETHER, count))])
                found = encode(images).to(torch.float16).numpy()
                if first == 0:
                    stream.truncate(0)
                    header = {"descr": "<f2", "fortran_order": False, "shape": (count, *found.shape[1:])}
                    write_array_header_1_0(stream, header)
                stream.write(found.tobytes())
                tell("train-ldm", first + len(found), count, f"encoding {file.stem}")
        write_text(recorded, sha256(growing))
        os.replace(growing, file)
    advice = f"remove {file.parent}, and it is encoded again"
    told = recorded.read_text(encoding="utf-8", errors="replace") if recorded.is_file() else None
    require_sha256(file, told, advice)
    return np.load(file, mmap_mode="r")


def _rest(growing: Path, count: int) -> range:
    """The items still to be encoded, in steps of _TOGETHER; a step that was cut off is taken away first."""
    try:
        with growing.open("r+b") as stream:
            read_magic(stream)
            shape, _, dtype = read_array_header_1_0(stream)
            begin, item_bytes = stream.tell(), dtype.itemsize * math.prod(shape[1:])
            done = (growing.stat().st_size - begin) // item_bytes // _TOGETHER * _TOGETHER
            stream.truncate(begin + done * item_bytes)
    except ValueError:  # nothing, or half a header
        done = 0
    return range(done, count, _TOGETHER)
