"""films -> knees/: the joint crops, where each was cut from, and the films that could not be used.

A knee on the wrong side is worse than a knee missed, so what cannot be told is rejected, with the reason.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrmri.config import DetectKnee, Execution
from xrmri.data.archive import content_sha256
from xrmri.data.film_files import FilmFile, find_films
from xrmri.data.knees import Knee, write_knees
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.errors import InputError
from xrmri.parallel import in_order
from xrmri.records import LEFT, RIGHT, SIDES, KneeBox, Radiograph
from xrmri.run import begin, fingerprint

if TYPE_CHECKING:  # torch and ultralytics load where films are looked at, not where a command is read
    from xrmri.detector.detect import Detector

log = logging.getLogger(__name__)

_FEW_FILMS = 8  # up to here new processes would take longer to start than the films take
_FAINTEST = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """One film to look at."""

    film: FilmFile
    config: DetectKnee
    side: str | None
    weights: Path | None
    trust: bool
    device: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What became of one film."""

    knees: tuple[Knee, ...]
    reasons: tuple[str, ...]
    """Why a knee, or the whole film, was left out."""


def run(
    films: list[Path],
    out: Path,
    config: DetectKnee,
    execution: Execution,
    *,
    side: str | None = None,
    weights: Path | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """Find the knees on films and cut them out.

    Args:
        films: files, folders, or OAI releases.
        out: folder of the crops.
        config: smallest score, size and framing of the crops.
        execution: workers, device, dry run.
        side: the knee that films of one knee show, where their description does not tell.
        weights: another detector; None: the one bundled.
        trust: unpickle a .pt detector.

    Returns:
        status, output and counts.

    Raises:
        InputError: a path does not exist, the detector cannot be loaded, or no film could be used.
    """
    if side not in (None, *SIDES):
        raise InputError(f"--side must be left or right, not {side!r}")
    found = find_films(films)
    if execution.dry_run:
        return {"status": "dry run", "output": str(out), "counts": {"films": len(found)}}
    shared = {"config": config, "side": side, "weights": weights, "trust": trust, "device": execution.device}
    jobs = [_Job(film=film, **shared) for film in found]
    inputs = {str(path): fingerprint(path) for path in films} | {"side": side or ""}
    inputs |= {"weights": fingerprint(weights)} if weights is not None and weights.exists() else {}
    _detector(weights, execution.device, trust)  # a detector that cannot be loaded ends the run before it begins
    if len(jobs) == 1:
        _refuse_only(jobs[0])
    run_folder = begin(out, config, inputs, force=execution.force)
    if run_folder is None:
        return {"status": "already done", "output": str(out)}
    with run_folder as record:
        knees, rejected = write_knees(out, _rows(jobs, execution))
        record.record["counts"] = counts = {"films": len(jobs), "knees": knees, "rejected": rejected}
        if not knees:
            raise InputError(f"none of the {len(jobs)} films shows a knee that can be used: see {out / 'rejected.csv'}")
    return {"status": "finished", "output": str(out), "counts": counts}


def _refuse_only(job: _Job) -> None:
    """InputError when the only film cannot be used: a message says more than a folder with a rejected.csv."""
    found = _look(job)
    if not found.knees:
        raise InputError(f"{job.film.file}: {found.reasons[0]}")


def _rows(jobs: list[_Job], execution: Execution) -> Iterator[Knee | tuple[str, str]]:
    """Each knee, and each thing left out with its reason, film by film."""
    results = map(_look, jobs) if len(jobs) <= _FEW_FILMS else in_order(_look, jobs, execution.workers)
    for done, (job, found) in enumerate(zip(jobs, results, strict=True), start=1):
        for reason in found.reasons:
            log.warning("%s: %s", job.film.file, reason)
        yield from found.knees
        yield from ((str(job.film.file), reason) for reason in found.reasons)
        execution.progress("detect-knee", done, len(jobs), "films")


def _look(job: _Job) -> _Found:
    """Find and cut the knees of one film; a film that cannot be used gives a reason, never an exception."""
    try:
        radiograph = read_radiograph(job.film.file, _side(job))
        boxes, reasons = _told_apart(job, radiograph)
        knees = tuple(_cut(job, radiograph, box) for box in boxes)
    except InputError as error:
        return _Found(knees=(), reasons=(str(error).removeprefix(f"{job.film.file} "),))
    return _Found(knees=knees, reasons=reasons)


def _side(job: _Job) -> str | None:
    """The knee that a film of one knee shows: as described, else as the user says."""
    if job.film.side and job.side and job.film.side != job.side:
        raise InputError(f"the description says {job.film.side} knee, --side says {job.side}")
    return None if job.film.knees == 2 else job.film.side or job.side


def _told_apart(job: _Job, radiograph: Radiograph) -> tuple[list[KneeBox], tuple[str, ...]]:
    """The knees whose side is known, and the reasons why others are left out."""
    from xrmri.detector.detect import find_knees

    detector = _detector(job.weights, job.device, job.trust)
    boxes = find_knees(detector, radiograph, min_score=job.config.min_score)
    scores = ", ".join(f"{box.score:.2f}" for box in boxes)
    if not boxes:
        faint = find_knees(detector, radiograph, min_score=_FAINTEST)
        best = max((box.score for box in faint), default=0.0)
        raise InputError(f"no knee found: the best score, {best:.2f}, is below --min-score {job.config.min_score}")
    if len(boxes) == 2:
        if job.film.knees == 1:
            raise InputError(f"2 knees found (scores {scores}) where the description promises one")
        return boxes, ()
    if job.film.knees == 2:
        return _one_of_two(boxes[0], radiograph)
    if not boxes[0].side:
        raise InputError(f"one knee found (score {scores}) and nothing tells which: give --side left or --side right")
    return boxes, ()


def _one_of_two(box: KneeBox, radiograph: Radiograph) -> tuple[list[KneeBox], tuple[str, ...]]:
    """The one knee found on a film of both, when it lies in one half; image left is the patient's right."""
    middle = radiograph.pixels.shape[1] / 2
    if box.corners[0] < middle < box.corners[2]:
        raise InputError(f"one knee found (score {box.score:.2f}) in the middle of a film that should show two")
    here, other = (RIGHT, LEFT) if box.corners[2] <= middle else (LEFT, RIGHT)
    found = KneeBox(side=here, score=box.score, corners=box.corners)
    return [found], (f"{other} knee not found: only the {here} one, score {box.score:.2f}",)


def _cut(job: _Job, radiograph: Radiograph, box: KneeBox) -> Knee:
    """One knee as it is kept."""
    config = job.config
    crop, spacing_mm = crop_knee(radiograph, box.corners, scale=config.box_scale, pixels=config.crop_pixels)
    return Knee(
        name=f"{job.film.name}_{box.side}",
        source=str(job.film.file),
        source_sha256=content_sha256(job.film.file),
        box=box,
        crop=crop,
        spacing_mm=spacing_mm,
    )


@cache
def _detector(weights: Path | None, device: str, trust: bool) -> "Detector":
    """The detector, loaded once a process."""
    from xrmri.detector.detect import load_detector

    return load_detector(weights, device, trust=trust)
