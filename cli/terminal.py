"""What a command says: its result on stdout, everything else on stderr.

A bar on a terminal, one plain line a minute in a log, nothing when asked to be quiet.
"""

import io
import json
import logging
import os
import sys
import time
from typing import Any

from xrmri.config import Config, Progress, silent
from xrmri.config.presets import reasons
from xrmri.runs.outcome import Outcome
from xrmri.storage.names import printable

from .plan import sentences

LINE_EVERY_S = 60.0
FIRST = os.environ.get("RANK", "0") == "0"
"""Under torchrun or accelerate-launch, the first process alone speaks; all of them tell of mistakes."""


def progress(wanted: bool) -> Progress:
    """What a stage calls as it goes on: progress(step, done, total, note)."""
    if not (wanted and FIRST):
        return silent
    return _bar() if sys.stderr.isatty() else _lines()


def _bar() -> Progress:
    """A rich bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False), console=Console(stderr=True), transient=True,
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def tell(step: str, done: int, total: int, note: str = "") -> None:
        if step not in tasks:
            bar.start()
            tasks[step] = bar.add_task(step, total=total, note=note)
        bar.update(tasks[step], completed=done, total=total, note=printable(note))
        if done >= total:
            bar.stop()

    return tell


def _lines() -> Progress:
    """A plain line a minute on stderr, and one at the end of each step that took that long."""
    began: dict[str, float] = {}
    last: dict[str, float] = {}

    def tell(step: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        began.setdefault(step, now)
        if now - last.setdefault(step, now) < LINE_EVERY_S:
            return
        last[step] = now
        left_s = (now - began[step]) / max(done, 1) * (total - done)
        print(
            f"{step}  {done:,}/{total:,}  {printable(note)}  about {left_s / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    return tell


class _Sentence(logging.Formatter):
    """A message as a plain sentence, marked only when it is more than news."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, after its level from warning upward."""
        mark = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return mark + printable(record.getMessage())


def listen(quiet: bool) -> None:
    """Send the program's own messages to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Sentence())
    own = logging.getLogger("xrmri")
    own.handlers = [handler]
    own.propagate = False
    own.setLevel(logging.INFO if FIRST and not quiet else logging.WARNING)


def open_streams() -> None:
    """Give a program whose streams are closed, or know few letters, streams that take whatever it says.

    Without this the first file that is opened would become the stream on which libraries complain.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest that is free
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def conclude(result: Outcome, *, as_json: bool) -> None:
    """Print the result of a command: one JSON document, or the path(s) of what it wrote."""
    if not FIRST:
        return
    if result["status"] == "already done" and not as_json:
        print("already done", file=sys.stderr)
    try:
        for line in _lines_of(result, as_json):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody listens any more; the work is done all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lines_of(result: Outcome, as_json: bool) -> list[str]:
    """What stdout says."""
    if as_json:
        return [json.dumps(result, indent=2, sort_keys=True)]
    if result["status"] == "dry run":
        return sentences(result)
    paths = [str(path) for path in result.get("outputs", [result["output"]])]
    # Another program gets a name as it is; a terminal does not do what is in it.
    return [printable(path) for path in paths] if sys.stdout.isatty() else paths


def explain(config: Config, preset: str | None, *, as_json: bool) -> None:
    """Print every setting with its value, its meaning and where the value comes from."""
    chosen = reasons(preset, config.command())
    rows = {}
    for name, value in config.to_dict().items():
        from_preset = name in chosen and json.loads(json.dumps(chosen[name][0])) == value
        changed = json.loads(json.dumps(config.default(name))) != value
        source = f"preset {preset}: {chosen[name][1]}" if from_preset else "given" if changed else "default"
        rows[name] = {"value": value, "meaning": config.meaning(name), "source": source}
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(f"{name} = {json.dumps(row['value'])}\n    {row['meaning']}\n    [{row['source']}]")


def fail(message: str, exit_code: int, *, as_json: bool) -> int:
    """Say in one line on stderr what a person did wrong; returns the exit code."""
    line = printable(" ".join(message.split()))
    told = json.dumps({"error": line, "exit_code": exit_code}) if as_json else f"xrmri: {line}"
    print(told, file=sys.stderr, flush=True)
    return exit_code
