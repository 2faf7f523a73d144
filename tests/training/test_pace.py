"""A training that is to end in time takes as many steps as its first ones allow."""

import json

import pytest

from xrmri.config import TrainVae
from xrmri.errors import InputError
from xrmri.training import pace
from xrmri.training.pace import Pace


class Clock:
    """Time as the test sets it."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def steps_taken(folder, clock, config, *, first=0, step_s=0.1):
    """Steps until the end, each of which takes so long."""
    kept, step = Pace(folder, first, processes=1), first
    config = kept.resolved(config, step)
    while step < config.max_steps:
        clock.now, step = clock.now + step_s, step + 1
        config = kept.resolved(config, step)
    return step


def test_it_takes_the_steps_that_there_is_time_for(tmp_path, clock):
    config = TrainVae(max_steps=10_000, finish_minutes=1)
    assert steps_taken(tmp_path, clock, config) == pytest.approx(0.92 * 60 / 0.1, abs=2)
    assert clock.now < 60


def test_what_was_decided_holds_where_a_run_goes_on_however_fast_it_is_then(tmp_path, clock):
    config = TrainVae(max_steps=10_000, finish_minutes=1)
    wanted = steps_taken(tmp_path, clock, config)
    assert steps_taken(tmp_path, clock, config, first=300, step_s=0.01) == wanted


def test_it_ends_where_it_is_when_time_is_over_all_the_same(tmp_path, clock):
    config = TrainVae(max_steps=10_000, finish_minutes=1)
    assert steps_taken(tmp_path, clock, config, step_s=5) == 13
    assert json.loads((tmp_path / "steps.json").read_bytes())["steps"] == 13


def test_without_the_setting_and_for_few_steps_nothing_changes(tmp_path, clock):
    assert steps_taken(tmp_path, clock, TrainVae(max_steps=70), step_s=100) == 70
    assert steps_taken(tmp_path, clock, TrainVae(max_steps=70, finish_minutes=1)) == 70


def test_several_processes_are_refused(tmp_path):
    with pytest.raises(InputError, match="one process"):
        Pace(tmp_path, 0, processes=2).resolved(TrainVae(finish_minutes=1), 0)
