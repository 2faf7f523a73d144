"""Which knees a person asks for: those of radiographs, or of a dataset's pairs; each is read when its turn comes."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xrmri.config import DetectKnee
from xrmri.data.covariates import Covariates
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import DatasetFacts
from xrmri.generation.case import Case, case_of_pair, case_of_radiograph, judged
from xrmri.generation.inputs import GenerateInputs
from xrmri.generation.model import ModelFolder
from xrmri.records import SIDES, SPLITS
from xrmri.runs.folder import fingerprint
from xrmri.storage.files import digest
from xrmri.storage.names import safe_name
from xrmri.storage.trouble import hash_or_absent

log = logging.getLogger(__name__)

_ALIKE = 1.1
"""A dataset's volumes may be so much larger or smaller than those the model learnt (choice: knees differ so)."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cases:
    """The knees to draw."""

    read: Mapping[str, Callable[[], Case]]
    """Name of each volume -> reads its case."""
    made_of: Mapping[str, str]
    """What the volumes depend on beside model and settings, for "the same command again"."""


def cases_of_radiographs(files: Sequence[Path], model: ModelFolder, inputs: GenerateInputs) -> Cases:
    """The knees of radiographs, one of each, or with --both two.

    Raises:
        InputError: a folder, two of one name, or a wish that belongs to a dataset.
    """
    grades, covariates = inputs.grades(model.features), _covariates(inputs, model)
    if inputs.frame:
        raise InputError("--frame belongs to a dataset: a radiograph does not tell how the knee lay")
    folder = next((file for file in files if file.is_dir()), None)
    if folder:
        raise InputError(f"{folder} is a folder, and no dataset: give radiographs, such as all its {folder / '*.png'}")
    sides = SIDES if inputs.both else (inputs.side,)
    endings = {side: f"_{side}_mri" if inputs.both else "_mri" for side in sides}
    wanted = {f"{safe_name(_stem(file))}{endings[side]}": (file, side) for file in files for side in sides}
    if len(wanted) < len(files) * len(sides):
        twice, _ = Counter(safe_name(_stem(file)) for file in files).most_common(1)[0]
        raise InputError(f"two radiographs have the same name, {twice}: rename one, or run them one by one")
    named = {name: file for name, (file, _) in wanted.items()}
    told = {"grades": json.dumps(grades, sort_keys=True), "side": "both" if inputs.both else str(inputs.side)}
    told |= {"as_is": "yes"} if inputs.as_is else {}
    told |= {f"radiograph {name}": hash_or_absent(file) for name, file in named.items()}
    told |= _told(covariates, inputs)
    if inputs.like:
        told["like"] = fingerprint(inputs.like)
    if inputs.detection != DetectKnee():
        told["detect-knee"] = digest(inputs.detection.to_dict())

    def read(file: Path, inputs: GenerateInputs) -> Case:
        case = case_of_radiograph(file, inputs, grades, model.view, covariates=covariates)
        return judged(case, model.familiar)

    meant = {side: replace(inputs, side=side, both=False) for side in sides}
    cases = {name: partial(read, file, inputs=meant[side]) for name, (file, side) in wanted.items()}
    return Cases(read=cases, made_of=told)


def cases_of_dataset(folder: Path, split: str, model: ModelFolder, inputs: GenerateInputs) -> Cases:
    """The knees of a split of a dataset, from radiograph and grades alone.

    Raises:
        InputError: no such split, or a wish that belongs to single radiographs.
        InconsistentError: other readings or plane than the model's, no pairs in the split, or a damaged dataset.
    """
    if inputs.features or inputs.side or inputs.sweep or inputs.like or inputs.both or inputs.as_is:
        alone = "--features, --side, --both, --as-is, --sweep and --like"
        raise InputError(f"{alone} belong to single radiographs: a dataset has its own")
    if split not in SPLITS:
        raise InputError(f"--split must be one of {', '.join(SPLITS)}, not {split!r}")
    dataset = open_dataset(folder)
    _require_fit(folder, dataset.facts, model)
    if inputs.frame == "knee" and dataset.facts.frame != "knee":
        raise InputError(f"{folder} lies in the scanner's frame: build it with --frame knee to draw in the knee's")
    changed, covariates = inputs.changes(model.features), _covariates(inputs, model)
    told = {"dataset": fingerprint(folder), "split": split, "grades": json.dumps(changed, sort_keys=True)}
    back = inputs.frame if dataset.facts.frame != inputs.frame else None
    told |= ({"frame": back} if back else {}) | _told(covariates, inputs)
    drawn = partial(case_of_pair, dataset, changed=changed, view=model.view, covariates=covariates, frame=back)
    cases = {pair_id: partial(drawn, pair_id) for pair_id in dataset.pairs(split)}
    if not cases:
        raise InconsistentError(f"{folder} has no pair in its {split} split")
    dataset.check()
    return Cases(read=cases, made_of=told)


def _require_fit(folder: Path, facts: DatasetFacts, model: ModelFolder) -> None:
    """Refuse a dataset whose volumes the model cannot draw; warn where they come out with another look or size."""
    if facts.features_sha256 != model.features.sha256:
        raise InconsistentError(f"{folder} has other features than the {model.name}: build or train again")
    if facts.plane != model.facts.plane:
        planes = f"{folder} holds {facts.plane} slices, the {model.name} draws {model.facts.plane} ones"
        raise InconsistentError(f"{planes}: give a model of that plane")
    if facts.sequence != model.facts.sequence:
        other = "%s holds %s, the %s draws %s: its volumes have another contrast than the acquired ones"
        log.warning(other, folder, facts.sequence, model.name, model.facts.sequence)
    theirs, ours = facts.extent_mm, model.facts.extent_mm
    if any(not 1 / _ALIKE <= of / drawn <= _ALIKE for of, drawn in zip(theirs, ours, strict=True)):
        there, here = (" x ".join(f"{mm:.0f}" for mm in extent) for extent in (theirs, ours))
        sizes = "%s holds volumes of %s mm (deep, high, wide), the %s learnt %s: its knees come out in another size"
        log.warning(sizes, folder, there, model.name, here)


def _covariates(inputs: GenerateInputs, model: ModelFolder) -> Covariates:
    """Age, sex and BMI that a person gave; a model that is not told them says so once."""
    covariates = inputs.covariates()
    given = [name for name, value in covariates.items() if value is not None]
    if given and not model.view.covariates:
        log.warning("the %s is not told age, sex and BMI: %s changes nothing", model.name, " and ".join(given))
    return covariates


def _told(covariates: Covariates, inputs: GenerateInputs) -> dict[str, str]:
    """What a person said of the participant, and asked for besides volumes, for "the same command again"."""
    told = {"covariates": json.dumps(covariates, sort_keys=True)} if covariates else {}
    return told | {kind: "written" for kind in ("dicom", "labels") if getattr(inputs, kind)}


def _stem(file: Path) -> str:
    """A radiograph's name; DICOM files of a release have no suffix to lose."""
    return file.stem if file.suffix.lower() in _SUFFIXES else file.name
