"""Which files beside a volume are xrmri's own: those that its sidecar lists.

The sidecar is written first, without hashes, as a claim to the names; then the files; then the sidecar again, with the
hashes that vouch for them. So whatever lies under one of the names and is not claimed is somebody else's, and stays.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from xrmri.errors import InputError, XrmriError
from xrmri.runs.seals import SEAL, sealed
from xrmri.storage.documents import read_json
from xrmri.storage.files import sha256, write_json
from xrmri.storage.names import stays_within

DICOM_FOLDER = "_dicom"
"""Ending of a folder with a DICOM series, after the volume's name."""
_ADVICE = "give another -o"


def require_no_input(files: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse names under which an input lies, or a file that is one by a link.

    Raises:
        InputError: names the input.
    """
    read = [one for one in inputs if one is not None and one.exists()]
    for file in files:
        for one in read:
            if file.exists() and file.samefile(one):
                raise InputError(f"{file} would replace the input {one}: {_ADVICE}, such as {_other(file)}")


def require_ours(files: Sequence[Path], sidecar: Path) -> None:
    """Refuse names under which there are files that no sidecar of xrmri lists, --force or not.

    Raises:
        InputError: names the first of them.
    """
    claim = read_claim(sidecar)
    ours = {sidecar.name, *claim["outputs"]} if claim else set()
    for file in _within(files):
        if (file.exists() or file.is_symlink()) and _name(file, sidecar) not in ours:
            raise InputError(f"{file} exists and was not written by xrmri: move it away, or {_ADVICE}")


def read_claim(sidecar: Path) -> dict[str, Any]:
    """The sidecar that xrmri wrote, whole or as a claim; empty where there is none of xrmri's.

    All that it lists has names that begin as its own, else anybody's files could be claimed.
    """
    try:
        content = read_json(sidecar, advice="") if sidecar.is_file() else {}
    except XrmriError:
        return {}
    known = {"synthetic", "outputs"} <= content.keys() and isinstance(content["outputs"], dict)
    return content if known and all(_is_of(name, sidecar) for name in content["outputs"]) else {}


def is_whole(sidecar: Path) -> bool:
    """Whether a sidecar is as it was written, and all its files are there, as it says."""
    claim = read_claim(sidecar)
    if SEAL not in claim or sealed(claim) != claim:
        return False
    listed = claim["outputs"]
    files = {_place(name, sidecar): digest for name, digest in listed.items()}
    return bool(files) and all(file.is_file() and sha256(file) == digest for file, digest in files.items())


@contextmanager
def claimed(sidecar: Path, content: dict[str, Any], files: Sequence[Path]) -> Iterator[None]:
    """Write a sidecar around the writing of the files that it lists.

    Args:
        sidecar: where it goes.
        content: what it says, but for its outputs.
        files: beside it, or in a DICOM folder beside it, written when the block ends.

    Raises:
        InputError: one of them is there and somebody else's.
    """
    require_ours([sidecar, *files], sidecar)
    earlier = [_place(name, sidecar) for name in read_claim(sidecar).get("outputs", {})]
    claims = {_name(file, sidecar): "" for file in dict.fromkeys([*files, *earlier])}
    write_json(sidecar, content | {"outputs": claims})
    for file in earlier:
        if file not in files:
            file.unlink(missing_ok=True)
            if file.parent.name.endswith(DICOM_FOLDER) and file.parent.is_dir() and not any(file.parent.iterdir()):
                file.parent.rmdir()
    try:
        yield
    except BaseException:
        if not any(file.exists() for file in files):
            sidecar.unlink(missing_ok=True)
        raise
    write_json(sidecar, sealed(content | {"outputs": {_name(file, sidecar): sha256(file) for file in files}}))


@contextmanager
def added(sidecar: Path, files: Sequence[Path]) -> Iterator[None]:
    """Add files to those that a whole sidecar vouches for, written when the block ends.

    Raises:
        InputError: one of them is there and somebody else's.
    """
    require_ours(files, sidecar)
    whole = read_claim(sidecar)
    content = {name: value for name, value in whole.items() if name != SEAL}
    write_json(sidecar, content | {"outputs": content["outputs"] | {_name(file, sidecar): "" for file in files}})
    try:
        yield
        hashes = {_name(file, sidecar): sha256(file) for file in files}
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        write_json(sidecar, whole)
        raise
    write_json(sidecar, sealed(content | {"outputs": content["outputs"] | hashes}))


def _is_of(name: str, sidecar: Path) -> bool:
    """Whether a file of a name may be one of the volume that a sidecar is of."""
    parts = PurePosixPath(name).parts
    return 1 <= len(parts) <= 2 and stays_within(name) and parts[0].startswith(sidecar.stem)


def _within(files: Iterable[Path]) -> Iterator[Path]:
    """The files, and in place of a DICOM folder what lies in it."""
    for file in files:
        is_folder = file.name.endswith(DICOM_FOLDER) and file.is_dir() and not file.is_symlink()
        yield from sorted(file.iterdir()) if is_folder else [file]


def _name(file: Path, sidecar: Path) -> str:
    """How a sidecar lists a file: by its name, or that of its DICOM folder and its own."""
    return file.relative_to(sidecar.parent).as_posix()


def _place(name: str, sidecar: Path) -> Path:
    """Where a listed file lies: beside the sidecar or in a DICOM folder there, whatever else the name says."""
    *_, folder, own = ("", *PurePosixPath(name).parts)
    beside = sidecar.parent / folder
    return beside / own if folder.endswith(DICOM_FOLDER) and not beside.is_symlink() else sidecar.with_name(own)


def _other(file: Path) -> str:
    """A name that no input has."""
    return f"{file.name.partition('.')[0]}_mri.nii.gz"
