"""The knee's own frame: a template made of the training split, and every series laid onto it.

A film does not tell how a knee lay in the coil. In the scanner's frame that hides half of what it does tell; in the
knee's frame slice k is the same place of every knee.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from xrmri.building.lacking import lacking, note_lacking
from xrmri.building.mri import read_kept
from xrmri.building.splits import planned_split_of
from xrmri.cohorts.pairing import Candidate
from xrmri.config import BuildDataset, Execution
from xrmri.data.registration import (
    FARTHEST_MM,
    LARGEST_OUTSIDE,
    LEAST_CORRELATION,
    WIDEST_DEGREES,
    KneePose,
    Lattice,
    Template,
    coarsened,
    laid_onto,
    register,
)
from xrmri.data.volume import intensity_window
from xrmri.errors import InconsistentError, InputError, UnusableError
from xrmri.evenly import evenly
from xrmri.facts.folders import DATASET, MODEL, TEMPLATE, DatasetFacts, ModelFacts, read_dataset_facts, read_model_facts
from xrmri.formats.nifti import read_volume, write_volume
from xrmri.geometry import PLANES, Geometry
from xrmri.machine.parallel import in_order
from xrmri.records import RIGHT, Volume
from xrmri.runs.folder import require_writable
from xrmri.storage.files import copy_file, real
from xrmri.storage.trouble import is_passing, opens

log = logging.getLogger(__name__)

MARGIN = 8
"""Slices kept on either side of the window, so that a knee which lies deeper or turned still fills its frame."""
MOST = 60
"""Volumes that make the template; more change the mean by less than its noise (choice)."""
ROUNDS = 2
"""The mean of the scanner's frame is laid onto this often; a third round moved the PSNR to the mean by 0.01 dB."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coarse:
    """A training volume in brief."""

    voxels: np.ndarray
    """(S + 2 MARGIN, h, w) float32, its window from 0 to 1."""
    lattice: Lattice
    margin: int

    def spacing_at(self, slices: int) -> tuple[float, float, float]:
        """Of its window in so many slices, in mm."""
        between = (self.lattice.shape[0] - 2 * self.margin - 1) / (slices - 1)
        slice_mm, row_mm, column_mm = self.lattice.spacing_mm
        return slice_mm * between, row_mm, column_mm


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """What the knees of a dataset are laid into."""

    template: Template
    lacks: tuple[str, ...]
    """Training volumes that could not be opened when it was made, by their paths."""


def laid_in_frame(volume: Volume, margin: int, template: Template) -> tuple[Volume, Geometry]:
    """A volume in the knee's frame, and where its slices would have lain in the scanner's.

    Args:
        volume: (S + 2 margin, H, W) looking like a right knee.
        margin: slices on either side that are there to be turned into view.
        template: the frame.

    Returns:
        (S, H, W) uint16 with its true, oblique geometry; and the geometry of the S slices as acquired.

    Raises:
        UnusableError: no knee that can be laid onto the template, and why.
    """
    lattice, geometry = _lattice(volume), volume.geometry
    pose = register(volume.voxels, lattice, template, orientation=geometry.orientation)
    slices = template.lattice.shape[0]
    target = Lattice(shape=(slices, *lattice.shape[1:]), spacing_mm=_frame_spacing_mm(template, lattice))
    laid, outside = laid_onto(volume.voxels, lattice, pose, target)
    reason = refusal(pose, outside)
    if reason:
        raise UnusableError("registration", reason)
    affine = geometry.affine @ np.linalg.inv(lattice.to_mm) @ pose.matrix @ target.to_mm
    framed = Geometry(affine=affine, shape=target.shape)
    acquired = geometry.cropped(0, margin, len(volume.voxels) - margin).resampled(target.shape)
    return Volume(voxels=np.rint(laid).astype(np.uint16), geometry=framed, side=volume.side), acquired


def refusal(pose: KneePose, outside: float) -> str | None:
    """Why a pose is not that of a knee in a coil; None where it is."""
    if pose.inverted_correlation > max(pose.correlation, LEAST_CORRELATION):
        return "upside down: it is more like the template when its rows are reversed"
    if pose.correlation < LEAST_CORRELATION:
        return f"no whole upright knee: correlation {pose.correlation:.2f} with the template, not {LEAST_CORRELATION}"
    if pose.mirrored_correlation > pose.correlation:
        return "a knee of the other side: it is more like the template when mirrored"
    if pose.shift_mm > FARTHEST_MM or pose.turn_degrees > WIDEST_DEGREES:
        return f"lost: {pose.shift_mm:.0f} mm and {pose.turn_degrees:.0f} degrees from the template"
    if outside > LARGEST_OUTSIDE:
        return f"at the edge: {outside:.0%} of the knee's frame lies outside of the series"
    return None


def frame_of(
    candidates: Sequence[Candidate], config: BuildDataset, execution: Execution, *, out: Path, given: Path | None
) -> Frame | None:
    """The frame of a dataset: the one in its folder, one that was given, or a new one; None for the scanner's.

    Processes that build shards side by side all read what the first of them wrote. One that lacks volumes which can be
    opened by now is made anew.

    Args:
        candidates: all pairs; those of the training split make a new template.
        config: frame, slice window and size.
        execution: workers and progress.
        out: the dataset's folder.
        given: folder of the dataset or model whose frame is taken.

    Raises:
        InputError: none of the training volumes can be read, or a template cannot be.
        InconsistentError: the template has other slices than the window.
    """
    if config.frame == "scanner":
        return None
    file = out / TEMPLATE
    if given:
        _tell_of_contrast(given, config)
    if any(opens(Path(path)) for path in lacking(out)):
        file.unlink(missing_ok=True)
    if not file.is_file():
        made = Frame(template=read_template(given), lacks=()) if given else make_frame(candidates, config, execution)
        require_writable(out)
        if given:
            copy_file(given / TEMPLATE, file)  # byte for byte: by them frames are told apart
        elif not file.is_file():  # another process may have been faster
            note_lacking(out, made.lacks)
            write_volume(file, _volume(made.template, config.plane), "xrmri: mean knee, the frame of a dataset")
    lacks = lacking(out)  # read first: of a frame that is made anew meanwhile too much is said, and never too little
    template = read_template(out)
    slices = template.lattice.shape[0]
    if slices != config.kept:
        raise InconsistentError(f"{file} has {slices} slices, the window {config.kept}: give another")
    return Frame(template=template, lacks=lacks)


def _tell_of_contrast(given: Path, config: BuildDataset) -> None:
    """Say where a template is the mean of volumes of another contrast than those that are laid onto it."""
    known: DatasetFacts | ModelFacts | None = None
    if (given / DATASET).is_file():
        known = read_dataset_facts(given)
    elif (given / MODEL).is_file():
        known = read_model_facts(given)
    if known and known.sequence != config.contrast:
        other = "--template %s is of another contrast: it is the mean of %s, these volumes are %s"
        log.warning(other, given, known.sequence, config.contrast)


def read_template(folder: Path) -> Template:
    """The template that a dataset or a model carries; InputError where there is none that can be read."""
    volume = read_volume(folder / TEMPLATE)
    return Template(voxels=volume.voxels.astype(np.float32), lattice=_lattice(volume))


def make_frame(candidates: Sequence[Candidate], config: BuildDataset, execution: Execution) -> Frame:
    """Of the training split: the mean of the scanner's frame, then ROUNDS times that of what is laid onto it."""
    splits = planned_split_of(candidates, config)
    training = [one for one in candidates if splits[one.flash.participant] == "train"]
    chosen = list(in_order(partial(_coarse, config), evenly(training, MOST), execution.workers))
    read = [one for one in chosen if isinstance(one, Coarse)]
    lacks = tuple(str(real(one)) for one in chosen if isinstance(one, Path))
    if not read:
        raise InputError("no template: none of the training volumes can be read, so --frame scanner is left")
    slice_mm, row_mm, column_mm = np.median([one.spacing_at(config.kept) for one in read], axis=0).tolist()
    _, height, width = read[0].lattice.shape
    frame = Lattice(shape=(config.kept, height, width), spacing_mm=(slice_mm, row_mm, column_mm))
    still = KneePose(matrix=np.eye(4), correlation=1.0, mirrored_correlation=0.0, inverted_correlation=0.0)
    template = _mean(frame, (laid_onto(one.voxels, one.lattice, still, frame)[0] for one in read))
    for turn in range(ROUNDS):
        execution.progress("template", turn, ROUNDS, f"{len(read)} volumes")
        template = _mean(frame, in_order(partial(_laid, template, frame, config.plane), read, execution.workers))
    execution.progress("template", ROUNDS, ROUNDS, "")
    return Frame(template=template, lacks=lacks)


def _coarse(config: BuildDataset, candidate: Candidate) -> Coarse | Path | None:
    """A training volume in brief; its path where it cannot be opened; None where it is damaged, which its row says."""
    try:
        kept = read_kept(candidate, config, MARGIN)
        volume, margin = kept.volume, kept.margin
        low, high = intensity_window(volume.voxels)
    except InputError as error:
        return candidate.flash.path if is_passing(error, candidate.flash.path) else None
    voxels, lattice = coarsened(np.clip((volume.voxels - np.float32(low)) / (high - low), 0, 1), _lattice(volume))
    return Coarse(voxels=voxels, lattice=lattice, margin=margin)


def _laid(template: Template, frame: Lattice, plane: str, one: Coarse) -> np.ndarray | None:
    """A training volume laid onto the template; None where it is no knee."""
    pose = register(one.voxels, one.lattice, template, orientation=PLANES[plane])
    laid, outside = laid_onto(one.voxels, one.lattice, pose, frame)
    return None if refusal(pose, outside) else laid


def _mean(frame: Lattice, volumes: Iterator[np.ndarray | None]) -> Template:
    """The mean of what could be laid."""
    total, count = np.zeros(frame.shape), 0
    for voxels in volumes:
        if voxels is not None:
            total, count = total + voxels, count + 1
    if not count:
        raise InputError("no template: the training volumes are not alike enough to be laid onto one another")
    return Template(voxels=(total / count).astype(np.float32), lattice=frame)


def _volume(template: Template, plane: str) -> Volume:
    geometry = Geometry.centred(plane, template.lattice.shape, template.lattice.spacing_mm)
    return Volume(voxels=template.voxels, geometry=geometry, side=RIGHT)


def _lattice(volume: Volume) -> Lattice:
    return Lattice(shape=volume.voxels.shape, spacing_mm=volume.geometry.spacing_mm)


def _frame_spacing_mm(template: Template, lattice: Lattice) -> tuple[float, float, float]:
    """Spacing of the frame at the volume's own number of rows and columns: the template's extent, evenly shared."""
    rows, columns = (
        step * coarse / fine
        for step, coarse, fine in zip(
            template.lattice.spacing_mm[1:], template.lattice.shape[1:], lattice.shape[1:], strict=True
        )
    )
    return template.lattice.spacing_mm[0], rows, columns
