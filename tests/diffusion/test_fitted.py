"""The fitted sampler, on a made-up U-Net whose clean latents bend in ways that no straight line follows."""

import pytest
import torch

from xrmri.diffusion import dpm, fitted
from xrmri.diffusion.schedule import make_schedule

ABAR = make_schedule(timesteps=1_000, beta_start=0.00085, beta_end=0.012, prediction="v", zero_terminal_snr=True).abar


def predict_noise(z_t, t):
    """The noise about a clean latent that wavers as the noise falls, and depends on the slice."""
    alpha, sigma = ABAR[t].sqrt(), (1 - ABAR[t]).sqrt()
    clean = 0.5 * torch.sin(alpha * z_t) + 0.3 * torch.sin(6 * alpha + 0.5 * z_t)
    return ((z_t - alpha * clean) / sigma).float()


def noise(seed, count=6):
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def error(drawn, seed):
    return float((drawn - dpm.sample(predict_noise, noise(seed), ABAR, steps=1_000)).square().mean().sqrt())


@pytest.mark.parametrize("steps", [6, 8, 11])
def test_fitted_on_some_slices_it_errs_a_tenth_of_what_dpm_does_on_others(steps):
    rule = fitted.fit(predict_noise, noise(0), ABAR, steps)
    ours = error(fitted.sample(predict_noise, noise(1), ABAR, rule=rule), 1)
    assert ours < 0.1 * error(dpm.sample(predict_noise, noise(1), ABAR, steps=steps), 1)


@pytest.mark.parametrize("steps", [1, 2, 11, 200, 1_000])
def test_it_asks_once_at_each_of_so_many_falling_steps_from_the_last(steps):
    rule, asked = fitted.fit(predict_noise, noise(0, 2), ABAR, steps), []

    def ask(z_t, t):
        asked.append(t)
        return predict_noise(z_t, t)

    fitted.sample(ask, noise(1, 2), ABAR, rule=rule)
    assert len(asked) == steps and asked[0] == 999
    assert asked == sorted(set(asked), reverse=True) == list(rule.visited)


def test_a_slice_does_not_depend_on_the_others_drawn_with_it():
    rule = fitted.fit(predict_noise, noise(0), ABAR, 8)
    together = fitted.sample(predict_noise, noise(1), ABAR, rule=rule)
    assert torch.equal(together[2:3], fitted.sample(predict_noise, noise(1)[2:3], ABAR, rule=rule))
