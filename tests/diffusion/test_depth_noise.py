"""The starting noise of a slice depends on seed, sample and depth, and on nothing else."""

import numpy as np
import pytest
import torch

from xrmri.diffusion.depth_noise import generator_at, starting_noise

SHAPE = (4, 32, 32)
KINDS = ["independent", "shared", "correlated"]


def noise(kind, slices, **whose):
    whose = {"seed": 0, "sample": 0} | whose
    return starting_noise(kind, np.linspace(0, 73.5, slices), shape=SHAPE, **whose)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_at_one_depth_starts_from_the_same_noise_whether_50_or_99_slices_are_drawn(kind):
    assert torch.equal(noise(kind, 50), noise(kind, 99)[::2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_is_standard_normal_at_every_depth(kind):
    z = noise(kind, 50)
    assert z.mean(dim=(1, 2, 3)).abs().max() < 0.08
    assert (z.std(dim=(1, 2, 3)) - 1).abs().max() < 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_sample_or_stream_gives_unrelated_noise(kind):
    for other in (noise(kind, 5, seed=1), noise(kind, 5, sample=1), noise(kind, 5, stream=2**62 + 5)):
        assert torch.corrcoef(torch.stack([noise(kind, 5).flatten(), other.flatten()]))[0, 1].abs() < 0.03


def test_neighbours_1_5_mm_apart_share_nothing_all_or_most_of_their_noise():
    along = {kind: torch.corrcoef(noise(kind, 50).flatten(1)).diagonal(1).mean().item() for kind in KINDS}
    assert abs(along["independent"]) < 0.02
    assert along["shared"] == pytest.approx(1)
    assert 0.95 < along["correlated"] < 0.999


def test_correlated_noise_is_unrelated_40_mm_apart():
    z = noise("correlated", 50)
    assert torch.corrcoef(z.flatten(1))[0, 30].abs() < 0.06


def test_the_noise_of_a_radiograph_on_its_own_is_what_it_always_was():
    z = starting_noise("correlated", [12.3], shape=(1, 1, 2), seed=7, sample=1)
    assert z.flatten().tolist() == pytest.approx([1.0810299, -0.5535905], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("independent", [0.82651, -0.19811, 0.84114]),
        ("shared", [0.15456, 0.15456, 0.15456]),
        ("correlated", [0.93846, 0.65196, -0.35214]),
    ],
)
def test_the_noise_of_a_seed_is_the_one_written_down(kind, wanted):
    found = starting_noise(kind, [0.0, 1.5, 7.25], shape=(1, 1, 1), seed=3, sample=1, stream=5)
    assert found.flatten().tolist() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_stochastic_sampler_adds_is_not_what_it_began_with(kind):
    started = noise(kind, 50)
    for place, depth in enumerate(np.linspace(0, 73.5, 50)):
        added = torch.randn(SHAPE, generator=generator_at(float(depth), seed=0, sample=0))
        assert abs(np.corrcoef(added.flatten(), started[place].flatten())[0, 1]) < 0.08
