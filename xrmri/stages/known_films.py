"""knees/ + a release's tables -> known.csv: `python -m xrmri.stages.known_films KNEES RELEASE`.

The readings of all films on which detect-knee has found knees, of any visit and both sides, as `train-ldm --film-table`
takes them. A release has about ten times as many as pairs with a FLASH.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

from xrmri.cohorts.description import FILM
from xrmri.cohorts.known_films import NAME, write_known
from xrmri.cohorts.readings import read_readings
from xrmri.cohorts.release import find_release
from xrmri.data.knees import open_knees
from xrmri.errors import InputError
from xrmri.runs.ending import exit_code_of

log = logging.getLogger(__name__)

_PLACE = 4
"""Folders by which a series is known wherever its release lies: 0.C.2/9000001/20050101/00000101."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.stages.known_films", description="Write what was read of the knees of a release's films."
    )
    parser.add_argument("knees", type=Path, help="folder from detect-knee")
    parser.add_argument("release", type=Path, help="folder of the release whose films it was given")
    parser.add_argument("-o", "--out", type=Path, default=Path("known.csv"), help="the table (default known.csv)")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_write, given.knees, given.release, given.out))


def _write(folder: Path, root: Path, out: Path) -> None:
    """Match knees and readings by where their film lies."""
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} exists: remove it, or give another -o")
    knees, release = open_knees(folder), find_release(root)
    readings = read_readings(release.readings)
    films = {series.path.parts[-_PLACE:]: series for series in release.series if series.kind == FILM}
    lines = []
    for name, source, side in zip(knees.table["name"], knees.table["source"], knees.table["side"], strict=True):
        place = Path(source)
        series = films.get(place.parts[-_PLACE:]) or films.get(place.parent.parts[-_PLACE:])
        reading = readings.get((series.participant, series.visit, side)) if series else None
        if reading and not reading.prosthesis:
            lines.append({NAME: name} | dict(reading.grades))
    if not lines:
        raise InputError(f"no knee of {folder} lies on a film of {root} that was read: give the release it was made of")
    write_known(out, lines)
    log.info("%d of %d knees were read: %s", len(lines), len(knees.table), out)


if __name__ == "__main__":
    sys.exit(main())
