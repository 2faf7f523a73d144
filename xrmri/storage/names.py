"""Names that other people chose, made safe for what they go into: a file name, a line on a terminal, a cell of a table.

A name may hold anything a file system takes: line breaks, escape sequences, formulas, bytes that are not UTF-8, 255
letters. Text out of a file may besides claim to be a path. Nothing of it is used as it is; all of it passes here.
"""

import hashlib
import unicodedata
from collections.abc import Iterable

MOST_NAME_BYTES = 150
"""Of a name that further files are called after: with "_sample-12_mean.partial.nii.gz" a file system's 255 suffice."""
_FORMULA = ("=", "+", "-", "@")
_UNSAFE = '/\\:*?"<>|'
"""What some file system takes for a part of a path, or does not take."""


def printable(text: str) -> str:
    """Text on one line: control characters, turned directions and bytes that are not UTF-8 become \\xNN or \\uNNNN."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def safe_name(text: str) -> str:
    """A file name without an extension, made of any text: never a path, an option, a formula or hidden,
    and not too long.

    Returns:
        the text as it is where it is safe; else changed, and with a digest of the text where names could meet.
    """
    parts = (c if c.isprintable() and c not in _UNSAFE else "_" for c in text)
    name = "".join(parts).strip(" ").lstrip("-.=+@' ")
    room = MOST_NAME_BYTES - 10
    if name == text and len(name.encode()) <= MOST_NAME_BYTES and name:
        return name
    short = name.encode()[:room].decode(errors="ignore") or "unnamed"
    return f"{short}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def is_safe_name(text: str) -> bool:
    """Whether a text out of a file may name a file as it is."""
    return safe_name(text) == text


def on_any_disk(name: str) -> str:
    """What two names share that are one file on some disk: many know no capitals, and some compose letters anew."""
    return unicodedata.normalize("NFC", name).casefold()


def stays_within(text: str) -> bool:
    """Whether a relative path out of a file leads to nowhere outside of the folder that it is relative to."""
    return not text.startswith("/") and ".." not in text.split("/")


def cells(row: Iterable[object]) -> list[object]:
    """A row of a table: texts on one line, and none that a spreadsheet would compute."""
    return [_cell(value) if isinstance(value, str) else value for value in row]


def _cell(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) and not _is_number(shown) else shown


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
