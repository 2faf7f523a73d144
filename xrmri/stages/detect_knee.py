"""films -> knees/: the joint crops, where each was cut from, and the films that could not be used.

A knee on the wrong side is worse than a knee missed, so what cannot be told is rejected, with the reason.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xrmri.cohorts.film_files import FilmFile, find_films
from xrmri.config import DetectKnee, Execution
from xrmri.data.knees import DetectedKnee, RejectedFilm, write_knees
from xrmri.data.negative import is_negative, turned_round
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.errors import InputError
from xrmri.formats.archive import content_sha256
from xrmri.machine.parallel import in_order
from xrmri.records import SIDES, KneeBox, Radiograph
from xrmri.report.overview import draw_overview
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import begin, fingerprint
from xrmri.runs.outcome import DetectOutcome
from xrmri.storage.files import complete_or_absent
from xrmri.storage.trouble import is_passing, same_throughout

if TYPE_CHECKING:  # torch and ultralytics load where films are looked at, not where a command is read
    from xrmri.detector.detect import Detector

log = logging.getLogger(__name__)

_CROP_BYTES = 700_000  # of both knees of a film, in knees.h5 and as pictures
_FEW_FILMS = 8  # up to here new processes would take longer to start than the films take


@dataclass(frozen=True, kw_only=True, slots=True)
class _FilmJob:
    """One film to look at."""

    film: FilmFile
    config: DetectKnee
    side: str | None
    weights: Path | None
    trust: bool
    device: str
    overview: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What became of one film."""

    knees: tuple[DetectedKnee, ...]
    rejected: tuple[RejectedFilm, ...]
    overview: np.ndarray | None
    """(h, w, 3) uint8, where it was asked for and the film could be read."""
    passing: bool = False
    """The film could not be opened."""


def run(
    films: list[Path],
    out: Path,
    config: DetectKnee,
    execution: Execution,
    *,
    side: str | None = None,
    weights: Path | None = None,
    trust: bool = False,
    overview: bool = False,
) -> DetectOutcome:
    """Find the knees on films and cut them out.

    Args:
        films: files, folders, or OAI releases.
        out: folder of the crops.
        config: smallest score, size and framing of the crops.
        execution: workers, device, dry run.
        side: the knee that films of one knee show, where their description does not tell.
        weights: another detector; None: the one bundled.
        trust: unpickle a .pt detector.
        overview: also draw each film with its boxes, in the folder overview/.

    Returns:
        status, output and counts.

    Raises:
        InputError: a path does not exist, the detector cannot be loaded, or no film could be used.
    """
    if side not in (None, *SIDES):
        raise InputError(f"--side must be left or right, not {side!r}")
    found = find_films(films)
    job = partial(_FilmJob, config=config, side=side, weights=weights, trust=trust, device=execution.device)
    jobs = [job(film=film, overview=overview) for film in found]
    inputs = {str(path): fingerprint(path, apart_from=out) for path in films}
    inputs |= {"side": side or "", "overview": str(overview)}
    inputs |= {"weights": fingerprint(weights)} if weights is not None and weights.exists() else {}
    _detector(weights, execution.device, trust)  # a detector that cannot be loaded ends the run before it begins
    if len(jobs) == 1:
        _refuse_only(jobs[0])
    reads, needed_bytes = [*films, weights], _CROP_BYTES * len(jobs)
    if execution.dry_run:
        status = foresee(out, config, inputs, force=execution.force, reads=reads)
        return {"status": status, "output": str(out), "counts": {"films": len(found)}}
    run_folder = begin(out, config, inputs, force=execution.force, reads=reads, needed_bytes=needed_bytes)
    if run_folder is None:
        return {"status": "already done", "output": str(out)}
    with run_folder as record:
        unopened: list[str] = []
        knees, rejected = write_knees(out, _rows(jobs, out, execution, unopened))
        counts = {"films": len(jobs), "knees": knees, "rejected": rejected}
        record.note(counts=counts, unopened=tuple(unopened))
        if not knees:
            raise InputError(f"none of the {len(jobs)} films shows a knee that can be used: see {out / 'rejected.csv'}")
    return {"status": "finished", "output": str(out), "counts": counts}


def _refuse_only(job: _FilmJob) -> None:
    """InputError when the only film cannot be used: a message says more than a folder with a rejected.csv."""
    found = _look(job)
    if not found.knees:
        raise InputError(f"{job.film.file}: {found.rejected[0].reason}")


def _rows(
    jobs: list[_FilmJob], out: Path, execution: Execution, unopened: list[str]
) -> Iterator[DetectedKnee | RejectedFilm]:
    """Each knee, and each thing left out, film by film; overviews are written and `unopened` is filled on the way."""
    results = map(_look, jobs) if len(jobs) <= _FEW_FILMS else in_order(_look, jobs, execution.workers)
    for done, (job, found) in enumerate(zip(jobs, results, strict=True), start=1):
        if found.overview is not None:
            (out / "overview").mkdir(exist_ok=True)
            with complete_or_absent(out / "overview" / f"{job.film.name}.png") as partial:
                Image.fromarray(found.overview).save(partial)
        unopened += [str(job.film.file)] * found.passing
        for rejected in found.rejected:
            log.warning("%s: %s", rejected.source, rejected.reason)
        yield from found.knees
        yield from found.rejected
        execution.progress("detect-knee", done, len(jobs), "films")


def _look(job: _FilmJob) -> _Found:
    """Find and cut the knees of one film; a film that cannot be used gives a reason, never an exception."""
    from xrmri.detector.sides import look_at, see_knees

    source = str(job.film.file)
    try:
        with same_throughout(job.film.file):
            radiograph, digest = read_radiograph(job.film.file, _side(job)), content_sha256(job.film.file)
        detector = _detector(job.weights, job.device, job.trust)
        look = look_at(detector, radiograph)
        seen = see_knees(look, knees=job.film.knees, side=radiograph.side, min_score=job.config.min_score)
        if seen.knees and all(is_negative(radiograph, box, job.config.box_scale) for box in seen.knees):
            log.warning("%s shows bone dark: its crops are turned round", source)
            radiograph = turned_round(radiograph)
        knees = tuple(_cut(job, radiograph, box, digest) for box in seen.knees)
    except InputError as error:
        reason = str(error).removeprefix(f"{source} ")
        rejected_film = RejectedFilm(source=source, reason=reason, score=None)
        passing = is_passing(error, job.film.file)
        return _Found(knees=(), rejected=(rejected_film,), overview=None, passing=passing)
    rejected = tuple(RejectedFilm(source=source, reason=one.reason, score=one.score) for one in seen.left_out)
    overview = None
    if job.overview:
        note = "; ".join(one.reason for one in rejected)
        overview = draw_overview(radiograph.pixels, seen.knees, seen.boxes, note)
    return _Found(knees=knees, rejected=rejected, overview=overview)


def _side(job: _FilmJob) -> str | None:
    """The knee that a film of one knee shows: as described, else as the user says."""
    if job.film.side and job.side and job.film.side != job.side:
        raise InputError(f"the description says {job.film.side} knee, --side says {job.side}")
    return None if job.film.knees == 2 else job.film.side or job.side


def _cut(job: _FilmJob, radiograph: Radiograph, box: KneeBox, digest: str) -> DetectedKnee:
    """One knee as it is kept."""
    config = job.config
    crop, spacing_mm = crop_knee(radiograph, box.corners, scale=config.box_scale, pixels=config.crop_pixels)
    return DetectedKnee(
        name=f"{job.film.name}_{box.side}",
        source=str(job.film.file),
        source_sha256=digest,
        box=box,
        crop=crop,
        spacing_mm=spacing_mm,
    )


@cache
def _detector(weights: Path | None, device: str, trust: bool) -> "Detector":
    """The detector, loaded once a process."""
    from xrmri.detector.detect import load_detector

    return load_detector(weights, device, trust=trust)
