"""A synthetic cohort -> figures/: sheets of slices and films, and how the cohort compares with real knees."""

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xrmri.config import Execution, Phantom
from xrmri.likeness.film_statistics import SIZE, DrawnCrop, drawn_crop
from xrmri.likeness.films import write_film_figures
from xrmri.likeness.limit import ENOUGH, Limit
from xrmri.likeness.tissue_statistics import measure_tissues, tissue_limits
from xrmri.likeness.volume_statistics import Volume, VolumeStatistics, compare, measure, targets, windowed
from xrmri.machine.parallel import in_order
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.film import Film, render_film
from xrmri.phantom.flash import render_flash, render_labels
from xrmri.report.sheet import Pixels, write_sheet, write_targets
from xrmri.storage.files import write_text

log = logging.getLogger(__name__)

_MATRIX = 256
_SHOWN = 8
_DEPTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    """One participant to look at."""

    index: int
    config: Phantom


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Seen:
    """What is kept of one participant."""

    name: str
    left: bool
    volume: np.ndarray
    """(50, 256, 256) uint8, windowed, as a right knee."""
    statistics: VolumeStatistics
    tissues: Mapping[str, float]
    film: Pixels
    """(224, 224), the whole of it."""
    crops: tuple[DrawnCrop, DrawnCrop]
    """The right and the left joint."""


def draw_figures(folder: Path, config: Phantom, execution: Execution) -> list[dict[str, Any]]:
    """Draw the first participants of a cohort again, at 256 x 256, and measure them.

    Args:
        folder: where the figures go.
        config: seed, number of participants, scan and twin of the cohort.
        execution: workers, progress.

    Returns:
        name, measured value, limits and verdict of each target.
    """
    count = min(config.participants, ENOUGH)
    samples = [_Sample(index=index, config=config) for index in range(count)]
    statistics: list[VolumeStatistics] = []
    tissues: list[Mapping[str, float]] = []
    compared: list[tuple[float, float]] = []
    shown: list[_Seen] = []
    crops: list[DrawnCrop] = []
    before: Volume | None = None
    for done, seen in enumerate(in_order(_look, samples, execution.workers), start=1):
        volume = seen.volume.astype(np.float32)
        statistics.append(seen.statistics)
        tissues.append(seen.tissues)
        compared += [compare(before, volume)] if before is not None else []
        before = volume
        shown = _chosen(shown, seen)
        crops += seen.crops
        execution.progress("figures", done, count, seen.name)
    folder.mkdir(exist_ok=True)
    reached = targets(statistics, compared) + tissue_limits(tissues)
    of_films = write_film_figures(folder, crops)
    reached += [Limit(name=t.name, measured=t.measured, low=t.low, high=t.high, people=count) for t in of_films]
    _write_sheets(folder, shown, count)
    title = f"{count} synthetic participants against real knees"
    write_targets(
        folder / "targets.png", [(t.name, t.measured, t.low, t.high, t.verdict) for t in reached], title=title
    )
    write_text(folder / "targets.csv", _table(reached))
    for target in reached:
        log.info(target.sentence())
    log.info("%d of %d targets met by %d participants", sum(t.met for t in reached), len(reached), count)
    return [_row(target) for target in reached]


def _look(sample: _Sample) -> _Seen:
    """Scan one participant at the size for which the targets were set."""
    config = sample.config
    participant = draw_participant(config.seed, sample.index, config.twin, left_flash=config.left_flash)
    volume = windowed(render_flash(participant, _MATRIX, config.scan).voxels)
    film = render_film(participant)
    left = participant.imaged_side == "left"
    labels = render_labels(participant, _MATRIX, config.scan)
    if left:
        volume, labels = np.ascontiguousarray(volume[:, :, ::-1]), np.ascontiguousarray(labels[:, :, ::-1])
    return _Seen(
        name=_name(participant),
        left=left,
        volume=np.rint(volume).astype(np.uint8),
        statistics=measure(volume),
        tissues=measure_tissues(volume, labels),
        film=_whole(film),
        crops=(drawn_crop(participant, film, "right"), drawn_crop(participant, film, "left")),
    )


def _name(participant: Participant) -> str:
    """Who is shown, in words."""
    grades = participant.knee(participant.imaged_side).grades
    signs = " ".join(f"{name} {grade}" for name, grade in grades.items() if grade and name != "XRKL")
    return f"{participant.participant} {participant.imaged_side}  KL {grades['XRKL']}  {signs}"


def _chosen(shown: list[_Seen], seen: _Seen) -> list[_Seen]:
    """The first participants, with the first left knee among them."""
    if len(shown) < _SHOWN:
        return [*shown, seen]
    if seen.left and not any(one.left for one in shown):
        return [*shown, seen]
    return shown


def _write_sheets(folder: Path, shown: list[_Seen], count: int) -> None:
    """The sheet of slices, and the sheet of films."""
    places = [round(depth * 49) for depth in _DEPTHS]
    rows = [(one.name, _slices(one, places)) for one in shown]
    write_sheet(
        folder / "flash.png",
        rows,
        columns=[f"depth {depth:.1f}" for depth in _DEPTHS],
        title=f"FLASH, posterior to anterior: {len(rows)} of {count} participants",
    )
    films = [(one.name, [one.film, *(crop.pixels for crop in one.crops)]) for one in shown]
    write_sheet(folder / "films.png", films, columns=["film", "right joint", "left joint"], title="Films")


def _slices(one: _Seen, places: list[int]) -> list[Pixels]:
    """Some slices as they are displayed: a left knee is not mirrored here."""
    return [one.volume[place][:, ::-1] if one.left else one.volume[place] for place in places]


def _whole(film: Film) -> Pixels:
    """The film, averaged over area into a square."""
    height, width = film.pixels.shape
    border = (max(width, height) - height) // 2
    square = Image.fromarray(film.pixels.astype(np.float32)).crop((0, -border, width, height + border))
    small = np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BOX))
    return np.rint(np.clip(small * np.float32(255 / 4095), 0, 255)).astype(np.uint8)


def _row(target: Limit) -> dict[str, Any]:
    """A target as the result of the command tells it."""
    return {
        "name": target.name,
        "measured": round(target.measured, 4),
        "error": None if target.error is None else round(target.error, 4),
        "low": round(target.low, 4),
        "high": round(target.high, 4),
        "met": target.met,
        "verdict": target.verdict,
    }


def _table(reached: list[Limit]) -> str:
    """targets.csv."""
    text = StringIO()
    writer = csv.DictWriter(text, ["name", "measured", "error", "low", "high", "met", "verdict"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(target) for target in reached)
    return text.getvalue()
