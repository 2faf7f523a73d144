"""Drawn films whose knees are known, without MRI: what teaches the reader of an anchor beforehand.

A folder as detect-knee writes it, boxes off as its are, and beside it a table of true shapes and grades. A person is
drawn once: an unfinished folder goes on where it stopped.
"""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from xrmri.cohorts.known_films import NAME, TABLE, write_known
from xrmri.config import DetectKnee, Execution
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.errors import InconsistentError, said
from xrmri.machine.parallel import in_order
from xrmri.making.cohort import DrawnJoint, drawn_joint, knee_name
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.film import render_film
from xrmri.records import SIDES, KneeBox
from xrmri.runs.folder import begin
from xrmri.storage.files import complete_or_absent, digest

_PARTS = Path("cache/films")  # until all are drawn
_UNTOLD = ("effusion_mm", "bone_seed", "texture_seed")
"""Of a shape: what no film shows, and what is no measure."""
_KNEE_BYTES = 200_000
_DETECTION = DetectKnee()


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmPlan:
    """Whose films are drawn."""

    seed: int
    count: int
    """Of people; a film has both knees."""


def draw_films(out: Path, plan: FilmPlan, execution: Execution) -> None:
    """Draw the films of some people into a folder of knees, or go on with it.

    Args:
        out: the folder.
        plan: who.
        execution: workers and progress.
    """
    run = begin(out, _DETECTION, {"people": digest(asdict(plan))}, needed_bytes=2 * plan.count * _KNEE_BYTES)
    if run is None:
        return
    with run as record:
        parts = out / _PARTS
        parts.mkdir(parents=True, exist_ok=True)
        work = partial(_draw, seed=plan.seed, parts=parts)
        for done, _ in enumerate(in_order(work, range(plan.count), execution.workers), start=1):
            execution.progress("films", done, plan.count, "people")
        people = [draw_participant(plan.seed, index) for index in range(plan.count)]
        knees, _ = write_knees(out, (knee for person in people for knee in _knees(person, parts)))
        lines = [{NAME: knee_name(person, side), **known(person, side)} for person in people for side in SIDES]
        write_known(out / TABLE, lines)
        record.note(counts={"films": plan.count, "knees": knees})
    shutil.rmtree(out / _PARTS.parts[0])


def known(person: Participant, side: str) -> dict[str, float]:
    """What is true of a drawn knee: its shape, the joint spaces in mm, and its grades."""
    knee = person.knee(side)
    gaps, size = joint_gaps(knee), knee.shape.size
    shape = {name: value for name, value in asdict(knee.shape).items() if name not in _UNTOLD}
    spaces = {"space_medial_mm": gaps.medial_mm * size, "space_lateral_mm": gaps.lateral_mm * size}
    return {name: round(float(value), 4) for name, value in (shape | spaces).items()} | dict(knee.grades)


def _draw(index: int, seed: int, parts: Path) -> None:
    """Both joints of a person, in a file of their own, unless an earlier run has drawn them."""
    file = parts / f"{index:05d}.npz"
    if file.is_file():
        return
    person = draw_participant(seed, index)
    film = render_film(person)
    found = {side: drawn_joint(person, side, film)._asdict() for side in SIDES}
    joints: dict[str, Any] = {
        f"{side}_{name}": value for side, joint in found.items() for name, value in joint.items()
    }
    with complete_or_absent(file) as partial_file, partial_file.open("wb") as stream:
        np.savez(stream, **joints)


def _knees(person: Participant, parts: Path) -> Iterator[DetectedKnee]:
    """Both knees of a drawn film, as detect-knee would have them."""
    source, file = f"drawn film {person.seed}/{person.index}", parts / f"{person.index:05d}.npz"
    try:
        with np.load(file, allow_pickle=False) as content:
            found = {side: [content[f"{side}_{name}"] for name in DrawnJoint._fields] for side in SIDES}
    except (OSError, ValueError, LookupError, EOFError, BadZipFile) as error:
        raise InconsistentError(f"{file} is damaged ({said(error)}): remove it, and it is drawn again") from error
    for side in SIDES:
        crop, box, spacing_mm = found[side]
        x0, y0, x1, y1 = (float(corner) for corner in box)
        yield DetectedKnee(
            name=knee_name(person, side),
            source=source,
            source_sha256=digest(source),
            box=KneeBox(side=side, score=1.0, corners=(x0, y0, x1, y1)),
            crop=crop,
            spacing_mm=(float(spacing_mm[0]), float(spacing_mm[1])),
        )
