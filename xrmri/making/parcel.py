"""A model's folder as a few files of limited size, and back: for machines from which only such files return."""

import tarfile
from io import BytesIO
from pathlib import Path

from xrmri.errors import InputError
from xrmri.storage.files import complete_or_absent

_PARTS = "model.tar.*"


def pack(folder: Path, out: Path, most_bytes: int) -> list[Path]:
    """Write what is below a folder into `out` as model.tar.00, model.tar.01, ..., each of at most so many bytes."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            item = tarfile.TarInfo(str(file.relative_to(folder)))
            item.size = file.stat().st_size
            with file.open("rb") as stream:
                archive.addfile(item, stream)
    for earlier in out.glob(_PARTS):
        earlier.unlink()
    whole, parts = packed.getbuffer(), []
    for number, first in enumerate(range(0, len(whole), most_bytes)):
        parts.append(out / f"model.tar.{number:02d}")
        with complete_or_absent(parts[-1]) as partial:
            partial.write_bytes(whole[first : first + most_bytes])
    return parts


def is_parcel(out: Path) -> bool:
    """Whether a folder holds a packed model."""
    return any(out.glob(_PARTS))


def unpack(out: Path, folder: Path) -> None:
    """Join the parts in `out` again, into a new folder; InputError where they are no whole archive."""
    whole = b"".join(part.read_bytes() for part in sorted(out.glob(_PARTS)))
    try:
        with tarfile.open(fileobj=BytesIO(whole), mode="r:") as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise InputError(f"the parts in {out} make no whole archive ({error}): copy all of them again") from error
