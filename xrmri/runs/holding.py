"""Who is at work in a folder: one process, or one for each share of the work.

The lock is a file that can be made only once, which every file system knows, NFS and Lustre without locks included. It
says who holds the folder, so that one left behind by a killed process stops nobody: whoever finds it looks whether that
process lives or, if it is one of another machine, whether it has given a sign of life.
"""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

from xrmri.errors import InputError
from xrmri.storage.documents import read_document
from xrmri.storage.typed import Between

SIGN_S, SILENT_S = 20.0, 180.0
"""Seconds between two signs of life, and after which a silent process of another machine counts as dead: clocks of
machines that share a disk differ by less (choice)."""
_WHOLE = "run.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A process, told apart from every other that ever was."""

    place: str
    """Machine, and container where there is one."""
    pid: Annotated[int, Between(1, 2**31)]
    began: str
    """When it was started, in the kernel's count; empty where that is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A folder that this process holds."""

    file: Path
    of_share: bool
    """Whether others may hold other shares at the same time."""
    _over: Event = field(default_factory=Event)

    def release(self) -> None:
        """Let others work there."""
        self._over.set()
        self.file.unlink(missing_ok=True)

    def give_signs(self) -> None:
        """Say every now and then that this process lives; for a thread."""
        while not self._over.wait(SIGN_S):
            with suppress(OSError):
                os.utime(self.file)


def is_lock(name: str) -> bool:
    """Whether a file in a run folder is a lock, by its name."""
    return name.startswith("run.") and name.endswith(".lock")


def hold(folder: Path, share: str = "") -> Lock:
    """Hold a folder, or a share of the work in it, until `release`, or until this process ends.

    Args:
        folder: exists and can be written to.
        share: name of a share; holders of other shares are not in the way.

    Raises:
        InputError: another process is at work there.
    """
    lock = Lock(file=folder / (f"run.{share}.lock" if share else _WHOLE), of_share=bool(share))
    while not _made(lock.file):
        _refuse_where_held(folder / share, lock.file)
        _remove_dead(folder / share, lock.file)
    try:
        for other in [folder / _WHOLE] if share else folder.glob("run.*.lock"):
            if other != lock.file:
                _refuse_where_held(folder, other)
    except InputError:
        lock.release()
        raise
    Thread(target=lock.give_signs, daemon=True).start()
    return lock


@contextmanager
def held(folder: Path, share: str = "") -> Iterator[None]:
    """The same until the block ends."""
    lock = hold(folder, share)
    try:
        yield
    finally:
        lock.release()


def lives(pid: int, began: str = "") -> bool:
    """Whether a process of this machine lives; with `began`, whether it is still the same one."""
    found = _began(pid)
    if found is None:
        return False
    return not began or not found or found == began


def here() -> str:
    """This machine, and the container in it."""
    with suppress(OSError):
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"
    return platform.node()


def _made(file: Path) -> bool:
    """Whether the lock could be made; it can be only where there is none."""
    me = Holder(place=here(), pid=os.getpid(), began=_began(os.getpid()) or "")
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, json.dumps(asdict(me)).encode())
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return True


def _refuse_where_held(what: Path, file: Path) -> None:
    """InputError where the holder named in a lock is at work: on a folder, or on a share in it."""
    try:
        silent_s = time.time() - file.stat().st_mtime
        holder = _holder(file)
    except FileNotFoundError:
        return
    if holder and holder.place == here():
        if not lives(holder.pid, holder.began):
            return
    elif silent_s > SILENT_S:
        return
    who = f"process {holder.pid} on {holder.place.partition(' ')[0]}" if holder else "another process"
    raise InputError(f"{what} is being worked on by {who}: wait until it has ended, or give another -o")


def _holder(file: Path) -> Holder | None:
    """Who made a lock; None where it is being written, was left half-written by a full disk, or says nothing.

    Raises:
        FileNotFoundError: it is gone.
    """
    try:
        return read_document(file, Holder, advice="remove it")
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise error.__cause__ from error
        return None


def _remove_dead(what: Path, file: Path) -> None:
    """Take a dead process's lock away; of several that try, one moves it and the others find it gone, or a new one."""
    aside = file.with_name(f"run.dead-{os.getpid()}.lock")
    with suppress(FileNotFoundError):
        file.rename(aside)
        try:
            _refuse_where_held(what, aside)
        except InputError:
            aside.rename(file)
            raise
        aside.unlink()


def _began(pid: int) -> str | None:
    """When a process of this machine was started; None where it is gone, or only waits to be buried."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return None if state == "Z" else rest[18]
    except (OSError, ValueError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return ""
