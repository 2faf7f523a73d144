"""nothing -> oai/: a synthetic OAI release, drawn participant by participant.

A participant is complete or absent, so an unfinished release goes on where it stopped.
"""

import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from xrmri.config import Execution, Phantom
from xrmri.data.volume import windowed_slices
from xrmri.errors import InconsistentError, InputError
from xrmri.formats.nifti import write_volume
from xrmri.likeness.volumes import draw_figures
from xrmri.machine.parallel import in_order
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.dicom_series import SYNTHETIC
from xrmri.phantom.film import render_film
from xrmri.phantom.flash import COARSE, SLICES, MrSeries, render_flash, render_labels
from xrmri.phantom.other_sequences import derive_others
from xrmri.phantom.release import VISIT, boxes_table, contents_table, is_written, place, write_series
from xrmri.phantom.signs import SIGN_CODES, render_signs
from xrmri.phantom.tables import clinical_table, enrollees_table, readings_table
from xrmri.phantom.tissue import Tissue
from xrmri.records import Volume
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import begin
from xrmri.runs.outcome import PhantomOutcome
from xrmri.runs.seals import require_own_seal, sealed
from xrmri.storage.documents import read_document, read_json
from xrmri.storage.files import write_json, write_text
from xrmri.storage.typed import content_of

log = logging.getLogger(__name__)

_READINGS = Path("X-Ray Image Assessments_ASCII/Semi-Quant Scoring_ASCII/kxr_sq_bu00.txt")
_ENROLLEES = Path("General_ASCII/Enrollees.txt")
_CLINICAL = Path("AllClinical_ASCII/AllClinical00.txt")
_BOXES = Path("film_boxes.csv")
_FIGURES = Path("figures")
_PARTS = Path("cache/boxes")  # until the release is finished: true boxes are known only once a film is drawn
_FILM_BYTES = 10_000_000
_OTHER_SLICES = 106  # 35 of IW, 70 of MPR and its reference image, on average


@dataclass(frozen=True, kw_only=True, slots=True)
class _FilmBoxes:
    """The true joint boxes of a film, (x0, y0, x1, y1) in its pixels."""

    right: tuple[float, float, float, float]
    left: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _ParticipantJob:
    """One participant to draw."""

    root: Path
    index: int
    config: Phantom

    def participant(self) -> Participant:
        """Who it is."""
        given = self.config
        return draw_participant(given.seed, self.index, given.twin, left_flash=given.left_flash)


def run(out: Path, config: Phantom, execution: Execution) -> PhantomOutcome:
    """Draw the release.

    Args:
        out: folder of the release.
        config: number of participants, FLASH matrix, seed.
        execution: workers, dry run.

    Returns:
        status, output, participants; with figures the targets and whether they are met; for a dry run files and bytes.
    """
    jobs = [_ParticipantJob(root=out, index=index, config=config) for index in range(config.participants)]
    result: PhantomOutcome = {"status": "finished", "output": str(out), "participants": len(jobs)}
    if execution.dry_run:
        others, status = _OTHER_SLICES if config.other_sequences else 0, foresee(out, config, {}, force=execution.force)
        return result | {"status": status, "files": len(jobs) * (SLICES + 4 + others), "bytes": _size(config)}
    run_folder = begin(out, config, {}, force=execution.force, needed_bytes=_size(config))
    if run_folder is None:
        return result | {"status": "already done"}
    with run_folder as record:
        (out / _PARTS).mkdir(parents=True, exist_ok=True)
        for done, participant in enumerate(in_order(_draw, jobs, execution.workers), start=1):
            execution.progress("phantom", done, len(jobs), participant)
        people = [job.participant() for job in jobs]
        _write_tables(out, people, config.other_sequences)
        if config.labels:
            codes = {"labels": {tissue.name.lower(): int(tissue) for tissue in Tissue}, "signs": SIGN_CODES}
            write_json(out / "labels" / "codes.json", codes)
        if config.figures:
            result["targets"] = draw_figures(out / _FIGURES, config, execution)
        record.note(counts={"participants": len(jobs), "flash": len(jobs), "films": len(jobs)})
    shutil.rmtree(out / _PARTS.parts[0])
    log.info("%d synthetic participants written to %s", len(jobs), out)
    return result


def _size(config: Phantom) -> int:
    """Bytes of a release, roughly."""
    others = _OTHER_SLICES if config.other_sequences else 0
    pixels = (SLICES + others * (7 / 16) ** 2) * config.matrix**2
    return config.participants * (round(pixels) * 2 + _FILM_BYTES)


def _draw(job: _ParticipantJob) -> str:
    """Draw and write one participant, unless an earlier run has; returns who it is."""
    participant, config = job.participant(), job.config
    boxes = job.root / _PARTS / f"{participant.participant}.json"
    if boxes.is_file() and is_written(job.root, participant):
        return participant.participant
    film = render_film(participant)
    drawn = render_flash(participant, _drawn_matrix(config.matrix), config.scan)
    write_json(boxes, sealed(content_of(_FilmBoxes(**film.joint_box))))
    if config.labels:
        _write_labels(job.root / "labels", participant, drawn)
    try:
        flash = _scanned(drawn, participant.imaged_side, config.matrix)
        others = derive_others(flash, participant) if config.other_sequences else ()
        write_series(job.root, participant, film, flash, others=others)
    except OSError as error:
        raise InputError(f"-o {job.root} cannot be written: {error.strerror}") from error
    return participant.participant


def _drawn_matrix(matrix: int) -> int:
    """The matrix to draw at: the phantom draws multiples of its coarse grid alone."""
    return -(-matrix // COARSE) * COARSE


def _scanned(drawn: MrSeries, side: str, matrix: int) -> MrSeries:
    """The FLASH at the matrix asked for, averaged over area where it was drawn finer."""
    if drawn.voxels.shape[1] == matrix:
        return drawn
    volume = Volume(voxels=drawn.voxels, geometry=drawn.geometry, side=side)
    smaller = windowed_slices(volume, 0, SLICES, matrix)
    return MrSeries(voxels=smaller.voxels, affine_ras=smaller.geometry.affine, scan=drawn.scan)


def _write_labels(folder: Path, participant: Participant, drawn: MrSeries) -> None:
    """What every voxel of the FLASH, as drawn, is made of and which sign it shows: NIfTI beside the release."""
    folder.mkdir(exist_ok=True)
    side, matrix = participant.imaged_side, drawn.voxels.shape[1]
    maps = {
        "labels": render_labels(participant, matrix, drawn.scan),
        "signs": render_signs(participant, matrix, drawn.scan),
    }
    for kind, voxels in maps.items():
        volume = Volume(voxels=voxels, geometry=drawn.geometry, side=side)
        write_volume(folder / f"{participant.participant}_{VISIT}_{side}_{kind}.nii.gz", volume, SYNTHETIC)


def _read_boxes(file: Path) -> _FilmBoxes:
    advice = "remove it and run the same command again"
    found = read_document(file, _FilmBoxes, advice=advice, damaged=InconsistentError)
    require_own_seal(read_json(file, advice=advice), file, advice)
    return found


def _write_tables(out: Path, people: list[Participant], others: bool) -> None:
    """Everything that is not an image."""
    boxes = {file.stem: asdict(_read_boxes(file)) for file in (out / _PARTS).glob("*.json")}
    texts = {
        Path(VISIT, "contents.csv"): contents_table(people, others),
        _READINGS: readings_table((person, place(person).film.barcode) for person in people),
        _ENROLLEES: enrollees_table(people),
        _CLINICAL: clinical_table(people),
        _BOXES: boxes_table(boxes, people),
    }
    for name, text in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(out / name, text)
