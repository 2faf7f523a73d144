"""One FLASH series and one film -> one stored pair: the part of build-dataset that runs in worker processes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from xrmri.building.frame import laid_in_frame, wide_slices
from xrmri.config import BuildDataset, DetectKnee
from xrmri.data.archive import content_sha256
from xrmri.data.knees import open_knees
from xrmri.data.pairing import NOT_NEEDED, Candidate, RejectedSeries
from xrmri.data.radiograph import crop_knee, mirrored, read_radiograph
from xrmri.data.registration import Template
from xrmri.data.resample import resized
from xrmri.data.store import PackedPair, StoredPair, packed_pair
from xrmri.data.volume import intensity_window, mirrored_volume, read_series, windowed_slices
from xrmri.errors import InputError, Reason, UnusableError, reason_of
from xrmri.geometry import Geometry
from xrmri.records import LEFT, Volume
from xrmri.trouble import is_passing

Cut = Callable[[Candidate, Path, str], tuple[np.ndarray, float | None]]
"""(pair, film, hash of the film) -> (299, 299) uint16 joint crop in film orientation, and its width in mm if known."""



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
    cut = _from_folder(job.knees) if job.knees else _by_detector(job.device, job.detection)
    try:
        volume, scanner, mri_sha256 = _mri(job)
    except InputError as error:
        passing = is_passing(error, candidate.flash.path)
        film = Reason(NOT_NEEDED, "its FLASH series was rejected")
        return candidate.blamed(flash=reason_of(error), film=film, passing=passing)
    try:
        file = _film_file(candidate)
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
    config, side = job.config, job.candidate.side
    if job.template:
        wide, margin, digest = wide_slices(job.candidate, config)
        return *laid_in_frame(wide, margin, job.template), digest
    series = read_series(job.candidate.flash.files(), side, config.slices, config.plane)
    volume = windowed_slices(
        series, config.first_slice, config.last_slice, config.size, field_of_view_mm=config.field_of_view_mm
    )
    return mirrored_volume(volume) if side == LEFT else volume, None, series.sha256


def _film_file(candidate: Candidate) -> Path:
    """The one file of the film."""
    files = candidate.film.files()
    if len(files) != 1:
        raise UnusableError("radiograph files", f"{len(files)} in the folder, not 1")
    return files[0]


@cache
def _from_folder(folder: Path) -> Cut:
    """Take crops from a folder that detect-knee wrote; opened once a process."""
    knees = open_knees(folder)

    def cut(candidate: Candidate, file: Path, digest: str) -> tuple[np.ndarray, float | None]:
        knee = knees.find(digest, candidate.side)
        if knee is None:
            raise UnusableError(f"knee not in {folder.name}", f"detect-knee has no {candidate.side} knee of this film")
        return knee.crop, _width_mm(knee.crop, knee.spacing_mm)

    return cut


@cache
def _by_detector(device: str, detection: DetectKnee) -> Cut:
    """Find the knees on the film itself; the bundled detector is loaded once a process."""
    from xrmri.detector.detect import load_detector
    from xrmri.detector.sides import see_knees

    detector = load_detector(None, device)

    def cut(candidate: Candidate, file: Path, digest: str) -> tuple[np.ndarray, float | None]:
        try:
            film = read_radiograph(file, candidate.film.side)
        except InputError as error:
            raise UnusableError("unreadable radiograph", str(error)) from error
        seen = see_knees(detector, film, knees=1 if film.side else 2, side=film.side, min_score=detection.min_score)
        box = next((knee for knee in seen.knees if knee.side == candidate.side), None)
        if box is None:
            reasons = "; ".join(one.reason for one in seen.left_out)
            raise UnusableError("knee not found", f"none is surely the {candidate.side} one ({reasons})")
        crop, spacing_mm = crop_knee(film, box.corners, scale=detection.box_scale, pixels=detection.crop_pixels)
        return crop, _width_mm(crop, spacing_mm)

    return cut


def _width_mm(crop: np.ndarray, spacing_mm: tuple[float, float] | None) -> float | None:
    """Width of a crop to a hundredth of a millimetre."""
    return round(crop.shape[1] * spacing_mm[1], 2) if spacing_mm else None
