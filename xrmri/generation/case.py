"""One knee to draw: its joint crop, its readings, and what it is of."""

import logging
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.config import DetectKnee
from xrmri.data.covariates import Covariates
from xrmri.data.familiar import STRANGE, Familiar
from xrmri.data.radiograph import believed_width_mm, mirrored, unit_square
from xrmri.data.store import Dataset
from xrmri.data.view import SeenKnee, View
from xrmri.generation.film import read_joint
from xrmri.generation.inputs import GenerateInputs, Grades, ReferenceGrid
from xrmri.geometry import Geometry
from xrmri.records import LEFT, RIGHT, Volume
from xrmri.storage.files import sha256
from xrmri.storage.trouble import same_throughout

log = logging.getLogger(__name__)

_UNKNOWN: Covariates = {}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """One knee to draw. Whichever it is, it looks like a right one in here; what goes out is turned once."""

    crop: np.ndarray
    """(H, W) uint16, windowed, looking right."""
    shown: np.ndarray | None = None
    """The same for pictures of it, where a person's picture ends within the crop: black from there on."""
    width_mm: float | None
    """Of the crop, where its film tells."""
    side: str
    side_is_assumed: bool = False
    """Nobody said which knee it is."""
    is_told: bool = False
    """How it was taken from its picture has been told: it is drawn more than once."""
    grades: Grades
    """Every reading of the model's set; None where it is missing."""
    covariates: Covariates = field(default_factory=dict)
    """Age, sex and BMI, None where missing; of a model that is not told them, only what a person said."""
    source: dict[str, Any]
    """Where the radiograph came from, without a path."""
    taken: dict[str, Any] = field(default_factory=dict)
    """How the joint was taken from a person's picture."""
    doubt: str = ""
    """Why that picture may be no knee, in a clause."""
    geometry: Geometry | None = None
    """Where the acquired volume lies, looking right, slices as in the dataset; None for a radiograph on its own."""
    grid: ReferenceGrid | None = None
    """What the volume is resampled onto, if it is."""

    @property
    def noise_stream(self) -> int:
        """Which noise of a seed it starts from: a pair's own, 63 bits; 0 for a radiograph on its own."""
        pair_id = self.source.get("pair_id")
        return int.from_bytes(blake2b(pair_id.encode(), digest_size=8).digest(), "big") >> 1 if pair_id else 0

    def seen(self, view: View) -> SeenKnee:
        """The knee as a model sees it."""
        return view.of(self.crop, self.width_mm, self.grades, self.covariates)

    def on_film(self, pixels: int) -> np.ndarray:
        """The joint as its film shows it, a left knee turned back: (pixels, pixels) float32 in [-1, 1]."""
        y = unit_square(self.crop if self.shown is None else self.shown, pixels) * 2 - 1
        return mirrored(y) if self.side == LEFT else y


def case_of_radiograph(
    file: Path, inputs: GenerateInputs, grades: Grades, view: View, *, covariates: Covariates = _UNKNOWN
) -> Case:
    """The case that a joint crop, or one knee of a film, makes of what is known of it.

    Raises:
        InputError: not a readable radiograph, no knee on it, or no telling which knee is meant.
    """
    with same_throughout(file):
        joint = read_joint(file, inputs.side, inputs.detection, as_is=inputs.as_is)
        source: dict[str, Any] = {"file": file.name, "sha256": sha256(file)}
    source |= {"taken": {name: value for name, value in joint.told.items() if name in ("framing", "greys", "box")}}
    if joint.width_mm is not None and believed_width_mm(joint.width_mm) != joint.width_mm:
        said = "%s would show a joint %.3g mm wide by its pixel spacing, as no knee is: it counts as %.0f mm"
        log.warning(said, file, joint.width_mm, believed_width_mm(joint.width_mm))
    if joint.on_film and inputs.detection != DetectKnee():
        source["detect_knee"] = inputs.detection.to_dict()
    looking_right = mirrored if joint.side == LEFT else np.asarray
    return Case(
        crop=looking_right(joint.pixels),
        shown=None if joint.shown is None else looking_right(joint.shown),
        width_mm=joint.width_mm,
        side=joint.side or RIGHT,
        side_is_assumed=joint.side is None,
        grades={name: grades.get(name) for name in view.features.names},
        covariates=_told(covariates, view),
        source=source,
        taken=joint.told,
        doubt=joint.doubt,
        grid=inputs.grid(),
    )


def judged(case: Case, familiar: Familiar | None) -> Case:
    """The case with how unlike its radiograph is to those that a model was taught on, and a doubt where it is."""
    if familiar is None:
        return case
    strangeness = familiar.strangeness(case.crop)
    case = replace(case, taken=case.taken | {"strangeness": round(strangeness, 3)})
    if strangeness <= STRANGE:
        return case
    doubt = f"it is unlike what the model was taught on ({strangeness:.2f}, knees have at most {STRANGE:g})"
    return replace(case, doubt="; ".join(filter(None, (case.doubt, doubt))))


def case_of_pair(
    dataset: Dataset,
    pair_id: str,
    changed: Grades,
    view: View,
    *,
    covariates: Covariates = _UNKNOWN,
    frame: str | None = None,
) -> Case:
    """The case that one pair of a dataset makes; its MRI is never read.

    Args:
        dataset: where the pair stands.
        pair_id: which one.
        changed: grades that are drawn instead of the ones read.
        view: how the model sees it.
        covariates: age, sex or BMI that count instead of the participant's own.
        frame: "scanner" to lay a volume of the knee's frame back onto the slices as they were acquired.
    """
    grades = {**dataset.grades(pair_id), **changed}
    own = dataset.covariates(pair_id) if view.covariates else {}
    side = str(dataset.index.at[pair_id, "side"])
    return Case(
        crop=dataset.radiograph(pair_id),
        width_mm=dataset.radiograph_mm(pair_id),
        side=side,
        grades={name: grades.get(name) for name in view.features.names},
        covariates=_told({**own, **covariates}, view),
        source={"pair_id": pair_id},
        geometry=dataset.geometry(pair_id),
        grid=_acquired_grid(dataset.scanner_geometry(pair_id), side) if frame == "scanner" else None,
    )


def _told(covariates: Covariates, view: View) -> Covariates:
    """All that a model is told of a participant; of one that is told nothing, what a person said in vain."""
    known = {name: value for name, value in covariates.items() if value is not None}
    return {name: known.get(name) for name in view.covariates} or known


def _acquired_grid(looking_right: Geometry, side: str) -> ReferenceGrid:
    """The slices as they were acquired, a left knee turned back."""
    lying = looking_right.flipped(looking_right.across) if side == LEFT else looking_right
    nothing = Volume(voxels=np.zeros(lying.shape, np.float32), geometry=lying, side=side)
    return ReferenceGrid(reference=nothing, source={"frame": "scanner"}, in_place=True)
