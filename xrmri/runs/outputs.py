"""The files of a run folder: which are the run's own, whether they are still as written, and what may be removed.

Nothing is removed that the folder's run.json does not list, and no link is followed.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from xrmri.errors import InconsistentError, InputError
from xrmri.runs.holding import is_lock, lives
from xrmri.runs.record import RECORD, RunRecord
from xrmri.storage.files import HOST, sha256

WORKING = ("checkpoints", "cache", "trackers", "anchor-training", "tissue-training")
"""Folders of what a run needs to go on: no part of its result."""
_NOT_OURS = (".log", ".out", ".err")
"""Endings of what a batch system may leave in a run folder."""
_PARTIAL = re.compile(r".*\.[^.]*-(\d+)\.partial.*")
_HASHED_BYTES = 256 * 2**20
"""Up to here all outputs are hashed before a run counts as done: some seconds (choice)."""


def own_files(folder: Path) -> list[str]:
    """Every file below a folder by its name from there on, sorted; not run.json, locks, logs, partial, hidden ones."""
    return sorted(str(file.relative_to(folder)) for file in _walk(folder) if _counts(file, folder))


def results(folder: Path) -> dict[str, str]:
    """Name -> sha256 of the files that are a run's result."""
    return {name: sha256(folder / name) for name in own_files(folder)
            if Path(name).parts[0] not in WORKING and (folder / name).is_file()}  # fmt: skip


def stamp(folder: Path, names: Mapping[str, str]) -> str:
    """One digest of names, sizes and times of some files, by which a later look sees whether any was touched."""
    found = [(name, one.st_size, one.st_mtime_ns) for name in sorted(names) for one in [(folder / name).stat()]]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def are_as_hashed(folder: Path, record: RunRecord) -> bool:
    """Whether outputs too large to be hashed at every look have the sizes and times that they had when they were."""
    outputs = record.outputs or {}
    if not all((folder / name).is_file() for name in outputs):
        return False
    large = sum((folder / name).stat().st_size for name in outputs) > _HASHED_BYTES
    return large and record.stamp == stamp(folder, outputs)


def is_complete(folder: Path, record: RunRecord) -> bool:
    """Whether the outputs of a finished run are all there; large ones are hashed again only once they were touched.

    Raises:
        InconsistentError: one is there, but is not what was written.
    """
    outputs = record.outputs or {}
    if not all((folder / name).is_file() for name in outputs):
        return False
    if are_as_hashed(folder, record):
        return True
    for name, digest in outputs.items():
        if sha256(folder / name) != digest:
            advice = "put it back, or do the work again with --force"
            raise InconsistentError(f"{folder / name} has changed since it was written: {advice}")
    return True


def require_own(folder: Path, record: RunRecord | None) -> None:
    """Refuse to work in a folder where somebody has put files of their own, or links to other folders, or where
    something else lies in the place of a file of the run.

    Raises:
        InputError: names the first of them.
    """
    for name, folders, _ in os.walk(folder):
        linked = next((one for one in sorted(folders) if (Path(name) / one).is_symlink()), None)
        if linked:
            raise InputError(f"{Path(name) / linked} is a link to another folder: nothing is written outside -o")
    if record is None or record.files is None:
        return
    listed = {*(record.outputs or ()), *record.files}
    own = [folder / one for one in sorted(listed) if Path(one).parts[0] not in WORKING]
    odd = next((file for file in own if os.path.lexists(file) and not file.is_file()), None)
    if odd:
        raise InputError(f"{odd} is no file any more: move away what lies there, and run the same command again")
    foreign = [name for name in own_files(folder) if name not in listed]
    if foreign:
        what = f"{folder / foreign[0]} was not written by `xrmri {record.command}`"
        raise InputError(f"{what}: move it away, because files there may be replaced, or give another -o")


def clear(folder: Path, record: RunRecord) -> None:
    """Remove the files of an earlier run, which its run.json lists, and the folders that are empty then.

    Raises:
        InputError: there is more in the folder, or the run was killed before it could list its files.
    """
    if record.files is None and own_files(folder):
        advice = "remove the folder yourself, or go on without --force"
        raise InputError(f"--force will not clear {folder}: its run was killed and lists no files: {advice}")
    require_own(folder, record)
    for name in (*(record.outputs or ()), *(record.files or ()), RECORD):
        file = folder / name
        if folder.resolve() in (file.parent.resolve(), *file.parent.resolve().parents):
            file.unlink(missing_ok=True)
    for name, _, _ in os.walk(folder, topdown=False):
        if Path(name) != folder and not os.listdir(name):
            os.rmdir(name)


def clear_leftovers(folder: Path, host: str = "") -> None:
    """Remove what killed processes left half-written: all of it, or that of dead processes of one machine."""
    for name, folders, files in os.walk(folder):
        _remove_partials(Path(name), [*folders, *files], host)


def clear_leftovers_of(file: Path) -> None:
    """Remove what dead processes of this machine left half-written of the files that begin with one file's name."""
    stem = file.name.partition(".")[0][:40]
    with os.scandir(file.parent) as entries:
        _remove_partials(file.parent, [one.name for one in entries if one.name.startswith(stem)], HOST)


def _remove_partials(folder: Path, names: list[str], host: str) -> None:
    """The same in one folder; where a host is given, what its living processes and other hosts write stays."""
    for name in names:
        match = _PARTIAL.fullmatch(name)
        if not match or (host and (f".{host}-" not in name or lives(int(match[1])))):
            continue
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            shutil.rmtree(folder / name, ignore_errors=True)
        else:
            (folder / name).unlink(missing_ok=True)


def _walk(folder: Path) -> Iterator[Path]:
    for name, _, files in os.walk(folder):
        yield from (Path(name) / one for one in files)


def _counts(file: Path, folder: Path) -> bool:
    """Whether a file is the run's, as far as its name tells."""
    parts = file.relative_to(folder).parts
    if any(part.startswith(".") or _PARTIAL.fullmatch(part) for part in parts):
        return False
    odd = file.name in (RECORD, "STOP") or is_lock(file.name) or file.suffix in _NOT_OURS
    return not (odd and file.parent == folder)
