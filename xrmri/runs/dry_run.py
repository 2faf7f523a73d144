"""What a dry run tells of the folder that a command would write to: it refuses what the command itself refuses."""

import os
from collections.abc import Iterable, Mapping
from errno import ENOTDIR
from pathlib import Path
from typing import Literal

from xrmri.config import Config
from xrmri.errors import InputError
from xrmri.runs.folder import has_finished
from xrmri.runs.outputs import require_own
from xrmri.runs.record import read_record

Foreseen = Literal["dry run", "already done"]


def foresee(
    folder: Path,
    config: Config,
    inputs: Mapping[str, str],
    *,
    force: bool = False,
    reads: Iterable[Path | None] = (),
) -> Foreseen:
    """Whether a command would have anything to do in its output folder; nothing is written.

    Args:
        folder: the command's output folder, which may not be there yet.
        config: its settings.
        inputs: name -> fingerprint of each input.
        force: an earlier run would be cleared.
        reads: files and folders that the command reads; None counts for none.

    Raises:
        InputError, InconsistentError: as `begin` does.
    """
    require_place(folder)
    if has_finished(folder, config, inputs, force=force, reads=reads):
        return "already done"
    require_own(folder, read_record(folder))
    return "dry run"


def require_place(folder: Path) -> None:
    """InputError where a folder could be neither made nor written to, in the words of `require_writable`."""
    above = next(one for one in folder.absolute().parents if one.exists())
    if not above.is_dir():
        raise InputError(f"-o {folder} cannot be written: {os.strerror(ENOTDIR)}")
    if not os.access(folder if folder.exists() else above, os.W_OK):
        raise InputError(f"-o {folder} cannot be written: give a folder of your own")
