"""Files of one's own: hashed, and written so that each is complete or absent."""

import errno
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xrmri.storage.disk import is_full
from xrmri.storage.limits import open_regular

HOST = platform.node().partition(".")[0]
"""Part of the name of what is being written: processes of other machines may share a disk."""


def sha256(file: Path) -> str:
    """Hex digest of a file's bytes; OSError where it cannot be read, or is a pipe or a device without end."""
    with open_regular(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def real(path: Path) -> Path:
    """Where a path leads, absolute and without links; Path.resolve ends with an error where those lead in a circle."""
    return Path(os.path.realpath(path))


def digest(value: Any) -> str:
    """Hex digest of anything JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def partial_name(file: Path) -> Path:
    """The name that a file or folder has while this process writes it.

    The suffix stays last, because several writers choose a format by it.
    """
    suffix = "".join(file.suffixes)[-20:]
    return file.with_name(f"{file.name.partition('.')[0][:40]}.{HOST}-{os.getpid()}.partial{suffix}")


@contextmanager
def complete_or_absent(file: Path) -> Iterator[Path]:
    """A path to write to, renamed to `file` when the block ends well and removed when it does not."""
    partial = partial_name(file)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(file)
    except Exception as error:
        if is_full(error, file.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_text(file: Path, text: str) -> None:
    """Write a text file, complete or absent."""
    with complete_or_absent(file) as partial:
        partial.write_text(text, encoding="utf-8")


def copy_file(source: Path, file: Path) -> None:
    """Copy a file, complete or absent."""
    with complete_or_absent(file) as partial:
        shutil.copyfile(source, partial)


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file, complete or absent."""
    write_text(file, json.dumps(value, indent=2, sort_keys=True) + "\n")
