"""Trouble that passes: a share that is gone, a permission, a disk that answers with an error.

What could not be opened is left out like what is damaged, but not for good: the same command looks at it again.
"""

import errno
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xrmri.errors import InputError
from xrmri.storage.files import sha256
from xrmri.storage.limits import open_regular

ABSENT = "absent"
"""In place of the hash of an input that could not be opened; whatever it is later does not make a command another."""


def is_passing(error: BaseException, path: Path) -> bool:
    """Whether an error says less about what a file holds than about whether it could be opened.

    Args:
        error: why a file or series was left out.
        path: what was left out.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno is not None:
            return True
        seen = seen.__cause__ or seen.__context__
    return not opens(path)


def to_open_again(errors: Collection[BaseException], paths: Iterable[Path | None]) -> tuple[str, ...]:
    """The paths that the same command is to look at again, once they open.

    Args:
        errors: why some of what lies there was left out.
        paths: what was read; None counts for none.

    Returns:
        those that cannot be opened; where all can now, those that an error of the system was about.
    """
    read = [path for path in paths if path is not None] if errors else []
    gone = [path for path in read if not opens(path)]
    return tuple(map(str, gone or [path for path in read if any(is_passing(error, path) for error in errors)]))


@contextmanager
def same_throughout(file: Path) -> Iterator[None]:
    """A block that reads a file more than once, and must see the same one each time.

    Raises:
        InputError: it could not be read, went, or was replaced while it was read, which passes.
    """
    try:
        before = _mark(file)
        yield
        if _mark(file) != before:
            raise OSError(errno.ESTALE, "it went, or was replaced, while it was read", str(file))
    except OSError as error:
        if str(error.filename or file) != str(file):
            raise
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error


def _mark(file: Path) -> tuple[int, int, int] | None:
    """By what a file is told from another of its name; None where there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def hash_or_absent(file: Path) -> str:
    """The sha256 of an input, or ABSENT where it cannot be read now."""
    try:
        return sha256(file) if file.is_file() else ABSENT
    except OSError:
        return ABSENT


def opens(path: Path) -> bool:
    """Whether a file, or every file in a folder, can be opened and read from now; no pipe is waited for."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            if not file.is_dir():
                with open_regular(file) as stream:
                    stream.read(1)
    except OSError:
        return False
    return bool(files)
