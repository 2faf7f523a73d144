"""When a training stops before its end: a STOP file, a signal or the time limit, and all processes at the same step."""

import logging
import signal
import time
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator

from xrmri.errors import Signalled

log = logging.getLogger(__name__)

STOP = "STOP"
_LOOK_S = 2.0
"""Seconds between two looks for the STOP file: a file system shared by hundreds of nodes is not asked every step."""
_AGREE_STEPS = 10
"""Steps between two agreements of several processes."""


class Stopping:
    """Watches for a reason to stop; use as `with Stopping(...) as stopping`."""

    def __init__(self, folder: Path, accelerator: Accelerator, *, limit_s: float) -> None:
        """Watch a run folder, the signals and, where limit_s is above 0, the clock."""
        self.file = folder / STOP
        self.accelerator = accelerator
        self.deadline = time.monotonic() + limit_s if limit_s > 0 else float("inf")
        self.reason = ""
        self._looked = 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stopping":
        """Take over SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def due(self, step: int) -> bool:
        """Whether to save and stop after this step; the same answer on every process."""
        if not self.reason and self.accelerator.is_main_process:
            self._look()
        stop = self.agreed(step, bool(self.reason))
        self.reason = self.reason or ("another process" if stop else "")
        return stop

    def agreed(self, step: int, wanted: bool) -> bool:
        """Whether any process wants something after this step; the same answer on every process."""
        if self.accelerator.num_processes == 1:
            return wanted
        if step % _AGREE_STEPS:
            return False
        raised = torch.tensor(float(wanted), device=self.accelerator.device)
        return bool(self.accelerator.reduce(raised, "sum") > 0)

    def obeyed(self) -> None:
        """Remove the STOP file, so that the same command goes on."""
        if self.accelerator.is_main_process:
            self.file.unlink(missing_ok=True)

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self.deadline:
            self.reason = "time limit"
        elif now - self._looked >= _LOOK_S:
            self._looked = now
            if self.file.exists():
                self.reason = "STOP file"

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.reason and number == signal.SIGINT:
            raise Signalled("SIGINT")  # the second time, a person means now
        self.reason = signal.Signals(number).name
