"""What a training says as it goes: metrics.jsonl, one JSON object a row, and trackers where a person wants them."""

import errno
import json
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate.tracking import GeneralTracker, MLflowTracker, TensorBoardTracker, WandBTracker

from xrmri.config import Training
from xrmri.errors import InconsistentError, InputError
from xrmri.storage.documents import parse_json
from xrmri.storage.files import write_text
from xrmri.storage.limits import read_whole
from xrmri.storage.typed import UnfitError, is_like, shown

log = logging.getLogger(__name__)

METRICS = "metrics.jsonl"
TRACKERS = "trackers"
"""Folder in the run folder that trackers write to."""


class Metrics:
    """metrics.jsonl of a run folder, and its trackers."""

    def __init__(self, folder: Path, config: Training, *, step: int) -> None:
        """Open it to go on after a step: rows of later steps were never saved as weights, and are drawn anew."""
        self.file = folder / METRICS
        if step and not self.file.is_file():
            log.warning("%s is gone: what it told of the first %s steps is lost", self.file, f"{step:,}")
        kept = [row for row in read_metrics(self.file) if row["step"] <= step]
        write_text(self.file, "".join(f"{json.dumps(row)}\n" for row in kept))
        self.trackers = [_tracker(name, folder / TRACKERS, config) for name in config.track]

    def write(self, row: dict[str, Any]) -> None:
        """Add a row, the whole of it or nothing."""
        with self.file.open("ab", buffering=0) as stream:
            before, line = stream.tell(), f"{json.dumps(row)}\n".encode()
            if stream.write(line) != len(line):  # the disk is full
                stream.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.file))
        for tracker in self.trackers:
            tracker.log({name: value for name, value in row.items() if name != "step"}, step=row["step"])

    def close(self) -> None:
        """Let the trackers write what they still hold."""
        for tracker in self.trackers:
            tracker.finish()


def require_trackers(config: Training) -> None:
    """InputError where a tracker that a person asks for is not installed."""
    for name in config.track:
        if find_spec(name) is None:
            raise InputError(f"track {name}: it is not installed here: pip install {name}, or leave it out")


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a last row that was cut short by a kill is left out.

    Raises:
        InconsistentError: a whole row is not one of ours, or the steps fall.
    """
    if not file.is_file():
        return []
    rows: list[dict[str, Any]] = []
    text, advice = read_whole(file).decode("utf-8", errors="replace"), "remove that line"
    for number, line in enumerate(text.split("\n")[:-1], start=1):  # a form feed, or what else ends lines, is damage
        try:
            row = parse_json(line)
            step: Any = row.get("step") if isinstance(row, dict) else None
            if not is_like(step, int) or step < (rows[-1]["step"] if rows else 0):
                raise UnfitError("is no row of this training")
            strange = next((name for name, value in row.items() if not _is_figure(value)), None)
            if strange:
                raise UnfitError(f"has {strange} {shown(row[strange])}, which is no number")
        except UnfitError as error:
            raise InconsistentError(f"{file}, line {number}, {error}: {advice}") from error
        rows.append(row)
    return rows


def _is_figure(value: Any) -> bool:
    """Whether a value may stand in a row: a number, and one that a norm or a loss in half precision may be."""
    return isinstance(value, float) or is_like(value, int)


def _tracker(name: str, folder: Path, config: Training) -> GeneralTracker:
    """One of accelerate's trackers, writing into a folder; wandb and mlflow obey their environment variables."""
    folder.mkdir(exist_ok=True)
    if name == "tensorboard":
        tracker: GeneralTracker = TensorBoardTracker(config.command(), logging_dir=folder)
    elif name == "wandb":
        tracker = WandBTracker("xrmri", dir=folder, name=config.command())
    else:
        os.environ.setdefault("MLFLOW_TRACKING_URI", (folder / name).resolve().as_uri())
        tracker = MLflowTracker("xrmri", run_name=config.command())
    settings = config.to_dict().items()
    if hasattr(tracker, "start"):
        tracker.start()
    tracker.store_init_configuration({key: str(value) if isinstance(value, list) else value for key, value in settings})
    return tracker
