"""The plain rival finds what film and readings tell of the volume, and nothing where they tell nothing."""

import numpy as np
import pytest

from xrmri.evaluation.ridge import KnownKnees, fit, nearest, volume_of_brief
from xrmri.metrics.identification import signature

PEOPLE, CELLS = 60, 400


@pytest.fixture(scope="module")
def cohort():
    """Films and readings that tell of three of the ways in which volumes differ."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(0, 1, (2 * PEOPLE, 3))
    films = hidden @ generator.normal(0, 1, (3, 50)) + generator.normal(0, 0.5, (2 * PEOPLE, 50))
    readings = (hidden[:, :1] > 0).astype(np.float32)
    volumes = 0.5 + 0.1 * hidden @ generator.normal(0, 1, (3, CELLS)) + generator.normal(0, 0.02, (2 * PEOPLE, CELLS))
    return KnownKnees(films=films.astype(np.float32), readings=readings), volumes.astype(np.float32)


def test_a_regression_explains_what_the_film_tells_of_people_it_never_saw(cohort):
    knees, volumes = cohort
    training, held_out = range(PEOPLE), range(PEOPLE, 2 * PEOPLE)
    ridge = fit(knees.at(training), volumes[training])
    said = ridge.briefs(ridge.predicted(knees.at(held_out)))
    truth = volumes[held_out] - volumes[training].mean(axis=0)
    assert 1 - ((truth - said) ** 2).sum() / (truth**2).sum() > 0.8


def test_the_penalty_is_large_and_the_answer_the_mean_where_films_tell_nothing(cohort):
    knees, volumes = cohort
    strangers = volumes[np.random.default_rng(1).permutation(len(volumes))]
    ridge = fit(knees.at(range(PEOPLE)), strangers[:PEOPLE])
    said = ridge.briefs(ridge.predicted(knees.at(range(PEOPLE, 2 * PEOPLE))))
    truth = strangers[PEOPLE:] - strangers[:PEOPLE].mean(axis=0)
    assert 1 - ((truth - said) ** 2).sum() / (truth**2).sum() > -0.1
    assert ridge.penalty >= 1


def test_the_nearest_training_case_is_never_the_same_participant(cohort):
    knees, volumes = cohort
    ridge, names = fit(knees, volumes), [str(number) for number in range(2 * PEOPLE)]
    found = nearest(ridge, knees, names, names)
    assert all(place != number for number, place in enumerate(found))
    same = nearest(ridge, knees, ["nobody"] * 2 * PEOPLE, names)
    assert np.mean([place == number for number, place in enumerate(same)]) > 0.5
    assert nearest(ridge, knees.at([0]), ["a"], ["a"] * 2 * PEOPLE) == [None]


@pytest.mark.parametrize("shape", [(50, 64, 96), (6, 64, 64), (20, 40, 40)])
def test_a_deviation_in_brief_becomes_a_volume_with_that_deviation(shape):
    slices, height, width = shape
    z, y, x = (np.linspace(-1, 1, length) for length in shape)
    smooth = 0.2 * (z[:, None, None] + y[:, None] * x)
    mean = np.full((slices, height, width), 0.5)
    volume = volume_of_brief(signature(smooth), mean)
    assert np.abs(volume - mean - smooth)[:, 4:-4, 4:-4].max() < 0.02
