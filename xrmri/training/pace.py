"""How many steps a training takes that is to end in time: as many as its first ones say there is time for.

What is decided is kept beside the checkpoints, so that a run which goes on ends where it was to end.
"""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

from xrmri.config import Training
from xrmri.errors import InconsistentError, InputError
from xrmri.runs.seals import require_own_seal, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.typed import Between, UnfitError, content_of, record_of

log = logging.getLogger(__name__)

C = TypeVar("C", bound=Training)
DECIDED = "steps.json"
_FIRST, _MEASURED = 10, 40
"""Steps before the clock is read, which load libraries and choose kernels, and steps that it is read over (choice)."""
_USED = 0.92
"""Share of the minutes that is planned for: validations are not in the pace (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decided:
    """steps.json."""

    steps: Annotated[int, Between(0)]


class Pace:
    """The clock of one training."""

    def __init__(self, folder: Path, begun: int, *, processes: int) -> None:
        """Of a training that goes on in a folder after so many steps."""
        self.processes = processes
        self.file = folder / DECIDED
        self.began = self.measured_from = time.monotonic()
        self.begun = begun

    def resolved(self, config: C, step: int) -> C:
        """The settings after a step, with the number of steps that time allows.

        Where the clock runs out all the same, it is the number of steps taken.
        """
        if not config.finish_minutes or step >= config.max_steps:
            return config
        if self.processes > 1:
            raise InputError("finish_minutes is for one process: give --max-steps")
        now = time.monotonic()
        if now > self.began + 60 * config.finish_minutes:
            return replace(config, max_steps=self._decide(step))
        if self.file.is_file():
            return replace(config, max_steps=_read(self.file))
        if step == self.begun + _FIRST:
            self.measured_from = now
        if step < self.begun + _FIRST + _MEASURED:
            return config
        left_s = self.began + _USED * 60 * config.finish_minutes - now
        more = int(left_s * _MEASURED / (now - self.measured_from))
        return replace(config, max_steps=self._decide(min(config.max_steps, step + max(more, 0))))

    def _decide(self, steps: int) -> int:
        log.info("the training ends after %d steps", steps)
        write_json(self.file, sealed(content_of(_Decided(steps=steps))))
        return steps


def _read(file: Path) -> int:
    advice = "remove it"
    content = read_json(file, advice=advice, damaged=InconsistentError)
    try:
        decided = record_of(_Decided, content)
    except UnfitError as error:
        raise InconsistentError(f"{file}: {error}: {advice}") from error
    require_own_seal(content, file, advice)
    return decided.steps
