"""Whether a JPEG holds all of its picture. Where coded data ends too early a decoder makes up the rest, grey as a rule,
and is silent; there is no checksum.

So the picture is decoded again with further bytes before each marker that ends coded data. A decoder that has all it
needs passes over them; one that lacks something takes them for it, and shows another picture. What is damaged without
being shorter is not noticed so: about every third zeroed part, and most single bits.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

JPEG = b"\xff\xd8"
_FURTHER = bytes.fromhex("5aa53cc396690ff0") * 8
"""Nothing that a decoder takes for a marker, nor for an even grey."""
_START_OF_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers that no length follows: of restarts, and of the picture's start."""
_RESTARTS = frozenset(bytes((number,)) for number in range(0xD0, 0xD8))
_NOT_CODED = re.compile(rb"\xff+[^\x00\xff]")


def require_whole(content: bytes, pixels: np.ndarray, decode: Callable[[bytes], np.ndarray]) -> None:
    """Refuse a JPEG whose coded data is shorter than its picture.

    Args:
        content: the file, or a codestream in one.
        pixels: what `decode` makes of it.
        decode: gives the pixels of a JPEG.

    Raises:
        ValueError: a part lacks; and what `decode` raises.
    """
    if not np.array_equal(decode(b"".join(_lengthened(content))), pixels):
        raise ValueError("a part of its picture is missing")


def _lengthened(content: bytes) -> Iterator[bytes]:
    """The parts of a JPEG, with further bytes behind coded data; as they are from where it is no JPEG any more."""
    at = 0
    while at + 2 <= len(content) and content[at] == 0xFF and content[at + 1] != _END:
        marker = content[at + 1]
        if marker in _ALONE or marker == 0xFF:  # which fills up
            end = at + (1 if marker == 0xFF else 2)
        else:
            end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        yield content[at:end]
        at, following = end, 0
        while marker == _START_OF_SCAN:
            end = _end_of_coded(content, at)
            yield content[at:end]
            yield _FURTHER
            if content[end + 1 : end + 2] not in _RESTARTS:
                yield bytes((0xFF, 0xD0 + following % 8)) + _FURTHER  # a whole interval, for those that lack some
                at = end
                break
            yield content[end : end + 2]
            at, following = end + 2, following + 1
    yield content[at:]


def _end_of_coded(content: bytes, at: int) -> int:
    """Where what is not coded data begins, with the bytes that fill up before it; or the content's end."""
    found = _NOT_CODED.search(content, at)
    return found.start() if found else len(content)
