"""run.json: what was done in a folder, with what, how it ended and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from xrmri.errors import InconsistentError, InputError
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json
from xrmri.storage.names import stays_within
from xrmri.storage.typed import Between, UnfitError, content_of, record_of, shown

RECORD = "run.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """run.json; what an earlier version did not write is absent in it, and None here."""

    command: str
    """Such as train-ldm."""
    config: Mapping[str, Any]
    """Every setting that had an effect."""
    inputs: Mapping[str, str]
    """Name -> fingerprint of each input."""
    status: Literal["running", "finished", "stopped", "failed"]
    command_line: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None
    started: str = ""
    """Date and time of the last start."""
    seconds: Annotated[float, Between(0)] | None = None
    """Of work, over all starts; None until the first ends."""
    counts: Mapping[str, Any] | None = None
    """What there is how many of."""
    outputs: Mapping[str, str] | None = None
    """Name -> sha256 of each file of the result; None until it is finished."""
    files: tuple[str, ...] | None = None
    """What else the run wrote; None where it was killed before it could say."""
    stamp: str | None = None
    """By which a later look sees whether an output was touched."""
    unopened: tuple[str, ...] | None = None
    """What was left out since it could not be opened."""
    model: str | None = None
    """Folder of the model that drew volumes."""
    shares: Annotated[int, Between(1)] | None = None
    """How many processes were to share out the work."""

    def __post_init__(self) -> None:
        """Refuse a file that lies elsewhere: what is listed is hashed, and may be removed."""
        for name in (*(self.outputs or ()), *(self.files or ())):
            if not stays_within(name):
                raise UnfitError(f"it lists {shown(name)}, which is not in its folder")


def read_record(folder: Path) -> RunRecord | None:
    """The run.json of a folder, or None where there is none, or another program's; InputError where it is damaged."""
    file, advice = folder / RECORD, "remove the folder and run the command again"
    if not file.is_file():
        return None
    content = read_json(file, advice=advice)
    if "command" not in content:
        return None
    try:
        return record_of(RunRecord, content)
    except UnfitError as error:
        raise InputError(f"{file}: {error}: {advice}") from error


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json."""
    write_json(folder / RECORD, content_of(record))


def require_finished(folder: Path, command: str) -> RunRecord:
    """The record of a finished run of `command`; an InputError that says what to do where there is none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the one that `xrmri {command}` wrote")
    record = read_record(folder)
    if record is None or record.command != command:
        raise InputError(f"{folder} was not written by `xrmri {command}`: it has no run.json of that command")
    if record.status != "finished":
        raise InconsistentError(f"{folder} is not finished ({record.status}): run `xrmri {command}` again to go on")
    return record
