"""What a file holds: itself, or the DICOM files inside a gzipped tar, as NDA hands out one archive a series.

An archive is streamed: nothing is unpacked to disk, so no name inside it can lead anywhere; an archive that tries, or
that would unpack to more than any series has, is refused as hostile.
"""

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from xrmri.errors import InputError, UnusableError, said
from xrmri.storage.limits import MOST_BYTES, open_regular

ARCHIVE = re.compile(r"(\d{8})(?:\.tar\.gz|\.tgz|\.tar)", re.IGNORECASE)
DICOM_NAME = re.compile(r"\d+(\.dcm)?", re.IGNORECASE)
_BLOCK = 2**20
_MOST_MEMBERS = 10_000
"""Of an archive (choice: a series has some hundreds)."""
_PAGE = (b"<", b"{")
"""How what a server sends begins when it refuses: XML, HTML or JSON."""
# What gzip, zlib and tarfile raise on damaged archives; they share no base class.
_DAMAGE = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError)


class _Hostile(UnusableError):
    """An archive that was made to do harm."""


def is_archive(file: Path) -> bool:
    """Whether a file is the archive of a series, by its name."""
    return ARCHIVE.fullmatch(file.name) is not None


def contents(file: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the file, or of each DICOM file in the archive.

    Raises:
        UnusableError: unreadable, truncated or hostile.
    """
    if not is_archive(file):
        yield file.name, _read(file)
        return
    with _members(file, _BLOCK) as members:
        for name, stream in members:
            yield name, stream.read()


def beginning(file: Path, size: int) -> bytes:
    """The first bytes of the file, or of the first DICOM file in the archive; UnusableError as in `contents`."""
    if not is_archive(file):
        try:
            with open_regular(file) as whole:
                return whole.read(size)
        except OSError as error:
            raise UnusableError("unreadable file", f"{file.name} ({error.strerror})") from error
    with _members(file, size) as members:
        for _, stream in members:
            return stream.read(size)
    raise UnusableError("empty archive", f"{file.name} holds no DICOM file")


def the_only_content(file: Path) -> bytes:
    """The bytes of the file, or of the one DICOM file in the archive; UnusableError as in `contents`."""
    found = list(contents(file))
    if len(found) != 1:
        raise UnusableError("radiograph files", f"{len(found)} in {file.name}, not 1")
    return found[0][1]


def content_sha256(file: Path) -> str:
    """Hex digest of what `the_only_content` gives: the same for a film and for the archive it came in."""
    return sha256(the_only_content(file)).hexdigest()


def _read(file: Path) -> bytes:
    try:
        with open_regular(file) as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableError("unreadable file", f"{file.name} ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise UnusableError("file too large", f"{file.name} has more than {MOST_BYTES // 2**20} MiB")
    return content


@contextmanager
def _members(file: Path, block: int) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """The DICOM files of an archive, to be read one after the other; `block` bytes are unpacked at a time."""
    try:
        with open_regular(file) as packed:
            if packed.peek(64)[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PAGE):
                raise UnusableError("refused download", f"{file.name} is a page of text, no archive: download it again")
            opened: BinaryIO = gzip.GzipFile(fileobj=packed) if packed.peek(2)[:2] == b"\x1f\x8b" else packed  # type: ignore
            unpacked = _Limited(opened, file)
            with tarfile.open(fileobj=unpacked, mode="r|", bufsize=block) as archive:  # type: ignore[call-overload]
                yield _safe(archive, unpacked)
    except InputError:
        raise
    except _DAMAGE as error:
        short = isinstance(error, EOFError) or "end of" in str(error)
        kind = "truncated archive" if short else "damaged archive"
        raise UnusableError(kind, f"{file.name} ({said(error)})") from error


def _safe(archive: tarfile.TarFile, unpacked: "_Limited") -> Iterator[tuple[str, BinaryIO]]:
    """The numbered files of an archive; InputError at the first member that leads outside, or that has holes, which
    are bytes that are in no archive.
    """
    file = unpacked.file
    for number, member in enumerate(archive, start=1):
        if number > _MOST_MEMBERS:
            raise _Hostile("hostile archive", f"{file.name} has more than {_MOST_MEMBERS:,} members")
        parts = re.split(r"[/\\]", member.name)
        is_plain = (member.isfile() and not member.issparse()) or member.isdir()
        if ".." in parts or parts[0] == "" or ":" in parts[0] or not is_plain:
            name = member.name if member.name.isprintable() else repr(member.name)
            raise _Hostile("hostile archive", f"{file.name} has the member {name[:80]}")
        if member.size > MOST_BYTES:
            raise _too_large(file)
        if member.isfile() and DICOM_NAME.fullmatch(parts[-1]):
            stream = archive.extractfile(member)
            assert stream is not None  # it is for folders and devices alone
            yield parts[-1], stream  # type: ignore[misc]
    while unpacked.read(_BLOCK):  # to the end, where gzip keeps its checksum
        pass


class _Limited:
    """A stream that gives no more bytes than a series can have."""

    def __init__(self, stream: BinaryIO, file: Path) -> None:
        self.stream, self.file, self.left = stream, file, MOST_BYTES

    def read(self, size: int) -> bytes:
        """At most `size` bytes more."""
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise _too_large(self.file)
        return data


def _too_large(file: Path) -> _Hostile:
    return _Hostile("hostile archive", f"{file.name} unpacks to more than {MOST_BYTES // 2**20} MiB")
