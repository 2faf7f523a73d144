"""What a dataset's frame lacks: training volumes that could not be opened when its template was made.

A cohort does not wait for them, but neither does their absence stay: the same command makes the frame anew once they
open, and lays every knee into that one.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from xrmri.errors import InconsistentError
from xrmri.runs.seals import require_own_seal, sealed
from xrmri.storage.documents import read_document, read_json
from xrmri.storage.files import write_json
from xrmri.storage.typed import content_of

log = logging.getLogger(__name__)

LACKING = "template.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """template.json, which only a frame that lacks something has."""

    unopened: tuple[str, ...]
    """Paths of series."""


def lacking(folder: Path) -> tuple[str, ...]:
    """Paths of what the frame of a dataset lacks; InconsistentError where the list of them is damaged."""
    file = folder / LACKING
    if not file.is_file():
        return ()
    advice = "remove the folder and build the dataset again"
    found = read_document(file, Lacking, advice=advice, damaged=InconsistentError)
    require_own_seal(read_json(file, advice=advice), file, advice)
    return found.unopened


def note_lacking(folder: Path, unopened: tuple[str, ...]) -> None:
    """Write, before the template, what it lacks."""
    if not unopened:
        (folder / LACKING).unlink(missing_ok=True)
        return
    write_json(folder / LACKING, sealed(content_of(Lacking(unopened=unopened))))
    told = "the frame lacks %d training volumes that cannot be opened, the first %s: run the same command once they can"
    log.warning(told, len(unopened), unopened[0])
