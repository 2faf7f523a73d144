"""The run folder: what was done, with what, and whether the same command has anything left to do.

A folder is finished when its run.json says so. Files are written under another name and renamed, so each is complete
or absent.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xrmri.config import Config
from xrmri.errors import InconsistentError, InputError, Signalled, StoppedEarly

PACKAGES = ("torch", "diffusers", "accelerate", "ultralytics", "open-clip-torch", "SimpleITK", "h5py", "numpy",
            "scikit-image")  # fmt: skip


def sha256(file: Path) -> str:
    """Hex digest of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """Hex digest of an input: a file's bytes; a finished run's outputs; else the names and sizes in a folder."""
    if path.is_file():
        return sha256(path)
    record = read_record(path)
    if record and record.get("outputs"):
        return digest(record["outputs"])
    listing = sorted((str(file.relative_to(path)), file.stat().st_size) for file in path.rglob("*") if file.is_file())
    return digest(listing)


def digest(value: Any) -> str:
    """Hex digest of anything JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@contextmanager
def complete_or_absent(file: Path) -> Iterator[Path]:
    """A path to write to, renamed to `file` when the block ends well and removed when it does not."""
    # The suffix stays last, because several writers choose a format by it.
    writer = f"{platform.node().partition('.')[0]}-{os.getpid()}"  # processes of other machines may share a disk
    partial = file.with_name(f"{file.name.partition('.')[0]}.{writer}.partial{''.join(file.suffixes)}")
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def write_text(file: Path, text: str) -> None:
    """Write a text file, complete or absent."""
    with complete_or_absent(file) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file, complete or absent."""
    write_text(file, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_record(folder: Path) -> dict[str, Any] | None:
    """The run.json of a folder, or None where there is none."""
    file = folder / "run.json"
    if not file.is_file():
        return None
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: remove the folder and run the command again") from error


def require_finished(folder: Path, command: str) -> dict[str, Any]:
    """The record of a finished run of `command`; an InputError that says what to do where there is none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the one that `xrmri {command}` wrote")
    record = read_record(folder)
    if record is None or record.get("command") != command:
        raise InputError(f"{folder} was not written by `xrmri {command}`: it has no run.json of that command")
    if record["status"] != "finished":
        raise InconsistentError(f"{folder} is not finished ({record['status']}): run `xrmri {command}` again to go on")
    return record


def require_writable(folder: Path) -> None:
    """Make an output folder where there is none; InputError where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"-o {folder} cannot be written: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"-o {folder} cannot be written: give a folder of your own")


@dataclass(kw_only=True, slots=True)
class Run:
    """One run of a command in its folder; use as `with begin(...) as run`."""

    folder: Path
    record: dict[str, Any]
    started: float = field(default_factory=time.monotonic)

    def write(self) -> None:
        """Write run.json."""
        write_json(self.folder / "run.json", self.record)

    def __enter__(self) -> "Run":
        """Mark the folder as being worked on."""
        self.write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Record how it ended."""
        stopped = isinstance(error, StoppedEarly | Signalled | SystemExit)
        self.record["status"] = "finished" if error is None else "stopped" if stopped else "failed"
        self.record["seconds"] = round(self.record.get("seconds", 0) + time.monotonic() - self.started, 1)
        if error is None:
            done = sorted(f for f in self.folder.rglob("*") if f.is_file() and f.name != "run.json")
            kept = [f for f in done if not {"checkpoints", "cache", "trackers"} & set(f.relative_to(self.folder).parts)]
            self.record["outputs"] = {str(f.relative_to(self.folder)): sha256(f) for f in kept}
        self.write()


def versions() -> dict[str, str]:
    """Versions of this program and of what its results depend on."""
    found = {"python": platform.python_version()}
    for package in ("xrmri", *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def begin(folder: Path, config: Config, inputs: Mapping[str, str], *, force: bool = False) -> Run | None:
    """Open a run folder; None when the same command has already finished there.

    Args:
        folder: the command's output folder.
        config: its settings; with the inputs they say whether this is "the same command".
        inputs: name -> fingerprint of each input.
        force: clear an earlier run of the same command first.

    Raises:
        InputError: the folder holds something else, or a run with other settings.
    """
    wanted = _wanted(config, inputs)
    earlier = _earlier(folder)
    if earlier and force:
        if earlier.get("command") != wanted["command"]:
            raise InputError(f"--force will not clear {folder}: it was written by `xrmri {earlier.get('command')}`")
        shutil.rmtree(folder)
        earlier = None
    if earlier:
        # A setting that an earlier version did not have yet was, in effect, at its default.
        free = {name: getattr(config, name) for name in config.free}
        before = {**type(config)().to_dict(), **earlier.get("config", {}), **free}
        different = _first_difference({**earlier, "config": before}, wanted)
        if different:
            raise InputError(f"{folder} holds a run with other settings ({different}): give another -o, or --force")
        if earlier["status"] == "finished" and all((folder / name).is_file() for name in earlier["outputs"]):
            return None
    require_writable(folder)
    return Run(folder=folder, record={**(earlier or {}), **wanted, **_facts()})


def join(folder: Path, config: Config, inputs: Mapping[str, str]) -> None:
    """Take part in a run whose folder several processes fill at once: the first writes run.json, the others agree.

    Raises:
        InputError: the folder holds something else, or a run with other settings.
    """
    wanted = _wanted(config, inputs)
    earlier = _earlier(folder)
    different = _first_difference(earlier, wanted) if earlier else None
    if different:
        raise InputError(f"{folder} holds a run with other settings ({different}): give another -o")
    require_writable(folder)
    if earlier is None:
        Run(folder=folder, record={**wanted, **_facts()}).write()


def _wanted(config: Config, inputs: Mapping[str, str]) -> dict[str, Any]:
    """What makes a run the same one as another."""
    return {"command": config.command(), "config": config.to_dict(), "inputs": dict(inputs)}


def _earlier(folder: Path) -> dict[str, Any] | None:
    """The record of the run that a folder holds; InputError where it holds something else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder} is a file: give a folder")
    # Looked at before run.json, which another process may be about to write.
    filled = folder.is_dir() and any(".partial" not in item.name for item in folder.iterdir())
    earlier = read_record(folder)
    if filled and earlier is None:
        raise InputError(f"-o {folder} is not empty and was not written by xrmri: give a new folder")
    return earlier


def _facts() -> dict[str, Any]:
    """What a run begins with."""
    return {
        "command_line": ["xrmri", *sys.argv[1:]],
        "status": "running",
        "versions": versions(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "counts": {},
    }


def _first_difference(earlier: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The first setting or input in which two runs differ, in words."""
    if earlier.get("command") != wanted["command"]:
        return f"command {earlier.get('command')}, now {wanted['command']}"
    for part in ("config", "inputs"):
        before, now = earlier.get(part, {}), wanted[part]
        for name in sorted({*before, *now}):
            if before.get(name) != now.get(name):
                if part == "inputs":
                    return f"input {name} has changed"
                return f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
    return None
