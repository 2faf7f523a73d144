"""DDIM and DPM-Solver++ against diffusers' own, on a made-up U-Net."""

import pytest
import torch

import xrmri.models.from_open_clip  # noqa: F401  (lets diffusers import on this machine)
from xrmri.diffusion import ddim, dpm
from xrmri.diffusion.schedule import make_schedule, steps_by_noise

BETAS = {"beta_start": 0.00085, "beta_end": 0.0120}
ABAR = make_schedule(timesteps=1_000, prediction="epsilon", **BETAS).abar


def predict_noise(z_t, t):
    """Smooth in both, and not linear: a sampler that mixes up its levels is found out."""
    return torch.tanh(z_t * 0.7 + 0.3 * torch.sin(torch.tensor(t / 150.0)))


def start(count=2):
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def theirs(scheduler, **options):
    """Run a diffusers scheduler over the steps that it was set to."""
    visited, z_t = [], start()
    for t in scheduler.timesteps:
        visited.append(int(t))
        z_t = scheduler.step(predict_noise(z_t, int(t)), t, z_t, **options).prev_sample
    return visited, z_t


def asked(sampler, steps, **options):
    """The steps at which our sampler asks, and what it ends with."""
    visited = []

    def ask(z_t, t):
        visited.append(t)
        return predict_noise(z_t, t)

    return visited, sampler(ask, start(), ABAR, steps=steps, **options)


@pytest.mark.parametrize("steps", [1, 2, 10, 50])
def test_ddim_agrees_with_diffusers_to_1e_5(steps):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        1_000, beta_schedule="scaled_linear", clip_sample=False, timestep_spacing="trailing", **BETAS
    )
    scheduler.set_timesteps(steps)
    visited, z_0 = theirs(scheduler)
    assert asked(ddim.sample, steps)[0] == visited
    assert torch.allclose(asked(ddim.sample, steps)[1], z_0, rtol=1e-5, atol=1e-5)


def their_dpm(steps, algorithm):
    from diffusers import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        1_000, beta_schedule="scaled_linear", algorithm_type=algorithm, final_sigmas_type="zero", **BETAS
    )
    scheduler.set_timesteps(timesteps=steps_by_noise(ABAR, steps))
    return scheduler


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 50])
def test_dpm_agrees_with_diffusers_to_1e_5(steps):
    visited, z_0 = theirs(their_dpm(steps, "dpmsolver++"))
    assert asked(dpm.sample, steps)[0] == visited
    assert torch.allclose(asked(dpm.sample, steps)[1], z_0, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [2, 5, 20])
def test_dpm_with_noise_agrees_with_diffusers_stochastic_one_to_1e_5(steps, monkeypatch):
    noise = torch.randn(start().shape, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(dpm, "added_noise", lambda generators, like: noise)
    visited, z_0 = theirs(their_dpm(steps, "sde-dpmsolver++"), variance_noise=noise)
    # diffusers keeps abar in float32, and one noise at every step adds up to large latents.
    assert torch.allclose(asked(dpm.sample, steps, eta=1.0)[1], z_0, rtol=0, atol=1e-5 * z_0.abs().max().item())


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_one_ddim_step_agrees_with_diffusers_at_any_eta(eta):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(1_000, beta_schedule="scaled_linear", clip_sample=False, **BETAS)
    scheduler.set_timesteps(10)
    z_t, noise = start(), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    wanted = scheduler.step(predict_noise(z_t, 700), 700, z_t, eta=eta, variance_noise=noise).prev_sample
    found = ddim.ddim_step(z_t, predict_noise(z_t, 700), ABAR[700], ABAR[600], eta=eta, noise=noise)
    assert torch.allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sampler", [ddim.sample, dpm.sample])
def test_a_perfect_u_net_leads_to_its_image_at_any_number_of_steps(sampler):
    z_0 = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(7))

    def perfect(z_t, t):
        return (z_t - ABAR[t].sqrt() * z_0) / (1 - ABAR[t]).sqrt()

    for steps in (1, 3, 7, 333):
        assert torch.allclose(sampler(perfect, start(), ABAR, steps=steps), z_0, atol=1e-4)


@pytest.mark.parametrize("sampler", [ddim.sample, dpm.sample])
def test_a_slices_added_noise_does_not_depend_on_its_batch(sampler):
    def generators(*seeds):
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    together = sampler(predict_noise, start(2), ABAR, steps=7, eta=1.0, generators=generators(5, 6))
    alone = sampler(predict_noise, start(2)[1:], ABAR, steps=7, eta=1.0, generators=generators(6))
    assert torch.equal(together[1:], alone)
    assert not torch.allclose(together[1:], sampler(predict_noise, start(2)[1:], ABAR, steps=7))


def test_a_step_of_ddim_adds_noise_only_where_it_is_asked_to():
    z_t, eps, noise = torch.randn(3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    step = (z_t, eps, ABAR[500], ABAR[400])
    plain = ddim.ddim_step(*step)
    assert torch.equal(plain, ddim.ddim_step(*step, noise=noise))
    sigma = (((1 - ABAR[400]) / (1 - ABAR[500])) * (1 - ABAR[500] / ABAR[400])).sqrt()
    z_0 = (z_t - (1 - ABAR[500]).sqrt() * eps) / ABAR[500].sqrt()
    ancestral = ABAR[400].sqrt() * z_0 + (1 - ABAR[400] - sigma**2).sqrt() * eps + sigma * noise
    assert torch.allclose(ddim.ddim_step(*step, eta=1.0, noise=noise), ancestral)
