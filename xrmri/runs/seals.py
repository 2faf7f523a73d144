"""What a file was when it was written, compared with what it is: a document carries a digest of itself, and of others.

A seal tells of damage and of edits. It is no signature: who writes a document anew can seal it anew. What must not be
lost that way (that knees are synthetic) stands in the binary files as well.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xrmri.errors import InconsistentError, InputError
from xrmri.runs.outputs import are_as_hashed
from xrmri.runs.record import read_record
from xrmri.storage.files import digest, sha256
from xrmri.storage.limits import require_regular

SEAL = "seal"
Stamp = tuple[str, int, int]
"""Path, size and time of change of a file, by which it is known again within a run."""


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A document with a digest of all else that it says."""
    plain = {name: value for name, value in content.items() if name != SEAL}
    return plain | {SEAL: digest(plain)}


def require_seal(content: Mapping[str, Any], file: Path, advice: str) -> None:
    """Refuse a document that is not as it was written; one of an earlier version must be as its run.json says.

    Raises:
        InconsistentError: it has been edited or damaged; ends in the advice.
    """
    if SEAL in content:
        whole = sealed(content)[SEAL] == content[SEAL]
    else:
        record = read_record(file.parent)
        whole = record is not None and (record.outputs or {}).get(file.name) == sha256(file)
    if not whole:
        raise InconsistentError(f"{file} is not as it was written, edited or damaged: {advice}")


def require_own_seal(content: Mapping[str, Any], file: Path, advice: str) -> None:
    """Refuse a document of an unfinished run that is not as it was written; those of earlier versions have no seal.

    Raises:
        InconsistentError: it has been edited or damaged; ends in the advice.
    """
    if SEAL in content and sealed(content)[SEAL] != content[SEAL]:
        raise InconsistentError(f"{file} is not as it was written, edited or damaged: {advice}")


def require_sha256(file: Path, expected: str | None, advice: str) -> Stamp:
    """Refuse a file whose bytes are not those recorded; returns its stamp.

    Raises:
        InputError: missing, no regular file, or not to be read.
        InconsistentError: with another hash; ends in the advice.
    """
    require_regular(file)
    try:
        mark, found = stamp(file), sha256(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if found != expected:
        raise InconsistentError(f"{file} is not as it was written, changed or damaged: {advice}")
    return mark


def hashed_before(folder: Path, digests: Mapping[str, str]) -> dict[str, Stamp]:
    """Files of a finished run that need no hashing: its outputs are large, and as old and long as when they were.

    Args:
        folder: of the run.
        digests: name -> sha256 that each must have.
    """
    record = read_record(folder)
    if record is None or not are_as_hashed(folder, record):
        return {}
    outputs = record.outputs or {}
    return {name: stamp(folder / name) for name, digest in digests.items() if outputs.get(name) == digest}


def stamp(file: Path) -> Stamp:
    """By what a file is known again without reading it."""
    found = os.stat(file)
    return str(file), found.st_size, found.st_mtime_ns


def are_same(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes, or both are absent."""
    return len({sha256(file) if file.is_file() else None for file in (one, other)}) == 1
