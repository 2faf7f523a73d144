"""HDF5 files that reach outside themselves or claim more than they hold, each made from a good one."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np


def _external_link(file: h5py.File, name: str, other: Path) -> None:
    file[name] = h5py.ExternalLink(str(other), name)


def _soft_link(file: h5py.File, name: str, other: Path) -> None:
    file[name] = h5py.SoftLink("/elsewhere")


def _external_storage(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, (3, 5, 16, 16), "<u2", external=[(str(other), 0, 3 * 5 * 16 * 16 * 2)])


def _virtual(file: h5py.File, name: str, other: Path) -> None:
    layout = h5py.VirtualLayout((3, 5, 16, 16), "<u2")
    layout[:] = h5py.VirtualSource(str(other), name, (3, 5, 16, 16))
    file.create_virtual_dataset(name, layout)


def _references(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, data=np.array([file.ref] * 3, dtype=h5py.ref_dtype), chunks=(1,))


def _group(file: h5py.File, name: str, other: Path) -> None:
    file.create_group(name)


def _huge_rows(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, (3, 10**5, 10**4, 10**4), "<u2", chunks=(1, 1, 64, 64))


def _huge_chunks(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, (3, 5, 16, 16), "<u2", chunks=(2**20, 5, 16, 16), maxshape=(None, 5, 16, 16))


def _long_texts(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, data=["../../etc/passwd"] * 3, dtype=h5py.string_dtype(), chunks=(1,))


def _in_one_piece(file: h5py.File, name: str, other: Path) -> None:
    file.create_dataset(name, data=np.zeros((3, 5, 16, 16), "<u2"))


REPLACEMENTS: dict[str, Callable[[h5py.File, str, Path], None]] = {
    "a link to another file": _external_link,
    "a link within the file": _soft_link,
    "bytes of another file": _external_storage,
    "a view of another file": _virtual,
    "references": _references,
    "a group": _group,
    "rows of 10^13 numbers": _huge_rows,
    "chunks of 2 GB": _huge_chunks,
    "texts of any length": _long_texts,
    "an array in one piece": _in_one_piece,
}


def replace_array(file: Path, name: str, kind: str, other: Path) -> None:
    """Put something else in place of one array of a file; `other` is the file that it may point to."""
    with h5py.File(file, "r+") as content:
        del content[name]
        REPLACEMENTS[kind](content, name, other)


def make_pipe(file: Path) -> None:
    """A pipe that nobody writes to, in place of a file."""
    file.unlink(missing_ok=True)
    os.mkfifo(file)
