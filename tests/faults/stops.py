"""Commands that are killed, signalled, deprived of a worker or run twice at once, and then given again."""

import os
import signal
import time
from collections.abc import Iterator

from tests.faults.world import (
    LOST,
    STAGES,
    SURVIVED,
    UNTOLD,
    Attempt,
    Ended,
    World,
    all_gone,
    children,
    finish,
    judged,
    start,
)

MANY = ("oai", "dataset", "evaluation")
"""Stages that have workers on the tiny preset; ten films are few for detect-knee."""


def kills(world: World) -> Iterator[Attempt]:
    """kill -9 at a random moment of every stage."""
    for stage in _stages(world):
        for _ in range(world.tries):
            with world.place() as folder:
                process, moment = _at_a_random_moment(world, stage, folder)
                workers = children(process.pid)
                process.kill()
                finish(process)
                what = f"{stage}, killed after {moment:.1f} s"
                if not all_gone(workers):
                    yield Attempt("kill -9", what, UNTOLD, "workers outlive it")
                    continue
                later = world.goes_on(stage, folder)
                yield Attempt("kill -9", what, LOST if later else SURVIVED, later)


def signals(world: World) -> Iterator[Attempt]:
    """SIGTERM and SIGINT at a random moment of every stage."""
    for stage in _stages(world):
        for number in (signal.SIGTERM,) if world.short else (signal.SIGTERM, signal.SIGINT):
            with world.place() as folder:
                process, moment = _at_a_random_moment(world, stage, folder, earliest_s=1.0)
                workers = children(process.pid)
                process.send_signal(number)
                ended = finish(process, 60)
                what = f"{stage}, {number.name} after {moment:.1f} s"
                if not all_gone(workers):
                    yield Attempt("signal", what, UNTOLD, "workers outlive it")
                else:
                    yield judged("signal", what, ended, world.goes_on(stage, folder))


def workers(world: World) -> Iterator[Attempt]:
    """kill -9 of one worker."""
    for stage in MANY[:1] if world.short else MANY:
        with world.place() as folder:
            process = start(world.command(stage), folder)
            while process.poll() is None and len(children(process.pid)) < 4:  # two look after the others
                time.sleep(0.05)
            time.sleep(float(world.rng.uniform(0.2, 2)))
            for worker in children(process.pid)[-1:]:
                os.kill(worker, signal.SIGKILL)
            yield judged("worker killed", stage, finish(process, 120), world.goes_on(stage, folder))


def twice(world: World) -> Iterator[Attempt]:
    """The same command twice at once in one folder."""
    for stage in _stages(world):
        with world.place() as folder:
            both = [start(world.command(stage), folder) for _ in range(2)]
            ended = [finish(process) for process in both]
            failed = [one for one in ended if one.code != 0]
            worst = failed[0] if failed else Ended(code=0, err="")
            later = world.goes_on(stage, folder) if len(failed) < 2 else "both refused"
            yield judged("two at once", stage, worst, later)


def _stages(world: World) -> tuple[str, ...]:
    return ("dataset",) if world.short else tuple(STAGES)


def _at_a_random_moment(world: World, stage: str, folder, earliest_s: float = 0.3):
    """A command at work, and how long it has been."""
    process = start(world.command(stage), folder)
    moment = float(world.rng.uniform(earliest_s, max(earliest_s + 0.1, world.seconds[stage])))
    time.sleep(moment)
    return process, moment
