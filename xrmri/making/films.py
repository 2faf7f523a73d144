"""Drawn films whose knees are known, without MRI: what teaches the reader of an anchor beforehand.

A folder as detect-knee writes it, boxes off as its are, and beside it a table of true shapes and grades. A person is
drawn once: an unfinished folder goes on where it stopped.
"""

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xrmri.config import DetectKnee, Execution
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.data.known_films import NAME, TABLE
from xrmri.data.radiograph import crop_knee
from xrmri.files import complete_or_absent, digest, write_text
from xrmri.machine.parallel import in_order
from xrmri.making.cohort import detected_box
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.phantom.film import render_film
from xrmri.records import SIDES, KneeBox, Radiograph
from xrmri.run import begin

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


class _Joint(NamedTuple):
    """One knee cut from a drawn film."""

    crop: np.ndarray
    """(299, 299) uint16, film orientation."""
    box: np.ndarray
    """(4,) corners in pixels of the film."""
    spacing_mm: np.ndarray
    """(2,), of the crop."""


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
        record.write()
        parts = out / _PARTS
        parts.mkdir(parents=True, exist_ok=True)
        work = partial(_draw, seed=plan.seed, parts=parts)
        for done, _ in enumerate(in_order(work, range(plan.count), execution.workers), start=1):
            execution.progress("films", done, plan.count, "people")
        people = [draw_participant(plan.seed, index) for index in range(plan.count)]
        knees, _ = write_knees(out, (knee for person in people for knee in _knees(person, parts)))
        lines = [{NAME: _name(person, side), **known(person, side)} for person in people for side in SIDES]
        text = io.StringIO()
        writer = csv.DictWriter(text, lines[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        write_text(out / TABLE, text.getvalue())
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
    radiograph = Radiograph(pixels=film.pixels.astype(np.float32), side=None, spacing_mm=(film.spacing_mm,) * 2)
    joints = {}
    for side in SIDES:
        box = detected_box(person, side, film)
        crop, spacing_mm = crop_knee(radiograph, box, scale=_DETECTION.box_scale, pixels=_DETECTION.crop_pixels)
        for name, value in _Joint(crop, np.array(box), np.array(spacing_mm))._asdict().items():
            joints[f"{side}_{name}"] = value
    with complete_or_absent(file) as partial_file, partial_file.open("wb") as stream:
        np.savez(stream, **joints)


def _knees(person: Participant, parts: Path) -> Iterator[DetectedKnee]:
    """Both knees of a drawn film, as detect-knee would have them."""
    source = f"drawn film {person.seed}/{person.index}"
    with np.load(parts / f"{person.index:05d}.npz", allow_pickle=False) as content:
        for side in SIDES:
            joint = _Joint(*(content[f"{side}_{name}"] for name in _Joint._fields))
            x0, y0, x1, y1 = (float(corner) for corner in joint.box)
            yield DetectedKnee(
                name=_name(person, side),
                source=source,
                source_sha256=digest(source),
                box=KneeBox(side=side, score=1.0, corners=(x0, y0, x1, y1)),
                crop=joint.crop,
                spacing_mm=(float(joint.spacing_mm[0]), float(joint.spacing_mm[1])),
            )


def _name(person: Participant, side: str) -> str:
    return f"{person.participant}_V00_{side}"
