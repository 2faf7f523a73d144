"""Which sampler denoises, and in how many steps where a person leaves it open. To add one, add a row of SAMPLERS.

The names are those of `config.Sampler`; beside them stand auto, and fitted, whose weights belong to one model.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from xrmri.config import Generate
from xrmri.diffusion import ddim, dpm, fitted
from xrmri.diffusion.ddim import PredictNoise
from xrmri.errors import InputError
from xrmri.facts.folders import ModelFacts

Denoise = Callable[[PredictNoise, Tensor, Tensor], Tensor]
"""(predict_noise, z_T (B, C, h, w), abar (T,)) -> z_0 (B, C, h, w)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """A way from noise to a clean latent."""

    name: str
    """For --sampler."""
    sample: Callable[..., Tensor]
    """Takes what `ddim.sample` takes."""
    steps: int
    """Where a person does not say how many: as near to 1,000 steps of ddim as 50 of ddim come (measured with the
    bundled model)."""


SAMPLERS = (
    Sampler(name="ddim", sample=ddim.sample, steps=50),
    Sampler(name="dpm++", sample=dpm.sample, steps=24),
)
BY_NAME = {sampler.name: sampler for sampler in SAMPLERS}
USUAL = "dpm++"
"""What auto takes where no fitted sampler applies."""


def resolved(config: Generate, facts: ModelFacts) -> Generate:
    """The settings with sampler and number of steps filled in, for a model with these facts.

    A fitted rule has one number of steps, and was fitted to the plain model without noise added.

    Raises:
        InputError: the fitted sampler is asked for where it does not apply, or there are too many steps.
    """
    rule, timesteps = facts.sampler, facts.schedule.timesteps
    if config.steps is not None and config.steps > timesteps:
        raise InputError(f"--steps must be at most {timesteps}, the number the model was trained with")
    plain = config.eta == 0 and config.guidance == 1 and config.guidance_features == 1
    applies = rule is not None and plain and config.steps in (None, len(rule.visited))
    if rule is not None and applies and config.sampler in ("auto", "fitted"):
        return replace(config, sampler="fitted", steps=len(rule.visited))
    if config.sampler == "fitted":
        has = f"in {len(rule.visited)} steps, without --eta and --guidance" if rule else "but this model has none"
        raise InputError(f"--sampler fitted draws with the weights fitted to a model, {has}: take {USUAL}")
    sampler = BY_NAME[USUAL if config.sampler == "auto" else config.sampler]
    name: Any = sampler.name  # a row of the table that SamplerName lists
    return replace(config, sampler=name, steps=config.steps or min(sampler.steps, timesteps))


def sampler_of(config: Generate, facts: ModelFacts, generators: Sequence[torch.Generator]) -> Denoise:
    """The sampler of resolved settings; generators give the noise that it adds to each slice."""
    if config.sampler == "fitted" and facts.sampler:
        return partial(fitted.sample, rule=fitted.Rule(**asdict(facts.sampler)))
    assert config.steps is not None
    return partial(BY_NAME[config.sampler].sample, steps=config.steps, eta=config.eta, generators=generators)
