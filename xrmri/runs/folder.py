"""The run folder: what was done, with what, and whether the same command has anything left to do.

A folder is finished when its run.json says so and its files are as written. One process works in it at a time. Files
are written under another name and renamed, so each is complete or absent.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xrmri.config import Config
from xrmri.errors import InputError, Signalled, StoppedEarly
from xrmri.runs.holding import Lock, hold, is_lock
from xrmri.runs.outputs import clear, clear_leftovers, is_complete, own_files, require_own, results, stamp
from xrmri.runs.record import RunRecord, read_record, write_record
from xrmri.runs.versions import versions
from xrmri.storage.disk import full_disk, is_full, room_for
from xrmri.storage.files import HOST, digest, real, sha256
from xrmri.storage.trouble import ABSENT, opens
from xrmri.storage.typed import shown


def fingerprint(path: Path, *, apart_from: Path | None = None) -> str:
    """Hex digest of an input: a file's bytes; a finished run's outputs; else the names and sizes in a folder.

    What is made of a folder may be put into it: what lies below `apart_from` does not make it another one.
    """
    if path.is_file():
        return sha256(path)
    record = read_record(path)
    if record and record.outputs:
        return digest(record.outputs)
    below = ""
    if apart_from is not None and real(path) in real(apart_from).parents:
        below = f"{real(apart_from).relative_to(real(path))}{os.sep}"
    files = [(name, path / name) for name in own_files(path) if not (below and name.startswith(below))]
    return digest([(name, file.stat().st_size) for name, file in files if file.is_file()])


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
    record: RunRecord
    lock: Lock | None = None
    needed_bytes: int = 0
    """What the command writes, roughly; told where the disk is full."""
    started: float = field(default_factory=time.monotonic)

    def write(self) -> None:
        """Write run.json."""
        write_record(self.folder, self.record)

    def note(self, **changed: Any) -> None:
        """Change what run.json will say: fields of RunRecord."""
        self.record = replace(self.record, **changed)

    def __enter__(self) -> "Run":
        """Mark the folder as being worked on."""
        try:
            with room_for(self.folder, self.needed_bytes):
                self.write()
        except BaseException:
            if self.lock:
                self.lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Record how it ended, and let others work there."""
        full = is_full(error, self.folder)  # before what is half-written goes and leaves room
        stopped = isinstance(error, StoppedEarly | Signalled | SystemExit | KeyboardInterrupt)
        seconds = round((self.record.seconds or 0) + time.monotonic() - self.started, 1)
        self.note(status="finished" if error is None else "stopped" if stopped else "failed", seconds=seconds)
        try:
            if error is None:
                self.list_files()
                self.write()
            else:
                with suppress(OSError):  # what went wrong before is what a person must be told
                    self.list_files()
                    self.write()
        except OSError as late:
            error, full = late, is_full(late, self.folder)
        except Signalled:  # while outputs were hashed
            self.note(status="stopped")
            self.list_files()
            self.write()
            raise
        finally:
            if self.lock:
                self.lock.release()
        if full:
            raise full_disk(self.folder, self.needed_bytes) from error
        if isinstance(error, OSError):
            raise error

    @contextmanager
    def share(self) -> Iterator[None]:
        """Do a share of the work, and let others have it where it was not done; the run goes on until all are done."""
        self.write()
        try:
            yield
        finally:
            if self.lock:
                self.lock.release()

    def list_files(self) -> None:
        """Note the files of the run: what is its result, with hashes, and what only it needs."""
        if self.lock:
            clear_leftovers(self.folder, HOST if self.lock.of_share else "")
        own = own_files(self.folder)
        if self.record.status == "finished":
            outputs = results(self.folder)
            self.note(outputs=outputs, stamp=stamp(self.folder, outputs))
        self.note(files=tuple(name for name in own if name not in (self.record.outputs or ())))


def begin(
    folder: Path,
    config: Config,
    inputs: Mapping[str, str],
    *,
    force: bool = False,
    share: str = "",
    reads: Iterable[Path | None] = (),
    needed_bytes: int = 0,
) -> Run | None:
    """Open a run folder, and hold it; None when the same command has already finished there.

    Args:
        folder: the command's output folder.
        config: its settings; with the inputs they say whether this is "the same command".
        inputs: name -> fingerprint of each input.
        force: clear an earlier run of the same command first.
        share: name of the share, where several processes fill the folder at once.
        reads: files and folders that the command reads; None counts for none.
        needed_bytes: what the command writes there, roughly; told where the disk is full.

    Raises:
        InputError: the folder holds something that is read, something else, a run with other settings or files of
            somebody's own, or another process is at work there.
        InconsistentError: it is finished, but a file in it has changed since.
    """
    wanted = _wanted(config, inputs)
    if has_finished(folder, config, inputs, force=force, reads=reads):
        return None
    require_writable(folder)
    folder = real(folder)
    with room_for(folder, needed_bytes):
        lock = hold(folder, share)
    try:
        clear_leftovers(folder, HOST if share else "")
        earlier = _earlier(folder)
        if earlier and force:
            clear(folder, earlier)
            earlier = None
        elif is_done(folder, config, inputs):  # by the process that held the folder until now
            lock.release()
            return None
        require_own(folder, earlier)
    except BaseException:
        lock.release()
        raise
    if earlier:
        wanted = replace(wanted, seconds=earlier.seconds, model=earlier.model, shares=earlier.shares)
    return Run(folder=folder, record=wanted, lock=lock, needed_bytes=needed_bytes)


def has_finished(
    folder: Path, config: Config, inputs: Mapping[str, str], *, force: bool, reads: Iterable[Path | None]
) -> bool:
    """Whether `begin` would find nothing to do; raises what it raises before it writes anything."""
    for one in reads:
        if one is not None and real(folder) in (real(one), *real(one).parents):
            raise InputError(f"{one} lies in -o {folder}, where files may be replaced: give another -o")
    if not force and is_done(folder, config, inputs):
        return True
    _require_same_command(folder, config.command())
    return False


def is_done(folder: Path, config: Config, inputs: Mapping[str, str]) -> bool:
    """Whether the same command has finished in a folder, its files are as it wrote them, and what could not be opened
    then still cannot; raises as `begin` does.
    """
    earlier = _earlier(folder)
    if not earlier:
        return False
    different = _first_difference(earlier, config, _wanted(config, inputs))
    if different:
        raise InputError(f"{folder} holds a run with other settings ({different}): give another -o, or --force")
    again = any(opens(Path(path)) for path in earlier.unopened or ())
    return earlier.status == "finished" and is_complete(folder, earlier) and not again


def renew(folder: Path) -> None:
    """Let the run.json of a finished run vouch for its files as they are now: a later program has added to them."""
    record = read_record(folder)
    if record and record.status == "finished":
        run = Run(folder=folder, record=record)
        run.list_files()
        run.write()


@contextmanager
def join(folder: Path, config: Config, inputs: Mapping[str, str], share: str) -> Iterator[None]:
    """Take part in a run whose folder several processes fill at once: the first writes run.json, the others agree.

    Raises:
        InputError: the folder holds something else, a run with other settings, or another process has this share.
    """
    wanted = _wanted(config, inputs)
    earlier = _earlier(folder)
    different = _first_difference(earlier, config, wanted) if earlier else None
    if different:
        raise InputError(f"{folder} holds a run with other settings ({different}): give another -o")
    require_writable(folder)
    lock = hold(folder, share)
    try:
        clear_leftovers(folder, HOST)
        if earlier is None:
            Run(folder=folder, record=wanted).write()
        yield
    finally:
        lock.release()


def _wanted(config: Config, inputs: Mapping[str, str]) -> RunRecord:
    """What a run begins with; command, settings and inputs make it the same one as another."""
    return RunRecord(
        command=config.command(),
        config=config.to_dict(),
        inputs=dict(inputs),
        command_line=("xrmri", *sys.argv[1:]),
        status="running",
        versions=versions(),
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        counts={},
    )


def _earlier(folder: Path) -> RunRecord | None:
    """The record of the run that a folder holds; InputError where it holds something else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder} is a file: give a folder")
    # Looked at before run.json, which another process may be about to write.
    filled = folder.is_dir() and any(not (".partial" in one or is_lock(one)) for one in os.listdir(folder))
    earlier = read_record(folder)
    if filled and earlier is None:
        raise InputError(f"-o {folder} is not empty and was not written by xrmri: give a new folder")
    return earlier


def _require_same_command(folder: Path, command: str) -> None:
    """InputError where a folder was written by another command."""
    earlier = _earlier(folder)
    if earlier and earlier.command != command:
        raise InputError(f"--force will not clear {folder}: it was written by `xrmri {earlier.command}`")


def _first_difference(earlier: RunRecord, config: Config, wanted: RunRecord) -> str | None:
    """The first setting or input in which two runs differ, in words.

    A setting that an earlier version did not have yet was, in effect, at its default.
    """
    if earlier.command != wanted.command:
        return f"command {earlier.command}, now {wanted.command}"
    free = {name: getattr(config, name) for name in config.free}
    settings = {**type(config)().to_dict(), **earlier.config, **free}
    for name in sorted({*settings, *wanted.config}):
        if settings.get(name) != wanted.config.get(name):
            return f"{name} was {shown(settings.get(name))}, now {shown(wanted.config.get(name))}"
    for name in sorted({*earlier.inputs, *wanted.inputs}):
        if earlier.inputs.get(name) not in (wanted.inputs.get(name), ABSENT):
            return f"input {name} has changed"
    return None
