"""Which sampler draws where a person leaves it open."""

from dataclasses import replace

import pytest

from tests.made_facts import with_timesteps
from xrmri.config import Generate
from xrmri.errors import InputError
from xrmri.facts.parts import SamplerFacts
from xrmri.generation.sampling import resolved

PLAIN = with_timesteps(1_000)
FITTED = replace(PLAIN, sampler=SamplerFacts(visited=(999, 500, 0), weights=((1, 1), (1, 1, 1), (1, 1, 1, 1))))


@pytest.mark.parametrize(
    ("facts", "given", "expected"),
    [
        (FITTED, {}, ("fitted", 3)),
        (FITTED, {"steps": 3}, ("fitted", 3)),
        (FITTED, {"sampler": "fitted"}, ("fitted", 3)),
        (FITTED, {"steps": 7}, ("dpm++", 7)),
        (FITTED, {"guidance": 2.0}, ("dpm++", 24)),
        (FITTED, {"guidance_features": 0.0}, ("dpm++", 24)),
        (FITTED, {"eta": 0.5}, ("dpm++", 24)),
        (FITTED, {"sampler": "dpm++"}, ("dpm++", 24)),
        (PLAIN, {}, ("dpm++", 24)),
        (PLAIN, {"sampler": "ddim"}, ("ddim", 50)),
        (with_timesteps(10), {}, ("dpm++", 10)),
    ],
)
def test_the_fitted_sampler_draws_where_it_applies_and_dpm_with_24_steps_elsewhere(facts, given, expected):
    config = resolved(Generate.load(**given), facts)
    assert (config.sampler, config.steps) == expected
    assert resolved(config, facts) == config


@pytest.mark.parametrize(
    ("facts", "given", "words"),
    [
        (PLAIN, {"sampler": "fitted"}, "but this model has none"),
        (FITTED, {"sampler": "fitted", "steps": 4}, "in 3 steps"),
        (FITTED, {"sampler": "fitted", "eta": 1.0}, "without --eta and --guidance"),
        (PLAIN, {"steps": 1_001}, "--steps must be at most 1000"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(facts, given, words):
    with pytest.raises(InputError, match=words):
        resolved(Generate.load(**given), facts)
