"""What a person gives beside radiographs and settings, and what it comes to."""

from dataclasses import dataclass
from pathlib import Path

from xrmri.config import DetectKnee
from xrmri.data.covariates import Covariates, parse_covariates, read_covariates
from xrmri.data.features import FeatureSet, parse_settings, read_grades
from xrmri.data.reference import read_reference
from xrmri.errors import InputError
from xrmri.records import SIDES, Volume
from xrmri.runs.folder import fingerprint

Grades = dict[str, int | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReferenceGrid:
    """Another series' voxels, onto which a volume is resampled."""

    reference: Volume
    source: dict[str, str]
    """Where it came from, without a path."""
    in_place: bool = False
    """The volume is known to lie there; else it is moved, middle on middle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerateInputs:
    """What a person says of the knees, and what shall come of them."""

    features: Path | None = None
    """JSON file with grades and covariates."""
    changed: tuple[str, ...] = ()
    """NAME=GRADE, each over the file's; or age, sex, bmi."""
    side: str | None = None
    both: bool = False
    """Both knees of each film."""
    as_is: bool = False
    """Pictures are neither framed nor put right."""
    model: Path | None = None
    """None for the bundled one."""
    sweep: str | None = None
    """A reading to be drawn at each of its grades."""
    like: Path | None = None
    """A series whose grid the volumes take."""
    frame: str | None = None
    """scanner or knee, of a dataset's volumes; None for the dataset's own."""
    pictures: tuple[str, ...] = ()
    """Endings of what is written beside volume, sidecar and preview: .gif, .html."""
    dicom: bool = False
    """Each volume is written as a DICOM series too."""
    labels: bool = False
    """Beside each sample lies a map of what its voxels are made of."""
    detection: DetectKnee = DetectKnee()
    """How joints are found on films."""

    def __post_init__(self) -> None:
        """Refuse a third side, and a third frame."""
        if self.frame not in (None, "scanner", "knee"):
            raise InputError(f"--frame must be scanner or knee, not {self.frame!r}")
        if self.side not in (None, *SIDES):
            raise InputError(f"--side must be left or right, not {self.side!r}")
        if self.both and (self.side or self.as_is):
            raise InputError("--both finds both knees of a film: give it without --side and --as-is")

    def grid(self) -> ReferenceGrid | None:
        """The grid asked for, if one is."""
        if self.like is None:
            return None
        source = {"file": self.like.name, "sha256": fingerprint(self.like)}
        return ReferenceGrid(reference=read_reference(self.like), source=source)

    def grades(self, features: FeatureSet) -> Grades:
        """The grades in the JSON file, overridden by those of --set."""
        return {**(read_grades(self.features, features) if self.features else {}), **self.changes(features)}

    def covariates(self) -> Covariates:
        """Age, sex and BMI in the JSON file, overridden by those of --set."""
        return {**(read_covariates(self.features) if self.features else {}), **parse_covariates(self.changed)}

    def changes(self, features: FeatureSet) -> Grades:
        """The grades of --set."""
        return parse_settings(self.changed, features)
