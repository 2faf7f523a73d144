"""Which sampler denoises and in how many steps, where a person leaves it open, and the denoising itself."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import torch
from torch import Tensor

from xrmri.config import Generate
from xrmri.diffusion import ddim, dpm, fitted
from xrmri.errors import InputError
from xrmri.facts import ModelFacts

STEPS = {"dpm++": 24, "ddim": 50}
"""As near to 1,000 steps of ddim as 50 of ddim come (measured with the bundled model), and the usual 50 themselves."""


def settled(config: Generate, facts: ModelFacts) -> Generate:
    """The settings with sampler and number of steps filled in, for a model with these facts.

    A fitted rule has one number of steps, and was fitted to the plain model without noise added.

    Raises:
        InputError: the fitted sampler is asked for where it does not apply, or there are too many steps.
    """
    rule, timesteps = rule_of(facts), facts.schedule.timesteps
    if config.steps is not None and config.steps > timesteps:
        raise InputError(f"--steps must be at most {timesteps}, the number the model was trained with")
    plain = config.eta == 0 and config.guidance == 1 and config.guidance_features == 1
    applies = rule is not None and plain and config.steps in (None, len(rule.visited))
    if rule is not None and applies and config.sampler in ("auto", "fitted"):
        return replace(config, sampler="fitted", steps=len(rule.visited))
    if config.sampler == "fitted":
        has = f"in {len(rule.visited)} steps, without --eta and --guidance" if rule else "but this model has none"
        raise InputError(f"--sampler fitted draws with the weights fitted to a model, {has}: take dpm++")
    sampler = "dpm++" if config.sampler == "auto" else config.sampler
    return replace(config, sampler=sampler, steps=config.steps or min(STEPS[sampler], timesteps))


def rule_of(facts: ModelFacts) -> fitted.Rule | None:
    """The sampler that was fitted to a model, if one was."""
    return fitted.Rule(**asdict(facts.sampler)) if facts.sampler else None


def denoise(
    predict_noise: Callable[[Tensor, int], Tensor],
    z_T: Tensor,
    abar: Tensor,
    config: Generate,
    facts: ModelFacts,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Clean latents (B, C, h, w) from noise z_T, by the sampler of settled settings; arguments as in ddim.sample."""
    rule = rule_of(facts)
    if config.sampler == "fitted" and rule:
        return fitted.sample(predict_noise, z_T, abar, rule)
    sampler = dpm.sample if config.sampler == "dpm++" else ddim.sample
    return sampler(predict_noise, z_T, abar, config.steps, eta=config.eta, generators=generators)
