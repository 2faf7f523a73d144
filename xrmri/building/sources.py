"""What a dataset is built from, and by what it is known again."""

import logging
from dataclasses import dataclass
from pathlib import Path

from xrmri.building.search import Found
from xrmri.config import DetectKnee
from xrmri.data.knees import open_knees
from xrmri.errors import InputError
from xrmri.facts.folders import TEMPLATE
from xrmri.runs.folder import fingerprint
from xrmri.runs.record import read_record
from xrmri.storage.files import digest, sha256
from xrmri.storage.trouble import hash_or_absent

log = logging.getLogger(__name__)

_AS_IT_COMES = DetectKnee()


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildInputs:
    """What a person gives for a dataset."""

    source: Path
    """Folder of an OAI release, or a table of one's own."""
    knees: Path | None = None
    """Folder from detect-knee; without it the bundled detector looks at the films."""
    detection: DetectKnee = _AS_IT_COMES
    """How it does."""
    template: Path | None = None
    """Dataset or model whose frame the knees are laid into; without it a new one is made."""

    def require_readable(self) -> None:
        """Look for knees and template before anything is written; InputError where a folder does not have them."""
        if self.knees:
            open_knees(self.knees)
        if self.template and not (self.template / TEMPLATE).is_file():
            raise InputError(f"--template {self.template} has no {TEMPLATE}: give a dataset in the knee's frame")

    def fingerprints(self, found: Found) -> dict[str, str]:
        """What says whether release, knees and template are the same ones as in an earlier run."""
        if found.manifest is None and (found.root / "run.json").is_file():
            release = _drawn_release(found)
        else:
            paths = [found.relative(path) for path in found.named or [one.path for one in found.release.series]]
            release = digest([paths, [sha256(file) for file in (*found.release.readings, *found.release.people)]])
        given = {"knees": self.knees, "template": self.template}
        told = {"release": release} | {name: fingerprint(folder) for name, folder in given.items() if folder}
        if self.knees is None and self.detection != _AS_IT_COMES:
            told["detect-knee"] = digest(self.detection.to_dict())
        return told

    def reads(self, found: Found) -> list[Path | None]:
        """Every file and folder that must stay as it is."""
        own = [one.path for one in found.release.series] if found.manifest else []
        return [self.source, self.knees, self.template, *own]


def _drawn_release(found: Found) -> str:
    """Fingerprint of a release that its run.json vouches for, whose tables count as they are, and not as recorded."""
    record = read_record(found.root)
    outputs = (record.outputs if record else None) or {}
    read = (found.relative(file) for file in (*found.release.readings, *found.release.people))
    tables = {*read, *(name for name in outputs if name.endswith(".txt"))}
    now = {name: hash_or_absent(found.root / name) for name in sorted(tables)}
    other = {name: told for name, told in now.items() if told != outputs.get(name)}
    if outputs and other:
        names = ", ".join(other)
        log.warning("%s: %s is not as it was drawn: what is built has what stands there now", found.root, names)
        return digest([fingerprint(found.root), other])
    return fingerprint(found.root)


def source_of(release: Path | None, manifest: Path | None) -> Path:
    """The one of the two that was given."""
    source = manifest or release
    if source is None or (manifest and release):
        raise InputError("give either the root of an OAI release, or your own table of knees by --manifest")
    return source
