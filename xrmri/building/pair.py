"""One FLASH series and one film -> one stored pair: the part of build-dataset that runs in worker processes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.building.frame import MARGIN, laid_in_frame
from xrmri.building.joint import cut_of
from xrmri.building.mri import read_kept, read_stored
from xrmri.cohorts.pairing import NOT_NEEDED, Candidate, RejectedSeries
from xrmri.config import BuildDataset, DetectKnee
from xrmri.data.radiograph import mirrored
from xrmri.data.registration import Template
from xrmri.data.resample import resized
from xrmri.data.store import PackedPair, StoredPair, packed_pair
from xrmri.data.volume import intensity_window
from xrmri.errors import InputError, Reason, UnusableError, reason_of
from xrmri.formats.archive import content_sha256
from xrmri.geometry import Geometry
from xrmri.records import LEFT, Volume
from xrmri.storage.trouble import is_passing, same_throughout


@dataclass(frozen=True, kw_only=True, slots=True)
class PairJob:
    """What to read."""

    candidate: Candidate
    config: BuildDataset
    device: str
    """Where the detector runs."""
    knees: Path | None
    detection: DetectKnee = DetectKnee()
    """How joints are found where there is no folder of knees."""
    template: Template | None
    """The knee's frame; None leaves the volume in the scanner's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuiltPair:
    """A pair, and what it was read from."""

    packed: PackedPair
    radiograph_mm: float | None
    """Width of the joint crop, where the film told its spacing."""
    extent_mm: tuple[float, float, float]
    """Of the volume, as Geometry gives it."""
    mri_sha256: str
    radiograph_sha256: str


def build_pair(job: PairJob) -> BuiltPair | list[RejectedSeries]:
    """Read, order, resize and mirror one pair; or say which series is at fault."""
    candidate = job.candidate
    # Outside the blocks below: a missing detector or a damaged knees folder is no fault of a series.
    cut = cut_of(candidate, job.knees, device=job.device, detection=job.detection)
    try:
        volume, scanner, mri_sha256 = _mri(job)
    except InputError as error:
        passing = is_passing(error, candidate.flash.path)
        film = Reason(NOT_NEEDED, "its MRI series was rejected")
        return candidate.blamed(flash=reason_of(error), film=film, passing=passing)
    try:
        file = _film_file(candidate)
        with same_throughout(file):
            radiograph_sha256 = content_sha256(file)
            crop, width_mm = cut(candidate, file, radiograph_sha256)
    except InputError as error:
        passing = is_passing(error, candidate.film.path)
        flash = Reason("radiograph rejected", str(error))
        return candidate.blamed(flash=flash, film=reason_of(error), passing=passing)
    upright = mirrored(crop) if candidate.side == LEFT else crop
    stored = StoredPair(
        pair_id=candidate.pair_id,
        mri=volume.voxels,
        radiograph=np.rint(resized(upright, job.config.size)).astype(np.uint16),
        grades=candidate.grades,
        covariates=candidate.covariates,
        affine=volume.geometry.affine,
        window=intensity_window(volume.voxels),
        scanner_affine=scanner.affine if scanner else None,
    )
    return BuiltPair(
        packed=packed_pair(stored, job.config.feature_set),
        radiograph_mm=width_mm,
        extent_mm=volume.geometry.extent_mm,
        mri_sha256=mri_sha256,
        radiograph_sha256=radiograph_sha256,
    )


def _mri(job: PairJob) -> tuple[Volume, Geometry | None, str]:
    """The kept slices as a (S, size, size) volume that looks right, where they lay if not there, the series' hash."""
    if job.template:
        wide = read_kept(job.candidate, job.config, MARGIN)
        return *laid_in_frame(wide.volume, wide.margin, job.template), wide.sha256
    kept = read_stored(job.candidate, job.config)
    return kept.volume, None, kept.sha256


def _film_file(candidate: Candidate) -> Path:
    """The one file of the film."""
    files = candidate.film.files()
    if len(files) != 1:
        raise UnusableError("radiograph files", f"{len(files)} in the folder, not 1")
    return files[0]
