"""nothing -> knees/ of drawn films, and known.csv: `python -m xrmri.stages.draw_films`.

What teaches the reader of an anchor beforehand: `train-ldm --films KNEES --film-table KNEES/known.csv`.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

from xrmri.config import Execution
from xrmri.errors import InputError
from xrmri.runs.ending import exit_code_of


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.stages.draw_films", description="Draw films whose knees are known, without MRI."
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the knees")
    parser.add_argument("--people", type=int, required=True, help="a film has both knees of each")
    parser.add_argument("--seed", type=int, default=0, help="of the people (default 0)")
    parser.add_argument("--workers", type=int, default=0, help="processes (default: one a core)")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_draw, given))


def _draw(given: argparse.Namespace) -> None:
    from xrmri.making.films import FilmPlan, draw_films  # here, so that a signal meanwhile ends it in its one line

    if not 1 <= given.people <= 99_991:
        raise InputError("--people must be 1 to 99991")
    draw_films(given.out, FilmPlan(seed=given.seed, count=given.people), Execution(workers=given.workers))


if __name__ == "__main__":
    sys.exit(main())
