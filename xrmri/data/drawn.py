"""Whether a volume is as it was drawn, by the hashes in its sidecar and in the run.json beside it.

A volume of somebody else's, of which neither tells, is taken as it is.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from xrmri.errors import InconsistentError
from xrmri.formats.nifti import read_sidecar, sidecar_file
from xrmri.runs.record import read_record
from xrmri.runs.seals import SEAL, require_seal, require_sha256

_ADVICE = "generate the volume again, or copy it and its sidecar again"


def require_as_drawn(file: Path) -> None:
    """Refuse a volume that has changed, or whose sidecar has or is gone.

    Raises:
        InputError, InconsistentError: names the file.
    """
    sidecar, told = sidecar_file(file), read_sidecar(file)
    listed, recorded = told.get("outputs"), _recorded(file.parent)
    for one in (sidecar, file):
        if one.name in recorded and not one.is_file():
            raise InconsistentError(f"{one} is missing: {_ADVICE}")
    if SEAL in told:
        require_seal(told, sidecar, _ADVICE)
    elif sidecar.name in recorded:
        require_sha256(sidecar, recorded[sidecar.name], _ADVICE)
    known = listed if isinstance(listed, Mapping) and file.name in listed else recorded
    if file.name in known:
        require_sha256(file, known[file.name], _ADVICE)


def _recorded(folder: Path) -> Mapping[str, str]:
    """Name -> hash of what a finished run of generate wrote into a folder."""
    record = folder / "run.json"
    return _outputs(folder, record.stat().st_mtime_ns) if record.is_file() else {}


@lru_cache(maxsize=8)
def _outputs(folder: Path, _changed_ns: int) -> Mapping[str, str]:
    record = read_record(folder)
    return (record.outputs or {}) if record and record.command == "generate" else {}
