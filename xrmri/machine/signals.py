"""What SIGINT and SIGTERM do: they end a command as an error would, and wait where that error would break something."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from xrmri.errors import Signalled

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""By which a person, or a batch system, ends a command."""
NAG_S = 1.0
"""Between two utterances of a wish that was not heard."""


class SignalsEnd:
    """While it is entered SIGINT and SIGTERM end what is done as an error would, so that everything is closed and told.

    A library may swallow that error: it tries imports and passes over whatever they raise, or lets none out of a
    destructor. So the wish is uttered again every second, until the command ends by it.
    """

    def __init__(self) -> None:
        """Nobody wishes it yet."""
        self.last, self.wish = -math.inf, ""
        self.before: dict[int, Any] = {}
        self.say = sys.unraisablehook

    def __enter__(self) -> None:
        """Take over the signals, and what Python says of an error that it lets nobody catch."""
        self.before = {number: signal.signal(number, self._end) for number in STOPPING}
        self.before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._nag)
        self.say, sys.unraisablehook = sys.unraisablehook, self._say_unless_signalled

    def __exit__(self, *error: object) -> None:
        """Give all of it back."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self.say

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Raise Signalled, but once a second: the same wish may come from the terminal and from a launcher."""
        before, self.last = self.last, time.monotonic()
        self.wish = signal.Signals(number).name
        signal.setitimer(signal.ITIMER_REAL, NAG_S)
        if self.last - before > 1:
            raise Signalled(self.wish)

    def _nag(self, number: int, frame: FrameType | None) -> None:
        """Raise it again, unless things are being closed because of it."""
        signal.setitimer(signal.ITIMER_REAL, NAG_S)
        error = sys.exception()
        while error is not None:
            if isinstance(error, Signalled):
                return
            error = error.__context__
        raise Signalled(self.wish)

    def _say_unless_signalled(self, found: "sys.UnraisableHookArgs") -> None:
        """What Python says of errors in destructors, but for the one that will be raised again."""
        if not isinstance(found.exc_value, Signalled):
            self.say(found)


def ignore_signals() -> None:
    """From here on SIGINT and SIGTERM do nothing."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Let signals wait until the block ends: a library in it calls back, which no exception may leave.

    For moments, not for work. Blocking them does not do: another thread would be told, and Python would tell the main
    one all the same.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (*STOPPING, signal.SIGALRM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for first in came[:1]:
            signal.raise_signal(first)
