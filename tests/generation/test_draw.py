"""A slice depends on radiograph, features, seed, sample and depth; on nothing that is drawn beside it, nor on cores."""

import numpy as np
import pytest
import torch

from tests.generation.made_model import SIZE, made_bundle
from xrmri.config import Generate
from xrmri.generation.guidance import guided
from xrmri.generation.machine import draw_volume, in_halves
from xrmri.generation.sampling import resolved
from xrmri.models.bundle import condition_of

SETTINGS = {"steps": 3, "num_slices": 7, "noise_length_mm": 6.0}
R = np.zeros(65, np.float32)
R[[0, 8, 60]] = 1


def radiograph():
    return np.random.default_rng(0).uniform(-1, 1, (SIZE, SIZE)).astype(np.float32)


def volume(model, threads=1, **settings):
    config = resolved(Generate.load(**SETTINGS | settings), model.facts)
    return draw_volume(model, (radiograph(), R), config, threads=threads)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("sampler", [{"sampler": "dpm++"}, {"sampler": "ddim", "eta": 1.0}])
def test_a_slice_is_bit_for_bit_the_same_on_one_core_or_three_among_7_slices_or_13_or_19(precision, sampler):
    model = made_bundle(precision)
    alone = volume(model, **sampler)
    assert np.array_equal(volume(model, threads=3, **sampler), alone)
    assert np.array_equal(volume(model, threads=2, num_slices=13, **sampler)[::2], alone)
    assert np.array_equal(volume(model, num_slices=19, **sampler)[::3], alone)
    assert alone.dtype == np.float32 and alone.std() > 0.01
    assert not np.array_equal(alone[1], alone[2])


def test_drawing_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    volume(made_bundle(), threads=2)
    assert torch.get_num_threads() == before


def test_an_interrupted_volume_stops_at_the_next_step(monkeypatch):
    model, rows = made_bundle(), []
    ask = model.denoiser.forward
    monkeypatch.setattr(model.denoiser, "forward", lambda z_t, t, **told: rows.append(len(z_t)) or ask(z_t, t, **told))

    def interrupt(done):
        raise KeyboardInterrupt

    config = resolved(Generate.load(**SETTINGS | {"num_slices": 40, "steps": 50}), model.facts)
    with pytest.raises(KeyboardInterrupt):
        draw_volume(model, (radiograph(), R), config, threads=1, tell=interrupt)
    assert 50 <= len(rows) < 100


def test_bf16_draws_the_volume_of_fp32_to_a_percent():
    exact, rounded = volume(made_bundle()), volume(made_bundle("bf16"))
    assert 0 < np.abs(exact - rounded).mean() < 0.01 * np.ptp(exact)


def test_a_gpu_that_runs_out_of_memory_draws_in_halves():
    asked = []

    def slices(depths):
        asked.append(len(depths))
        if len(depths) > 3:
            raise torch.cuda.OutOfMemoryError
        return depths[:, None, None]

    depths = np.linspace(0, 1, 10)
    assert np.array_equal(in_halves(slices, depths).ravel(), depths)
    assert asked == [10, 5, 2, 3, 5, 2, 3]


@pytest.mark.parametrize(("weights", "asked"), [((1, 1), 1), ((3, 3), 2), ((1, 2), 2), ((2, 1), 3), ((0, 0), 1)])
def test_guidance_weighs_radiograph_and_features_apart_and_asks_for_no_term_that_vanishes(monkeypatch, weights, asked):
    model = made_bundle()
    with torch.inference_mode():
        condition = condition_of(model, radiograph(), R).at(torch.tensor([0.2, 0.9]))
        z = torch.randn(2, *model.latent_shape)
        nothing = model.predict_noise(z, 40, condition.without_radiograph().without_readings())
        y = model.predict_noise(z, 40, condition.without_readings())
        both = model.predict_noise(z, 40, condition)
        rows = []
        ask = model.denoiser.forward
        counted = lambda z_t, t, **told: rows.append(len(z_t)) or ask(z_t, t, **told)  # noqa: E731
        monkeypatch.setattr(model.denoiser, "forward", counted)
        w_y, w_r = weights
        found = guided(model, condition, radiograph_weight=w_y, features_weight=w_r)(z, 40)
    assert rows == [2 * asked]
    assert torch.allclose(found, nothing + w_y * (y - nothing) + w_r * (both - y), atol=1e-4)
