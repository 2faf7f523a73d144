"""JSON documents: read within limits, checked against the frozen dataclass that says what is in them.

Whatever a file holds, a reader gets a complete, typed record or one line that names the file, what is wrong and what to
do.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from xrmri.errors import InputError, XrmriError
from xrmri.storage.limits import open_regular
from xrmri.storage.typed import UnfitError, record_of, shown

R = TypeVar("R")
DEEPEST = 32
"""Lists and objects inside each other: the deepest document of this project has 6."""
_NO_TEXT = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""What no text or name has; the surrogates between are how Python writes the bytes of a name that is not UTF-8."""
LARGEST_BYTES = 64 * 2**20
"""Of a document: the largest of this project, the record of a shard of 100,000 pairs, has some 30 MB."""


def parse_json(data: bytes | str) -> Any:
    """What a JSON text says.

    Raises:
        UnfitError: not UTF-8, empty, not JSON, a name given twice in one object, nested too deep, or a text with
            characters that none has.
    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise UnfitError("is not a text file") from error
    if not text.strip():
        raise UnfitError("is empty")
    try:
        content = json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError as error:
        raise UnfitError(f"is nested more than {DEEPEST} deep") from error
    except UnfitError:
        raise
    except ValueError as error:
        raise UnfitError(f"is not JSON ({error})") from error
    level = [content]
    escaped = "\\u" in text  # as such characters must be
    for _ in range(DEEPEST + 1):
        strange = next(filter(_NO_TEXT.search, _texts(level)), None) if escaped else None
        if strange is not None:
            raise UnfitError(f"holds {shown(strange)}, which is no text")
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise UnfitError(f"is nested more than {DEEPEST} deep")
    return content


def read_json(
    file: Path,
    *,
    advice: str,
    called: str | None = None,
    damaged: type[XrmriError] = InputError,
    largest_bytes: int = LARGEST_BYTES,
) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        file: where it is.
        advice: ends every complaint: what to do, as in "train or copy the model again".
        called: how a complaint names the file, "--features kl.json" say; the path where nothing is given.
        damaged: the error for what is no such document.
        largest_bytes: a longer file is refused before more of it is read.

    Raises:
        InputError: no such file, or not to be opened.
        damaged: too large, not UTF-8, empty, not JSON, nested too deep, a name given twice, or not an object.
    """
    called = called or str(file)
    try:
        with open_regular(file) as stream:
            data = stream.read(largest_bytes + 1)
    except OSError as error:
        raise InputError(f"{called} cannot be read ({error.strerror}): {advice}") from error
    if len(data) > largest_bytes:
        raise damaged(f"{called} is longer than {largest_bytes / 2**20:.0f} MiB, no such document is: {advice}")
    try:
        content = parse_json(data)
    except UnfitError as error:
        raise damaged(f"{called} {error}: {advice}") from error
    if not isinstance(content, dict):
        raise damaged(f"{called} holds {shown(content)}, not a JSON object: {advice}")
    return content


def read_document(
    file: Path,
    kind: type[R],
    *,
    advice: str,
    damaged: type[XrmriError] = InputError,
    largest_bytes: int = LARGEST_BYTES,
) -> R:
    """The dataclass that a JSON file holds; arguments and errors as of `read_json`, and `damaged` for what is unfit."""
    content = read_json(file, advice=advice, damaged=damaged, largest_bytes=largest_bytes)
    try:
        return record_of(kind, content)
    except UnfitError as error:
        raise damaged(f"{file}: {error}: {advice}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise UnfitError(f"gives {next(name for name in names if names.count(name) > 1)[:60]!r} twice")
    return content


def _texts(values: list[Any]) -> Iterator[str]:
    """The texts among some values, and the names in objects."""
    for value in values:
        yield from [value] if isinstance(value, str) else value if isinstance(value, dict) else []


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
