"""The forward process in float64, and the steps a sampler visits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xrmri.diffusion.loss import diffusion_loss
from xrmri.diffusion.schedule import half_log_snr, make_schedule, steps_by_noise, visited_steps

PAPER = {"timesteps": 2_000, "beta_start": 0.00085, "beta_end": 0.0120, "prediction": "epsilon"}


def schedule(prediction="epsilon", timesteps=2_000):
    return make_schedule(timesteps=timesteps, beta_start=0.00085, beta_end=0.0120, prediction=prediction)


@pytest.mark.parametrize("timesteps", [1_000, 2_000])
def test_abar_is_that_of_diffusers_scaled_linear_schedule_but_in_float64(timesteps):
    import xrmri.models.from_open_clip  # noqa: F401, I001  (lets diffusers import on this machine)
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


def test_noise_at_step_500_of_2000_is_that_of_step_381_of_1000():
    wanted = schedule(timesteps=2_000).abar[500]
    assert int((schedule(timesteps=1_000).abar - wanted).abs().argmin()) == 381


@given(st.integers(1, 2_500).flatmap(lambda timesteps: st.tuples(st.just(timesteps), st.integers(1, timesteps))))
def test_any_count_visits_exactly_that_many_falling_steps_from_the_last_one(case):
    timesteps, count = case
    steps = visited_steps(timesteps, count)
    assert len(steps) == count and steps[0] == timesteps - 1 and steps[-1] >= 0
    gaps = -np.diff([*steps, -1])
    assert gaps.min() >= timesteps // count >= 1 and gaps.max() <= -(-timesteps // count)


@given(st.integers(2, 2_500).flatmap(lambda timesteps: st.tuples(st.just(timesteps), st.integers(2, timesteps))))
def test_any_count_by_noise_falls_from_the_last_step_to_the_first(case):
    timesteps, count = case
    steps = steps_by_noise(schedule(timesteps=timesteps).abar, count)
    assert len(steps) == count and (steps[0], steps[-1]) == (timesteps - 1, 0)
    assert np.diff(steps).max() < 0


def test_12_steps_by_noise_are_nearly_even_in_seven_parts_half_log_snr_and_three_parts_step():
    abar = schedule(timesteps=1_000).abar
    steps = steps_by_noise(abar, 12)
    lam = half_log_snr(abar[steps]).numpy()
    way = 0.7 * (lam - lam[0]) / (lam[-1] - lam[0]) + 0.3 * (999 - np.array(steps)) / 999
    assert np.diff(way) == pytest.approx(np.full(11, 1 / 11), abs=0.03)
    assert half_log_snr(torch.tensor(0.8, dtype=torch.float64)).item() == pytest.approx(0.5 * np.log(4))


@pytest.mark.parametrize("count", [0, -1, 101])
def test_a_count_that_no_schedule_has_is_refused(count):
    with pytest.raises(ValueError, match="100 steps"):
        visited_steps(100, count)
    with pytest.raises(ValueError, match="100 steps"):
        steps_by_noise(schedule(timesteps=100).abar, count)


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


def test_matching_noise_tells_the_u_net_the_step_of_the_pretrained_process():
    told = make_schedule(**PAPER, timestep_map="match-snr").told(torch.tensor([500, 1_000, 1_200, 1_999]))
    assert told.tolist() == pytest.approx([381.24, 709.94, 838.48, 999], abs=0.01)
    same = make_schedule(**PAPER | {"timesteps": 1_000}, timestep_map="match-snr").told(torch.arange(1_000))
    assert torch.allclose(same, torch.arange(1_000.0), atol=1e-3)
    assert make_schedule(**PAPER).told(torch.tensor([7, 1_999])).tolist() == [7, 1_999]


def test_min_snr_weights_are_those_of_the_paper_and_off_at_0():
    for prediction in ("epsilon", "v"):
        process = make_schedule(**PAPER | {"prediction": prediction})
        t = torch.tensor([0, 300, 700, 1_999])
        snr = process.abar[t] / (1 - process.abar[t])
        wanted = snr.clamp(max=5) / (snr if prediction == "epsilon" else snr + 1)
        assert torch.allclose(process.loss_weight(t, min_snr=5.0), wanted.float())
        assert torch.equal(process.loss_weight(t, min_snr=0.0), torch.ones(4))


def test_a_zero_terminal_snr_leaves_a_millionth_and_keeps_the_first_step():
    plain = make_schedule(**PAPER | {"prediction": "v"})
    rescaled = make_schedule(**PAPER | {"prediction": "v"}, zero_terminal_snr=True)
    assert float(rescaled.abar[-1]) == pytest.approx(1e-6, rel=1e-9)
    assert float(rescaled.abar[0]) == pytest.approx(float(plain.abar[0]), rel=1e-12)
    assert bool((rescaled.abar.diff() < 0).all())
    root = plain.abar.sqrt()  # Lin et al., algorithm 1, to nothing
    lin = ((root - root[-1]) * root[0] / (root[0] - root[-1])).square()
    assert torch.allclose(rescaled.abar, lin, atol=3e-3)


def test_a_sampler_under_zero_terminal_snr_stays_finite():
    from xrmri.diffusion.ddim import sample

    process = make_schedule(**PAPER | {"prediction": "v"}, zero_terminal_snr=True)
    torch.manual_seed(0)
    z_0 = torch.randn(2, 4, 8, 8)

    def noise(z_t, t):  # a U-Net that knows z_0
        steps = torch.full((2,), t)
        eps = (z_t - process.at(steps).sqrt() * z_0) / (1 - process.at(steps)).sqrt()
        return process.noise(process.target(z_0, eps, steps), z_t, steps)

    found = sample(noise, torch.randn(2, 4, 8, 8), process.abar, steps=10)
    assert torch.allclose(found, z_0, atol=5e-3)


def test_weighted_errors_are_those_of_each_slice():
    said, wanted = torch.zeros(2, 1, 2, 2), torch.stack([torch.ones(1, 2, 2), 3 * torch.ones(1, 2, 2)])
    assert diffusion_loss(said, wanted).item() == pytest.approx(5)
    assert diffusion_loss(said, wanted, torch.tensor([1.0, 0.5])).item() == pytest.approx((1 + 4.5) / 2)


def test_weighted_places_count_as_often_as_their_weight_says():
    said, wanted = torch.zeros(1, 2, 1, 2), torch.tensor([1.0, 3.0]).expand(1, 2, 1, 2)
    assert diffusion_loss(said, wanted, places=torch.tensor([[[1.5, 0.5]]])).item() == pytest.approx((1.5 + 4.5) / 2)
    assert diffusion_loss(said, wanted, places=torch.ones(1, 1, 2)).item() == diffusion_loss(said, wanted).item() == 5
