"""What the denoiser is shown at each position of the endless order: latents, noise, step, radiograph, depth, features.

Shapes: B slices, P pairs, S depths, C latent channels, h x w latent pixels, W context width, F feature slots.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xrmri.config import Execution, TrainLdm
from xrmri.data.covariates import COVARIATES, covariate_slots, without_some
from xrmri.data.slices import (
    Purpose,
    Shuffle,
    SliceIndex,
    index_slices,
    noise_source,
    random_numbers,
    readings_of,
    training_view,
)
from xrmri.data.store import Dataset
from xrmri.data.view import View
from xrmri.diffusion.loss import diffusion_loss
from xrmri.diffusion.schedule import Schedule
from xrmri.evenly import evenly
from xrmri.learning.latents import Caches, Encoders, Latents, cache_latents
from xrmri.models.condition import Condition, at_depths

log = logging.getLogger(__name__)

_VALIDATED = 192
"""Slices that the validation loss comes from (choice)."""
_VALIDATED_AT_ONCE = 16
"""At least: without gradients they take little memory (choice)."""
_NOISIEST = 48
"""Of them, those that it is measured on at the noisiest step alone (choice)."""


class Batch(NamedTuple):
    """What one forward pass of training takes."""

    z_0: Tensor
    """(B, C, h, w) scaled latents."""
    eps: Tensor
    """(B, C, h, w) noise."""
    t: Tensor
    """(B,) int64 steps."""
    concat: Tensor
    """(B, C, h, w) latent of the radiograph, unscaled, or the anchor's slice; zeros where dropped."""
    token: Tensor
    """(B, 1, W) context; zeros where dropped."""
    depth: Tensor
    """(B,) in [0, 1], from the back of the knee."""
    features: Tensor
    """(B, F), r; zeros where not read or dropped."""

    @property
    def condition(self) -> Condition:
        """What the denoiser is told."""
        return Condition(concat=self.concat, token=self.token, depth=self.depth, features=self.features)


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Slices of one split, ready to be noised."""

    slices: SliceIndex
    items: Sequence[int]
    """The slices that are encoded, in the order of latents.moments."""
    latents: Latents
    features: np.ndarray
    """(P, F) float32."""
    scale: float
    """Of target latents; the condition is never scaled."""
    config: TrainLdm

    def training_batch(self, order: Shuffle, positions: Sequence[int]) -> Batch:
        """The batch at some positions, with every random choice about it."""
        chosen = [self._training(order.at(position), position) for position in positions]
        return Batch(*map(torch.stack, zip(*chosen, strict=True)))

    def held_out(self, batch_size: int) -> dict[str, list[Batch]]:
        """What a network is validated on, by the name of the loss on it, in batches of so many slices or 16."""
        size = max(batch_size, _VALIDATED_AT_ONCE)
        return {
            "validation_loss": self.validation_batches(size),
            "validation_loss_noisiest": self.noisiest_batches(size),
        }

    def validation_batches(self, size: int) -> list[Batch]:
        """All slices once, on fixed noise, at steps spread over the whole forward process."""
        count = len(self.items)
        steps = ((np.arange(count) + 0.5) / count * self.config.timesteps).astype(int)
        # Neighbours in the list are neighbours in depth: an odd stride keeps depth and step from rising together.
        steps = steps[np.arange(count) * _coprime(count) % count]
        return self._fixed(dict(enumerate(steps.tolist())), size)

    def noisiest_batches(self, size: int) -> list[Batch]:
        """At most 48 slices, evenly, on fixed noise, all at the last step of the forward process.

        There only radiograph and features tell anything: what a network learnt of them shows here and nowhere else.
        """
        chosen = evenly(range(len(self.items)), _NOISIEST)
        return self._fixed(dict.fromkeys(chosen, self.config.timesteps - 1), size)

    def _fixed(self, steps: Mapping[int, int], size: int) -> list[Batch]:
        """Batches of slices at given steps, each slice on noise of its own that never changes."""
        chosen = []
        for number, t in steps.items():
            source = noise_source(self.config.seed, Purpose.VALIDATION, number)
            chosen.append(self._one(number, t=torch.tensor(t), variant=0, source=source))
        batches = (chosen[first : first + size] for first in range(0, len(chosen), size))
        return [Batch(*map(torch.stack, zip(*batch, strict=True))) for batch in batches]

    def _training(self, number: int, position: int) -> Batch:
        config = self.config
        source = noise_source(config.seed, Purpose.NOISE, position)
        numbers = random_numbers(config.seed, Purpose.IMAGE, position)
        variant = int(numbers.integers(config.radiograph_variants))
        one = self._one(number, t=torch.randint(config.timesteps, (), generator=source), variant=variant, source=source)
        token, both, concat = np.cumsum([config.drop_token, config.drop_both, config.drop_concat])
        fate, features, *missing = numbers.random(2 + len(COVARIATES))
        if fate < both:
            one = one._replace(token=torch.zeros_like(one.token))
        if token <= fate < concat:
            one = one._replace(concat=torch.zeros_like(one.concat))
        if features < config.drop_features:
            one = one._replace(features=torch.zeros_like(one.features))
        if config.covariates:  # each for itself: a person may know the age alone
            left_out = [number < config.drop_features for number in missing]
            one = one._replace(features=torch.from_numpy(without_some(one.features.numpy(), left_out)))
        return one

    def _one(self, number: int, *, t: Tensor, variant: int, source: torch.Generator) -> Batch:
        """One slice without the B of its shapes, its latent drawn anew from the posterior."""
        pair, depth = divmod(self.items[number], self.slices.depths)
        mean, logvar = torch.from_numpy(self.latents.moments[number].astype(np.float32))
        posterior, eps = torch.randn(2, *mean.shape, generator=source)
        place = torch.tensor(depth / max(1, self.slices.depths - 1))
        shown = torch.from_numpy(self.latents.radiographs[pair, variant].astype(np.float32))
        return Batch(
            z_0=self.scale * (mean + (0.5 * logvar).exp() * posterior),
            eps=eps,
            t=t,
            concat=at_depths(shown, place[None])[0],
            token=torch.from_numpy(self.latents.tokens[pair, variant].astype(np.float32))[None],
            depth=place,
            features=torch.from_numpy(self.features[pair]),
        )


def denoising_loss(
    network: nn.Module, batch: Batch, *, schedule: Schedule, min_snr: float = 0.0, edges: Tensor | None = None
) -> Tensor:
    """Eq. 10 on a batch: a float32 scalar.

    With `min_snr`, slices are weighted by their noise; with `edges` (D, h, w), evenly from the back to the front, the
    places of a knee.
    """
    z_t = schedule.q_sample(batch.z_0, batch.eps, batch.t)
    said = network(z_t, schedule.told(batch.t), **batch.condition._asdict())
    weight = schedule.loss_weight(batch.t, min_snr=min_snr)
    places = None if edges is None else at_depths(edges.to(batch.depth.device), batch.depth)
    return diffusion_loss(said, schedule.target(batch.z_0, batch.eps, batch.t), weight, places=places)


def read_samples(
    data: Dataset, caches: Caches, encoders: Encoders, *, config: TrainLdm, execution: Execution
) -> tuple[Samples, Samples]:
    """The train split, and some slices of the val split."""
    train, val = index_slices(data, "train"), index_slices(data, "val")
    view = training_view(data, config.radiograph_grid, covariates=config.covariates)
    items, shown = range(len(train)), val.evenly(_VALIDATED)
    cached = partial(cache_latents, encoders=encoders, view=view, seed=config.seed, tell=execution.progress)
    learnt = cached(caches.of("train"), train, items, variants=config.radiograph_variants)
    held_out = cached(caches.of("val"), val, shown, variants=1)
    measured = learnt.scale()
    scale = config.latent_scale or measured
    log.info("latent scale %.4f; measured 1 / standard deviation %.4f", scale, measured)
    features = features_of(train, view)
    if config.covariates and not covariate_slots(features).any():
        log.warning("%s knows nobody's age, sex or BMI: covariates tells the denoiser nothing", data.folder)
    samples = partial(Samples, scale=scale, config=config)
    return (
        samples(slices=train, items=items, latents=learnt, features=features),
        samples(slices=val, items=shown, latents=held_out, features=features_of(val, view)),
    )


def features_of(slices: SliceIndex, view: View) -> np.ndarray:
    """r of each pair of a split: (P, F) float32."""
    return readings_of(slices.dataset, slices.pairs, view)


def _coprime(count: int) -> int:
    """A stride near the golden section of `count` that visits every number below it."""
    return next(stride for stride in range(max(1, round(count * 0.618)), count + 2) if np.gcd(stride, count) == 1)
