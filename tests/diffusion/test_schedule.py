"""The forward process in float64, and the steps a sampler visits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xrmri.diffusion.loss import diffusion_loss
from xrmri.diffusion.schedule import make_schedule, visited_steps


def schedule(prediction="epsilon", timesteps=2_000):
    return make_schedule(timesteps=timesteps, beta_start=0.00085, beta_end=0.0120, prediction=prediction)


@pytest.mark.parametrize("timesteps", [1_000, 2_000])
def test_abar_is_that_of_diffusers_scaled_linear_schedule_but_in_float64(timesteps):
    import xrmri.models  # noqa: F401, I001  (lets diffusers import on this machine)
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(
        num_train_timesteps=timesteps, beta_start=0.00085, beta_end=0.0120, beta_schedule="scaled_linear"
    ).alphas_cumprod
    ours = schedule(timesteps=timesteps).abar
    assert ours.dtype == torch.float64
    # Theirs is a product of 2,000 float32 numbers; at the far end it has drifted by more than 1e-5 of itself.
    assert torch.allclose(ours.float(), theirs, rtol=2e-4, atol=1e-7)


def test_with_2000_steps_the_signal_left_falls_from_4_66e_3_to_2_2e_5():
    assert schedule(timesteps=1_000).abar[-1].item() == pytest.approx(4.66e-3, rel=0.01)
    assert schedule(timesteps=2_000).abar[-1].item() == pytest.approx(2.2e-5, rel=0.02)


def test_noise_at_step_500_of_2000_is_that_of_step_382_of_1000():
    wanted = schedule(timesteps=2_000).abar[500]
    assert int((schedule(timesteps=1_000).abar - wanted).abs().argmin()) == pytest.approx(382, abs=1)


@given(st.integers(1, 2_500).flatmap(lambda timesteps: st.tuples(st.just(timesteps), st.integers(1, timesteps))))
def test_any_count_visits_exactly_that_many_falling_steps_from_the_last_one(case):
    timesteps, count = case
    steps = visited_steps(timesteps, count)
    assert len(steps) == count and steps[0] == timesteps - 1 and steps[-1] >= 0
    gaps = -np.diff([*steps, -1])
    assert gaps.min() >= timesteps // count >= 1 and gaps.max() <= -(-timesteps // count)


@pytest.mark.parametrize("count", [0, -1, 101])
def test_a_count_that_no_schedule_has_is_refused(count):
    with pytest.raises(ValueError, match="100 steps"):
        visited_steps(100, count)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_what_the_u_net_should_say_leads_back_to_the_noise(prediction):
    process = schedule(prediction)
    torch.manual_seed(0)
    z_0, eps = torch.randn(2, 3, 4, 8, 8)
    t = torch.tensor([0, 700, 1_999])
    z_t = process.q_sample(z_0, eps, t)
    found = process.noise(process.target(z_0, eps, t), z_t, t)
    assert torch.allclose(found, eps, atol=1e-5)


def test_noised_latents_keep_unit_variance_at_every_step():
    torch.manual_seed(0)
    z_0, eps = torch.randn(2, 3, 4, 64, 64)
    z_t = schedule().q_sample(z_0, eps, torch.tensor([0, 500, 1_999]))
    assert z_t.flatten(1).std(dim=1).numpy() == pytest.approx([1, 1, 1], abs=0.02)


def test_the_loss_is_the_mean_squared_error_in_float32():
    loss = diffusion_loss(torch.full((1, 4, 2, 2), 3.0, dtype=torch.bfloat16), torch.ones(1, 4, 2, 2))
    assert loss.dtype == torch.float32 and loss.item() == 4.0
